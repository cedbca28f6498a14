"""Everybody's hours in one week, and how well each day is staffed. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from bookings.availability import CELL, Grid, Span, set_bits
from bookings.models import Therapist, TimeOff
from bookings.queries import hours_of
from bookings.words import hours_in_words
from services.cells import CELL_MINUTES

CELLS_IN_HOUR = timedelta(hours=1) // CELL


@dataclass(frozen=True)
class Bar:
    """A stretch of a day as it is drawn: where it begins and how long it is, in cells.

    ``count`` is how many work in it, ``y`` how many more do when most are there.
    """

    x: int
    width: int
    count: int = 1
    y: int = 0


@dataclass(frozen=True)
class WorkDay:
    """One day of one therapist: what she works once breaks and time off are taken out."""

    day: date
    worked: list[tuple[datetime, datetime]]
    bars: list[Bar]
    off: list[str]

    @property
    def stretches(self) -> list[str]:
        """09:00 – 12:30 and then 13:15 – 17:00."""
        return [hours_in_words(starts, ends) for starts, ends in self.worked]


@dataclass(frozen=True)
class Row:
    """The week of one therapist."""

    therapist: Therapist
    days: list[WorkDay]
    minutes: int

    @property
    def total(self) -> str:
        """How many hours she works: 37½."""
        return in_hours(self.minutes)


@dataclass(frozen=True)
class Cover:
    """How well one day is staffed."""

    day: date
    people: int
    minutes: int
    open: list[tuple[datetime, datetime]]
    bars: list[Bar]
    closed: list[str]

    @property
    def total(self) -> str:
        """How many hours all of them work together."""
        return in_hours(self.minutes)

    @property
    def stretches(self) -> list[str]:
        """When somebody is there."""
        return [hours_in_words(starts, ends) for starts, ends in self.open]

    @property
    def most(self) -> int:
        """How many are there at once at the most."""
        return max((bar.count for bar in self.bars), default=0)


@dataclass(frozen=True)
class WeekTable:
    """The week from ``monday``; ``width`` is how many cells of a day are drawn."""

    monday: date
    rows: list[Row]
    cover: list[Cover]
    width: int

    @property
    def sunday(self) -> date:
        """The last day."""
        return self.monday + timedelta(days=6)

    @property
    def total(self) -> str:
        """How many hours everybody works."""
        return in_hours(sum(row.minutes for row in self.rows))

    @property
    def most(self) -> int:
        """How many work at once at the most."""
        return max((one.most for one in self.cover), default=0)


def week_table(day: date, *, zone: ZoneInfo) -> WeekTable:
    """Return the week of ``day``; three queries, whatever the number of therapists."""
    monday = day - timedelta(days=day.weekday())
    grid = Grid.over(first_day=monday, last_day=monday + timedelta(days=6), zone=zone)
    therapists = list(Therapist.objects.active())
    hours = hours_of([one.pk for one in therapists])
    absences = _absences(grid)
    work = {
        one.pk: grid.working(hours[one.pk])
        & ~grid.touched(
            Span(off.starts_at, off.ends_at)
            for off in absences
            if off.therapist_id in (None, one.pk)
        )
        for one in therapists
    }
    frame = _frame(grid, work.values())
    rows = [
        _row(one, grid, work[one.pk], frame, [a for a in absences if a.therapist_id == one.pk])
        for one in therapists
    ]
    closed = [off for off in absences if off.therapist_id is None]
    cover = [_cover(on, grid, list(work.values()), frame, closed) for on in grid.days]
    return WeekTable(monday, rows, _levelled(cover), frame[1] - frame[0])


def _levelled(cover: Sequence[Cover]) -> list[Cover]:
    """Draw every day on the scale of the best staffed one."""
    most = max((one.most for one in cover), default=0)
    return [
        replace(one, bars=[replace(bar, y=most - bar.count) for bar in one.bars]) for one in cover
    ]


def _absences(grid: Grid) -> list[TimeOff]:
    rows = TimeOff.objects.filter(starts_at__lt=grid.span.end, ends_at__gt=grid.span.start)
    return list(rows.order_by("starts_at", "pk"))


def _cells(grid: Grid, day: date) -> tuple[int, int]:
    """The first cell of a local day and the first after it."""
    first, end = (
        (datetime.combine(one, time.min, tzinfo=grid.zone) - grid.origin) // CELL
        for one in (day, day + timedelta(days=1))
    )
    return first, end


def _of_day(bits: int, first: int, end: int) -> int:
    return bits >> first & (1 << (end - first)) - 1


def _frame(grid: Grid, work: Iterable[int]) -> tuple[int, int]:
    """The cells of a day between which anybody works in the week, in whole hours."""
    days = [_cells(grid, day) for day in grid.days]
    used = 0
    for bits in work:
        for first, end in days:
            used |= _of_day(bits, first, end)
    if not used:
        return 0, 24 * CELLS_IN_HOUR
    lowest = (used & -used).bit_length() - 1
    return (
        lowest // CELLS_IN_HOUR * CELLS_IN_HOUR,
        -(-used.bit_length() // CELLS_IN_HOUR) * CELLS_IN_HOUR,
    )


def _runs(bits: int) -> list[tuple[int, int]]:
    """The runs of set bits: where each begins, and the first clear bit after it."""
    edges = list(set_bits(bits ^ bits << 1))
    return list(zip(edges[::2], edges[1::2], strict=True))


def _times(grid: Grid, runs: Iterable[tuple[int, int]]) -> list[tuple[datetime, datetime]]:
    return [
        (grid.instant(start).astimezone(grid.zone), grid.instant(end).astimezone(grid.zone))
        for start, end in runs
    ]


def _row(
    therapist: Therapist,
    grid: Grid,
    bits: int,
    frame: tuple[int, int],
    absences: Sequence[TimeOff],
) -> Row:
    days = []
    for day in grid.days:
        first, end = _cells(grid, day)
        runs = _runs(_of_day(bits, first, end))
        days.append(
            WorkDay(
                day=day,
                worked=_times(grid, ((first + one, first + other) for one, other in runs)),
                bars=[Bar(one - frame[0], other - one) for one, other in runs],
                off=_off_on(grid, day, absences),
            )
        )
    minutes = sum(_minutes(grid, bits, day) for day in grid.days)
    return Row(therapist, days, minutes)


def _off_on(grid: Grid, day: date, absences: Iterable[TimeOff]) -> list[str]:
    """The reasons of the times off that touch a day."""
    starts, ends = (
        datetime.combine(one, time.min, tzinfo=grid.zone) for one in (day, day + timedelta(days=1))
    )
    return [
        off.reason or _("Off") for off in absences if off.starts_at < ends and off.ends_at > starts
    ]


def _minutes(grid: Grid, bits: int, day: date) -> int:
    return _of_day(bits, *_cells(grid, day)).bit_count() * CELL_MINUTES


def _cover(
    day: date,
    grid: Grid,
    work: Sequence[int],
    frame: tuple[int, int],
    closed: Sequence[TimeOff],
) -> Cover:
    first, end = _cells(grid, day)
    shares = [_of_day(bits, first, end) for bits in work]
    open_bits = 0
    for share in shares:
        open_bits |= share
    edges = sorted({edge for share in shares for run in _runs(share) for edge in run})
    counted = (
        (one, other, sum(share >> one & 1 for share in shares)) for one, other in pairwise(edges)
    )
    return Cover(
        day=day,
        people=sum(bool(share) for share in shares),
        minutes=sum(share.bit_count() for share in shares) * CELL_MINUTES,
        open=_times(grid, ((first + one, first + other) for one, other in _runs(open_bits))),
        bars=[Bar(one - frame[0], other - one, count) for one, other, count in counted if count],
        closed=_off_on(grid, day, closed),
    )


def in_hours(minutes: int) -> str:
    """Hours to the nearest quarter: 37½."""
    whole, quarters = divmod(round(minutes / 15), 4)
    part = ("", "¼", "½", "¾")[quarters]
    return f"{whole}{part}" if whole or not part else part
