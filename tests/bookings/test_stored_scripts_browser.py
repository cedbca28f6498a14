"""Hostile words in a real browser: nothing of them runs, is fetched or is made an element."""

from dataclasses import dataclass, field

import pytest
import time_machine
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import ConsoleMessage, Page, Request
from pytest_django.live_server_helper import LiveServer

from bookings import delivery
from bookings.models import Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.conftest import at
from tests.bookings.hostile import MARK
from tests.bookings.hostile_story import Cast, told
from tests.bookings.staff_pages import come_in, desk_url
from tests.bookings.therapist_pages import own_url
from tests.conftest import MailServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Whatever runs of the words calls this; what the policy stops is told as well.
WATCH = f"""
window.{MARK} = () => console.error("It ran.");
document.addEventListener("securitypolicyviolation", (event) =>
  console.error("Stopped: " + event.violatedDirective + " " + event.blockedURI));
"""
MADE = f'[src*="{MARK}"], [onerror], [onload], [onclick], [srcdoc], {MARK}-a'


@dataclass
class Watch:
    """What a page does that it should not."""

    seen: list[str] = field(default_factory=list)

    def on_console(self, said: ConsoleMessage) -> None:
        if said.text.startswith(("It ran.", "Stopped:", "Refused to")):
            self.seen.append(said.text)

    def on_request(self, asked: Request) -> None:
        if MARK in asked.url:
            self.seen.append(asked.url)


@pytest.fixture
def watch(page: Page) -> Watch:
    watch = Watch()
    page.add_init_script(WATCH)
    page.on("console", watch.on_console)
    page.on("request", watch.on_request)
    return watch


def test_nothing_of_hostile_words_runs_in_a_browser(
    page: Page,
    watch: Watch,
    live_server: LiveServer,
    clock: time_machine.Traveller,
    spa: SpaProfile,
    lymph: Service,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    dana: User,
    olive: User,
    smtp: MailServer,
) -> None:
    world, _more = told(Cast(spa, lymph, mia, noor, dana, olive), clock)
    delivery.deliver_due(now=at(12, days=0))
    come_in(page, live_server, olive, "/desk/?date=2026-11-25")
    client = world.merge.kept.pk
    for address in (
        "/desk/?date=2026-11-25",
        "/desk/list/?date=2026-11-25",
        desk_url("appointment", world.visit),
        desk_url("change", world.visit),
        reverse("bookings:desk_client", args=[client]),
        reverse("bookings:desk_message", args=[world.message.pk]),
        own_url("visit", world.visit),
        f"/admin/services/service/{lymph.pk}/change/",
        "/admin/bookings/wording/confirmation/",
        reverse("services:treatment", args=[lymph.slug]),
        reverse("bookings:visit", args=[world.token]),
    ):
        # The calendar asks for news for ever, and draws its visits when it has them.
        is_calendar = address.startswith("/desk/?")
        page.goto(live_server.url + address, wait_until="load" if is_calendar else "networkidle")
        words = f"name-{MARK}" if is_calendar else MARK
        page.wait_for_function(f"document.documentElement.outerHTML.includes('{words}')")
        made = [frame.locator(MADE).count() for frame in page.frames]
        assert (address, made, watch.seen) == (address, [0] * len(made), [])
