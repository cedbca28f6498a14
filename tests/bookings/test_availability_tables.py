"""When a visit can start, in exact lists: clock changes, odd zones, edges."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bookings.availability import (
    Grid,
    Hours,
    Length,
    Span,
    nearest,
    run_starts,
    set_bits,
    visit_starts,
)

LONDON = ZoneInfo("Europe/London")
MONDAY = date(2026, 11, 23)
ALWAYS_FREE = -1


def starts(
    zone: ZoneInfo,
    day: date,
    opens: time,
    closes: time,
    *,
    step: int = 60,
    length: Length | None = None,
    break_starts: time | None = None,
    break_ends: time | None = None,
) -> list[datetime]:
    """The starts offered on one day by one therapist who works from ``opens`` to ``closes``."""
    grid = Grid.over(first_day=day, last_day=day, zone=zone)
    hours = Hours(day.weekday(), opens, closes, break_starts, break_ends)
    room = (1 << grid.cells) - 1
    found, _rooms = visit_starts(
        grid=grid,
        therapists={1: grid.working([hours])},
        rooms={1: room},
        length=length or Length(0, 30, 0),
        allowed=grid.every(step),
    )
    return [one.astimezone(zone) for one in grid.times(found[1])]


def shown(times: list[datetime]) -> list[str]:
    """Wall-clock times with their offset, as two equal ones must be told apart."""
    return [f"{one:%H:%M %z}" for one in times]


# The nights when the clocks change. Hours from midnight to 06:00, a visit of 30 minutes, a start
# on every full hour: worked out by hand from each zone's rules.
NIGHTS = [
    pytest.param(
        "Europe/London",
        date(2026, 3, 29),
        ["00:00 +0000", "02:00 +0100", "03:00 +0100", "04:00 +0100", "05:00 +0100"],
        id="London-spring",
    ),
    pytest.param(
        "Europe/London",
        date(2026, 10, 25),
        [
            "00:00 +0100",
            "01:00 +0100",
            "01:00 +0000",
            "02:00 +0000",
            "03:00 +0000",
            "04:00 +0000",
            "05:00 +0000",
        ],
        id="London-autumn",
    ),
    pytest.param(
        "America/New_York",
        date(2026, 3, 8),
        ["00:00 -0500", "01:00 -0500", "03:00 -0400", "04:00 -0400", "05:00 -0400"],
        id="New-York-spring",
    ),
    pytest.param(
        "America/New_York",
        date(2026, 11, 1),
        [
            "00:00 -0400",
            "01:00 -0400",
            "01:00 -0500",
            "02:00 -0500",
            "03:00 -0500",
            "04:00 -0500",
            "05:00 -0500",
        ],
        id="New-York-autumn",
    ),
    pytest.param(
        "Australia/Lord_Howe",
        date(2026, 10, 4),
        # 02:00 becomes 02:30: the hour has no beginning, and loses half.
        ["00:00 +1030", "01:00 +1030", "03:00 +1100", "04:00 +1100", "05:00 +1100"],
        id="Lord-Howe-spring",
    ),
    pytest.param(
        "Australia/Lord_Howe",
        date(2026, 4, 5),
        # 02:00 becomes 01:30: the second half of the hour comes twice, its beginning once.
        ["00:00 +1100", "01:00 +1100", "02:00 +1030", "03:00 +1030", "04:00 +1030", "05:00 +1030"],
        id="Lord-Howe-autumn",
    ),
    pytest.param(
        "Asia/Kolkata",
        date(2026, 3, 29),
        [f"{hour:02}:00 +0530" for hour in range(6)],
        id="Kolkata-any-night",
    ),
    pytest.param(
        "America/Santiago",
        date(2026, 9, 6),
        # Midnight itself does not exist: the day begins at 01:00.
        ["01:00 -0300", "02:00 -0300", "03:00 -0300", "04:00 -0300", "05:00 -0300"],
        id="Santiago-spring",
    ),
    pytest.param(
        "Africa/Cairo",
        date(2026, 4, 24),
        ["01:00 +0300", "02:00 +0300", "03:00 +0300", "04:00 +0300", "05:00 +0300"],
        id="Cairo-spring",
    ),
]


@pytest.mark.parametrize(("zone", "night", "expected"), NIGHTS)
def test_on_a_clock_change_night_no_start_is_missing_doubled_or_non_existent(
    zone: str, night: date, expected: list[str]
) -> None:
    assert shown(starts(ZoneInfo(zone), night, time(0), time(6))) == expected


@pytest.mark.parametrize(
    ("zone", "evening", "expected"),
    [
        # 24:00 becomes 23:00: the last hour of the evening before comes twice.
        ("America/Santiago", date(2026, 4, 4), ["22:00 -0300", "23:00 -0300", "23:00 -0400"]),
        ("Africa/Cairo", date(2026, 10, 29), ["22:00 +0300", "23:00 +0300", "23:00 +0200"]),
        # Havana repeats the first hour of the day instead.
        ("America/Havana", date(2026, 10, 31), ["22:00 -0400", "23:00 -0400"]),
    ],
)
def test_an_hour_that_is_repeated_before_midnight_belongs_to_the_evening(
    zone: str, evening: date, expected: list[str]
) -> None:
    assert shown(starts(ZoneInfo(zone), evening, time(22), time(23, 55))) == expected


def test_a_repeated_first_hour_belongs_to_the_new_day() -> None:
    havana = starts(ZoneInfo("America/Havana"), date(2026, 11, 1), time(0), time(2))
    assert shown(havana) == ["00:00 -0400", "00:00 -0500", "01:00 -0500"]


def test_a_long_visit_may_run_through_the_skipped_hour() -> None:
    night = starts(LONDON, date(2026, 3, 29), time(0), time(4), length=Length(0, 120, 0))
    # From 00:00 GMT to 04:00 BST there are three hours.
    assert shown(night) == ["00:00 +0000", "02:00 +0100"]


def test_a_long_visit_may_run_through_the_repeated_hour() -> None:
    night = starts(LONDON, date(2026, 10, 25), time(0), time(3), length=Length(0, 180, 0))
    # From 00:00 BST to 03:00 GMT there are four hours.
    assert shown(night) == ["00:00 +0100", "01:00 +0100"]


def test_a_break_in_the_repeated_hour_is_taken_both_times() -> None:
    night = starts(
        LONDON,
        date(2026, 10, 25),
        time(0),
        time(3),
        step=30,
        break_starts=time(1),
        break_ends=time(1, 30),
    )
    assert shown(night) == [
        "00:00 +0100",
        "00:30 +0100",
        "01:30 +0100",
        "01:30 +0000",
        "02:00 +0000",
        "02:30 +0000",
    ]


def test_hours_that_lie_in_the_skipped_hour_are_not_worked() -> None:
    assert starts(LONDON, date(2026, 3, 29), time(1), time(2), step=5) == []
    assert shown(starts(LONDON, date(2026, 3, 29), time(1, 30), time(2, 30), step=30)) == [
        "02:00 +0100"
    ]


@pytest.mark.parametrize("step", [5, 10, 15, 20, 30, 60])
@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/London", date(2026, 3, 29)),
        ("Europe/London", date(2026, 10, 25)),
        ("America/New_York", date(2026, 3, 8)),
        ("America/New_York", date(2026, 11, 1)),
        ("Australia/Lord_Howe", date(2026, 4, 5)),
        ("Australia/Lord_Howe", date(2026, 10, 4)),
        ("America/Santiago", date(2026, 9, 6)),
        ("Asia/Kolkata", date(2026, 10, 25)),
    ],
)
def test_every_step_is_walked_once_through_the_whole_night(
    zone: str, night: date, step: int
) -> None:
    midnight = datetime.combine(night, time(0), tzinfo=ZoneInfo(zone)).astimezone(UTC)
    walked = [midnight + timedelta(minutes=n) for n in range(0, 12 * 60)]
    expected = [
        one
        for one in walked
        if (local := one.astimezone(ZoneInfo(zone))).date() == night
        and local.hour < 6
        and (local.hour * 60 + local.minute) % step == 0
    ]
    offered = starts(ZoneInfo(zone), night, time(0), time(6), step=step, length=Length(0, 5, 0))
    assert [one.astimezone(UTC) for one in offered] == expected


def test_opening_hours_are_the_same_by_the_wall_before_and_after_the_change() -> None:
    for day in (date(2026, 10, 24), date(2026, 10, 25), date(2026, 10, 26)):
        offered = starts(LONDON, day, time(9), time(12), length=Length(0, 60, 0))
        assert [f"{one:%H:%M}" for one in offered] == ["09:00", "10:00", "11:00"]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu", "UTC"])
def test_the_row_holds_the_whole_day_of_the_furthest_zones(zone: str) -> None:
    offered = starts(ZoneInfo(zone), MONDAY, time(0), time(23, 55), length=Length(0, 55, 0))
    assert [f"{one:%d %H:%M}" for one in offered] == [f"23 {hour:02}:00" for hour in range(24)]


def test_buffers_lie_within_the_working_hours_too() -> None:
    offered = starts(LONDON, MONDAY, time(9), time(12), step=15, length=Length(15, 60, 30))
    assert [f"{one:%H:%M}" for one in offered] == [
        "09:15",
        "09:30",
        "09:45",
        "10:00",
        "10:15",
        "10:30",
    ]


@pytest.mark.parametrize(
    ("length", "last"),
    [
        (Length(0, 60, 0), "11:00"),
        (Length(1, 58, 1), "11:00"),
        (Length(4, 57, 4), "10:55"),
        (Length(5, 56, 4), "11:00"),
        (Length(0, 61, 0), "10:55"),
    ],
)
def test_lengths_between_two_cells_are_rounded_outwards(length: Length, last: str) -> None:
    offered = starts(LONDON, MONDAY, time(9), time(12), step=5, length=length)
    assert f"{offered[-1]:%H:%M}" == last
    visit_end = offered[-1] + timedelta(minutes=length.visit + length.after)
    assert visit_end <= datetime(2026, 11, 23, 12, tzinfo=LONDON)
    assert offered[0] - timedelta(minutes=length.before) >= datetime(2026, 11, 23, 9, tzinfo=LONDON)


def test_hours_between_two_cells_are_rounded_inwards_and_busy_time_outwards() -> None:
    grid = Grid.over(first_day=MONDAY, last_day=MONDAY, zone=LONDON)
    worked = grid.working([Hours(0, time(9, 2), time(9, 29))])
    assert [f"{one:%H:%M}" for one in grid.times(worked)] == ["09:05", "09:10", "09:15", "09:20"]
    nine = datetime(2026, 11, 23, 9, tzinfo=UTC)
    busy = grid.touched([Span(nine + timedelta(minutes=4), nine + timedelta(minutes=11))])
    assert [f"{one:%H:%M}" for one in grid.times(busy)] == ["09:00", "09:05", "09:10"]


def test_an_appointment_may_begin_where_another_ends() -> None:
    grid = Grid.over(first_day=MONDAY, last_day=MONDAY, zone=LONDON)
    nine = datetime(2026, 11, 23, 9, tzinfo=UTC)
    busy = grid.touched([Span(nine, nine + timedelta(hours=1))])
    assert grid.times(busy)[-1] == nine + timedelta(minutes=55)
    assert grid.touched([Span(nine, nine)]) == 0


def test_what_lies_outside_the_row_leaves_it_alone() -> None:
    grid = Grid.over(first_day=MONDAY, last_day=MONDAY, zone=LONDON)
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    far_away = datetime(2099, 1, 1, tzinfo=UTC)
    assert grid.touched([Span(long_ago, long_ago + timedelta(days=9))]) == 0
    assert grid.touched([Span(far_away, far_away + timedelta(days=9))]) == 0
    assert grid.touched([Span(long_ago, far_away)]) == (1 << grid.cells) - 1
    assert (grid.cell_at(long_ago), grid.cell_at(far_away)) == (None, None)
    assert grid.cell_at(datetime(2026, 11, 23, 9, 1, tzinfo=UTC)) is None


def test_hours_hold_from_their_first_to_their_last_day() -> None:
    hours = Hours(0, time(9), time(10), valid_from=MONDAY, valid_until=date(2026, 12, 7))
    mondays = [MONDAY + timedelta(days=7 * n) for n in range(-1, 4)]
    assert [hours.holds_on(day) for day in mondays] == [False, True, True, True, False]
    assert not hours.holds_on(MONDAY + timedelta(days=1))


def test_notice_and_horizon_are_half_open() -> None:
    grid = Grid.over(first_day=MONDAY, last_day=MONDAY, zone=LONDON)
    ten = datetime(2026, 11, 23, 10, tzinfo=UTC)
    between = grid.between(ten, ten + timedelta(minutes=10))
    assert grid.times(between) == [ten, ten + timedelta(minutes=5)]
    late = grid.between(ten + timedelta(seconds=1), ten + timedelta(minutes=10, seconds=1))
    assert grid.times(late) == [ten + timedelta(minutes=5), ten + timedelta(minutes=10)]


@pytest.mark.parametrize(
    ("free", "cells", "expected"),
    [(0b0, 1, 0b0), (0b1011, 1, 0b1011), (0b1111, 3, 0b0011), (0b110111, 2, 0b010011)],
)
def test_run_starts_finds_where_a_run_begins(free: int, cells: int, expected: int) -> None:
    assert run_starts(free, cells) == expected


def test_one_room_must_be_free_for_the_whole_visit() -> None:
    # Together the rooms are always free; neither is for three cells.
    found, _rooms = visit_starts(
        grid=Grid.over(first_day=MONDAY, last_day=MONDAY, zone=LONDON),
        therapists={1: 0b111111},
        rooms={1: 0b100011, 2: 0b011100},
        length=Length(0, 15, 0),
        allowed=ALWAYS_FREE,
    )
    assert list(set_bits(found[1])) == [2]


def test_nearest_keeps_the_order_through_the_repeated_hour() -> None:
    one_utc = datetime(2026, 10, 25, 1, tzinfo=UTC)
    times = [(one_utc + timedelta(minutes=30 * n)).astimezone(LONDON) for n in range(-3, 4)]
    wanted = one_utc.astimezone(LONDON)
    assert shown(nearest(times, wanted)) == ["01:30 +0100", "01:00 +0000", "01:30 +0000"]
    assert shown(nearest(times, times[0])) == ["00:30 +0100", "01:00 +0100", "01:30 +0100"]


def test_nearest_prefers_the_closest_then_the_earlier_and_answers_in_order() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    times = [noon + timedelta(minutes=15 * n) for n in (-8, -2, 2, 3, 9)]
    assert nearest(times, noon) == [times[1], times[2], times[3]]
    assert nearest(times, noon, count=1) == [times[1]]
    assert nearest([], noon) == []
