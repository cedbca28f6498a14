"""The spa with its real content, as a browser sees it; here the clock is the real one."""

from collections.abc import Callable, Iterator
from datetime import time
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from bookings.models import Room, Therapist, WorkingHours
from services.models import Service, SpaProfile
from tests.kept_rows import KeptRows

LEAD = "lymphatic-drainage-massage"
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def lead(transactional_db: None, starting_list: KeptRows) -> Service:
    """The lead treatment of the real menu; Mia and Noor give it every day from 06:00 to 22:00."""
    starting_list.put_back()
    service = Service.objects.get(slug=LEAD)
    for position, name in enumerate(["Mia", "Noor"]):
        therapist = Therapist.objects.create(name=name, position=position)
        therapist.services.add(service)
        for weekday in range(7):
            WorkingHours.objects.create(
                therapist=therapist, weekday=weekday, starts=time(6), ends=time(22)
            )
        Room.objects.create(name=f"Room of {name}").services.add(service)
    SpaProfile.objects.update(cancellation_notice_hours=1)
    return service


@pytest.fixture
def open_page(
    browser: Browser, live_server: LiveServer, lead: Service
) -> Iterator[Callable[..., Page]]:
    """Open an address in a browser of its own; what it complains about fails the test."""
    complaints: list[str] = []
    contexts = []

    def _open(address: str, **options: Any) -> Page:
        context = browser.new_context(
            base_url=live_server.url, locale="en-GB", **{"viewport": PHONE, **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: note(said.type, said.text))
        page.goto(address)
        return page

    # Of a lost connection, which a test causes, both the browser and htmx complain as they should.
    meant = ("404", "ERR_INTERNET_DISCONNECTED", "htmx:afterRequest", "htmx:sendError")

    def note(kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(words in text for words in meant):
            complaints.append(text)

    yield _open
    for context in contexts:
        context.close()
    assert complaints == []
