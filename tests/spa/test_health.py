"""What the watching machines are told."""

import pytest
from django.test import Client, override_settings


def test_healthz_says_alive_without_asking_the_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"alive": True})


@pytest.mark.django_db
def test_readyz_says_that_database_and_valkey_answer(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"database": True, "valkey": True})


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
    assert (response.status_code, response.json()) == (503, {"database": True, "valkey": False})
