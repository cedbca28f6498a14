"""Which days a report is about, and which it is compared with. No database."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bookings.availability import Span

DAY = timedelta(days=1)
# Added to the first day of a unit it leads into the next one, never beyond.
INTO_THE_NEXT = {"week": 7, "month": 31, "quarter": 92, "year": 366}
UNITS = tuple(INTO_THE_NEXT)
# Days up to which the course of a period is told by the day, and by the week.
BY_DAY, BY_WEEK = 31, 190


@dataclass(frozen=True, slots=True)
class Period:
    """The days ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.last - self.first).days + 1

    @property
    def step(self) -> str:
        """By what its course is told: ``day``, ``week`` or ``month``."""
        if self.days <= BY_DAY:
            return "day"
        return "week" if self.days <= BY_WEEK else "month"

    def span(self, zone: ZoneInfo) -> Span:
        """The time from the first midnight to the one after the last day."""
        return Span(
            datetime.combine(self.first, time.min, tzinfo=zone),
            datetime.combine(self.last + DAY, time.min, tzinfo=zone),
        )

    def just_before(self) -> "Period":
        """As many days, directly before."""
        return Period(self.first - self.days * DAY, self.first - DAY)

    def every_day(self) -> list[date]:
        """Its days in order."""
        return [self.first + n * DAY for n in range(self.days)]

    def steps(self) -> list["Period"]:
        """The period in steps; the first and the last may be parts of their week or month."""
        found = []
        first = self.first
        while first <= self.last:
            end = first if self.step == "day" else whole(self.step, first).last
            found.append(Period(first, min(end, self.last)))
            first = found[-1].last + DAY
        return found


def whole(unit: str, day: date) -> Period:
    """The week (from Monday), month, quarter or year in which ``day`` lies."""
    first = _first_day(unit, day)
    return Period(first, _first_day(unit, first + INTO_THE_NEXT[unit] * DAY) - DAY)


def this_and_last(unit: str, today: date) -> tuple[Period, Period, Period]:
    """The ``unit`` of today, the one before, and the one before that."""
    this = whole(unit, today)
    last = whole(unit, this.first - DAY)
    return this, last, whole(unit, last.first - DAY)


def _first_day(unit: str, day: date) -> date:
    if unit == "week":
        return day - day.weekday() * DAY
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1)
