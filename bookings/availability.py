"""When can a visit start? Plain values in, start times out.

Pure: no Django, no clock, no database. Time is a row of five-minute cells counted in UTC, and the
free time of a therapist or a room is one integer with a bit per cell, so a month of fifty
therapists is a few shifts and ANDs. Wall-clock rules (working hours, the step between starts)
are laid onto the row stretch by stretch of constant UTC offset: on the nights when the clocks
change, a skipped wall-clock time has no cell and a repeated one has two.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.cells import CELL_MINUTES

CELL = timedelta(minutes=CELL_MINUTES)
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of time between two aware datetimes."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Hours:
    """One stretch of a working week by the wall clock; ``weekday`` 0 is Monday.

    ``valid_from`` and ``valid_until`` are the first and the last day on which it holds.
    """

    weekday: int
    starts: time
    ends: time
    break_starts: time | None = None
    break_ends: time | None = None
    valid_from: date | None = None
    valid_until: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether these hours are worked on ``day``."""
        return (
            day.weekday() == self.weekday
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_until is None or day <= self.valid_until)
        )

    def stretches(self) -> list[tuple[int, int]]:
        """Return the worked minutes of the day as half-open pairs, the break left out."""
        starts, ends = _minute(self.starts), _minute(self.ends)
        if self.break_starts is None or self.break_ends is None:
            return [(starts, ends)]
        return [(starts, _minute(self.break_starts)), (_minute(self.break_ends), ends)]


@dataclass(frozen=True, slots=True)
class Length:
    """How long a visit keeps a therapist and a room, in minutes."""

    before: int
    visit: int
    after: int

    @property
    def cells(self) -> int:
        """Cells from the first minute of preparation to the last of tidying."""
        return self.lead_cells - (-(self.visit + self.after) // CELL_MINUTES)

    @property
    def lead_cells(self) -> int:
        """Cells between the start of preparation and the start of the visit."""
        return -(-self.before // CELL_MINUTES)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the row in which the wall clock runs evenly.

    ``first`` and ``last`` are cells (half-open); ``offset`` is the minutes to add to UTC.
    """

    first: int
    last: int
    offset: int


@dataclass(frozen=True)
class Grid:
    """The row of cells that covers the local days ``first_day`` to ``last_day`` of one zone."""

    first_day: date
    last_day: date
    zone: ZoneInfo
    origin: datetime
    cells: int
    stretches: tuple[Stretch, ...]

    @classmethod
    def over(cls, *, first_day: date, last_day: date, zone: ZoneInfo) -> "Grid":
        """Return the row for both days and all between them.

        Its first cell starts at a UTC midnight; a full day is added on either side, so that
        every zone's days fit in.
        """
        origin = datetime.combine(first_day - timedelta(days=1), time.min, tzinfo=UTC)
        end = datetime.combine(last_day + timedelta(days=2), time.min, tzinfo=UTC)
        cells = (end - origin) // CELL
        return cls(first_day, last_day, zone, origin, cells, _stretches(origin, cells, zone))

    @property
    def span(self) -> Span:
        """The time that the row covers."""
        return Span(self.origin, self.instant(self.cells))

    @property
    def days(self) -> list[date]:
        """The local days that are asked about."""
        count = (self.last_day - self.first_day).days + 1
        return [self.first_day + timedelta(days=n) for n in range(count)]

    def instant(self, cell: int) -> datetime:
        """Return the UTC time at which ``cell`` starts."""
        return self.origin + cell * CELL

    def cell_at(self, instant: datetime) -> int | None:
        """Return the cell that starts exactly at ``instant``, if the row has one."""
        cell, rest = divmod(instant - self.origin, CELL)
        return cell if not rest and 0 <= cell < self.cells else None

    def cell_of(self, other: "Grid") -> int:
        """Return the cell of ``other`` at which this row begins."""
        return (self.origin - other.origin) // CELL

    def holds(self, other: "Grid") -> bool:
        """Whether ``other`` lies within this row, in the same zone."""
        first = other.cell_of(self)
        return self.zone.key == other.zone.key and 0 <= first <= self.cells - other.cells

    def touched(self, spans: Iterable[Span]) -> int:
        """Return the cells that any of ``spans`` touches: what is busy is rounded outwards."""
        bits = 0
        for span in spans:
            first = (span.start - self.origin) // CELL
            last = -((self.origin - span.end) // CELL)
            bits |= _run(max(first, 0), min(last, self.cells))
        return bits

    def working(self, hours: Sequence[Hours]) -> int:
        """Return the cells worked by ``hours`` on the days asked about, rounded inwards."""
        days = [(day, [rule for rule in hours if rule.holds_on(day)]) for day in self.days]
        bits = 0
        for stretch in self.stretches:
            for day, rules in days:
                midnight = self._minutes_to(day) - stretch.offset
                for rule in rules:
                    for starts, ends in rule.stretches():
                        first = -(-(midnight + starts) // CELL_MINUTES)
                        last = (midnight + ends) // CELL_MINUTES
                        bits |= _run(max(first, stretch.first), min(last, stretch.last))
        return bits

    def every(self, minutes: int) -> int:
        """Return the cells at which the wall clock shows a multiple of ``minutes``.

        ``minutes`` is a multiple of five that divides a day.
        """
        bits = 0
        for stretch in self.stretches:
            wall = stretch.first * CELL_MINUTES + stretch.offset
            first = stretch.first + (-wall % minutes) // CELL_MINUTES
            bits |= _comb(first, stretch.last, minutes // CELL_MINUTES)
        return bits

    def between(self, earliest: datetime, latest: datetime) -> int:
        """Return the cells that start at ``earliest`` or later and before ``latest``."""
        first = -((self.origin - earliest) // CELL)
        last = -((self.origin - latest) // CELL)
        return _run(max(first, 0), min(last, self.cells))

    def visit(self, cell: int, length: Length) -> int:
        """Return the cells that a visit starting at ``cell`` takes, buffers included."""
        first = cell - length.lead_cells
        return _run(max(first, 0), min(first + length.cells, self.cells))

    def times(self, bits: int) -> list[datetime]:
        """Return the starts of the set cells of ``bits`` in order, in UTC."""
        return [self.instant(cell) for cell in set_bits(bits)]

    def _minutes_to(self, day: date) -> int:
        return (day - self.origin.date()).days * DAY_MINUTES


def run_starts(free: int, cells: int) -> int:
    """Return where a run of ``cells`` set bits of ``free`` begins.

    Each step doubles the length that is already known to be free.
    """
    known = 1
    while known < cells:
        step = min(known, cells - known)
        free &= free >> step
        known += step
    return free


def visit_starts(
    *,
    grid: Grid,
    therapists: Mapping[int, int],
    rooms: Mapping[int, int],
    length: Length,
    allowed: int,
) -> tuple[dict[int, int], dict[int, int]]:
    """Return the possible starts per therapist and per room, as bits by key.

    ``therapists`` and ``rooms`` hold free cells by key; ``allowed`` the cells at which a visit
    may start at all. One room must be free for the whole time, and so must the therapist.
    """
    room_starts = {
        key: (run_starts(free, length.cells) << length.lead_cells) & allowed
        for key, free in rooms.items()
    }
    any_room = 0
    for bits in room_starts.values():
        any_room |= bits
    starts = {
        key: (run_starts(free, length.cells) << length.lead_cells) & any_room
        for key, free in therapists.items()
    }
    return starts, room_starts


def set_bits(bits: int) -> Iterator[int]:
    """Yield the positions of the set bits, lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def runs(bits: int) -> Iterator[tuple[int, int]]:
    """Yield the runs of set bits as half-open pairs, lowest first."""
    position = 0
    while bits:
        skipped = (bits & -bits).bit_length() - 1
        bits >>= skipped
        length = (~bits & (bits + 1)).bit_length() - 1
        yield position + skipped, position + skipped + length
        bits >>= length
        position += skipped + length


def nearest(times: Sequence[datetime], wanted: datetime, count: int = 3) -> list[datetime]:
    """Return the ``count`` times closest to ``wanted``, the earliest first.

    Counted in UTC: within one zone Python compares by the wall clock, which repeats an hour.
    """
    at = wanted.astimezone(UTC)
    instants = sorted((one.astimezone(UTC), one) for one in times)
    closest = sorted(instants, key=lambda pair: abs(pair[0] - at))[:count]
    return [one for _instant, one in sorted(closest)]


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _run(first: int, last: int) -> int:
    return ((1 << (last - first)) - 1) << first if last > first else 0


def _comb(first: int, last: int, stride: int) -> int:
    if first >= last:
        return 0
    teeth = -(-(last - first) // stride)
    return (((1 << (stride * teeth)) - 1) // ((1 << stride) - 1)) << first


@lru_cache(maxsize=128)
def _stretches(origin: datetime, cells: int, zone: ZoneInfo) -> tuple[Stretch, ...]:
    """Cut the row wherever the zone's UTC offset changes."""

    def offset(cell: int) -> int:
        shift = (origin + cell * CELL).astimezone(zone).utcoffset()
        assert shift is not None
        return int(shift.total_seconds()) // 60

    cuts = [0]
    for day in range(0, cells, DAY_MINUTES // CELL_MINUTES):
        end = min(day + DAY_MINUTES // CELL_MINUTES, cells)
        if offset(day) != offset(end):
            cuts.append(_change(offset, day, end))
    edges = [*cuts, cells]
    return tuple(
        Stretch(first, last, offset(first)) for first, last in pairwise(edges) if last > first
    )


def _change(offset: Callable[[int], int], low: int, high: int) -> int:
    """Return the first cell between ``low`` and ``high`` with the offset of ``high``."""
    while high - low > 1:
        middle = (low + high) // 2
        if offset(middle) == offset(low):
            low = middle
        else:
            high = middle
    return high
