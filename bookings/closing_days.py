"""The days to come as somebody sees them who is about to close the spa. Reads only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bookings.actions.changes import CHANGEABLE
from bookings.models import Appointment, TimeOff
from bookings.public_holidays import PublicHoliday
from services.models import SpaProfile


@dataclass(frozen=True)
class ClosingDay:
    """A day that may be closed: how many visits it has, and whether it is closed already."""

    day: date
    visits: int
    is_closed: bool
    name: str = ""

    @property
    def key(self) -> str:
        """The day as an address and a form name it."""
        return self.day.isoformat()


def closing_days(
    holidays: Sequence[PublicHoliday], *, spa: SpaProfile, now: datetime
) -> list[ClosingDay]:
    """Return the given days with what is booked on each; two queries."""
    days = [one.day for one in holidays]
    if not days:
        return []
    start, end = _midnight(min(days), spa), _midnight(max(days) + timedelta(days=1), spa)
    booked = Appointment.objects.filter(
        status__in=CHANGEABLE, starts_at__gte=max(start, now), starts_at__lt=end
    ).values_list("starts_at", flat=True)
    visits = Counter(at.astimezone(spa.zone).date() for at in booked)
    closed = list(
        TimeOff.objects.filter(therapist=None, starts_at__lt=end, ends_at__gt=start).values_list(
            "starts_at", "ends_at"
        )
    )
    return [
        ClosingDay(one.day, visits[one.day], _is_closed(one.day, closed, spa), one.name)
        for one in holidays
    ]


def next_days(*, count: int, spa: SpaProfile, now: datetime) -> list[ClosingDay]:
    """Return the next days from today on."""
    today = now.astimezone(spa.zone).date()
    days = [PublicHoliday(today + timedelta(days=number), "") for number in range(count)]
    return closing_days(days, spa=spa, now=now)


def _is_closed(day: date, closed: Sequence[tuple[datetime, datetime]], spa: SpaProfile) -> bool:
    start, end = _midnight(day, spa), _midnight(day + timedelta(days=1), spa)
    return any(starts <= start and ends >= end for starts, ends in closed)


def _midnight(day: date, spa: SpaProfile) -> datetime:
    return datetime.combine(day, time.min, tzinfo=spa.zone)
