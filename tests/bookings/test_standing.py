"""Which visits fit the house: the rows of bits against every minute asked by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookings.availability import Hours, Span
from bookings.standing import Absence, Booked, House, Why, newly_unfit, unfit
from tests.bookings.oracle import MINUTE
from tests.bookings.strategies import DAYS, hours, moments

LONDON = ZoneInfo("Europe/London")


def reasons_of(visit: Booked, house: House) -> set[Why]:
    """Asked minute by minute and fact by fact."""
    start, end = visit.busy.start, visit.busy.end
    minutes = [start + number * MINUTE for number in range((end - start) // MINUTE)]
    found = {why for minute in minutes for why in _at_a_minute(visit, house, minute)}
    if visit.therapist not in house.gives:
        found.add(Why.NOT_TAKING)
    elif visit.service not in house.gives[visit.therapist]:
        found.add(Why.NOT_GIVING)
    if visit.room not in house.suits:
        found.add(Why.ROOM_SHUT)
    elif visit.service not in house.suits[visit.room]:
        found.add(Why.ROOM_UNSUITED)
    return found


def _at_a_minute(visit: Booked, house: House, minute: datetime) -> Iterator[Why]:
    if not _is_worked(house.hours.get(visit.therapist, ()), minute.astimezone(house.zone)):
        yield Why.HOURS
    for off in house.absences:
        if off.span.start < minute + MINUTE and off.span.end > minute:
            if off.therapist is None:
                yield Why.CLOSED
            elif off.therapist == visit.therapist:
                yield Why.OFF


def _is_worked(rules: Sequence[Hours], wall: datetime) -> bool:
    clock = wall.time().replace(tzinfo=None)
    for rule in rules:
        pauses = rule.break_starts is not None and rule.break_ends is not None
        if not rule.holds_on(wall.date()) or not rule.starts <= clock < rule.ends:
            continue
        if not pauses or not rule.break_starts <= clock < rule.break_ends:  # type: ignore[operator]
            return True
    return False


@dataclass(frozen=True)
class Case:
    visits: list[Booked]
    before: House
    after: House


@st.composite
def houses(draw: st.DrawFn, zone: str, first: date) -> House:
    days = [first, first + timedelta(days=1)]
    known = st.dictionaries(st.integers(1, 3), st.frozensets(st.integers(1, 2)), max_size=3)
    absences = []
    for _n in range(draw(st.integers(0, 3))):
        start = draw(moments(first))
        length = timedelta(minutes=draw(st.integers(1, 600)))
        who = draw(st.sampled_from([None, 1, 2]))
        absences.append(Absence(who, Span(start, start + length)))
    return House(
        zone=ZoneInfo(zone),
        hours={who: draw(st.lists(hours(days), max_size=3)) for who in (1, 2)},
        absences=absences,
        gives=draw(known),
        suits=draw(known),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    zone, first = draw(st.sampled_from(DAYS))
    midnight = datetime.combine(first, time(0), tzinfo=UTC)
    visits = []
    for number in range(draw(st.integers(1, 6))):
        start = midnight + timedelta(minutes=5 * draw(st.integers(-200, 700)))
        end = start + timedelta(minutes=5 * draw(st.integers(1, 60)))
        who, where, what = (draw(st.integers(1, 3)) for _n in range(3))
        visits.append(Booked(str(number), who, where, what, Span(start, end)))
    return Case(visits, draw(houses(zone, first)), draw(houses(zone, first)))


@given(cases())
def test_visits_are_judged_as_minute_by_minute(case: Case) -> None:
    before = {one.reference: reasons_of(one, case.before) for one in case.visits}
    after = {one.reference: reasons_of(one, case.after) for one in case.visits}
    assert unfit(case.visits, case.before) == {key: why for key, why in before.items() if why}
    new = {key: why - before[key] for key, why in after.items()}
    assert newly_unfit(case.visits, case.before, case.after) == {
        key: why for key, why in new.items() if why
    }


@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        # In March the clock leaps from 01:00 to 02:00 GMT: these hours lose one.
        (datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC), set()),
        (
            datetime(2026, 3, 29, 1, tzinfo=UTC),
            datetime(2026, 3, 29, 2, 5, tzinfo=UTC),
            {Why.HOURS},
        ),
        # In October it shows the hour from one to two twice: both are worked.
        (datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 10, 25, 3, tzinfo=UTC), set()),
        (
            datetime(2026, 10, 25, 2, tzinfo=UTC),
            datetime(2026, 10, 25, 3, 5, tzinfo=UTC),
            {Why.HOURS},
        ),
    ],
)
def test_both_nights_on_which_the_clocks_change(
    start: datetime, end: datetime, why: set[Why]
) -> None:
    house = House(
        zone=LONDON,
        hours={1: [Hours(6, time(0), time(3)), Hours(5, time(23), time(23, 59))]},
        absences=[],
        gives={1: frozenset({1})},
        suits={1: frozenset({1})},
    )
    visit = Booked("K7QF2M9D", 1, 1, 1, Span(start, end))
    assert unfit([visit], house).get("K7QF2M9D", frozenset()) == why


def test_a_visit_over_the_end_of_a_month_is_judged_on_both_days() -> None:
    late, early = Hours(5, time(22), time(23, 55)), Hours(6, time(0), time(2))
    house = House(
        zone=LONDON,
        hours={1: [late, early]},
        absences=[Absence(None, Span(at(2, 28, 1), at(2, 28, 2)))],
        gives={1: frozenset({1})},
        suits={1: frozenset({1})},
    )
    visits = [
        Booked("A", 1, 1, 1, Span(at(1, 31, 23), at(1, 31, 23, 55))),
        Booked("B", 1, 1, 1, Span(at(1, 31, 23), at(1, 31, 23) + timedelta(hours=2))),
        Booked("C", 1, 1, 1, Span(at(2, 1, 0), at(2, 1, 2))),
    ]
    assert unfit(visits, house) == {"B": {Why.HOURS}}


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)
