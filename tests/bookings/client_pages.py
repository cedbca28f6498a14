"""What a client's browser sends."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.test import Client as Browser
from django.urls import reverse

from bookings.queries import rules_for
from bookings.views.times import start_value
from services.models import Service, SpaProfile
from services.screening import questions_version

SLUG = "lymphatic-drainage-massage"
TIMES = f"/book/{SLUG}/"
HEALTH = f"/book/{SLUG}/health/"
DETAILS = f"/book/{SLUG}/details/"

CLEO = {
    "name": "Cleo",
    "email": "cleo@example.com",
    "phone": "020 7946 0001",
    "note": "",
    "consent": "on",
}


def choose(browser: Browser, starts_at: datetime, slug: str = SLUG, **wish: Any) -> Any:
    """Press the button of a free time."""
    address = reverse("bookings:times", args=[slug])
    return browser.post(address, {"start": start_value(starts_at), **wish})


def answers(service: Service, said: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a healthy client sends; ``said`` adds to it, or leaves out what it says is empty."""
    version = f"{questions_version(rules_for(service))} {SpaProfile.load().health_consent_version}"
    sent = {"none_left": "on", "consent": "on", "version": version, **(said or {})}
    return {name: value for name, value in sent.items() if value}


def pass_health(browser: Browser, service: Service, said: Mapping[str, str] | None = None) -> Any:
    """Send the health check of ``service``."""
    return browser.post(reverse("bookings:health", args=[service.slug]), answers(service, said))


def hold(browser: Browser, service: Service, starts_at: datetime, **wish: Any) -> str:
    """Choose a time, pass the check, and return the reference of what is held."""
    choose(browser, starts_at, service.slug, **wish)
    assert pass_health(browser, service).status_code == 302
    page = browser.get(reverse("bookings:details", args=[service.slug]))
    return str(page.context["hold"].reference)


def words(response: Any) -> str:
    """The page's text with single spaces, and with those that do not break by their name."""
    text = response.content.decode().replace("\N{NO-BREAK SPACE}", "&nbsp;")
    return " ".join(text.split())
