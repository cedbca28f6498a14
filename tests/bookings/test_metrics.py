"""What Prometheus is told of the spa's own work."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY
from pytest_django import DjangoAssertNumQueries, Settings

from bookings import counters
from bookings.actions.errors import TimeTaken
from bookings.models import Appointment, Heartbeat, Message, Room, Therapist
from tests.bookings.conftest import at

KEY = "a-key"


@pytest.fixture
def told(client: Client, settings: Settings) -> Callable[[], dict[str, float]]:
    settings.METRICS_KEY = KEY

    def ask() -> dict[str, float]:
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
        lines = answer.content.decode().splitlines()
        return {
            name: float(value)
            for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")
        }

    return ask


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer None", "Bearer a-ke", KEY, "Bearer é"])
def test_without_the_key_there_is_no_such_page(
    client: Client, settings: Settings, given: str
) -> None:
    settings.METRICS_KEY = KEY
    assert client.get("/metrics", headers={"Authorization": given}).status_code == 404
    settings.METRICS_KEY = ""
    assert client.get("/metrics", headers={"Authorization": given}).status_code == 404


@pytest.mark.usefixtures("clock", "mia", "fern")
def test_mail_visits_and_signs_of_life_are_told_in_seven_queries(
    told: Callable[[], dict[str, float]],
    book: Callable[..., Appointment],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    now = timezone.now()
    Heartbeat.objects.create(of="worker", at=now - timedelta(seconds=90))
    visits = [book(at(hour, days=3)) for hour in (10, 12, 14)]
    first, second, third = (one.messages.get(kind="confirmation") for one in visits)
    Message.objects.exclude(pk__in=[first.pk, second.pk, third.pk]).delete()
    Message.objects.filter(pk=first.pk).update(due_at=now - timedelta(minutes=20))
    Message.objects.filter(pk=third.pk).update(state="failed")
    with django_assert_num_queries(7):
        figures = told()
    assert figures['spa_visits_ahead{status="confirmed"}'] == 3
    assert (
        figures["spa_messages_due"],
        figures["spa_messages_overdue"],
        figures["spa_messages_failed"],
        figures["spa_holds_live"],
        figures["spa_database_up"],
    ) == (2, 1, 1, 0, 1)
    assert 1200 <= figures["spa_messages_oldest_due_age_seconds"] < 1230
    assert 90 <= figures["spa_worker_heartbeat_age_seconds"] < 120
    assert "spa_beat_heartbeat_age_seconds" not in figures


def test_without_the_database_the_counts_are_told_all_the_same(
    told: Callable[[], dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(now: object) -> None:
        raise OperationalError

    # No mark: nothing here may ask the database.
    monkeypatch.setattr("spa.metrics.delivery_health", away)
    figures = told()
    assert figures["spa_database_up"] == 0
    assert any(name.startswith("spa_requests_total") for name in figures)
    assert "spa_messages_due" not in figures


@pytest.mark.django_db
def test_requests_are_counted_by_view_and_never_by_address(
    client: Client, told: Callable[[], dict[str, float]]
) -> None:
    name = 'spa_requests_total{method="GET",status="404",view="bookings:visit"}'
    before = told().get(name, 0)
    client.get("/visit/a-secret/")
    client.generic("CLEO", "/cleo@example.com/")
    figures = told()
    assert figures[name] == before + 1
    assert figures['spa_requests_total{method="other",status="404",view="none"}'] >= 1
    assert not [one for one in figures if "secret" in one or "cleo" in one.lower()]


def test_bookings_are_counted_by_what_came_of_them(
    book: Callable[..., Appointment], mia: Therapist, fern: Room
) -> None:
    def count(step: str, outcome: str) -> float:
        labels = {"step": step, "outcome": outcome}
        return REGISTRY.get_sample_value("spa_bookings_total", labels) or 0

    kinds = [("hold", "held"), ("confirm", "confirmed"), ("hold", "TimeTaken")]
    before = [count(*kind) for kind in kinds]
    book(at(10))
    with pytest.raises(TimeTaken):
        book(at(10))
    assert [count(*kind) - was for kind, was in zip(kinds, before, strict=True)] == [1, 1, 1]
    assert counters.counted("hold")(lambda: None)() is None
