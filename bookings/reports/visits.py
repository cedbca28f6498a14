"""Visits of a period: what became of them, by treatment, by way of booking and over time."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
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
from django.db.models.functions import Coalesce, Concat

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
COUNTED = (*BOOKED, Status.CANCELLED, Status.DECLINED)
# The days between booking and visit by which bookings are told apart: up to this many.
LEADS = (0, 1, 3, 7, 14, 30)
EARLIER = 31
LATE = " late"


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
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Tally(*(one + another for one, another in pairs))


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
    groups = within(both).values_list(_bucket("starts_at", edges), "service_id", "source", "status")
    rows = groups.annotate(count=Count("*"), worth=Sum("price"))
    found = Tallies(course={step: Tally() for step in steps})
    for bucket, service, source, status, count, worth in rows:
        if status not in COUNTED:
            continue
        tally = _tally(status, count, worth)
        if not bucket:
            found.before += tally
            continue
        found.course[steps[bucket - 1]] += tally
        found.by_service[service] += tally
        found.by_source[source] += tally
    return found


def _tally(status: str, count: int, worth: Decimal) -> Tally:
    """The tally of visits that all have ``status``."""
    is_booked, is_kept = status in BOOKED, status in KEPT
    return Tally(
        kept=count if is_kept else 0,
        missed=count if status == Status.NO_SHOW else 0,
        open=count if status in OPEN else 0,
        cancelled=count if status == Status.CANCELLED else 0,
        declined=count if status == Status.DECLINED else 0,
        worth=worth if is_booked else NOTHING,
        worth_kept=worth if is_kept else NOTHING,
    )


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
    is_late = Q(at__gt=OuterRef("starts_at") - notice)
    # Both in one text: each of two would have the event looked up anew.
    how = Concat("actor_kind", Case(When(is_late, then=Value(LATE)), default=Value("")))
    rows = (
        within(span)
        .filter(status=Status.CANCELLED)
        .values_list(Coalesce(Subquery(ends.values(how=how)[:1]), Value("")))
        .annotate(count=Count("*"))
    )
    return [Cancelled(how.removesuffix(LATE), how.endswith(LATE), count) for how, count in rows]


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
        # Nobody knows when those from another diary were booked.
        .exclude(source=Appointment.Source.IMPORTED)
        .values_list(ahead)
        .annotate(count=Count("*"))
    )
    found: Counter[int] = Counter()
    for days_ahead, number in rows:
        found[next((lead for lead in LEADS if days_ahead <= lead), EARLIER)] += number
    return {lead: found[lead] for lead in (*LEADS, EARLIER)}


def _midnights(steps: Iterable[Period], zone: ZoneInfo) -> list[datetime]:
    return [step.span(zone).start for step in steps]


def _bucket(moment: str, edges: list[datetime]) -> Func:
    """How many of ``edges``, in their order, lie at or before ``moment``."""
    listed = Value(edges, output_field=ArrayField(DateTimeField()))
    return Func(F(moment), listed, function="WIDTH_BUCKET", output_field=IntegerField())


def _minutes(time: timedelta | None) -> int:
    return (time or timedelta()) // timedelta(minutes=1)
