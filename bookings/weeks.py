"""The week of a therapist and how it changes over the year. Pure: no Django, no database.

Rows of hours are each valid for a while. Cut wherever one begins or ends to be valid they make
periods, and within a period one week holds: that is what people plan and read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import pairwise

from bookings.availability import Hours

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shift:
    """One stretch of a working day by the wall clock, with a break or without."""

    starts: time
    ends: time
    break_starts: time | None = None
    break_ends: time | None = None


Day = tuple[Shift, ...]
# Seven days, Monday first.
Week = tuple[Day, ...]
NO_WEEK: Week = ((),) * 7


@dataclass(frozen=True, slots=True)
class Period:
    """The days ``first`` to ``last``, both worked by ``week``; ``None`` is as long as can be."""

    first: date | None
    last: date | None
    week: Week

    def holds_on(self, day: date) -> bool:
        """Whether ``day`` lies in the period."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


def periods(hours: Iterable[Hours]) -> list[Period]:
    """Return the periods of ``hours`` in order, from the beginning of time to its end.

    Neighbours with the same week are one period, so there is at least one and no two are alike.
    """
    rows = list(hours)
    cuts = sorted({*_firsts(rows)})
    edges: list[date | None] = [None, *cuts, None]
    found = [
        Period(first, end - ONE_DAY if end else None, _week(rows, first))
        for first, end in pairwise(edges)
    ]
    return _merged(found)


def replaced(
    hours: Iterable[Hours], week: Week, *, first: date, last: date | None = None
) -> list[Hours]:
    """Return the rows that work by ``week`` from ``first`` to ``last`` and else as ``hours`` do."""
    kept: list[Period] = []
    for period in periods(hours):
        kept += _before(period, first)
    kept.append(Period(first, last, week))
    if last is not None:
        for period in periods(hours):
            kept += _after(period, last)
    return rows_of(_merged(kept))


def rows_of(plan: Iterable[Period]) -> list[Hours]:
    """Return the rows of hours that stand for periods."""
    return [
        Hours(
            weekday=weekday,
            starts=shift.starts,
            ends=shift.ends,
            break_starts=shift.break_starts,
            break_ends=shift.break_ends,
            valid_from=period.first,
            valid_until=period.last,
        )
        for period in plan
        for weekday, day in enumerate(period.week)
        for shift in day
    ]


def period_on(plan: Sequence[Period], day: date) -> Period:
    """Return the period of ``day``."""
    return next(period for period in plan if period.holds_on(day))


def alike(week: Week) -> list[tuple[list[int], Day]]:
    """Return the worked days of ``week`` with those that follow upon each other put together."""
    found: list[tuple[list[int], Day]] = []
    for weekday, day in enumerate(week):
        if not day:
            continue
        if found and found[-1][1] == day and found[-1][0][-1] == weekday - 1:
            found[-1][0].append(weekday)
        else:
            found.append(([weekday], day))
    return found


def minutes_worked(day: Day) -> int:
    """Return how many minutes of ``day`` are worked by the wall clock, breaks left out."""
    return sum(
        _minutes(one.starts, one.ends)
        - (_minutes(one.break_starts, one.break_ends) if one.break_starts and one.break_ends else 0)
        for one in day
    )


def _minutes(starts: time, ends: time) -> int:
    return (ends.hour - starts.hour) * 60 + ends.minute - starts.minute


def _firsts(rows: Iterable[Hours]) -> Iterable[date]:
    for row in rows:
        if row.valid_from is not None and row.valid_from != date.min:
            yield row.valid_from
        if row.valid_until is not None and row.valid_until != date.max:
            yield row.valid_until + ONE_DAY


def _week(rows: Iterable[Hours], first: date | None) -> Week:
    """The week that is worked from ``first`` on, which is where some rows begin or have ended."""
    days: list[set[Shift]] = [set() for _weekday in range(7)]
    on = first or date.min
    for row in rows:
        begun = row.valid_from is None or row.valid_from <= on
        if begun and (row.valid_until is None or on <= row.valid_until):
            shift = Shift(row.starts, row.ends, row.break_starts, row.break_ends)
            days[row.weekday].add(shift)
    return tuple(tuple(sorted(day, key=lambda one: (one.starts, one.ends))) for day in days)


def _merged(plan: Iterable[Period]) -> list[Period]:
    found: list[Period] = []
    for period in plan:
        if found and found[-1].week == period.week:
            found[-1] = Period(found[-1].first, period.last, period.week)
        else:
            found.append(period)
    return found


def _before(period: Period, day: date) -> list[Period]:
    """What of ``period`` lies before ``day``."""
    if day == date.min or (period.first is not None and period.first >= day):
        return []
    last = day - ONE_DAY
    return [Period(period.first, min(period.last or last, last), period.week)]


def _after(period: Period, day: date) -> list[Period]:
    """What of ``period`` lies after ``day``."""
    if day == date.max or (period.last is not None and period.last <= day):
        return []
    first = day + ONE_DAY
    return [Period(max(period.first or first, first), period.last, period.week)]
