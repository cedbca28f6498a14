"""Which visits no longer fit the house they are booked into? Plain values in, reasons out.

Pure: no Django, no clock, no database. A visit is judged cell by cell as an offer is: what could
be offered where it stands fits, and the times around it count as it was booked with them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bookings.availability import Grid, Hours, Span

# A month is left behind by so many days at most: no visit is longer than a day.
OVERHANG = timedelta(days=1)


class Why(StrEnum):
    """What keeps a visit from standing where it stands."""

    HOURS = "hours"
    OFF = "off"
    CLOSED = "closed"
    NOT_TAKING = "not_taking"
    NOT_GIVING = "not_giving"
    ROOM_SHUT = "room_shut"
    ROOM_UNSUITED = "room_unsuited"


@dataclass(frozen=True, slots=True)
class Booked:
    """One booked visit: ``busy`` is its time with all that is kept free around it."""

    reference: str
    therapist: int
    room: int
    service: int
    busy: Span


@dataclass(frozen=True, slots=True)
class Absence:
    """A time off of one therapist, or of the whole spa where ``therapist`` is ``None``.

    ``key`` is that of its row, if it has one.
    """

    therapist: int | None
    span: Span
    key: int | None = None


@dataclass(frozen=True)
class House:
    """Who works when, and who and which room takes what; everything by primary key.

    ``gives`` has those therapists alone who take appointments, with their treatments; ``suits``
    the rooms in use, with theirs.
    """

    zone: ZoneInfo
    hours: Mapping[int, Sequence[Hours]]
    absences: Sequence[Absence]
    gives: Mapping[int, frozenset[int]]
    suits: Mapping[int, frozenset[int]]

    def with_hours(self, weeks: Mapping[int, Sequence[Hours]]) -> "House":
        """The house in which some therapists have other hours."""
        return replace(self, hours={**self.hours, **weeks})

    def with_absences(self, absences: Iterable[Absence]) -> "House":
        """The house with more times off; one that has a key takes the place of the former."""
        new = list(absences)
        keys = {one.key for one in new if one.key is not None}
        return replace(self, absences=[*(a for a in self.absences if a.key not in keys), *new])

    def with_therapist(self, therapist: int, gives: frozenset[int] | None) -> "House":
        """The house in which a therapist gives these treatments; ``None``: she takes nobody."""
        return replace(self, gives=_with(self.gives, therapist, gives))

    def with_room(self, room: int, suits: frozenset[int] | None) -> "House":
        """The house in which a room suits these treatments; ``None``: it is not in use."""
        return replace(self, suits=_with(self.suits, room, suits))


def unfit(visits: Iterable[Booked], house: House) -> dict[str, frozenset[Why]]:
    """Return by reference why visits do not fit; those that do are left out."""
    groups: dict[tuple[date, int], list[Booked]] = defaultdict(list)
    for visit in visits:
        first = visit.busy.start.astimezone(house.zone).date().replace(day=1)
        groups[first, visit.therapist].append(visit)
    found: dict[str, frozenset[Why]] = {}
    for month in sorted({first for first, _therapist in groups}):
        grid = _grid(month, house.zone)
        for (first, therapist), some in groups.items():
            if first == month:
                found |= _unfit_in(grid, therapist, some, house)
    return found


def newly_unfit(visits: Iterable[Booked], before: House, after: House) -> dict[str, frozenset[Why]]:
    """Return what a change of the house puts in the way of visits, by reference.

    What was in the way before is left out.
    """
    visits = list(visits)
    former, now = unfit(visits, before), unfit(visits, after)
    new = {key: reasons - former.get(key, frozenset()) for key, reasons in now.items()}
    return {key: reasons for key, reasons in new.items() if reasons}


def _grid(month: date, zone: ZoneInfo) -> Grid:
    following = (month + timedelta(days=31)).replace(day=1)
    return Grid.over(first_day=month, last_day=following + OVERHANG, zone=zone)


def _unfit_in(
    grid: Grid, therapist: int, visits: Sequence[Booked], house: House
) -> dict[str, frozenset[Why]]:
    """The same for visits of one therapist in one month."""
    off = grid.touched(one.span for one in house.absences if one.therapist == therapist)
    closed = grid.touched(one.span for one in house.absences if one.therapist is None)
    idle = ~grid.working(house.hours.get(therapist, ()))
    found = {}
    for visit in visits:
        needed = grid.touched([visit.busy])
        reasons = {
            why
            for why, cells in ((Why.HOURS, idle), (Why.OFF, off), (Why.CLOSED, closed))
            if needed & cells
        }
        reasons |= _unsuited(visit, house)
        if reasons:
            found[visit.reference] = frozenset(reasons)
    return found


def _unsuited(visit: Booked, house: House) -> set[Why]:
    gives, suits = house.gives.get(visit.therapist), house.suits.get(visit.room)
    reasons = set()
    if gives is None:
        reasons.add(Why.NOT_TAKING)
    elif visit.service not in gives:
        reasons.add(Why.NOT_GIVING)
    if suits is None:
        reasons.add(Why.ROOM_SHUT)
    elif visit.service not in suits:
        reasons.add(Why.ROOM_UNSUITED)
    return reasons


def _with(
    known: Mapping[int, frozenset[int]], key: int, values: frozenset[int] | None
) -> dict[int, frozenset[int]]:
    others = {one: given for one, given in known.items() if one != key}
    return others if values is None else {**others, key: values}
