"""Visits as calendar files (RFC 5545), for mails and for the visit page.

A calendar is often shared: it learns the discreet name, the time and the place. What is done and
anything about health stay out of it, and so does the key to the visit page.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from icalendar import (
    CLASS,
    CUTYPE,
    PARTSTAT,
    ROLE,
    STATUS,
    Calendar,
    Event,
    Timezone,
    TimezoneDaylight,
    TimezoneStandard,
    vCalAddress,
)

from bookings.models import Appointment, Client
from bookings.words import is_ambiguous
from services.models import SpaProfile

PRODUCT = "-//Qi Massage & Natural Healing Spa//Visits//EN"
# How far around a visit its file describes the clock changes of the zone.
AROUND = timedelta(days=366)

STATUSES = {
    Appointment.Status.REQUESTED: STATUS.TENTATIVE,
    Appointment.Status.DECLINED: STATUS.CANCELLED,
    Appointment.Status.CANCELLED: STATUS.CANCELLED,
}


def visit_calendar(appointment: Appointment, *, spa: SpaProfile, method: str = "PUBLISH") -> bytes:
    """Return the calendar file of one visit; ``appointment.client`` must be known.

    ``method`` is ``PUBLISH`` for a file to download, ``REQUEST`` or ``CANCEL`` in a mail: with
    these, calendars move or remove the entry that they already have. They need an attendee; she
    counts as accepted and no answer is asked for, since only the visit page changes a visit.
    """
    calendar = Calendar.new(prodid=PRODUCT, method=method)
    del calendar["UID"]
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add_component(_timezone(spa.zone, appointment.starts_at))
    calendar.add_component(_event(appointment, spa, method))
    return calendar.to_ical()


def _event(appointment: Appointment, spa: SpaProfile, method: str) -> Event:
    starts, ends = _moments(appointment, spa.zone)
    invited = method != "PUBLISH" and appointment.client is not None
    return Event.new(
        uid=f"{appointment.reference}@{urlsplit(settings.SITE_URL).hostname}",
        stamp=timezone.now().astimezone(UTC),
        sequence=appointment.sequence,
        start=starts,
        end=ends,
        summary=_("%(what)s, %(spa)s")
        % {"what": appointment.service.discreet_name, "spa": spa.name},
        location=", ".join([spa.name, *spa.address.splitlines()]),
        description=_description(appointment, spa),
        status=STATUS.CANCELLED
        if method == "CANCEL"
        else STATUSES.get(Appointment.Status(appointment.status), STATUS.CONFIRMED),
        classification=CLASS.PRIVATE,
        organizer=vCalAddress.new(spa.email, cn=_parameter(spa.name)),
        attendees=[_attendee(appointment.client)] if invited and appointment.client else None,
    )


def _description(appointment: Appointment, spa: SpaProfile) -> str:
    return _(
        "Reference %(reference)s. To move or cancel, use the link in our e-mail or call %(phone)s. "
        "Deleting this entry, or answering it, does not change your visit."
    ) % {"reference": appointment.reference, "phone": spa.phone.as_international}


def _attendee(client: Client) -> vCalAddress:
    return vCalAddress.new(
        client.email,
        cn=_parameter(client.name),
        cutype=CUTYPE.INDIVIDUAL,
        role=ROLE.REQ_PARTICIPANT,
        partstat=PARTSTAT.ACCEPTED,
        rsvp=False,
    )


def _parameter(text: str) -> str:
    # Quotation marks and line ends need an escape (RFC 6868) that several calendars do not know.
    return " ".join(text.replace('"', "”").replace("^", "").split())


def _moments(appointment: Appointment, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The start and end in ``zone``, or in UTC where the clock shows one of them twice.

    A local time that comes twice means the first of the two in a calendar file (RFC 5545, 3.3.5).
    """
    instants = appointment.starts_at, appointment.ends_at
    local = instants[0].astimezone(zone), instants[1].astimezone(zone)
    if any(is_ambiguous(one) for one in local):
        return instants[0].astimezone(UTC), instants[1].astimezone(UTC)
    return local


def _timezone(zone: ZoneInfo, around: datetime) -> Timezone:
    """The offsets of ``zone`` a year around a moment.

    Written here because icalendar's own component lets summer time begin an hour late: it gives
    the clock's time after the change, where RFC 5545 asks for the one before.
    """
    component = Timezone()
    component.add("TZID", zone.key)
    first = (around - AROUND).astimezone(zone)
    component.add_component(_observance(first, before=first))
    for change in _clock_changes(zone, around - AROUND, around + AROUND):
        before = (change - timedelta(seconds=1)).astimezone(zone)
        component.add_component(_observance(change.astimezone(zone), before=before))
    return component


def _observance(begins: datetime, *, before: datetime) -> TimezoneStandard | TimezoneDaylight:
    offset_before, offset = before.utcoffset(), begins.utcoffset()
    assert offset_before is not None
    assert offset is not None
    observance = TimezoneDaylight() if begins.dst() else TimezoneStandard()
    observance.TZOFFSETFROM = offset_before
    observance.TZOFFSETTO = offset
    observance.add("TZNAME", begins.tzname())
    observance.DTSTART = begins.replace(tzinfo=None, microsecond=0) - (offset - offset_before)
    return observance


def _clock_changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The instants in UTC, to the second, at which the offset of ``zone`` changes."""
    day = start.astimezone(UTC)
    while day < end:
        next_day = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != next_day.astimezone(zone).utcoffset():
            yield _first_changed(zone, day, next_day)
        day = next_day


def _first_changed(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    old = before.astimezone(zone).utcoffset()
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
