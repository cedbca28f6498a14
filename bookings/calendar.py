"""Visits as calendar files (RFC 5545): one for mails and the visit page, many for a therapist.

A calendar is often shared: it learns the discreet name, the time and the place. What is done,
anything about health and, in a therapist's feed, who comes stay out of it, and so does the key to
the visit page.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Max, Q
from django.urls import reverse
from django.utils import timezone
from icalendar import (
    CLASS,
    STATUS,
    Calendar,
    Event,
    Timezone,
    TimezoneDaylight,
    TimezoneStandard,
    vDuration,
)

from bookings.calendar_lines import moment_line, person_line, text_line, written
from bookings.models import Appointment, Client, Therapist, TimeOff
from bookings.said import said as _
from bookings.words import dialled_from_anywhere, is_ambiguous
from services.addresses import absolute
from services.models import SpaProfile

PRODUCT = "-//Qi Massage & Natural Healing Spa//Visits//EN"

# What a therapist's feed reaches back and ahead, in whole days of the spa.
FEED_BACK, FEED_AHEAD = timedelta(days=30), timedelta(days=90)
# How often a calendar should ask again; each one does as it likes.
FEED_REFRESH = timedelta(minutes=15)
# What was cancelled or declined is simply gone: a subscribed calendar drops what is not there.
FEED_STATUSES = (
    Appointment.Status.REQUESTED,
    Appointment.Status.CONFIRMED,
    Appointment.Status.ARRIVED,
    Appointment.Status.COMPLETED,
    Appointment.Status.NO_SHOW,
)

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
    head = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        f"METHOD:{method}",
    ]
    # A time zone stands before the event that names it.
    zone = _zone_around(spa.zone, appointment.starts_at.astimezone(spa.zone).year)
    event = _event(appointment, spa, method)
    return written(head) + zone + written([*event, "END:VCALENDAR"])


@lru_cache(maxsize=16)
def _zone_around(zone: ZoneInfo, year: int) -> bytes:
    """The lines that describe ``zone`` from the year before ``year`` to the year after.

    They are the same for all visits of a year, and half the work of a file.
    """
    first, last = (datetime(one, 1, 1, tzinfo=zone) for one in (year - 1, year + 2))
    return _timezone(zone, first, last).to_ical()


def therapist_calendar(
    therapist: Therapist, *, spa: SpaProfile, known_since: datetime, now: datetime
) -> bytes:
    """Return the visits and the time off of ``therapist``, 30 days back and 90 ahead.

    The same diary gives the same bytes all day long, so that they can be compared. ``known_since``
    dates what has no time of its last change: when the feed was made. Two queries.
    """
    today = now.astimezone(spa.zone).date()
    start = _midnight(today - FEED_BACK, spa.zone)
    end = _midnight(today + FEED_AHEAD + timedelta(days=1), spa.zone)
    calendar = Calendar.new(prodid=PRODUCT, method="PUBLISH")
    del calendar["UID"]
    calendar.add("CALSCALE", "GREGORIAN")
    # icalendar escapes no line end in these two, and refuses a file with one inside.
    name = " ".join(spa.name.split())
    calendar.add("NAME", name)
    # For the calendars that do not know the two properties of RFC 7986.
    calendar.add("X-WR-CALNAME", name)
    calendar.add("REFRESH-INTERVAL", FEED_REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", vDuration(FEED_REFRESH))
    # By whole years, so that this part stays the same from one day to the next.
    first_year = datetime(start.year, 1, 1, tzinfo=spa.zone)
    last_year = datetime(end.year + 1, 1, 1, tzinfo=spa.zone)
    calendar.add_component(_timezone(spa.zone, first_year, last_year))
    for visit in _visits_of(therapist, start, end):
        calendar.add_component(_own_event(visit, spa))
    for off in _time_off_of(therapist, start, end):
        # Nobody needs the years outside, and the time zone is described for these alone.
        off.starts_at, off.ends_at = max(off.starts_at, first_year), min(off.ends_at, last_year)
        calendar.add_component(_off_event(off, spa, known_since))
    return calendar.to_ical()


def _visits_of(therapist: Therapist, start: datetime, end: datetime) -> Iterable[Appointment]:
    return (
        Appointment.objects.for_therapist(therapist)
        .filter(status__in=FEED_STATUSES, starts_at__gte=start, starts_at__lt=end)
        .select_related("service", "room")
        .only(
            "reference",
            "starts_at",
            "ends_at",
            "status",
            "sequence",
            "created_at",
            "service__discreet_name",
            "room__name",
            "therapist_id",
        )
        .annotate(changed_at=Max("events__at"))
        .order_by("starts_at", "pk")
    )


def _time_off_of(therapist: Therapist, start: datetime, end: datetime) -> Iterable[TimeOff]:
    hers = Q(therapist=therapist) | Q(therapist=None)
    return TimeOff.objects.filter(hers, starts_at__lt=end, ends_at__gt=start).order_by(
        "starts_at", "pk"
    )


def _own_event(visit: Appointment, spa: SpaProfile) -> Event:
    changed_at: datetime = visit.changed_at or visit.created_at  # type: ignore[attr-defined]
    starts, ends = _moments(visit.starts_at, visit.ends_at, spa.zone)
    words = {"what": visit.service.discreet_name or _("Visit"), "room": visit.room.name}
    return Event.new(
        # Not the client's own entry: in a calendar that both share, one would replace the other.
        uid=f"{visit.reference}-therapist@{_host()}",
        stamp=changed_at.astimezone(UTC).replace(microsecond=0),
        last_modified=changed_at.astimezone(UTC).replace(microsecond=0),
        sequence=visit.sequence,
        start=starts,
        end=ends,
        summary=_("%(what)s, %(room)s") % words,
        location=f"{visit.room.name}, {spa.name}",
        description=_("Reference %(reference)s. Who comes, and what to know, is on your page.")
        % {"reference": visit.reference},
        url=absolute(reverse("bookings:therapist_visit", args=[visit.reference])),
        status=STATUSES.get(Appointment.Status(visit.status), STATUS.CONFIRMED),
        classification=CLASS.PRIVATE,
    )


def _off_event(off: TimeOff, spa: SpaProfile, known_since: datetime) -> Event:
    starts, ends = _moments(off.starts_at, off.ends_at, spa.zone)
    # Time off has no count of its changes: another time is another entry.
    times = f"{off.starts_at.astimezone(UTC):%Y%m%dT%H%M}-{off.ends_at.astimezone(UTC):%Y%m%dT%H%M}"
    return Event.new(
        uid=f"off-{off.pk}-{times}@{_host()}",
        stamp=known_since.astimezone(UTC).replace(microsecond=0),
        sequence=0,
        start=starts,
        end=ends,
        # Not the reason: it may be nobody else's business.
        summary=_("Off") if off.therapist_id else _("Closed"),
        status=STATUS.CONFIRMED,
        classification=CLASS.PRIVATE,
    )


def _host() -> str | None:
    return urlsplit(settings.SITE_URL).hostname


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


def _event(appointment: Appointment, spa: SpaProfile, method: str) -> list[str]:
    starts, ends = _moments(appointment.starts_at, appointment.ends_at, spa.zone)
    title = _("%(what)s, %(spa)s") % {"what": _title(appointment, spa), "spa": spa.name}
    status = STATUSES.get(Appointment.Status(appointment.status), STATUS.CONFIRMED)
    status = STATUS.CANCELLED if method == "CANCEL" else status
    return [
        "BEGIN:VEVENT",
        text_line("SUMMARY", title),
        moment_line("DTSTART", starts),
        moment_line("DTEND", ends),
        moment_line("DTSTAMP", timezone.now().astimezone(UTC)),
        text_line("UID", f"{appointment.reference}@{_host()}"),
        f"SEQUENCE:{appointment.sequence}",
        *_attendee(appointment.client, method),
        "CLASS:PRIVATE",
        text_line("DESCRIPTION", _description(appointment, spa)),
        text_line("LOCATION", ", ".join([spa.name, *spa.address.splitlines()])),
        person_line("ORGANIZER", spa.email, called=spa.name),
        f"STATUS:{status}",
        *([] if status == STATUS.CANCELLED else _alarm(title)),
        "END:VEVENT",
    ]


def _title(appointment: Appointment, spa: SpaProfile) -> str:
    """What others may read in a shared calendar: the treatment only where the owners say so."""
    service = appointment.service
    return service.name if spa.name_treatment_in_subjects else service.discreet_name


def _alarm(title: str) -> list[str]:
    """It leaves long enough to come in peace."""
    words = text_line("DESCRIPTION", title)
    return ["BEGIN:VALARM", "ACTION:DISPLAY", words, "TRIGGER:-PT2H", "END:VALARM"]


def _description(appointment: Appointment, spa: SpaProfile) -> str:
    return _(
        "Reference %(reference)s. To move or cancel, use the link in our e-mail or call %(phone)s. "
        "Deleting this entry, or answering it, does not change your visit."
    ) % {"reference": appointment.reference, "phone": dialled_from_anywhere(spa.phone)}


def _attendee(client: Client | None, method: str) -> list[str]:
    if client is None or method == "PUBLISH":
        return []
    accepted = ";CUTYPE=INDIVIDUAL;PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT;RSVP=FALSE"
    return [person_line("ATTENDEE", client.email, called=client.name, parameters=accepted)]


def _moments(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The start and end in ``zone``, or in UTC where the clock shows one of them twice.

    A local time that comes twice means the first of the two in a calendar file (RFC 5545, 3.3.5).
    """
    local = starts_at.astimezone(zone), ends_at.astimezone(zone)
    if any(is_ambiguous(one) for one in local):
        return starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    return local


def _timezone(zone: ZoneInfo, start: datetime, end: datetime) -> Timezone:
    """The offsets of ``zone`` from ``start`` to ``end``.

    Written here because icalendar's own component lets summer time begin an hour late: it gives
    the clock's time after the change, where RFC 5545 asks for the one before.
    """
    component = Timezone()
    component.add("TZID", zone.key)
    first = start.astimezone(zone)
    component.add_component(_observance(first, before=first))
    for change in _clock_changes(zone, start, end):
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
    for year in range(start.astimezone(UTC).year, end.astimezone(UTC).year + 1):
        yield from (change for change in _changes_of_year(zone, year) if start < change < end)


@lru_cache(maxsize=64)
def _changes_of_year(zone: ZoneInfo, year: int) -> list[datetime]:
    # Every letter with a calendar asks for them, and they take a thousand looks at the clock.
    midnight = datetime(year, 1, 1, tzinfo=UTC)
    days = [midnight + timedelta(days=day) for day in range(-1, 367)]
    pairs = [
        (day, after)
        for day, after in pairwise(days)
        if day.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()
    ]
    changes = [_first_changed(zone, day, after) for day, after in pairs]
    return [change for change in changes if change.year == year]


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
