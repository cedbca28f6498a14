"""One visit in the drawer, in a real browser: by keyboard, with undo, and for everybody."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Room, Therapist
from services.models import Service, SpaProfile
from services.screening import Outcome
from tests.bookings.calendar_pages import PHONE, SCREEN, card, open_calendar, until
from tests.bookings.conftest import OTTO, at
from tests.bookings.looks import see_no_barrier, see_that_all_is_well, unfold
from tests.bookings.staff_pages import come_in, desk_url, status_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

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
def desk(
    browser: Browser, live_server: LiveServer, dana: User, visit: Appointment
) -> Iterator[Page]:
    """The calendar with Cleo's visit opened beside it; the console stays silent."""
    context = browser.new_context(viewport=SCREEN, locale="en-GB")
    page = open_calendar(context, live_server, dana)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    card(page, visit).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    yield page
    context.close()
    assert heard == []


def start_of(visit: Appointment) -> Callable[[], object]:
    return lambda: Appointment.objects.get(pk=visit.pk).starts_at


def test_a_visit_is_moved_by_keyboard_alone(desk: Page, visit: Appointment) -> None:
    desk.keyboard.press("e")
    heading = desk.get_by_role("heading", name="Change this visit")
    expect(heading).to_be_focused()
    start = desk.get_by_label("Start")
    for _step in range(12):
        if start.evaluate("field => field === document.activeElement"):
            break
        desk.keyboard.press("Tab")
    expect(start).to_be_focused()
    # The hour has the focus first, in every way of writing a time.
    desk.keyboard.press("ArrowUp")
    desk.keyboard.press("ArrowUp")
    expect(start).to_have_value("12:00")
    desk.keyboard.press("Enter")
    expect(desk.locator(".slip")).to_contain_text(
        "Cleo: moved to Tuesday 24 November, 12:00 with Mia."
    )
    until(start_of(visit), at(12))
    expect(desk.locator("#panel-title")).to_be_focused()
    expect(card(desk, visit)).to_contain_text("12:00")


def test_who_is_in_the_way_is_told_in_the_drawer_and_a_free_time_is_one_tap(
    desk: Page, visit: Appointment, book: Book, mia: Therapist
) -> None:
    book(at(13), therapist=mia, details=OTTO)
    desk.keyboard.press("e")
    desk.get_by_label("Start").fill("13:00")
    desk.get_by_role("button", name="Save the change").last.click()
    expect(desk.locator("[data-error-summary]")).to_be_focused()
    expect(desk.locator("[data-error-summary]")).to_contain_text("Mia is with Otto")
    desk.get_by_role("button", name="14:15").click()
    expect(desk.locator(".slip")).to_contain_text(
        "Cleo: moved to Tuesday 24 November, 14:15 with Mia."
    )
    until(start_of(visit), at(14, 15))


def test_a_reason_is_given_with_one_tap(desk: Page, visit: Appointment) -> None:
    desk.keyboard.press("e")
    desk.get_by_label("Start").fill("18:00")
    desk.keyboard.press("Enter")
    desk.get_by_role("button", name="Agreed on the phone").click()
    expect(desk.locator(".slip")).to_contain_text(
        "Cleo: moved to Tuesday 24 November, 18:00 with Mia."
    )
    expect(desk.locator("#panel")).to_contain_text("Agreed on the phone")
    until(start_of(visit), at(18))


def test_a_step_by_key_is_undone_from_the_slip(desk: Page, visit: Appointment) -> None:
    desk.keyboard.press("a")
    expect(desk.locator(".slip")).to_contain_text("Cleo is here.")
    expect(desk.locator("#panel")).to_contain_text("Start the treatment")
    until(lambda: status_of(visit), "arrived")
    desk.locator(".slip").get_by_role("button", name="Undo").click()
    expect(desk.locator(".slip")).to_contain_text("taken back")
    until(lambda: status_of(visit), "confirmed")
    # The drawer is true again: its next step is not a stale one.
    desk.locator("#panel").get_by_role("button", name="Arrived", exact=True).click()
    until(lambda: status_of(visit), "arrived")


def test_keys_are_letters_while_somebody_types(desk: Page, visit: Appointment) -> None:
    desk.get_by_text("Write a note").click()
    note = desk.get_by_role("textbox", name="Note of the desk")
    note.press_sequentially("a sax")
    expect(note).to_have_value("a sax")
    desk.get_by_role("button", name="Keep the note").click()
    expect(desk.locator(".slip")).to_contain_text("Cleo: the note is kept.")
    until(lambda: Appointment.objects.get(pk=visit.pk).staff_note, "a sax")
    assert status_of(visit) == "confirmed"


def test_keys_that_were_switched_off_stay_off(desk: Page, visit: Appointment) -> None:
    desk.evaluate("localStorage.setItem('desk-keys', 'off')")
    desk.keyboard.press("a")
    desk.evaluate("localStorage.setItem('desk-keys', 'on')")
    desk.keyboard.press("e")
    expect(desk.get_by_role("heading", name="Change this visit")).to_be_focused()
    assert status_of(visit) == "confirmed"


def test_cancelling_without_a_mail_sends_nothing(desk: Page, visit: Appointment) -> None:
    desk.locator(".panel-menu > summary").click()
    desk.get_by_role("link", name="Cancel the visit").click()
    desk.get_by_label("Tell the client by mail").uncheck()
    desk.get_by_role("button", name="Cancel the visit").click()
    expect(desk.locator(".slip")).to_contain_text(
        "Cleo: cancelled, Tuesday 24 November, 10:00 with Mia is free again."
    )
    until(lambda: status_of(visit), "cancelled")
    assert not visit.messages.pending().exists()
    assert not visit.messages.filter(kind="cancelled").exclude(state="void").exists()


def test_what_another_desk_does_is_told_without_moving_a_button(
    desk: Page, visit: Appointment, olive: User
) -> None:
    arrived = desk.locator("#panel").get_by_role("button", name="Arrived", exact=True)
    # A font that comes late moves what is below it.
    desk.evaluate("async () => { await document.fonts.ready }")
    place = arrived.bounding_box()
    actions.mark_no_show(appointment=visit, by=actions.staff(olive), now=at(10, 6))
    told = desk.locator("#panel").get_by_text("This visit has just been changed.")
    expect(told).to_be_visible()
    assert arrived.bounding_box() == place
    desk.get_by_role("link", name="Show it as it is now").click()
    expect(desk.locator("#panel")).to_contain_text("Marked as not come")
    expect(told).to_be_hidden()


def test_a_stale_drawer_tells_what_happened_and_shows_the_visit(
    desk: Page, visit: Appointment, olive: User
) -> None:
    actions.mark_no_show(appointment=visit, by=actions.staff(olive), now=at(10, 6))
    desk.locator("#panel").get_by_role("button", name="Arrived", exact=True).click()
    alert = desk.locator("#panel").get_by_role("alert")
    expect(alert).to_contain_text("Marked as not come by olive, 10:06.")
    expect(desk.locator("#panel")).to_contain_text("Did not come")
    assert status_of(visit) == "no_show"


def test_the_desk_asks_about_health_again_by_keyboard(desk: Page, visit: Appointment) -> None:
    desk.locator(".panel-menu > summary").press("Enter")
    desk.get_by_role("link", name="Ask about health again").press("Enter")
    expect(desk.get_by_role("heading", name="Ask about health")).to_be_focused()
    see_no_barrier(desk, "has anything changed", "#panel")
    desk.get_by_role("link", name="Something has: ask all questions").press("Enter")
    none_left = desk.get_by_label("None of these in any group that is left empty.")
    expect(none_left).to_be_visible()
    see_no_barrier(desk, "the questions again", "#panel")
    desk.get_by_role("button", name="Keep the answers").press("Enter")
    expect(desk.locator("[data-error-summary]")).to_be_focused()
    none_left.press("Space")
    desk.locator("[name=consent]").press("Space")
    desk.get_by_role("button", name="Keep the answers").press("Enter")
    expect(desk.locator(".slip")).to_contain_text("Cleo: the answers are kept. All is clear.")
    expect(desk.locator("#panel-title")).to_be_focused()
    until(lambda: visit.events.latest("pk").kind, "health_renewed")


def test_the_page_of_a_visit_does_everything_without_scripts(
    browser: Browser, live_server: LiveServer, dana: User, visit: Appointment
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=PHONE, locale="en-GB")
    page = context.new_page()
    come_in(page, live_server, dana, desk_url("appointment", visit))
    page.get_by_role("button", name="Arrived", exact=True).click()
    expect(page.locator(".news")).to_contain_text("Cleo is here.")
    page.get_by_role("button", name="One step back").click()
    expect(page.locator(".news")).to_contain_text("One step back: Cleo, confirmed.")
    page.get_by_role("link", name="Change").first.click()
    page.get_by_label("Start").fill("12:00")
    page.get_by_role("button", name="Save the change").last.click()
    expect(page.locator(".news")).to_contain_text("moved to Tuesday 24 November, 12:00 with Mia.")
    context.close()


def test_nobody_is_kept_out(
    page: Page,
    live_server: LiveServer,
    dana: User,
    visit: Appointment,
    book: Book,
    noor: Therapist,
) -> None:
    open_check = actions.withdraw_health_check(
        appointment=book(at(15, 30), therapist=noor, details=OTTO, outcome=Outcome.CLEARANCE),
        by=actions.CLIENT,
        now=at(10, 5),
    )
    visit.messages.update(state="failed", last_error="Refused.")
    pages = [
        desk_url("appointment", visit),
        desk_url("change", visit),
        desk_url("cancel", visit),
        desk_url("decide", open_check),
    ]
    for path in pages:
        come_in(page, live_server, dana, path)
        unfold(page)
        see_that_all_is_well(page)
    page.goto(live_server.url + desk_url("change", visit))
    page.get_by_label("Start").fill("18:00")
    page.get_by_role("button", name="Save the change").last.click()
    expect(page.get_by_role("button", name="Running late")).to_be_visible()
    unfold(page)
    see_that_all_is_well(page, "a change with its reason")


def test_the_drawer_keeps_nobody_out(desk: Page) -> None:
    unfold(desk, "#panel")
    see_no_barrier(desk, "the drawer", "#panel")
    desk.keyboard.press("m")
    expect(desk.get_by_role("heading", name="Move this visit")).to_be_focused()
    see_no_barrier(desk, "free times", "#panel")
