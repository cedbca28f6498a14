"""Random spas for property tests."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from bookings.availability import Hours
from tests.bookings.oracle import Busy, Off, World

# Days beside a clock change, and a plain one; two zones change by the half hour or not at all.
DAYS = [
    ("Europe/London", date(2026, 3, 28)),
    ("Europe/London", date(2026, 10, 24)),
    ("America/New_York", date(2026, 3, 7)),
    ("America/New_York", date(2026, 10, 31)),
    ("Australia/Lord_Howe", date(2026, 4, 4)),
    ("Australia/Lord_Howe", date(2026, 10, 3)),
    ("America/Santiago", date(2026, 9, 5)),
    ("Africa/Cairo", date(2026, 10, 29)),
    ("Asia/Kolkata", date(2026, 7, 1)),
    ("Asia/Kathmandu", date(2026, 7, 1)),
]
STEPS = st.sampled_from([5, 10, 15, 20, 30, 60])
BUFFERS = st.sampled_from([0, 0, 5, 10, 15, 30])
LENGTHS = st.sampled_from([5, 20, 30, 45, 60, 90, 120, 240])


@st.composite
def hours(draw: st.DrawFn, days: list[date]) -> Hours:
    """Hours on the weekday of one of ``days``, some with a break, some valid for a while only."""
    day = draw(st.sampled_from(days))
    starts = draw(st.integers(0, 280))
    ends = draw(st.integers(starts + 1, 287))
    break_starts = break_ends = None
    if ends - starts > 3 and draw(st.booleans()):
        break_starts = draw(st.integers(starts, ends - 1))
        break_ends = draw(st.integers(break_starts + 1, ends))
    dates = st.none() | st.sampled_from([day - timedelta(days=1), day])
    return Hours(
        weekday=day.weekday(),
        starts=_clock(starts),
        ends=_clock(ends),
        break_starts=None if break_starts is None else _clock(break_starts),
        break_ends=None if break_ends is None else _clock(break_ends),
        valid_from=draw(dates),
        valid_until=draw(st.none() | st.sampled_from([day, day + timedelta(days=1)])),
    )


def _clock(cell: int) -> time:
    return time(cell // 12, cell % 12 * 5)


@st.composite
def moments(draw: st.DrawFn, day: date) -> datetime:
    """A moment to the minute from the day before ``day`` to three days after."""
    midnight = datetime.combine(day, time(0), tzinfo=UTC)
    return midnight + timedelta(minutes=draw(st.integers(-1440, 3 * 1440)))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """One to two days of up to three therapists and three rooms."""
    zone, first_day = draw(st.sampled_from(DAYS))
    last_day = first_day + timedelta(days=draw(st.integers(0, 1)))
    days = [first_day, last_day]
    therapists = list(range(1, draw(st.integers(1, 3)) + 1))
    rooms = list(range(1, draw(st.integers(1, 3)) + 1))
    stretch = st.integers(1, 600).map(lambda minutes: timedelta(minutes=minutes))
    off, busy = [], []
    for _n in range(draw(st.integers(0, 2))):
        start = draw(moments(first_day))
        who = draw(st.sampled_from([None, *therapists]))
        off.append(Off(who, start, start + draw(stretch)))
    for _n in range(draw(st.integers(0, 6))):
        start = draw(moments(first_day))
        # Somebody and somewhere else now and then: it must not count.
        who, where = draw(st.sampled_from([*therapists, 9])), draw(st.sampled_from([*rooms, 9]))
        busy.append(Busy(who, where, start, start + draw(stretch) / 4))
    long_before = datetime.combine(first_day - timedelta(days=2), time(0), tzinfo=UTC)
    return World(
        zone=ZoneInfo(zone),
        first_day=first_day,
        last_day=last_day,
        step=draw(STEPS),
        before=draw(BUFFERS),
        visit=draw(LENGTHS),
        after=draw(BUFFERS),
        earliest=draw(st.just(long_before) | moments(first_day)),
        latest=draw(st.just(long_before + timedelta(days=9)) | moments(first_day)),
        hours={one: draw(st.lists(hours(days), min_size=1, max_size=2)) for one in therapists},
        rooms=rooms,
        off=off,
        busy=busy,
    )
