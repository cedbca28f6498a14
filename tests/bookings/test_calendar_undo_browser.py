"""Small ways out in the calendar: the undo, the drawer's own page, and the way past the bar."""

import re
from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

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
from tests.bookings.staff_pages import desk_url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cleo_visit(
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
def otto_visit(book: Callable[..., Appointment], noor: Therapist) -> Appointment:
    """Otto comes to Noor on Tuesday at one."""
    return book(at(13), therapist=noor, details=OTTO)


@pytest.fixture
def desk(
    browser: Browser,
    live_server: LiveServer,
    dana: User,
    cleo_visit: Appointment,
    otto_visit: Appointment,
) -> Iterator[Page]:
    """The calendar on Tuesday, as the front desk sees it."""
    context = browser.new_context(viewport=SCREEN, locale="en-GB")
    yield open_calendar(context, live_server, dana)
    context.close()


def move_cleo_to_eleven(desk: Page, cleo_visit: Appointment) -> None:
    """Drag Cleo's visit, and wait for its slip."""
    drag(desk, card(desk, cleo_visit), to=(column(desk, "Mia"), hour(desk, "11:00")))
    expect(desk.get_by_role("button", name="Undo")).to_be_visible()
    expect(card(desk, cleo_visit)).to_contain_text("11:00")


def test_refusals_leave_the_undo_of_what_was_done_before(
    desk: Page, cleo_visit: Appointment, otto_visit: Appointment
) -> None:
    move_cleo_to_eleven(desk, cleo_visit)
    for _time in range(2):
        drag(desk, card(desk, otto_visit), to=(column(desk, "Mia"), hour(desk, "11:00")))
        expect(desk.locator(".slip--alert")).to_have_count(1)
        expect(card(desk, otto_visit)).to_contain_text("13:00")
    expect(desk.get_by_role("button", name="Undo")).to_be_visible()
    desk.keyboard.press("u")
    expect(desk.locator(".slip")).to_contain_text(["Cleo: taken back"])
    until(lambda: place_of(cleo_visit), (at(10), 60, "Mia"))


def test_an_undo_outlives_its_slip_and_is_for_once(desk: Page, cleo_visit: Appointment) -> None:
    move_cleo_to_eleven(desk, cleo_visit)
    desk.get_by_role("button", name="Close this message").click()
    expect(desk.locator(".slip")).to_have_count(0)
    desk.keyboard.press("u")
    expect(desk.locator(".slip")).to_contain_text("Cleo: taken back")
    until(lambda: place_of(cleo_visit), (at(10), 60, "Mia"))
    desk.keyboard.press("u")
    expect(desk.locator(".slip", has_text="There is nothing to undo.")).to_be_visible()
    assert place_of(cleo_visit) == (at(10), 60, "Mia")


def test_an_undo_stays_as_long_as_its_mail_waits(desk: Page, cleo_visit: Appointment) -> None:
    desk.clock.install()
    move_cleo_to_eleven(desk, cleo_visit)
    desk.clock.run_for(50_000)
    expect(desk.get_by_role("button", name="Undo")).to_be_visible()
    desk.clock.run_for(15_000)
    expect(desk.get_by_role("button", name="Undo")).to_have_count(0)
    desk.keyboard.press("u")
    expect(desk.locator(".slip")).to_contain_text("There is nothing to undo.")


def test_a_step_back_leaves_nothing_to_undo(
    desk: Page, cleo_visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(10))
    card(desk, cleo_visit).click()
    desk.get_by_role("button", name="Arrived").click()
    expect(desk.locator(".slip")).to_contain_text("Cleo is here.")
    desk.keyboard.press("z")
    expect(desk.locator(".slip", has_text="One step back")).to_be_visible()
    expect(desk.get_by_role("button", name="Undo")).to_have_count(0)
    desk.keyboard.press("u")
    expect(desk.locator(".slip", has_text="There is nothing to undo.")).to_be_visible()


def test_open_as_a_page_leads_to_what_the_drawer_shows(desk: Page, cleo_visit: Appointment) -> None:
    alone = desk.get_by_role("link", name="Open as a page")
    card(desk, cleo_visit).click()
    desk.get_by_role("link", name="Change").click()
    expect(alone).to_have_attribute("href", desk_url("change", cleo_visit))
    desk.get_by_label("Minutes").fill("75")
    desk.get_by_role("button", name="Save").click()
    expect(desk.locator(".slip")).to_contain_text("Cleo: now until 11:15 with Mia.")
    expect(alone).to_have_attribute("href", desk_url("appointment", cleo_visit))
    # Half of a booking has no address of its own.
    desk.keyboard.press("b")
    expect(alone).to_have_attribute("href", re.compile("/desk/book/$"))
    desk.get_by_role("combobox", name="Who comes?").fill("cleo")
    desk.locator("#booking-people").get_by_role("option").first.click()
    expect(desk.get_by_text("Lymphatic drainage massage").first).to_be_visible()
    expect(alone).to_be_hidden()


def test_the_keyboard_comes_to_the_visits_at_once(
    desk: Page, cleo_visit: Appointment, otto_visit: Appointment
) -> None:
    expect(card(desk, cleo_visit)).to_be_visible()
    skip = desk.get_by_role("link", name="Skip to the visits")
    desk.keyboard.press("Tab")
    desk.keyboard.press("Tab")
    expect(skip).to_be_focused()
    desk.keyboard.press("Enter")
    expect(card(desk, cleo_visit)).to_be_focused()
    desk.keyboard.press("ArrowRight")
    expect(card(desk, otto_visit)).to_be_focused()
    desk.get_by_role("button", name="Help and shortcuts").focus()
    desk.keyboard.press("v")
    expect(
        card(desk, cleo_visit).or_(card(desk, otto_visit)).and_(desk.locator(":focus"))
    ).to_have_count(1)
