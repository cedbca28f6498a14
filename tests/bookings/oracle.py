"""When can a visit start? Worked out minute by minute, the slow and obvious way.

Written without a look at the rows of bits that it judges: every minute of every day is asked for
its wall-clock time, and every minute of every possible visit is asked whether it is free.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bookings.availability import Hours

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Busy:
    """A therapist and a room that are taken from ``start`` until ``end``."""

    therapist: int
    room: int
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Off:
    """Time off of one therapist, or of everybody where ``therapist`` is ``None``."""

    therapist: int | None
    start: datetime
    end: datetime


@dataclass(frozen=True)
class World:
    """Everything that decides about a start; lengths in minutes.

    ``around_the_clock`` leaves hours and time off out of it: only what is busy counts.
    """

    zone: ZoneInfo
    first_day: date
    last_day: date
    step: int
    before: int
    visit: int
    after: int
    earliest: datetime
    latest: datetime
    hours: Mapping[int, Sequence[Hours]]
    rooms: Sequence[int]
    off: Sequence[Off] = field(default=())
    busy: Sequence[Busy] = field(default=())
    around_the_clock: bool = False

    def starts(self) -> dict[int, list[datetime]]:
        """The possible starts of each therapist in UTC, in order."""
        minutes = self._minutes()
        rooms = {
            room: {one for one in minutes if not self._room_busy(room, one)} for room in self.rooms
        }
        offered = {}
        for therapist in self.hours:
            free = {one for one in minutes if self._is_at_work(therapist, one)}
            offered[therapist] = [
                one
                for one in minutes
                if self._may_start(one)
                and self._fits(one, free)
                and any(self._fits(one, room) for room in rooms.values())
            ]
        return offered

    def rooms_at(self, start: datetime) -> set[int]:
        """The rooms that are free for a whole visit at ``start``."""
        needed = self._needed(start)
        return {
            room for room in self.rooms if not any(self._room_busy(room, one) for one in needed)
        }

    def _minutes(self) -> list[datetime]:
        first = datetime.combine(self.first_day - timedelta(days=1), time(0), tzinfo=UTC)
        last = datetime.combine(self.last_day + timedelta(days=2), time(0), tzinfo=UTC)
        return [first + n * MINUTE for n in range((last - first) // MINUTE)]

    def _needed(self, start: datetime) -> list[datetime]:
        first = start - self.before * MINUTE
        return [first + n * MINUTE for n in range(self.before + self.visit + self.after)]

    def _fits(self, start: datetime, free: set[datetime]) -> bool:
        return all(one in free for one in self._needed(start))

    def _may_start(self, one: datetime) -> bool:
        wall = one.astimezone(self.zone)
        return (
            self.earliest <= one < self.latest
            and self.first_day <= wall.date() <= self.last_day
            and (wall.hour * 60 + wall.minute) % self.step == 0
        )

    def _is_at_work(self, therapist: int, one: datetime) -> bool:
        wall = one.astimezone(self.zone)
        at_work = self.around_the_clock or (
            self.first_day <= wall.date() <= self.last_day
            and any(_works(rule, wall) for rule in self.hours[therapist])
            and not any(
                off.therapist in (None, therapist) and _meets(off.start, off.end, one)
                for off in self.off
            )
        )
        return at_work and not any(
            busy.therapist == therapist and _meets(busy.start, busy.end, one) for busy in self.busy
        )

    def _room_busy(self, room: int, one: datetime) -> bool:
        return any(busy.room == room and _meets(busy.start, busy.end, one) for busy in self.busy)


def _works(rule: Hours, wall: datetime) -> bool:
    day, clock = wall.date(), wall.time()
    if day.weekday() != rule.weekday:
        return False
    if rule.valid_from is not None and day < rule.valid_from:
        return False
    if rule.valid_until is not None and day > rule.valid_until:
        return False
    breaks = rule.break_starts is not None and rule.break_ends is not None
    on_break = breaks and rule.break_starts <= clock < rule.break_ends  # type: ignore[operator]
    return rule.starts <= clock < rule.ends and not on_break


def _meets(start: datetime, end: datetime, minute: datetime) -> bool:
    """Whether any moment of the minute that begins at ``minute`` lies in ``start``–``end``."""
    return start < minute + MINUTE and end > minute
