"""Figures for Prometheus: how pages answer, and how the spa's own work stands."""

import hmac
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from bookings.mail_health import delivery_health
from bookings.models import Appointment, Heartbeat, Message

# By the name of the view and never by the address: some addresses open a visit.
REQUESTS = Counter("spa_requests", "Answers.", ["view", "method", "status"])
SECONDS = Histogram(
    "spa_request_seconds",
    "From the request's first line of code to its answer.",
    ["view"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
METHODS = {"GET", "HEAD", "POST"}
NO_VIEW = "none"


def measure(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Count each request and its time under the name of the view that answered."""

    def middleware(request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = get_response(request)
        view = (request.resolver_match and request.resolver_match.view_name) or NO_VIEW
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(view, method, response.status_code).inc()
        SECONDS.labels(view).observe(time.perf_counter() - begun)
        return response

    return middleware


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell the figures to whoever has the key; to others there is no such page."""
    given = request.headers.get("Authorization", "").encode()
    wanted = f"Bearer {settings.METRICS_KEY}".encode()
    if not settings.METRICS_KEY or not hmac.compare_digest(given, wanted):
        # No page with the spa's name: it would ask the database, which may be away.
        return HttpResponseNotFound()
    answer = HttpResponse(_told(), content_type=CONTENT_TYPE_LATEST)
    answer["Cache-Control"] = "private, no-store"
    return answer


def _told() -> bytes:
    """What to tell: of all processes of this web server where they keep their counts in files."""
    counts, spa = REGISTRY, CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counts = CollectorRegistry()
        MultiProcessCollector(counts)
    spa.register(TheSpa())
    return generate_latest(counts) + generate_latest(spa)


class TheSpa(Collector):
    """What the database knows; seven queries, whatever the number of visits."""

    def collect(self) -> Iterator[Metric]:
        """Yield the figures, or only that the database does not answer."""
        try:
            figures = [*_mail(timezone.now()), *_visits(timezone.now())]
        except DatabaseError:
            figures = []
        yield GaugeMetricFamily(
            "spa_database_up", "Whether the database answers.", value=bool(figures)
        )
        yield from figures


def _mail(now: datetime) -> Iterator[Metric]:
    health = delivery_health(now)
    for name, heard in (
        (Heartbeat.Of.WORKER, health.swept_at),
        (Heartbeat.Of.BEAT, health.beat_at),
    ):
        if heard is not None:
            yield _gauge(
                f"spa_{name}_heartbeat_age_seconds",
                "Since the last sign of life.",
                (now - heard).total_seconds(),
            )
    due = Message.objects.pending().filter(due_at__lte=now)
    waiting = due.aggregate(count=Count("pk"), oldest=Min("due_at"))
    age = (now - waiting["oldest"]).total_seconds() if waiting["oldest"] else 0
    yield _gauge("spa_messages_due", "Messages to be sent by now.", waiting["count"])
    yield _gauge("spa_messages_overdue", "Messages that do not get out.", health.stuck)
    yield _gauge("spa_messages_oldest_due_age_seconds", "How long one has waited.", age)
    yield _gauge(
        "spa_messages_failed",
        "Messages that did not arrive and that no later one made up for.",
        Message.objects.lost().count(),
    )


def _visits(now: datetime) -> Iterator[Metric]:
    ahead = Appointment.objects.filter(starts_at__gte=now)
    live = Q(status=Appointment.Status.HELD, hold_expires_at__gt=now)
    counts = ahead.aggregate(
        holds=Count("pk", filter=live),
        **{
            name: Count("pk", filter=Q(status=name))
            for name in ("requested", "confirmed", "cancelled")
        },
    )
    yield _gauge("spa_holds_live", "Times kept for somebody who is booking.", counts.pop("holds"))
    upcoming = GaugeMetricFamily("spa_visits_ahead", "Visits still to come.", labels=["status"])
    for status, count in counts.items():
        upcoming.add_metric([status], count)
    yield upcoming


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)
