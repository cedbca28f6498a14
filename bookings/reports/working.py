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

# In SQL because of the join of two stretches of time, one of which is in no table. Time is counted
# in whole minutes since 1970. The day of UTC on both sides lets the database find its way; a visit
# may reach from one such day into the next.
TAKEN_WORK = """
WITH piece AS MATERIALIZED (
    SELECT *, first / 1440 AS day
    FROM unnest(%(therapists)s::int[], %(firsts)s::int[], %(lasts)s::int[],
                %(weekdays)s::int[], %(minutes)s::int[])
        AS piece (therapist_id, first, last, weekday, minute)
), work AS (
    SELECT * FROM piece
    UNION ALL
    SELECT therapist_id, first, last, weekday, minute, day - 1 FROM piece
), visit AS (
    SELECT therapist_id,
           (date_part('epoch', busy_from) / 60)::int AS first,
           (date_part('epoch', busy_until) / 60)::int AS last
    FROM bookings_appointment
    WHERE status = ANY(%(taken)s) AND starts_at >= %(start)s AND starts_at < %(end)s
)
SELECT work.weekday,
       work.minute + greatest(visit.first, work.first) - work.first,
       work.minute + least(visit.last, work.last) - work.first,
       count(*)
FROM visit
JOIN work ON work.therapist_id = visit.therapist_id AND work.day = visit.first / 1440
WHERE work.first < visit.last AND work.last > visit.first
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """Working time of one therapist within one day of the spa and of UTC, with one UTC offset.

    ``first`` and ``last`` are minutes since 1970, half-open; ``minute`` is the wall clock's at its
    start, in minutes of the day.
    """

    therapist: int
    first: int
    last: int
    weekday: int
    minute: int

    @property
    def minutes(self) -> int:
        """How long it is."""
        return self.last - self.first


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
        "firsts": [piece.first for piece in pieces],
        "lasts": [piece.last for piece in pieces],
        "weekdays": [piece.weekday for piece in pieces],
        "minutes": [piece.minute for piece in pieces],
        "taken": [str(status) for status in TAKEN],
        # One that began the day before reaches into the period.
        "start": span.start - DAY,
        "end": span.end + DAY,
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
    origin = int(grid.origin.timestamp()) // 60
    for run_first, run_last in runs(bits):
        cell = run_first
        while cell < run_last:
            end = min(run_last, edges[bisect_right(edges, cell)])
            wall = grid.instant(cell).astimezone(grid.zone)
            yield Piece(
                therapist=therapist,
                first=origin + cell * CELL_MINUTES,
                last=origin + end * CELL_MINUTES,
                weekday=wall.weekday(),
                minute=wall.hour * HOUR + wall.minute,
            )
            cell = end
