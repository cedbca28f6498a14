"""The calendar when things go wrong: slow answers, lost sessions, other time zones, fast hands."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Dialog, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.calendar_pages import (
    SCREEN,
    card,
    column,
    drag,
    hour,
    open_calendar,
    place_of,
    until,
)
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import status_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]
Book = Callable[..., Appointment]


@pytest.fixture
def visit(
    spa: SpaProfile,
    clock: time_machine.Traveller,
    book: Book,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    lymph: Service,
) -> Appointment:
    """It is Tuesday, five past ten: Cleo was to come to Mia at ten."""
    moss.services.add(lymph)
    visit = book(at(10), therapist=mia)
    clock.move_to(at(10, 5))
    return visit


@pytest.fixture
def open_desk(
    browser: Browser, live_server: LiveServer, dana: User, visit: Appointment
) -> Iterator[Open]:
    """Open the calendar on Tuesday in a browser of its own, as Dana or somebody else."""
    contexts = []

    def _open(user: User = dana, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport=SCREEN, locale="en-GB", **options))
        return open_calendar(contexts[-1], live_server, user)

    yield _open
    for context in contexts:
        context.close()


def open_drawer(page: Page, visit: Appointment) -> None:
    card(page, visit).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()


def test_a_button_that_was_just_shown_works_in_the_drawer(
    open_desk: Open, visit: Appointment
) -> None:
    page = open_desk()
    page.evaluate("""() => {
        window.sameDocument = true;
        new MutationObserver((_changes, observer) => {
            const button = document.querySelector("#panel-body [data-key=a]");
            if (!button) return;
            observer.disconnect();
            button.click();
        }).observe(document.getElementById("panel-body"), { childList: true, subtree: true });
    }""")
    card(page, visit).click()
    expect(page.locator(".slip")).to_contain_text("Cleo is here.")
    assert page.evaluate("window.sameDocument") is True


def test_what_comes_after_the_drawer_was_closed_is_not_waited_for(
    open_desk: Open, visit: Appointment
) -> None:
    page = open_desk()
    never = f"**/desk/appointments/{visit.reference}/"
    page.route(never, lambda _route: None)
    with page.expect_request(never):
        card(page, visit).click()
    expect(page.locator("#panel")).to_be_visible()
    with page.expect_event("requestfailed"):
        page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(card(page, visit)).to_be_focused()


def test_a_key_does_nothing_on_a_visit_that_nobody_sees(
    open_desk: Open, visit: Appointment
) -> None:
    page = open_desk()
    open_drawer(page, visit)
    page.evaluate("document.getElementById('panel').removeAttribute('open')")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.keyboard.press("x")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help and shortcuts")).to_be_visible()
    assert "POST" not in sent
    assert status_of(visit) == "confirmed"


def test_the_strip_tells_of_the_day_that_is_shown_however_fast_one_goes_there(
    open_desk: Open,
) -> None:
    page = open_desk()
    for _day in range(3):
        page.keyboard.press("n")
    expect(page.locator("#title")).to_have_text("Friday 27 November")
    shown = page.locator("#strip").get_by_role("link", name="Book with Noor")
    expect(shown.first).to_have_attribute("href", re.compile("start=2026-11-27T"))
    page.reload()
    for _day in range(3):
        page.keyboard.press("p")
    expect(page.locator("#title")).to_have_text("Tuesday 24 November")
    expect(shown.first).to_have_attribute("href", re.compile("start=2026-11-24T"))


def test_the_login_is_not_put_into_the_strip(open_desk: Open) -> None:
    page = open_desk()
    Session.objects.all().delete()
    with page.expect_response(re.compile("/login/")):
        page.evaluate("htmx.ajax('GET', '/desk/strip/?date=2026-11-24', { source: '#strip' })")
    expect(page.locator("#live")).to_contain_text("You have been signed out.")
    expect(page.locator("#strip-title")).to_be_attached()
    expect(page.locator("[type=password]")).to_have_count(0)


def test_the_login_is_not_put_into_a_search_in_the_drawer(open_desk: Open) -> None:
    page = open_desk()
    page.keyboard.press("b")
    search = page.get_by_role("combobox", name="Who comes?")
    expect(search).to_be_focused()
    Session.objects.all().delete()
    search.press_sequentially("Cl")
    drawer = page.locator("#panel")
    expect(drawer.get_by_role("alert")).to_contain_text("You have been signed out.")
    expect(search).to_have_value("Cl")
    expect(page.locator("[type=password]")).to_have_count(0)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_a_computer_in_another_zone_shows_and_sends_the_times_of_the_spa(
    open_desk: Open, visit: Appointment, zone: str
) -> None:
    page = open_desk(timezone_id=zone)
    minute = (hour(page, "11:00") - hour(page, "10:00")) / 60
    line = page.locator(".band-look--now").first.bounding_box()
    assert line is not None
    # Five past ten, to the pixel or two of the borders.
    assert abs(line["y"] - hour(page, "10:00") - 5 * minute) < 3
    drag(page, card(page, visit), to=(column(page, "Mia"), hour(page, "11:00")))
    expect(page.locator(".slip")).to_contain_text("11:00 with Mia.")
    until(lambda: place_of(visit), (at(11), 60, "Mia"))
    page.mouse.click(column(page, "Noor"), hour(page, "14:00") + 3)
    drawer = page.locator("#panel")
    expect(drawer.get_by_role("heading", name="Book a visit")).to_be_visible()
    expect(drawer).to_contain_text("14:00")
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    expect(page.locator("[data-today]")).to_have_text("Tue 24 Nov")


def test_what_another_desk_cancels_is_said_though_this_one_moved_it_before(
    open_desk: Open, visit: Appointment, spa: SpaProfile, olive: User
) -> None:
    page = open_desk()
    with page.expect_response(lambda got: "/desk/feed/" in got.url and got.status == 200):
        drag(page, card(page, visit), to=(column(page, "Mia"), hour(page, "11:00")))
    expect(page.locator(".slip")).to_contain_text("11:00 with Mia.")
    expect(page.locator("#said")).to_have_text("")
    actions.cancel_appointment(
        appointment=Appointment.objects.get(pk=visit.pk),
        by=actions.staff(olive),
        spa=spa,
        now=at(10, 6),
    )
    gone = "Cleo: no longer at 11:00, changed by somebody else."
    expect(page.locator("#said")).to_have_text(gone)


def test_a_change_outside_these_days_hides_no_change_of_another_desk(
    open_desk: Open, book: Book, noor: Therapist
) -> None:
    page = open_desk()
    with page.expect_response(lambda got: "/desk/feed/" in got.url and got.status == 304):
        page.evaluate("htmx.trigger(document.body, 'diary-changed', { news: 'Saved.' })")
    expect(page.locator(".slip")).to_contain_text("Saved.")
    book(at(14), therapist=noor, details=OTTO)
    booked = "Otto: booked for 14:00 with Noor, by somebody else."
    expect(page.locator("#said")).to_have_text(booked)


def test_typed_words_are_not_lost_by_a_key_that_leads_away(
    open_desk: Open, visit: Appointment
) -> None:
    page = open_desk()
    open_drawer(page, visit)
    page.get_by_text("Write a note").click()
    note = page.get_by_role("textbox", name="Note of the desk")
    note.fill("Prefers the warm")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    card(page, visit).focus()
    with page.expect_event("dialog"):
        page.keyboard.press("l")
    expect(note).to_have_value("Prefers the warm")
    assert asked == ["beforeunload"]


def test_a_visit_that_cannot_be_loaded_is_said_and_leaves_no_empty_drawer(
    open_desk: Open, visit: Appointment
) -> None:
    page = open_desk()
    address = f"**/desk/appointments/{visit.reference}/"
    page.route(address, lambda route: route.fulfill(status=500, body="<p>no</p>"))
    card(page, visit).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This could not be loaded.")
    expect(page.locator("#panel")).to_be_hidden()
    expect(card(page, visit)).to_be_focused()
    page.unroute(address)
    open_drawer(page, visit)


def test_a_diary_that_is_away_is_said_and_comes_back_by_itself(
    open_desk: Open, visit: Appointment
) -> None:
    page = open_desk()
    away = {"status": 503, "json": {"message": "The diary does not answer at the moment."}}
    page.route("**/desk/feed/**", lambda route: route.fulfill(**away))
    here = page.url
    page.locator("#later").click()
    expect(page.get_by_role("alert")).to_contain_text("This could not be loaded.")
    expect(page.locator("#live")).to_contain_text("No connection – showing the state of")
    assert page.url == here
    expect(card(page, visit)).to_be_visible()
    page.unroute("**/desk/feed/**")
    expect(page.locator("#live")).to_contain_text("Up to date")
    page.locator("#later").click()
    expect(card(page, visit)).to_have_count(0)
