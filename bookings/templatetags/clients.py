"""What the desk's pages say of a client in a list."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.words import full_day

register = template.Library()


@register.filter
def last_visit(at: datetime | None) -> str:
    """When somebody was here last, or is coming: Tuesday 24 November."""
    if at is None:
        return _("no visit yet")
    day = full_day(timezone.localtime(at).date(), timezone.localdate())
    return _("booked for %(day)s") % {"day": day} if at > timezone.now() else day
