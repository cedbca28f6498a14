"""The health questions in words, for the owners' pages."""

from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from services.models import Contraindication

register = template.Library()


@register.inclusion_tag("components/badge.html")
def severity_badge(severity: str) -> dict[str, Any]:
    """A severity as a shape and its first word."""
    label = str(Contraindication.Severity(severity).label).partition(":")[0]
    return {"kind": "clear" if severity == "note" else severity, "label": label}


@register.filter
def asked_before(row: Contraindication) -> str:
    """How many treatments ask it: 11 treatments, and sources."""
    count = len(row.services.all())  # type: ignore[attr-defined]
    if not count:
        return _("Before no treatment; sources")
    said = ngettext("Before %d treatment; sources", "Before %d treatments; sources", count)
    return said % count
