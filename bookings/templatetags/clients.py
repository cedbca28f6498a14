"""What the desk's pages say of a client in a list."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.words import full_day, moment_in_a_sentence

register = template.Library()


@register.filter
def last_visit(at: datetime | None) -> str:
    """When somebody is coming, or was here last: booked for today, 10:20."""
    if at is None:
        return _("no visit yet")
    when = visit_when(at)
    return _("booked for %(day)s") % {"day": when} if at > timezone.now() else when


@register.filter
def visit_when(at: datetime) -> str:
    """Today, 10:20, as every visit of today and later; before that the day alone."""
    local, today = timezone.localtime(at), timezone.localdate()
    if local.date() < today:
        return full_day(local.date(), today)
    return moment_in_a_sentence(local, today)
