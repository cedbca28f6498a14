"""How long the report of a year takes, and what of it, beside a plain count over the same rows."""

import os
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.data import SIZES, fill
from bench.harness import Figure, cpu_seconds, seconds, sizes
from bookings.models import Appointment
from bookings.reports.facts import Facts, room_to_count
from bookings.reports.periods import Period
from bookings.reports.tables import TABLES, tables
from services.models import SpaProfile

# A report at a million appointments: what an owner waits for without losing the thread.
YEAR_WITHIN = 2.0


def measure() -> list[Figure]:
    """Measure at each size."""
    return [figure for name in sizes() for figure in _measure(name)]


def _measure(name: str) -> list[Figure]:
    now = timezone.now()
    spa = fill(SIZES[name], now=now)
    today = now.astimezone(spa.zone).date()
    year = Period(today - timedelta(days=365), today - timedelta(days=1))
    whole = seconds(lambda: _report(year, spa))
    count = seconds(lambda: _count(year, spa))
    parts = {
        slug: seconds(lambda slug=slug: TABLES[slug](_facts(year, spa)), times=1) for slug in TABLES
    }
    with CaptureQueriesContext(connection) as queries:
        _report(year, spa)
    in_database = sum(float(query["time"]) for query in queries)
    month = Period(today - timedelta(days=30), today - timedelta(days=1))
    return [
        Figure(f"{name}: appointments", Appointment.objects.count(), "rows"),
        Figure(f"{name}: of the year", _count(year, spa), "rows"),
        Figure(f"{name}: report of a year", whole, "s", YEAR_WITHIN),
        Figure(
            f"{name}: core time of that", cpu_seconds(lambda: _report(year, spa)), "s", YEAR_WITHIN
        ),
        Figure(f"{name}: busy processes beside it", os.getloadavg()[0], "processes"),
        Figure(f"{name}: of which the database", in_database, "s"),
        Figure(f"{name}: plain count of the year", count, "s"),
        Figure(f"{name}: report ÷ plain count", whole / count, "times"),
        Figure(f"{name}: report of a month", seconds(lambda: _report(month, spa)), "s"),
        Figure(f"{name}: queries", len(queries), "queries", 16),
        *(Figure(f"{name}: {slug}", taken, "s") for slug, taken in parts.items()),
    ]


def _report(period: Period, spa: SpaProfile) -> object:
    with room_to_count():
        return tables(_facts(period, spa))


def _facts(period: Period, spa: SpaProfile) -> Facts:
    return Facts(period, period.just_before(), spa)


def _count(period: Period, spa: SpaProfile) -> int:
    span = period.span(spa.zone)
    # The price keeps the database from answering out of an index alone.
    rows = Appointment.objects.filter(starts_at__gte=span.start, starts_at__lt=span.end)
    return rows.filter(price__gte=0).count()
