"""The same visit again and again: what could be booked on each of its dates. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Q

from bookings.availability import nearest
from bookings.desk_offer import same_time_later
from bookings.models import Appointment, Room
from bookings.models.appointments import LONGEST
from bookings.queries import Offer, last_bookable_day, length_of, offer
from services.cells import CELL_MINUTES
from services.models import SpaProfile

NEAR = timedelta(days=3)

FREE, TAKEN, UNUSUAL, TOO_FAR, STALE = "free", "taken", "unusual", "too far", "stale"
TWICE = "twice"
WITH_REASON = (UNUSUAL, TOO_FAR, TWICE)


@dataclass(frozen=True, slots=True)
class Line:
    """One date of a series.

    ``state`` is one of the six above: unusual lies outside the therapist's hours or in a time
    off, too far beyond the booking horizon, stale after the day for which the health answers
    are good, twice where the client has another visit then. ``blockers`` are the visits in the
    way, or that other one; ``instead`` the free times near by.
    """

    number: int
    starts_at: datetime
    state: str
    blockers: Sequence[Appointment] = ()
    instead: Sequence[datetime] = field(default_factory=list)

    @property
    def can_be_booked(self) -> bool:
        """Whether it can be booked as it stands, perhaps with a reason."""
        return self.state in (FREE, *WITH_REASON)


@dataclass(frozen=True)
class Series:
    """The dates of a series, and when to ask about health again for those that are stale."""

    lines: list[Line]
    ask_again_from: date | None

    @property
    def needs_reason(self) -> bool:
        """Whether some date can be booked with a reason only."""
        return any(line.state in WITH_REASON for line in self.lines)


def series_of(
    visit: Appointment, *, weeks: int, times: int, spa: SpaProfile, now: datetime
) -> Series:
    """Return ``times`` dates to come after ``visit``, ``weeks`` apart, on its weekday at its time.

    The visit keeps its therapist and its length. The health answers count as affirmed ``now``.
    Thirteen queries, however many dates and therapists.
    """
    missed = max((now - visit.starts_at) // timedelta(weeks=weeks), 0)
    numbers = range(missed + 1, missed + times + 1)
    dates = [same_time_later(visit.starts_at, weeks * n, spa=spa) for n in numbers]
    good_until = now + timedelta(days=spa.health_check_valid_days)
    days = [at.astimezone(spa.zone).date() for at in dates]
    by_the_rules = _offer(visit, days, spa=spa, now=now)
    at_any_time = _offer(visit, days, spa=spa, now=now, anytime=True)
    in_the_way = _in_the_way(visit, dates, now=now)
    hers = _hers(visit, dates, now=now)
    horizon = last_bookable_day(spa, now)

    def instead(at: datetime) -> list[datetime]:
        return _instead(by_the_rules, visit, at, spa, hers)

    def line(number: int, at: datetime, day: date) -> Line:
        if at > good_until:
            return Line(number, at, STALE)
        twice = [one for one in hers if _at_once(visit, at, one)]
        if _is_free(by_the_rules, at) and not twice:
            return Line(number, at, FREE)
        if not _is_free(at_any_time, at):
            found = [one for one in in_the_way if _overlap(visit, at, one)]
            return Line(number, at, TAKEN, found, instead(at))
        if twice:
            return Line(number, at, TWICE, twice, instead(at))
        if day > horizon:
            return Line(number, at, TOO_FAR)
        return Line(number, at, UNUSUAL, (), instead(at))

    lines = [
        line(number, at, day) for number, (at, day) in enumerate(zip(dates, days, strict=True), 1)
    ]
    stale = [one.starts_at for one in lines if one.state == STALE]
    valid = timedelta(days=spa.health_check_valid_days)
    ask_from = min(stale).astimezone(spa.zone).date() - valid if stale else None
    return Series(lines, ask_from)


def _offer(
    visit: Appointment,
    days: Sequence[date],
    *,
    spa: SpaProfile,
    now: datetime,
    anytime: bool = False,
) -> Offer:
    return offer(
        service=visit.service,
        option=visit.option,
        first_day=min(days) - NEAR,
        last_day=max(days) + NEAR,
        now=now,
        spa=spa,
        therapist=visit.therapist,
        minutes=visit.minutes,
        step_minutes=CELL_MINUTES,
        anytime=anytime,
    )


def _is_free(found: Offer, at: datetime) -> bool:
    return bool(found.therapists_at(at) and found.rooms_at(at))


def _instead(
    found: Offer,
    visit: Appointment,
    at: datetime,
    spa: SpaProfile,
    hers: Sequence[Appointment],
) -> list[datetime]:
    """The free times nearest to ``at``, at the spa's own step and within a few days."""
    grid = found.grid
    around = grid.between(at - NEAR, at + NEAR) & grid.every(spa.slot_step_minutes)
    times = grid.times(found.bits(visit.therapist) & around)
    return nearest([t for t in times if not any(_at_once(visit, t, one) for one in hers)], at)


def _hers(visit: Appointment, dates: Sequence[datetime], *, now: datetime) -> list[Appointment]:
    """The client's other visits around ``dates``."""
    found = Appointment.objects.blocking(now).filter(
        client=visit.client,
        starts_at__lt=max(dates) + NEAR + LONGEST,
        ends_at__gt=min(dates) - NEAR,
    )
    return list(found.select_related("client", "therapist", "room"))


def _at_once(visit: Appointment, at: datetime, other: Appointment) -> bool:
    """Whether ``visit``, put at ``at``, and ``other`` are at one time, but for their buffers."""
    return other.starts_at < at + (visit.ends_at - visit.starts_at) and other.ends_at > at


def _in_the_way(
    visit: Appointment, dates: Sequence[datetime], *, now: datetime
) -> list[Appointment]:
    rooms = Room.objects.filter(active=True, services=visit.service)
    windows = [_window(visit, at) for at in dates]
    busy = [Q(busy_from__lt=end, busy_until__gt=start) for start, end in windows]
    found = (
        Appointment.objects.blocking(now)
        .busy_between(min(start for start, _end in windows), max(end for _start, end in windows))
        .filter(reduce(or_, busy))
        .filter(Q(therapist=visit.therapist) | Q(room__in=rooms))
        .select_related("client", "therapist", "room")
        .order_by("starts_at", "pk")
    )
    return list(found)


def _window(visit: Appointment, at: datetime) -> tuple[datetime, datetime]:
    length = length_of(visit.service, visit.minutes)
    return (
        at - timedelta(minutes=length.before),
        at + timedelta(minutes=length.visit + length.after),
    )


def _overlap(visit: Appointment, at: datetime, other: Appointment) -> bool:
    start, end = _window(visit, at)
    return other.busy_from < end and other.busy_until > start
