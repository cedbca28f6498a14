"""Whether the time of an answer tells that an address is known.

Each door of the staff is asked with a known address and with an unknown one in turn.

In one process, without a network: what is compared would drown in its noise otherwise.
"""

import statistics
import time
from collections.abc import Mapping

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client as Browser
from django.utils import timezone

from bench.data import SIZES, fill
from bench.harness import Figure

KNOWN, UNKNOWN = "dana@qi-spa.example", "anna@qi-spa.example"
ROUNDS = 40
# One part in six: a difference that a visitor would have to ask for thousands of times to see it
# through a network, while the tenth try within minutes is refused.
APART = 1.2
DOORS: Mapping[str, tuple[str, dict[str, str]]] = {
    "login/": ("login", {"password": "wrong-one"}),
    "login/code/": ("email", {}),
    "password/reset/": ("email", {}),
    "signup/": ("email", {"password1": "heron-and-reed"}),
}


def measure() -> list[Figure]:
    """Measure each door."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    fill(SIZES["S"], now=timezone.now())
    User.objects.create_user("dana-at-the-door", KNOWN, "rivers-and-moss")
    return [figure for door in DOORS for figure in _door(door)]


def _door(door: str) -> list[Figure]:
    browser = Browser()
    taken: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    for number in range(ROUNDS + 3):
        # Each leads in turn: what warms up must not count for one side only.
        for who in (KNOWN, UNKNOWN) if number % 2 else (UNKNOWN, KNOWN):
            milliseconds = _ask(browser, door, who)
            if number >= 3:
                taken[who].append(milliseconds)
    known, unknown = statistics.median(taken[KNOWN]), statistics.median(taken[UNKNOWN])
    apart = max(known, unknown) / min(known, unknown)
    return [
        Figure(f"{door} known address", known, "ms"),
        Figure(f"{door} unknown address", unknown, "ms"),
        Figure(f"{door} longer ÷ shorter", apart, "times", APART, "at most"),
    ]


def _ask(browser: Browser, door: str, who: str) -> float:
    field, more = DOORS[door]
    # The limits count by address: every question is the first one.
    cache.clear()
    browser.cookies.clear()
    begun = time.perf_counter()
    answer = browser.post(f"/accounts/{door}", {field: who, **more})
    taken = (time.perf_counter() - begun) * 1000
    assert answer.status_code in (200, 302), answer.status_code
    return taken
