"""The rows of bits against the minute-by-minute oracle, over random spas."""

from collections.abc import Iterable
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings.availability import (
    Grid,
    Length,
    Span,
    nearest,
    run_starts,
    set_bits,
    visit_starts,
)
from tests.bookings.oracle import Busy, Off, World
from tests.bookings.strategies import worlds

patient = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@patient
@given(worlds())
def test_starts_are_those_of_the_oracle(world: World) -> None:
    grid, starts, _rooms = by_rows(world)
    assert {who: grid.times(bits) for who, bits in starts.items()} == world.starts()


@settings(patient, max_examples=60)
@given(worlds())
def test_rooms_at_a_start_are_those_of_the_oracle(world: World) -> None:
    grid, starts, rooms = by_rows(world)
    offered = sorted({one for bits in starts.values() for one in grid.times(bits)})
    for start in [*offered[:3], *offered[-3:]]:
        cell = grid.cell_at(start)
        assert cell is not None
        assert {room for room, bits in rooms.items() if bits >> cell & 1} == world.rooms_at(start)


@settings(patient, max_examples=60)
@given(worlds())
def test_every_start_is_shown_at_a_wall_clock_time_that_exists(world: World) -> None:
    grid, starts, _rooms = by_rows(world)
    for bits in starts.values():
        shown = [one.astimezone(world.zone) for one in grid.times(bits)]
        told_apart = {(one.replace(tzinfo=None), one.utcoffset()) for one in shown}
        assert len(told_apart) == len(shown)
        assert {one.date() for one in shown} <= set(grid.days)


@settings(derandomize=True)
@given(st.integers(0, 2**80), st.integers(1, 40))
def test_run_starts_are_where_every_cell_of_the_run_is_free(free: int, cells: int) -> None:
    expected = [
        first for first in range(81) if all(free >> n & 1 for n in range(first, first + cells))
    ]
    assert list(set_bits(run_starts(free, cells))) == expected


MOMENTS = st.datetimes(timezones=st.just(UTC))


@settings(derandomize=True)
@given(st.lists(MOMENTS, unique=True, max_size=12), MOMENTS, st.integers(1, 4))
def test_no_time_left_out_is_nearer_than_one_that_is_named(
    times: list[datetime], wanted: datetime, count: int
) -> None:
    named = nearest(times, wanted, count)
    left_out = [one for one in times if one not in named]
    assert named == sorted(named)
    assert len(named) == min(count, len(times))
    assert all(abs(one - wanted) <= abs(other - wanted) for one in named for other in left_out)


def by_rows(world: World) -> tuple[Grid, dict[int, int], dict[int, int]]:
    """The starts by therapist and by room, as the rows of bits give them."""
    grid = Grid.over(first_day=world.first_day, last_day=world.last_day, zone=world.zone)
    whole = (1 << grid.cells) - 1
    starts, rooms = visit_starts(
        grid=grid,
        therapists={
            who: grid.working(hours)
            & ~grid.touched(spans(off for off in world.off if off.therapist in (None, who)))
            & ~grid.touched(spans(busy for busy in world.busy if busy.therapist == who))
            for who, hours in world.hours.items()
        },
        rooms={
            room: whole & ~grid.touched(spans(busy for busy in world.busy if busy.room == room))
            for room in world.rooms
        },
        length=Length(world.before, world.visit, world.after),
        allowed=grid.every(world.step) & grid.between(world.earliest, world.latest),
    )
    return grid, starts, rooms


def spans(rows: Iterable[Off | Busy]) -> list[Span]:
    return [Span(row.start, row.end) for row in rows]
