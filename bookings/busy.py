"""Which cells of the diary are taken, kept in the process and brought up to date by its journal."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TypeAlias

from django.db.models import Q

from bookings.availability import Grid, Span
from bookings.models import Appointment
from bookings.models.appointments import BLOCKING
from services.memory import Change, Topic, is_of_use, remembered

# Where more has changed, everything is read anew.
MOST_RENEWED = 50

Cells: TypeAlias = defaultdict[int, int]
Row: TypeAlias = tuple[int, int, int, datetime, datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class Hold:
    """A held time: it is in the way until it lapses."""

    therapist: int
    room: int
    cells: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Diary:
    """What is taken of ``grid``, by therapist and by room as bits by key; holds by their keys."""

    grid: Grid
    therapists: dict[int, int]
    rooms: dict[int, int]
    holds: dict[int, Hold]

    def taken(
        self, within: Grid, now: datetime, ignoring: Appointment | None
    ) -> tuple[Cells, Cells]:
        """The cells of ``within``, a part of ``grid``, that are taken at ``now``."""
        shift = within.cell_of(self.grid)
        every = (1 << within.cells) - 1
        therapists, rooms = (
            defaultdict(int, {pk: bits >> shift & every for pk, bits in all_bits.items()})
            for all_bits in (self.therapists, self.rooms)
        )
        for pk, hold in self.holds.items():
            if hold.until > now and (ignoring is None or ignoring.pk != pk):
                therapists[hold.therapist] |= hold.cells >> shift & every
                rooms[hold.room] |= hold.cells >> shift & every
        return therapists, rooms

    def has_lapsed(self, within: Grid, now: datetime) -> bool:
        """Whether a hold within ``within`` has run out at ``now`` and still stands in the diary."""
        cells = ((1 << within.cells) - 1) << within.cell_of(self.grid)
        return any(hold.until <= now and hold.cells & cells for hold in self.holds.values())


def remembered_diary(grid: Grid) -> Diary | None:
    """What is taken of ``grid``: from the memory where it is true, else by one query.

    ``None`` where that would be a waste.
    """
    key = ("diary", grid.first_day, grid.last_day, grid.zone.key)
    if not is_of_use(key, topic=Topic.DIARY):
        return None
    return remembered(key, partial(_read, grid), topic=Topic.DIARY, renew=_renewed)


def _read(grid: Grid) -> Diary:
    return _with(Diary(grid, {}, {}, {}), _rows(Q(), grid.span))


def _renewed(diary: Diary, changes: Iterable[Change]) -> Diary | None:
    """Read anew what ``changes`` name, each a therapist's and a room's days; one query."""
    distinct = set(changes)
    if len(distinct) > MOST_RENEWED or any(one.first_day is None for one in distinct):
        return None
    spans = {one: _span(one) for one in distinct}
    therapists, rooms, holds = dict(diary.therapists), dict(diary.rooms), dict(diary.holds)
    wanted = Q(pk__in=[])
    for one, span in spans.items():
        days = diary.grid.touched([span])
        for cells, pk in ((therapists, one.therapist), (rooms, one.room)):
            assert pk is not None
            cells[pk] = cells.get(pk, 0) & ~days
        for pk, hold in list(holds.items()):
            if hold.cells & days and (hold.therapist == one.therapist or hold.room == one.room):
                del holds[pk]
        wanted |= Q(busy_from__lt=span.end, busy_until__gt=span.start) & (
            Q(therapist=one.therapist) | Q(room=one.room)
        )
    whole = Span(min(one.start for one in spans.values()), max(one.end for one in spans.values()))
    return _with(Diary(diary.grid, therapists, rooms, holds), _rows(wanted, whole))


def _with(diary: Diary, rows: Iterable[Row]) -> Diary:
    """Put ``rows`` into the mappings of ``diary``, which are its own."""
    therapists, rooms, grid = diary.therapists, diary.rooms, diary.grid
    for pk, therapist, room, start, end, held_until in rows:
        bits = grid.touched([Span(start, end)])
        if held_until is not None:
            diary.holds[pk] = Hold(therapist, room, bits, held_until)
            continue
        therapists[therapist] = therapists.get(therapist, 0) | bits
        rooms[room] = rooms.get(room, 0) | bits
    return diary


def _rows(wanted: Q, within: Span) -> Iterable[Row]:
    found = (
        Appointment.objects.filter(wanted, status__in=BLOCKING)
        .busy_between(within.start, within.end)
        .order_by()
    )
    columns = ("pk", "therapist_id", "room_id", "busy_from", "busy_until")
    for *row, status, held_until in found.values_list(*columns, "status", "hold_expires_at"):
        yield (*row, held_until if status == Appointment.Status.HELD else None)


def _span(change: Change) -> Span:
    assert change.first_day is not None
    assert change.last_day is not None
    return Span(
        datetime.combine(change.first_day, time.min, tzinfo=UTC),
        datetime.combine(change.last_day + timedelta(days=1), time.min, tzinfo=UTC),
    )
