"""The figures of a period worked out visit by visit and minute by minute, the slow obvious way."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from bookings.models import Appointment, Event, Room, Therapist, TimeOff, WorkingHours
from bookings.reports.periods import Period

MINUTE = timedelta(minutes=1)
CAME = {"arrived", "completed"}
STANDS = CAME | {"requested", "confirmed", "no_show"}


@dataclass
class Slow:
    """Everything that a report says of one period, from all rows of the database."""

    period: Period
    zone: ZoneInfo
    notice: timedelta

    def __post_init__(self) -> None:
        self.rows = list(Appointment.objects.select_related("client"))
        self.within = [one for one in self.rows if self._in(one.starts_at, self.period)]

    def counts(self, rows: Sequence[Appointment] | None = None) -> dict[str, Any]:
        rows = self.within if rows is None else rows
        statuses = Counter(str(one.status) for one in rows)
        return {
            "kept": sum(statuses[status] for status in CAME),
            "missed": statuses["no_show"],
            "open": statuses["requested"] + statuses["confirmed"],
            "cancelled": statuses["cancelled"],
            "declined": statuses["declined"],
            "worth": sum((one.price for one in rows if one.status in STANDS), Decimal(0)),
            "worth_kept": sum((one.price for one in rows if one.status in CAME), Decimal(0)),
        }

    def people(self) -> tuple[int, int]:
        new: set[int] = set()
        old: set[int] = set()
        for one in self.within:
            if one.status in CAME:
                who = self._person(one)
                earlier = any(
                    self._person(other) == who
                    and other.status in CAME
                    and other.starts_at < self._midnight
                    for other in self.rows
                )
                (old if earlier else new).add(who)
        return len(new), len(old)

    def cancellations(self) -> Counter[tuple[str, bool]]:
        found: Counter[tuple[str, bool]] = Counter()
        for one in self.within:
            if one.status == "cancelled":
                last = [
                    event
                    for event in Event.objects.filter(appointment=one).order_by("pk")
                    if event.changes.get("status", [None, None])[1] == "cancelled"
                ][-1]
                found[last.actor_kind, one.starts_at - last.at < self.notice] += 1
        return found

    def leads(self) -> Counter[int]:
        """Booked visits by days between booking and visit."""
        return Counter(
            (self._day(one.starts_at) - self._day(one.created_at)).days
            for one in self.within
            if one.status in STANDS
        )

    def used(self, owner: Therapist | Room) -> tuple[int, int]:
        hers = [one for one in self.within if owner in (one.therapist, one.room)]
        booked = [one.busy_until - one.busy_from for one in hers if one.status in STANDS]
        kept = [one.busy_until - one.busy_from for one in hers if one.status in CAME]
        return sum(booked, timedelta()) // MINUTE, sum(kept, timedelta()) // MINUTE

    def work(self) -> tuple[Counter[int], int]:
        """Working minutes by therapist, and those in which anybody works."""
        hers: Counter[int] = Counter()
        anybody = 0
        for minute in self._minutes():
            at_work = self._at_work(minute)
            hers.update(at_work)
            anybody += bool(at_work)
        return hers, anybody

    def hours(self) -> dict[tuple[int, int], tuple[int, int]]:
        """By weekday and hour: minutes of work, and those of them with a visit."""
        worked: Counter[tuple[int, int]] = Counter()
        taken: Counter[tuple[int, int]] = Counter()
        for minute in self._minutes():
            wall = minute.astimezone(self.zone)
            for therapist in self._at_work(minute):
                key = wall.weekday(), wall.hour
                worked[key] += 1
                taken[key] += sum(
                    one.therapist_id == therapist
                    and one.status in STANDS - {"no_show"}
                    and one.busy_from <= minute < one.busy_until
                    for one in self.rows
                )
        return {key: (count, taken[key]) for key, count in worked.items()}

    @property
    def _midnight(self) -> datetime:
        return next(iter(self._minutes()))

    def _minutes(self) -> list[datetime]:
        if not hasattr(self, "_every"):
            first = datetime.combine(self.period.first, datetime.min.time(), tzinfo=ZoneInfo("UTC"))
            around = [first + n * MINUTE for n in range(-1440, (self.period.days + 1) * 1440)]
            self._every = [one for one in around if self._in(one, self.period)]
        return self._every

    def _at_work(self, minute: datetime) -> list[int]:
        if not hasattr(self, "_hours"):
            self._hours = list(WorkingHours.objects.filter(therapist__active=True))
            self._off = list(TimeOff.objects.all())
        wall = minute.astimezone(self.zone)
        day, clock = wall.date(), wall.time()
        return sorted(
            {
                rule.therapist_id
                for rule in self._hours
                if rule.weekday == day.weekday()
                and rule.starts <= clock < rule.ends
                and not (
                    rule.break_starts
                    and rule.break_ends
                    and rule.break_starts <= clock < rule.break_ends
                )
                and not any(
                    off.therapist_id in (None, rule.therapist_id)
                    and off.starts_at <= minute < off.ends_at
                    for off in self._off
                )
            }
        )

    def _in(self, at: datetime, period: Period) -> bool:
        return period.first <= self._day(at) <= period.last

    def _day(self, at: datetime) -> Any:
        return at.astimezone(self.zone).date()

    def _person(self, one: Appointment) -> int:
        assert one.client is not None
        return one.client.merged_into_id or one.client.pk
