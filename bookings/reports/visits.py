"""Visits of a period: what became of them, by treatment, by way of booking and over time."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Case,
    Count,
    Expression,
    ExpressionWrapper,
    F,
    IntegerField,
    Min,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models import DurationField as Lasting
from django.db.models.functions import Coalesce, TruncDate, TruncMonth, TruncWeek

from bookings.availability import Span
from bookings.models import Appointment, Event
from bookings.models.appointments import AppointmentQuerySet
from bookings.reports import BOOKED, KEPT, OPEN, Status
from bookings.reports.periods import Period

NOTHING = Decimal(0)
# The days between booking and visit by which bookings are told apart: up to this many.
LEADS = (0, 1, 3, 7, 14, 30)
EARLIER = 31
TRUNC: dict[str, type[Any]] = {"day": TruncDate, "week": TruncWeek, "month": TruncMonth}


@dataclass(frozen=True, slots=True)
class Tally:
    """Visits by what became of them, and what the booked and the kept ones are worth."""

    kept: int = 0
    missed: int = 0
    open: int = 0
    cancelled: int = 0
    declined: int = 0
    worth: Decimal = NOTHING
    worth_kept: Decimal = NOTHING

    @property
    def booked(self) -> int:
        """Those that were not called off."""
        return self.kept + self.missed + self.open

    @property
    def called_off(self) -> int:
        """Those that were cancelled or declined."""
        return self.cancelled + self.declined

    def __add__(self, other: "Tally") -> "Tally":
        names = [field.name for field in fields(self)]
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True)
class Used:
    """Minutes that booked and kept visits took, with preparation and tidying."""

    booked: int = 0
    kept: int = 0

    def __add__(self, other: "Used") -> "Used":
        return Used(self.booked + other.booked, self.kept + other.kept)


@dataclass(frozen=True, slots=True)
class People:
    """Persons who kept a visit."""

    new: int
    returning: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Cancelled visits by who did it (an actor's kind, or empty) and whether late."""

    by: str
    late: bool
    count: int


def within(span: Span) -> AppointmentQuerySet:
    """Appointments that start in ``span``, in no order."""
    rows = Appointment.objects.filter(starts_at__gte=span.start, starts_at__lt=span.end)
    return rows.order_by()


def tally(span: Span) -> Tally:
    """Return the visits of ``span`` all together; one query."""
    return Tally(**within(span).aggregate(**_counts()))


def tallies(span: Span) -> tuple[dict[int, Tally], dict[str, Tally]]:
    """Return the visits of ``span`` by treatment and by way of booking; one query."""
    by_service: dict[int, Tally] = defaultdict(Tally)
    by_source: dict[str, Tally] = defaultdict(Tally)
    rows = within(span).values_list("service_id", "source").annotate(**_counts())
    for service, source, *counts in rows:
        one = Tally(*counts)
        if one.booked or one.called_off:
            by_service[service] += one
            by_source[source] += one
    return dict(by_service), dict(by_source)


def course(period: Period, zone: ZoneInfo) -> list[tuple[Period, Tally]]:
    """Return the visits of ``period`` step by step, none left out; one query."""
    trunc = TRUNC[period.step]("starts_at", tzinfo=zone)
    steps = within(period.span(zone)).annotate(step=trunc).values_list("step")
    found: dict[date, Tally] = {}
    for step, *counts in steps.annotate(**_counts()):
        day = step.date() if isinstance(step, datetime) else step
        found[max(day, period.first)] = Tally(*counts)
    return [(step, found.get(step.first, Tally())) for step in period.steps()]


def used(span: Span) -> tuple[dict[int, Used], dict[int, Used]]:
    """Return the used minutes by therapist and by room; one query."""
    time = ExpressionWrapper(F("busy_until") - F("busy_from"), output_field=Lasting())
    rows = (
        within(span)
        .filter(status__in=BOOKED)
        .values("therapist_id", "room_id")
        .annotate(booked=Sum(time), kept=Sum(time, filter=Q(status__in=KEPT)))
    )
    by_therapist: dict[int, Used] = defaultdict(Used)
    by_room: dict[int, Used] = defaultdict(Used)
    for row in rows:
        one = Used(_minutes(row["booked"]), _minutes(row["kept"]))
        by_therapist[row["therapist_id"]] += one
        by_room[row["room_id"]] += one
    return dict(by_therapist), dict(by_room)


def people(spans: Iterable[Span]) -> list[People]:
    """Return who came in each of ``spans``; one query over all kept visits until the last end."""
    wanted = list(spans)
    kept = Appointment.objects.filter(
        status__in=KEPT, starts_at__lt=max(span.end for span in wanted)
    )
    came = {
        f"came_{n}": Count("pk", filter=Q(starts_at__gte=span.start, starts_at__lt=span.end))
        for n, span in enumerate(wanted)
    }
    # Visits of a merged record move to the one that is kept; should one be left, it is hers too.
    person = Coalesce("client__merged_into", "client")
    persons = (
        kept.order_by()
        .annotate(person=person)
        .values("person")
        .annotate(first=Min("starts_at"), **came)
    )
    counts: dict[str, Any] = {}
    for n, span in enumerate(wanted):
        here = Q(**{f"came_{n}__gt": 0})
        counts[f"new_{n}"] = Count("person", filter=here & Q(first__gte=span.start))
        counts[f"returning_{n}"] = Count("person", filter=here & Q(first__lt=span.start))
    row = persons.aggregate(**counts)
    return [People(row[f"new_{n}"], row[f"returning_{n}"]) for n in range(len(wanted))]


def cancellations(span: Span, notice: timedelta) -> list[Cancelled]:
    """Return the cancelled visits of ``span`` by whom, and whether within ``notice``; one query."""
    ends = Event.objects.filter(
        appointment=OuterRef("pk"), changes__status__1=Status.CANCELLED.value
    ).order_by("-pk")
    rows = (
        within(span)
        .filter(status=Status.CANCELLED)
        .annotate(
            by=Coalesce(Subquery(ends.values("actor_kind")[:1]), Value("")),
            at=Coalesce(Subquery(ends.values("at")[:1]), F("created_at")),
        )
        .annotate(late=Case(When(at__gt=F("starts_at") - notice, then=True), default=False))
        .values("by", "late")
        .annotate(count=Count("pk"))
    )
    return [Cancelled(row["by"], row["late"], row["count"]) for row in rows]


def leads(span: Span, zone: ZoneInfo) -> Mapping[int, int]:
    """Return how many booked visits were booked up to so many days ahead; one query.

    The keys are those of ``LEADS``, and ``EARLIER`` for all beyond.
    """
    ahead = ExpressionWrapper(
        TruncDate("starts_at", tzinfo=zone) - TruncDate("created_at", tzinfo=zone),
        output_field=Lasting(),
    )
    reach = [When(ahead__lte=timedelta(days=days), then=Value(days)) for days in LEADS]
    rows = (
        within(span)
        .filter(status__in=BOOKED)
        .annotate(ahead=ahead)
        .annotate(lead=Case(*reach, default=Value(EARLIER), output_field=IntegerField()))
        .values("lead")
        .annotate(count=Count("pk"))
    )
    found = Counter({row["lead"]: row["count"] for row in rows})
    return {lead: found[lead] for lead in (*LEADS, EARLIER)}


def _counts() -> dict[str, Expression]:
    """What makes a :class:`Tally`, for an aggregation, in the order of its fields."""
    is_kept, is_booked = Q(status__in=KEPT), Q(status__in=BOOKED)
    return {
        "kept": Count("pk", filter=is_kept),
        "missed": Count("pk", filter=Q(status=Status.NO_SHOW)),
        "open": Count("pk", filter=Q(status__in=OPEN)),
        "cancelled": Count("pk", filter=Q(status=Status.CANCELLED)),
        "declined": Count("pk", filter=Q(status=Status.DECLINED)),
        "worth": Sum("price", filter=is_booked, default=NOTHING),
        "worth_kept": Sum("price", filter=is_kept, default=NOTHING),
    }


def _minutes(time: timedelta | None) -> int:
    return (time or timedelta()) // timedelta(minutes=1)
