"""The periods of a therapist's hours, and what a change makes of them."""

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookings.availability import Hours
from bookings.week_words import period_in_words, week_in_words
from bookings.weeks import (
    NO_WEEK,
    Day,
    Period,
    Shift,
    Week,
    minutes_worked,
    period_on,
    periods,
    replaced,
)

FIRST = date(2026, 11, 23)
LONG = Shift(time(9), time(17))
SHORT = Shift(time(10), time(14))
LUNCH = Shift(time(9), time(17), time(12, 30), time(13, 15))


def week(**days: Day) -> Week:
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    return tuple(days.get(name, ()) for name in names)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def test_rows_with_dates_of_their_own_become_periods_of_whole_weeks() -> None:
    rows = [
        Hours(0, time(9), time(17)),
        Hours(3, time(9), time(17), valid_until=day(6)),
        Hours(3, time(10), time(14), valid_from=day(7)),
    ]
    assert periods(rows) == [
        Period(None, day(6), week(mon=(LONG,), thu=(LONG,))),
        Period(day(7), None, week(mon=(LONG,), thu=(SHORT,))),
    ]


def test_nobody_without_hours_lacks_a_period() -> None:
    assert periods([]) == [Period(None, None, NO_WEEK)]


def test_a_stretch_of_other_weeks_lets_what_was_before_go_on_after_it() -> None:
    rows = replaced([Hours(0, time(9), time(17))], NO_WEEK, first=day(7), last=day(13))
    assert periods(rows) == [
        Period(None, day(6), week(mon=(LONG,))),
        Period(day(7), day(13), NO_WEEK),
        Period(day(14), None, week(mon=(LONG,))),
    ]


def test_until_further_notice_takes_the_place_of_all_that_was_planned() -> None:
    rows = [
        Hours(0, time(9), time(17), valid_until=day(6)),
        Hours(0, time(10), time(14), valid_from=day(7)),
    ]
    changed = replaced(rows, week(tue=(SHORT,)), first=day(3))
    assert periods(changed) == [
        Period(None, day(2), week(mon=(LONG,))),
        Period(day(3), None, week(tue=(SHORT,))),
    ]


def test_the_same_week_again_is_no_new_period() -> None:
    rows = [Hours(0, time(9), time(17))]
    assert replaced(rows, week(mon=(LONG,)), first=day(7)) == rows


@pytest.mark.parametrize("edge", [date.min, date.max])
def test_the_ends_of_the_calendar_are_no_trap(edge: date) -> None:
    rows = [Hours(0, time(9), time(17), valid_from=date.min, valid_until=date.max)]
    assert periods(rows) == [Period(None, None, week(mon=(LONG,)))]
    assert periods(replaced(rows, NO_WEEK, first=edge, last=edge))


SHIFTS = st.sampled_from([LONG, SHORT, LUNCH, Shift(time(18), time(20))])
DAYS = st.integers(-3, 20).map(day)
MAYBE = st.none() | DAYS


@st.composite
def some_hours(draw: st.DrawFn) -> Hours:
    shift = draw(SHIFTS)
    return Hours(
        draw(st.integers(0, 6)),
        shift.starts,
        shift.ends,
        shift.break_starts,
        shift.break_ends,
        draw(MAYBE),
        draw(MAYBE),
    )


def worked(rows: list[Hours], on: date) -> set[Shift]:
    """What is worked on a day, asked of each row."""
    return {
        Shift(one.starts, one.ends, one.break_starts, one.break_ends)
        for one in rows
        if one.holds_on(on)
    }


@given(
    st.lists(some_hours(), max_size=6),
    st.lists(st.lists(SHIFTS, max_size=2, unique=True), min_size=7, max_size=7),
    DAYS,
    st.none() | st.integers(0, 9),
)
def test_every_day_is_worked_as_the_change_or_as_before(
    rows: list[Hours], days: list[list[Shift]], first: date, length: int | None
) -> None:
    last = None if length is None else first + timedelta(days=length)
    new = tuple(tuple(one) for one in days)
    changed = replaced(rows, new, first=first, last=last)
    for number in range(-10, 40):
        on = day(number)
        is_new = first <= on and (last is None or on <= last)
        expected = set(new[on.weekday()]) if is_new else worked(rows, on)
        assert worked(changed, on) == expected
        assert set(period_on(periods(changed), on).week[on.weekday()]) == expected


def test_a_week_reads_as_people_say_it() -> None:
    said = week_in_words(
        week(
            mon=(LUNCH,),
            tue=(LUNCH,),
            wed=(LUNCH,),
            fri=(LUNCH,),
            sat=(SHORT, Shift(time(16), time(18))),
        )
    )
    assert said == [
        "Monday – Wednesday 09:00 – 17:00, break 12:30 – 13:15",
        "Friday 09:00 – 17:00, break 12:30 – 13:15",
        "Saturday 10:00 – 14:00 and 16:00 – 18:00",
    ]
    assert week_in_words(NO_WEEK) == ["No working hours"]
    assert minutes_worked((LUNCH, Shift(time(18), time(20)))) == 435 + 120


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (None, None, "Now"),
        (day(-9), day(3), "Now, until Thursday 26 November"),
        (day(3), None, "From Thursday 26 November"),
        (day(3), day(3), "On Thursday 26 November"),
        (day(3), date(2027, 3, 1), "From Thursday 26 November until Monday 1 March 2027"),
    ],
)
def test_a_period_says_when_it_holds(first: date | None, last: date | None, words: str) -> None:
    assert period_in_words(Period(first, last, NO_WEEK), FIRST) == words
