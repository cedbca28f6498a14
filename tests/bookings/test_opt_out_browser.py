"""The way out of letters, and the desk's question for answers, in a real browser."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Client, HealthCheck, Room, Therapist
from tests.bookings.conftest import NOW, at
from tests.bookings.looks import PHONE, SCREEN, see_that_all_is_well
from tests.bookings.staff_pages import browser_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_client_stops_the_letters_and_the_desk_asks_for_answers(
    browser: Browser,
    live_server: LiveServer,
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    dana: User,
) -> None:
    visit = book(at(10, days=4))
    HealthCheck.objects.update(affirmed_at=NOW - timedelta(days=120))
    complaints: list[str] = []
    # Without scripts, as every page for clients.
    plain = browser.new_context(
        base_url=live_server.url, viewport=PHONE, java_script_enabled=False, locale="en-GB"
    )
    page = plain.new_page()
    page.goto(f"/mail/stop/{actions.stop_key(visit)}/")
    page.get_by_role("button", name="Stop these letters").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Done: no more letters after your visits"
    )
    assert Client.objects.get().aftercare_stopped_at is not None
    plain.close()

    context = browser.new_context(base_url=live_server.url, viewport=SCREEN, locale="en-GB")
    session = browser_of(dana).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.on("console", lambda told: complaints.append(told.text))
    page.goto(f"/mail/stop/{actions.stop_key(visit)}/")
    see_that_all_is_well(page, "the way out")
    page.goto(f"/desk/appointments/{visit.reference}/")
    see_that_all_is_well(page, "the visit at the desk")
    page.get_by_role("button", name="Send the health questions by mail").press("Enter")
    expect(page.get_by_text("The questions are on their way by mail.")).to_be_visible()
    context.close()
    assert complaints == []
