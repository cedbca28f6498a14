"""How the menu is put into words."""

import json
from collections.abc import Iterable
from copy import copy
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.lists import format_list
from django import template
from django.template import RequestContext
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from services import addresses
from services.models import Contraindication, ServiceOption
from services.prose import page_html

register = template.Library()

# Search engines cut longer ones.
LONGEST_TITLE = 60

# Inside a script element only these could end it or start a comment.
SCRIPT_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """Write an amount in the reader's locale; whole amounts without decimals: £75, £62.50."""
    return "" if amount is None else _money(amount, currency, get_language())


@lru_cache(maxsize=1024)
def _money(amount: Decimal, currency: str, _language: str | None) -> str:
    locale = _locale()
    pattern = copy(locale.currency_formats["standard"])
    if amount == amount.to_integral_value():
        pattern.frac_prec = (0, 0)
        return pattern.apply(amount, locale, currency=currency, currency_digits=False)
    return pattern.apply(amount, locale, currency=currency)


@register.filter
def lengths(options: Iterable[ServiceOption]) -> str:
    """Write the lengths of a treatment: 45, 60 or 90 minutes."""
    minutes = [str(option.minutes) for option in options]
    if not minutes:
        return ""
    return _("%(lengths)s minutes") % {"lengths": format_list(minutes, "or", _locale())}


@register.filter
def area_names(areas: Iterable[str]) -> str:
    """Write the areas to avoid: neck and belly."""
    names = [str(Contraindication.Area(area).label) for area in areas]
    return format_list(names, locale=_locale()) if names else ""


@register.filter
def prose(text: str) -> SafeString:
    """Show an owner's rich text."""
    return page_html(text)


@register.filter
def prose_section(text: str) -> SafeString:
    """Show an owner's rich text under a second-level heading of the page."""
    return page_html(text, below=2)


@register.filter
def absolute(path: str) -> str:
    """Return the public address of a path of this site."""
    return addresses.absolute(path)


@register.simple_tag(takes_context=True)
def site_name(context: RequestContext, title: str) -> str:
    """Return what follows ``title`` in the browser's tab: the spa's name where it fits."""
    spa = context.get("spa")
    suffix = f" – {spa.name}" if spa else ""
    return suffix if len(title) + len(suffix) <= LONGEST_TITLE else ""


@register.simple_tag(takes_context=True)
def canonical(context: RequestContext) -> str:
    """Return the one public address of this page, without any query."""
    return addresses.absolute(context["request"].path)


@register.simple_tag
def structured_data(data: dict[str, Any]) -> SafeString:
    """Write ``data`` as a JSON-LD block that nothing inside it can leave."""
    text = json.dumps(data, ensure_ascii=False).translate(SCRIPT_ESCAPES)
    return mark_safe(f'<script type="application/ld+json">{text}</script>')  # noqa: S308


def _locale() -> Locale:
    return Locale.parse(to_locale(get_language() or "en"))
