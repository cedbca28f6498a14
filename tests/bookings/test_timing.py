"""When messages are due: lead times, quiet hours, and the two nights on which the clock changes."""

from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bookings.timing import (
    QuietHours,
    aftercare_moment,
    clearance_moments,
    decision_due,
    preparation_moment,
    question_moment,
    reminder_moments,
)

LONDON = ZoneInfo("Europe/London")
QUIET = QuietHours(time(21), time(8), LONDON)
NEVER = QuietHours(time(21), time(21), LONDON)
MINUTE = timedelta(minutes=1)


def gmt(day: int, hour: int, minute: int = 0) -> datetime:
    """A time of November 2026, when London keeps UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


# --- Quiet hours ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "quiet"),
    [
        (gmt(23, 20, 59), False),
        (gmt(23, 21), True),
        (gmt(24, 0), True),
        (gmt(24, 7, 59), True),
        (gmt(24, 8), False),
    ],
)
def test_quiet_hours_reach_over_midnight_and_are_half_open(at: datetime, quiet: bool) -> None:
    assert QUIET.around(at) == ((gmt(23, 21), gmt(24, 8)) if quiet else None)


def test_two_equal_hours_mean_that_none_is_quiet() -> None:
    assert [hour for hour in range(24) if NEVER.around(gmt(23, hour))] == []


@pytest.mark.parametrize(
    ("begins", "ends"), [(time(21), time(8)), (time(12, 30), time(14)), (time(0), time(6))]
)
@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("Europe/London", datetime(2026, 3, 28, 12, tzinfo=UTC)),
        ("Europe/London", datetime(2026, 10, 24, 12, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 3, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, 3, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 0, tzinfo=UTC)),
    ],
)
def test_every_quarter_of_a_changing_night_is_quiet_by_the_wall_clock(
    begins: time, ends: time, zone: str, first: datetime
) -> None:
    quiet = QuietHours(begins, ends, ZoneInfo(zone))
    for quarter in range(4 * 36):
        at = first + quarter * 15 * MINUTE
        wall = at.astimezone(quiet.zone).time()
        inside = (begins <= wall < ends) if begins < ends else (wall >= begins or wall < ends)
        stretch = quiet.around(at)
        assert bool(stretch) is inside
        if stretch:
            shown = [one.astimezone(quiet.zone).time() for one in stretch]
            assert shown == [begins, ends]
            assert quiet.wait_out(at) == stretch[1]
            assert quiet.around(stretch[1]) is None
        else:
            assert quiet.wait_out(at) == at


# --- Reminders --------------------------------------------------------------------------------


def test_reminders_come_their_hours_before() -> None:
    moments = reminder_moments(gmt(27, 14), [3, 48], quiet=QUIET, now=gmt(23, 9))
    assert list(moments.items()) == [(48, gmt(25, 14)), (3, gmt(27, 11))]


@pytest.mark.parametrize(
    ("visit", "lead", "moment"),
    [
        # Later, where half of the lead time is left by then.
        (gmt(27, 10), 3, gmt(27, 8)),
        (gmt(27, 9, 30), 3, gmt(27, 8)),
        # Earlier, the evening before, where it would come too late.
        (gmt(27, 9), 3, gmt(26, 20, 30)),
        (gmt(27, 10), 12, gmt(26, 20, 30)),
        (gmt(27, 8), 48, gmt(25, 8)),
        (gmt(27, 7), 48, gmt(25, 8)),
    ],
)
def test_a_reminder_steps_aside_from_the_quiet_hours(
    visit: datetime, lead: int, moment: datetime
) -> None:
    assert reminder_moments(visit, [lead], quiet=QUIET, now=gmt(20, 9)) == {lead: moment}


def test_within_a_lead_time_nothing_repeats_what_was_just_said() -> None:
    visit = gmt(27, 14)
    booked_inside = visit - timedelta(hours=3)
    assert reminder_moments(visit, [48, 3], quiet=QUIET, now=booked_inside) == {}
    shortly_before = visit - timedelta(hours=48, minutes=5)
    assert list(reminder_moments(visit, [48, 3], quiet=QUIET, now=shortly_before)) == [3]
    # The quiet hours move a moment on, but do not bring back one that had passed.
    assert reminder_moments(gmt(27, 10), [3], quiet=QUIET, now=gmt(27, 7, 30)) == {}


def test_two_reminders_that_meet_are_one() -> None:
    assert reminder_moments(gmt(27, 9), [12, 11, 3], quiet=QUIET, now=gmt(20, 9)) == {
        12: gmt(26, 20, 30)
    }


@pytest.mark.parametrize(
    "change", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)]
)
def test_across_a_clock_change_no_reminder_is_quiet_late_or_doubled(change: datetime) -> None:
    for quarter in range(4 * 72):
        visit = change - timedelta(days=1) + quarter * 15 * MINUTE
        now = change - timedelta(days=6)
        moments = list(reminder_moments(visit, [48, 24, 12, 3, 1], quiet=QUIET, now=now).values())
        assert moments == sorted(moments)
        assert moments
        assert not [one for one in moments if QUIET.around(one)]
        assert not [one for one in moments if one >= visit]
        gaps = [later - sooner for sooner, later in pairwise(moments)]
        assert not [gap for gap in gaps if gap < timedelta(hours=2)]


# --- Before and after -------------------------------------------------------------------------


def test_how_to_prepare_comes_on_the_day_before_by_the_spas_clock() -> None:
    ten = time(10)
    assert preparation_moment(gmt(27, 14), ten, quiet=QUIET, now=gmt(23, 9)) == gmt(26, 10)
    # The clocks go back on Sunday 25 October: Saturday's ten o'clock is summer time.
    sunday = datetime(2026, 10, 25, 14, tzinfo=UTC)
    saturday = datetime(2026, 10, 24, 9, tzinfo=UTC)
    assert preparation_moment(sunday, ten, quiet=QUIET, now=gmt(1, 0) - timedelta(30)) == saturday
    assert preparation_moment(gmt(27, 14), time(6), quiet=QUIET, now=gmt(23, 9)) == gmt(26, 8)


@pytest.mark.parametrize("now", [gmt(25, 22, 1), gmt(26, 8), gmt(26, 12), gmt(27, 13)])
def test_how_to_prepare_is_not_repeated_to_who_has_just_booked(now: datetime) -> None:
    assert preparation_moment(gmt(27, 14), time(10), quiet=QUIET, now=now) is None


@pytest.mark.parametrize(
    ("ends", "moment"),
    [
        (gmt(27, 12), gmt(27, 18, 30)),
        (gmt(27, 18), gmt(27, 19)),
        (gmt(27, 20, 30), gmt(28, 8)),
    ],
)
def test_aftercare_comes_on_the_evening_after_or_in_the_morning(
    ends: datetime, moment: datetime
) -> None:
    assert aftercare_moment(ends, time(18, 30), quiet=QUIET) == moment


# --- Questions and requests -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "moment"),
    [
        (gmt(23, 9), gmt(25, 14)),
        (gmt(26, 9), gmt(26, 10)),
        (gmt(26, 20, 30), gmt(27, 8)),
        (gmt(27, 12, 30), None),
    ],
)
def test_open_questions_are_asked_in_time_or_soon_or_not_by_mail(
    now: datetime, moment: datetime | None
) -> None:
    assert question_moment(gmt(27, 14), 48, quiet=QUIET, now=now) == moment


def test_a_request_is_asked_after_and_warned_of_before_it_must_be_decided() -> None:
    decide_by = decision_due(gmt(27, 14), asked_at=gmt(23, 9), notice_hours=24)
    assert decide_by == gmt(26, 14)
    ask_and_warn = partial(clearance_moments, decide_by, after=24, lead=24, quiet=QUIET)
    assert ask_and_warn(now=gmt(23, 9)) == (gmt(24, 9), gmt(25, 14))
    # Half a day before the warning, asking would only repeat it.
    assert ask_and_warn(now=gmt(24, 9)) == (None, gmt(25, 14))
    assert ask_and_warn(now=gmt(25, 13)) == (None, None)
    assert ask_and_warn(after=0, lead=0, now=gmt(23, 9)) == (None, None)
