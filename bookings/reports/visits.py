"""Visits of a period: what became of them, by treatment, by way of booking and over time."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import (
    Case,
    Count,
    DateTimeField,
    Expression,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models import DurationField as Lasting
from django.db.models.functions import Coalesce

from bookings.availability import Span
from bookings.models import Appointment, Event
from bookings.models.appointments import AppointmentQuerySet
from bookings.reports import BOOKED, KEPT, OPEN, Status
from bookings.reports.periods import DAY, Period

# In SQL because it sums up twice: the visits of each record out of an index, in the order in which
# they stand there, and then the records of each person. Visits of a merged record move to the one
# that is kept; should one be left, it is that person's too.
PEOPLE = """
WITH record AS (
    SELECT client_id,
           min(starts_at) AS first,
           count(*) FILTER (WHERE starts_at >= %(start)s) AS came,
           count(*) FILTER (WHERE starts_at >= %(start_before)s AND starts_at < %(end_before)s)
               AS came_before
    FROM bookings_appointment
    WHERE status = ANY(%(kept)s) AND starts_at < %(end)s
    GROUP BY client_id
), person AS (
    SELECT min(first) AS first, sum(came) AS came, sum(came_before) AS came_before
    FROM record JOIN bookings_client AS client ON client.id = record.client_id
    GROUP BY coalesce(client.merged_into_id, client.id)
)
SELECT count(*) FILTER (WHERE came > 0 AND first >= %(start)s),
       count(*) FILTER (WHERE came > 0 AND first < %(start)s),
       count(*) FILTER (WHERE came_before > 0 AND first >= %(start_before)s),
       count(*) FILTER (WHERE came_before > 0 AND first < %(start_before)s)
FROM person
"""

NOTHING = Decimal(0)
# The days between booking and visit by which bookings are told apart: up to this many.
LEADS = (0, 1, 3, 7, 14, 30)
EARLIER = 31


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


@dataclass
class Tallies:
    """Visits of a period by step, treatment and way of booking, and all of those before."""

    course: dict[Period, Tally]
    by_service: dict[int, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_source: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    before: Tally = Tally()

    @property
    def total(self) -> Tally:
        """All visits of the period."""
        return reduce(add, self.course.values())


def within(span: Span) -> AppointmentQuerySet:
    """Appointments that start in ``span``, in no order."""
    rows = Appointment.objects.filter(starts_at__gte=span.start, starts_at__lt=span.end)
    return rows.order_by()


def tallies(period: Period, before: Period, zone: ZoneInfo) -> "Tallies":
    """Return the visits of ``period``, and their sum in ``before``; one query.

    The midnights between the steps are handed to the database: to look a moment up among them is
    much cheaper than to ask of each visit which day it is here.
    """
    steps = period.steps()
    edges = _midnights(steps, zone)
    # One directly follows the other.
    both = Span(before.span(zone).start, period.span(zone).end)
    groups = within(both).values_list(_bucket("starts_at", edges), "service_id", "source")
    rows = groups.annotate(**_counts())
    found = Tallies(course={step: Tally() for step in steps})
    for bucket, service, source, *counts in rows:
        one_tally = Tally(*counts)
        if not bucket:
            found.before += one_tally
        elif one_tally.booked or one_tally.called_off:
            found.course[steps[bucket - 1]] += one_tally
            found.by_service[service] += one_tally
            found.by_source[source] += one_tally
    return found


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


def people(period: Period, before: Period, zone: ZoneInfo) -> tuple[People, People]:
    """Return who came in ``period``, and who in ``before``; one query over all kept visits."""
    now, then = period.span(zone), before.span(zone)
    values: dict[str, Any] = {
        "kept": [str(status) for status in KEPT],
        "start": now.start,
        "end": now.end,
        "start_before": then.start,
        "end_before": then.end,
    }
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, values)
        row: tuple[int, int, int, int] = cursor.fetchone()
    return People(*row[:2]), People(*row[2:])


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


def leads(period: Period, zone: ZoneInfo) -> Mapping[int, int]:
    """Return how many booked visits were booked up to so many days ahead; one query.

    The keys are those of ``LEADS``, and ``EARLIER`` for all beyond.
    """
    # From so early on that who booked before the first of these days booked long ago.
    days = Period(period.first - EARLIER * DAY, period.last)
    edges = _midnights([Period(one, one) for one in days.every_day()], zone)
    ahead = _bucket("starts_at", edges) - _bucket("created_at", edges)
    rows = (
        within(period.span(zone))
        .filter(status__in=BOOKED)
        .values_list(ahead)
        .annotate(count=Count("pk"))
    )
    found: Counter[int] = Counter()
    for days_ahead, number in rows:
        found[next((lead for lead in LEADS if days_ahead <= lead), EARLIER)] += number
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


def _midnights(steps: Iterable[Period], zone: ZoneInfo) -> list[datetime]:
    return [step.span(zone).start for step in steps]


def _bucket(moment: str, edges: list[datetime]) -> Func:
    """How many of ``edges``, in their order, lie at or before ``moment``."""
    listed = Value(edges, output_field=ArrayField(DateTimeField()))
    return Func(F(moment), listed, function="WIDTH_BUCKET", output_field=IntegerField())


def _minutes(time: timedelta | None) -> int:
    return (time or timedelta()) // timedelta(minutes=1)
