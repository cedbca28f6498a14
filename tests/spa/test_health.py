"""What the watching machines are told."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from bookings.models import Heartbeat


def test_healthz_says_alive_without_asking_the_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"alive": True})


@pytest.mark.django_db
def test_readyz_says_that_database_and_valkey_answer(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        200,
        {"database": True, "valkey": True, "degraded": ["worker", "beat"]},
    )


@pytest.mark.django_db
def test_readyz_names_a_silent_worker_and_still_lets_the_pages_serve(client: Client) -> None:
    now = timezone.now()
    Heartbeat.objects.create(of="worker", at=now - timedelta(minutes=6))
    Heartbeat.objects.create(of="beat", at=now - timedelta(minutes=1))
    response = client.get("/readyz")
    assert (response.status_code, response.json()["degraded"]) == (200, ["worker"])


@pytest.mark.django_db
def test_readyz_is_503_and_names_what_does_not_answer(client: Client) -> None:
    nobody_listens = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    with override_settings(CACHES=nobody_listens):
        response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        503,
        {"database": True, "valkey": False, "degraded": ["worker", "beat"]},
    )
