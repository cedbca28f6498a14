"""Free times and visits on pages."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString

from bookings.models import Appointment
from bookings.queries import last_bookable_day, offer
from bookings.views.times import FreeTime, Times, Wanted, start_value
from bookings.words import clock_time as clock_time_in_words
from bookings.words import full_day, moment_in_words, span_in_html
from services.models import Service, SpaProfile

register = template.Library()

register.filter(start_value)


@register.simple_tag(takes_context=True)
def next_free_times(context: template.Context, service: Service) -> list[FreeTime]:
    """The next free times, at most four, of the first length of ``service``.

    Each has ``starts_at`` in the spa's zone, ``day`` in words, ``value`` for the button that
    chooses it and ``note`` for the zone where the clock shows that time twice.
    """
    spa: SpaProfile = context["spa"]
    # Filtered here: the page has prefetched the lengths.
    options = [option for option in service.options.all() if option.active]
    if not options:
        return []
    now = timezone.now()
    today = now.astimezone(spa.zone).date()
    found = offer(
        service=service,
        option=options[0],
        first_day=today,
        last_day=last_bookable_day(spa, now),
        now=now,
        spa=spa,
    )
    return Times(found, Wanted(""), today).soonest


@register.filter
def visit_time(appointment: Appointment) -> SafeString:
    """Tuesday 24 November, 10:15 – 11:15."""
    return span_in_html(appointment.starts_local, appointment.ends_local, timezone.localdate())


@register.filter
def visit_day(appointment: Appointment) -> str:
    """Tuesday 24 November."""
    return full_day(appointment.starts_local.date(), timezone.localdate())


@register.filter
def clock_time(at: datetime) -> str:
    """10:15, with the zone where the clock shows that time twice."""
    return clock_time_in_words(timezone.localtime(at))


@register.filter
def moment(at: datetime) -> str:
    """Tuesday 24 November, 10:15."""
    return moment_in_words(timezone.localtime(at), timezone.localdate())


@register.filter
def day(at: datetime) -> str:
    """Tuesday 24 November."""
    return full_day(timezone.localtime(at).date(), timezone.localdate())
