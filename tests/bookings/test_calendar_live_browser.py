"""An open calendar keeps up: two desks at once, a lost connection, the end of a session."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Room, Therapist, TimeOff
from services.models import Service, SpaProfile
from tests.bookings.calendar_pages import (
    SCREEN,
    card,
    column,
    drag,
    hour,
    open_calendar,
)
from tests.bookings.conftest import NOW, OTTO, at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What the issue promises: two desks show each other's changes within five seconds.
SOON = 5_000
# A connection that is back has the calendar ask at once instead of at its next round.
LOOK = "dispatchEvent(new Event('online'))"
FEED = "/desk/feed/"


@pytest.fixture
def visit(
    spa: SpaProfile,
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    lymph: Service,
) -> Appointment:
    """Cleo comes to Mia on Tuesday at ten."""
    moss.services.add(lymph)
    return book(at(10), therapist=mia)


@pytest.fixture
def open_desk(browser: Browser, live_server: LiveServer) -> Iterator[Callable[[User], Page]]:
    """Open the calendar on Tuesday in a browser of its own."""
    contexts = []

    def _open(user: User) -> Page:
        contexts.append(browser.new_context(viewport=SCREEN, locale="en-GB"))
        return open_calendar(contexts[-1], live_server, user)

    yield _open
    for context in contexts:
        context.close()


def brings(page: Page, status: int) -> AbstractContextManager[object]:
    """Wait until the feed has answered with ``status``."""
    return page.expect_response(lambda one: FEED in one.url and one.status == status)


def asks_nothing(page: Page) -> None:
    """Have the calendar ask for news; it must not."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(LOOK)
    page.wait_for_timeout(300)
    assert [url for url in asked if FEED in url] == []


def test_two_desks_show_each_others_changes(
    open_desk: Callable[[User], Page],
    visit: Appointment,
    dana: User,
    olive: User,
    book: Callable[..., Appointment],
    noor: Therapist,
) -> None:
    danas, olives = open_desk(dana), open_desk(olive)
    olives.evaluate("window.sameDocument = true")
    with brings(danas, 200):
        drag(danas, card(danas, visit), to=(column(danas, "Noor"), hour(danas, "11:00")))
    said = olives.locator("#said")
    expect(said).to_have_text("Cleo: moved to 11:00 with Noor, by somebody else.", timeout=SOON)
    expect(card(olives, visit)).to_contain_text("11:00")
    expect(card(olives, visit)).to_have_class(re.compile("is-news"))
    # Dana made the change: her desk tells her once, in the slip, and not with the next feed.
    expect(danas.locator(".slip")).to_contain_text("Cleo: moved")
    with brings(danas, 304):
        danas.evaluate(LOOK)
    expect(danas.locator("#said")).to_have_text("")
    booked = book(at(14), therapist=noor, details=OTTO)
    olives.evaluate(LOOK)
    expect(card(olives, booked)).to_contain_text("Otto")
    TimeOff.objects.create(therapist=noor, starts_at=at(16), ends_at=at(17), reason="Dentist")
    olives.evaluate(LOOK)
    expect(olives.get_by_text("Dentist")).to_be_visible()
    assert olives.evaluate("window.sameDocument") is True


def test_nothing_moves_under_the_pointer_while_a_visit_is_dragged(
    open_desk: Callable[[User], Page],
    visit: Appointment,
    dana: User,
    book: Callable[..., Appointment],
    noor: Therapist,
) -> None:
    page = open_desk(dana)
    drag(page, card(page, visit), to=(column(page, "Mia"), hour(page, "12:00")), hold=True)
    expect(page.locator(".ec-preview")).to_contain_text("12:00")
    booked = book(at(14), therapist=noor, details=OTTO)
    asks_nothing(page)
    expect(card(page, booked)).to_have_count(0)
    page.mouse.up()
    expect(card(page, booked)).to_contain_text("Otto")
    expect(card(page, visit)).to_contain_text("12:00")


def test_a_lost_connection_is_said_with_the_time_of_what_is_shown(
    open_desk: Callable[[User], Page], visit: Appointment, dana: User, spa: SpaProfile
) -> None:
    page = open_desk(dana)
    page.context.set_offline(True)
    live = page.locator("#live")
    expect(live).to_contain_text("No connection – showing the state of 08:00")
    drag(page, card(page, visit), to=(column(page, "Mia"), hour(page, "11:00")))
    expect(page.get_by_role("alert")).to_contain_text(
        "There is no connection. It may not have been"
    )
    expect(card(page, visit)).to_contain_text("10:00")
    actions.reschedule_appointment(
        appointment=visit, starts_at=at(15), by=actions.SYSTEM, spa=spa, now=NOW
    )
    page.context.set_offline(False)
    expect(live).to_contain_text("Up to date")
    expect(card(page, visit)).to_contain_text("15:00")


def test_the_end_of_the_session_is_said_and_leads_to_the_login(
    open_desk: Callable[[User], Page], visit: Appointment, dana: User
) -> None:
    page = open_desk(dana)
    Session.objects.all().delete()
    page.evaluate(LOOK)
    expect(page.locator("#live")).to_contain_text("You have been signed out.")
    page.get_by_role("link", name="Sign in again").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_hidden_tab_does_not_ask_and_catches_up_at_once(
    open_desk: Callable[[User], Page], visit: Appointment, dana: User, spa: SpaProfile
) -> None:
    page = open_desk(dana)
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    actions.reschedule_appointment(
        appointment=visit, starts_at=at(15), by=actions.SYSTEM, spa=spa, now=NOW
    )
    asks_nothing(page)
    page.evaluate(hide, False)
    expect(card(page, visit)).to_contain_text("15:00")
