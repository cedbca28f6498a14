"""The time behind the visits: closed, breaks, time off, and the buffers around each visit."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from bookings.availability import Hours
from bookings.cards import Card
from bookings.models import Appointment, Therapist, TimeOff

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shift:
    """Working hours of one local day, in the spa's zone; the break lies within them."""

    starts: datetime
    ends: datetime
    pause: tuple[datetime, datetime] | None


def shifts_of(
    therapist: Therapist, rules: Iterable[Hours], day: date, zone: ZoneInfo
) -> list[Shift]:
    """Return the hours of ``therapist``, who works by ``rules``, on ``day``."""
    if not therapist.active:
        return []
    return [
        Shift(_at(day, rule.starts, zone), _at(day, rule.ends, zone), _pause(rule, day, zone))
        for rule in rules
        if rule.holds_on(day)
    ]


def closed_bands(day: date, shifts: Iterable[Shift], column: str, zone: ZoneInfo) -> Iterator[Json]:
    """Tell what ``shifts`` leave of a day."""
    reached = _at(day, time.min, zone)
    for starts, ends in merged((shift.starts, shift.ends) for shift in shifts):
        if starts > reached:
            yield _band("closed", column, reached, starts)
        reached = max(reached, ends)
    last = _at(day + timedelta(days=1), time.min, zone)
    if reached < last:
        yield _band("closed", column, reached, last)


def break_bands(shifts: Iterable[Shift], column: str) -> Iterator[Json]:
    """Tell the breaks."""
    for shift in shifts:
        if shift.pause:
            yield _band("break", column, *shift.pause, words=_("Break"))


def off_bands(
    absences: Iterable[TimeOff], day: date, column: str, zone: ZoneInfo
) -> Iterator[Json]:
    """Tell what time off takes of a day; ``key`` names its row."""
    for off in absences:
        starts = max(off.starts_at.astimezone(zone), _at(day, time.min, zone))
        ends = min(off.ends_at.astimezone(zone), _at(day + timedelta(days=1), time.min, zone))
        if starts < ends:
            band = _band("off", column, starts, ends, words=_off_in_words(off))
            yield {**band, "id": f"{band['id']}-{off.pk}", "key": off.pk}


def buffer_bands(card: Card, column: str) -> Iterator[Json]:
    """Tell the time that is kept before and after a visit; nobody tidies after a no-show."""
    visit = card.appointment
    if visit.status == Appointment.Status.NO_SHOW:
        return
    zone = card.starts_at.tzinfo
    for starts, ends in (
        (visit.busy_from.astimezone(zone), card.starts_at),
        (card.ends_at, visit.busy_until.astimezone(zone)),
    ):
        if starts < ends:
            band = _band("buffer", column, starts, ends)
            yield {**band, "id": f"{band['id']}-{visit.reference}"}


def wall_clock(at: datetime) -> str:
    """Return the local time as the calendar's grid counts it: ``2026-11-24T10:00:00``."""
    # Ten times as fast as strftime, and asked for thousands of times.
    return at.isoformat(timespec="seconds")[:19]


def merged(spans: Iterable[tuple[datetime, datetime]]) -> Sequence[tuple[datetime, datetime]]:
    """Return the same time as ``spans``, in order and without overlaps."""
    found: list[tuple[datetime, datetime]] = []
    for starts, ends in sorted(spans, key=lambda span: span[0].astimezone(UTC)):
        if found and starts <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends))
        else:
            found.append((starts, ends))
    return found


def _band(kind: str, column: str, starts: datetime, ends: datetime, words: str = "") -> Json:
    return {
        "id": f"{kind}-{column}-{wall_clock(starts)}",
        "kind": kind,
        "column": column,
        "start": wall_clock(starts),
        "end": wall_clock(ends),
        "words": words,
    }


def _off_in_words(off: TimeOff) -> str:
    return off.reason or (_("Off") if off.therapist_id else _("Closed"))


def _pause(rule: Hours, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    if rule.break_starts is None or rule.break_ends is None:
        return None
    return _at(day, rule.break_starts, zone), _at(day, rule.break_ends, zone)


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone)
