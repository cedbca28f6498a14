"""Working time of a period, and the hours of the week in which it stood empty."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from bookings.availability import Grid, runs
from bookings.queries import hours_of, time_off_of
from bookings.reports import TAKEN
from bookings.reports.periods import DAY, Period
from services.cells import CELL_MINUTES

# Rows of bits are worked on in chunks: the work on one row grows with the square of its days.
CHUNK_DAYS = 28
HOUR = 60

# In SQL because of the join of two ranges of time, one of which is no table. A day of UTC in both
# lets the database hash its way; a visit that goes over a UTC midnight is asked about twice.
TAKEN_WORK = """
WITH work AS MATERIALIZED (
    SELECT * FROM unnest(%(therapists)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[],
                         %(days)s::date[], %(weekdays)s::int[], %(minutes)s::int[])
        AS piece (therapist_id, starts, ends, day, weekday, minute)
), visit AS (
    SELECT therapist_id, busy_from, busy_until, (busy_from AT TIME ZONE 'UTC')::date AS day
    FROM bookings_appointment
    WHERE status = ANY(%(taken)s) AND starts_at >= %(first)s AND starts_at < %(last)s
), visit_by_day AS (
    SELECT * FROM visit
    UNION ALL
    SELECT therapist_id, busy_from, busy_until, day + 1 FROM visit
    WHERE (busy_until AT TIME ZONE 'UTC')::date > day
)
SELECT work.weekday,
       work.minute + extract(epoch FROM greatest(busy_from, starts) - starts)::int / 60 AS first,
       work.minute + extract(epoch FROM least(busy_until, ends) - starts)::int / 60 AS last,
       count(*)
FROM work
JOIN visit_by_day AS visit
  ON visit.therapist_id = work.therapist_id AND visit.day = work.day
 AND visit.busy_from < work.ends AND visit.busy_until > work.starts
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """Working time of one therapist within one day of the spa and of UTC, with one UTC offset.

    ``minute`` is the wall clock's at its start, in minutes of the day.
    """

    therapist: int
    starts: datetime
    ends: datetime
    weekday: int
    minute: int

    @property
    def minutes(self) -> int:
        """How long it is."""
        return (self.ends - self.starts) // timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Work:
    """Working time: pieces in no order, and the minutes in which at least one therapist works."""

    pieces: Sequence[Piece]
    open_minutes: int

    def by_therapist(self) -> Mapping[int, int]:
        """Minutes of work by therapist."""
        found: Counter[int] = Counter()
        for piece in self.pieces:
            found[piece.therapist] += piece.minutes
        return found


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the week over a whole period: minutes worked, and those of them taken."""

    worked: int
    taken: int

    @property
    def empty(self) -> int:
        """Minutes in which somebody worked and nobody was there; never less than none."""
        return max(self.worked - self.taken, 0)


def work_of(period: Period, zone: ZoneInfo, therapists: Sequence[int]) -> Work:
    """Return the working time of ``therapists``; two queries."""
    hours = hours_of(therapists)
    around = Grid.over(first_day=period.first, last_day=period.last, zone=zone).span
    off = time_off_of(therapists, around)
    pieces: list[Piece] = []
    open_cells = 0
    for first in range(0, period.days, CHUNK_DAYS):
        last = min(first + CHUNK_DAYS, period.days) - 1
        grid = Grid.over(
            first_day=period.first + first * DAY, last_day=period.first + last * DAY, zone=zone
        )
        closed = grid.touched(off[None])
        at_work = {
            pk: grid.working(hours[pk]) & ~grid.touched(off[pk]) & ~closed for pk in therapists
        }
        open_cells += reduce(or_, at_work.values(), 0).bit_count()
        edges = _edges(grid)
        for pk, bits in at_work.items():
            pieces += _pieces(pk, bits, grid, edges)
    return Work(pieces, open_cells * CELL_MINUTES)


def empty_hours(work: Work, period: Period, zone: ZoneInfo) -> dict[tuple[int, int], Hour]:
    """Return the hours of the week in which anybody works, by weekday and hour; one query."""
    worked = Counter(
        (piece.weekday, piece.minute, piece.minute + piece.minutes) for piece in work.pieces
    )
    minutes = _by_hour((*stretch, count) for stretch, count in worked.items())
    taken = _by_hour(_taken(work.pieces, period, zone))
    return {key: Hour(count, taken[key]) for key, count in sorted(minutes.items())}


def _taken(
    pieces: Sequence[Piece], period: Period, zone: ZoneInfo
) -> Iterable[tuple[int, int, int, int]]:
    """Weekday, first and last minute of the day and the number of visits that took those."""
    span = period.span(zone)
    values: dict[str, Any] = {
        "therapists": [piece.therapist for piece in pieces],
        "starts": [piece.starts for piece in pieces],
        "ends": [piece.ends for piece in pieces],
        "days": [piece.starts.date() for piece in pieces],
        "weekdays": [piece.weekday for piece in pieces],
        "minutes": [piece.minute for piece in pieces],
        "taken": [str(status) for status in TAKEN],
        # One that began the day before reaches into the period.
        "first": span.start - DAY,
        "last": span.end + DAY,
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKEN_WORK, values)
        rows: list[tuple[int, int, int, int]] = cursor.fetchall()
    return rows


def _by_hour(stretches: Iterable[tuple[int, int, int, int]]) -> Counter[tuple[int, int]]:
    """Minutes by weekday and hour, of stretches within a day, each with how often it occurs."""
    found: Counter[tuple[int, int]] = Counter()
    for weekday, first, last, count in stretches:
        for hour in range(first // HOUR, -(-last // HOUR)):
            minutes = min(last, (hour + 1) * HOUR) - max(first, hour * HOUR)
            found[weekday, hour] += minutes * count
    return found


def _edges(grid: Grid) -> list[int]:
    """The cells at which a piece ends at the latest: midnights here and of UTC, clock changes."""
    edges = {stretch.first for stretch in grid.stretches} | {grid.cells}
    edges.update(range(0, grid.cells, 24 * HOUR // CELL_MINUTES))
    for day in grid.days:
        midnight = datetime.combine(day, time.min, tzinfo=grid.zone)
        edges.add((midnight - grid.origin) // timedelta(minutes=CELL_MINUTES))
    return sorted(edges)


def _pieces(therapist: int, bits: int, grid: Grid, edges: Sequence[int]) -> Iterator[Piece]:
    for run_first, run_last in runs(bits):
        first = run_first
        while first < run_last:
            last = min(run_last, edges[bisect_right(edges, first)])
            starts = grid.instant(first)
            wall = starts.astimezone(grid.zone)
            minute = wall.hour * HOUR + wall.minute
            yield Piece(therapist, starts, grid.instant(last), wall.weekday(), minute)
            first = last
