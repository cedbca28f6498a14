"""The desk's list, strip and time off in a real browser: with and without scripts, by keyboard."""

from collections.abc import Callable

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Room, Therapist, TimeOff
from services.models import Service, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import OTTO, at
from tests.bookings.looks import PHONE, SCREEN, see_that_all_is_well, unfold
from tests.bookings.staff_pages import come_in, login_of, status_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def visits(
    spa: SpaProfile,
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    lymph: Service,
    dana: User,
    olive: User,
) -> list[Appointment]:
    """Tuesday, five past ten: Cleo is expected by Mia, Otto asks for a visit with Noor."""
    moss.services.add(lymph)
    login_of(mia)
    visits = [
        book(at(10), therapist=mia, outcome=Outcome.ADAPT),
        book(at(14), therapist=noor, outcome=Outcome.CLEARANCE, details=OTTO),
    ]
    clock.move_to(at(10, 5))
    return visits


def complaints_of(page: Page) -> list[str]:
    """What the browser's console says from now on, breaches of the policy included."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


def open_desk(page: Page, live_server: LiveServer, path: str = "/desk/") -> None:
    come_in(page, live_server, User.objects.get(username="dana"), path)


def open_list(page: Page, live_server: LiveServer) -> None:
    open_desk(page, live_server, "/desk/list/")


def test_a_step_swaps_the_list_and_leaves_the_focus_with_the_visit(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    open_list(page, live_server)
    page.evaluate("window.sameDocument = true")
    row = page.locator(f"#visit-{visits[0].reference}")
    row.get_by_role("button", name="Arrived Cleo").click()
    page.get_by_text("Cleo is here.").wait_for()
    assert status_of(visits[0]) == "arrived"
    assert page.evaluate("window.sameDocument") is True
    expect(row).to_be_focused()
    row.get_by_role("button", name="Undo Arrived, Cleo").click()
    page.get_by_text("One step back: Cleo, confirmed.").wait_for()
    assert status_of(visits[0]) == "confirmed"


def test_the_whole_day_works_without_scripts(
    browser: Browser, live_server: LiveServer, visits: list[Appointment]
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=PHONE, locale="en-GB")
    page = context.new_page()
    open_list(page, live_server)
    row = page.locator(f"#visit-{visits[0].reference}")
    row.get_by_role("button", name="Arrived Cleo").click()
    page.get_by_text("Cleo is here.").wait_for()
    row.get_by_role("button", name="Start the treatment Cleo").click()
    row.get_by_role("button", name="Completed Cleo").click()
    page.get_by_text("The visit of Cleo is completed.").wait_for()
    assert status_of(visits[0]) == "completed"
    page.get_by_role("link", name="Requests").first.click()
    page.get_by_role("link", name="Decide Otto").click()
    page.get_by_text("No, decline it").click()
    page.get_by_role("button", name="Decline the request").click()
    page.get_by_text("The request of Otto is declined").wait_for()
    assert status_of(visits[1]) == "declined"
    context.close()


def test_who_is_late_arrives_beside_the_calendar(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    open_desk(page, live_server)
    strip = page.locator("#strip")
    expect(strip.get_by_text("5 min late")).to_be_visible()
    strip.get_by_role("button", name="Arrived Cleo").click()
    expect(page.get_by_text("Cleo is here.")).to_be_visible()
    expect(strip.get_by_role("button", name="Arrived Cleo")).to_be_hidden()
    expect(strip.get_by_text("waits for Mia")).to_be_attached()
    expect(page.locator("#strip-title")).to_be_focused()
    assert status_of(visits[0]) == "arrived"


def test_a_refused_step_beside_the_calendar_says_why(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    open_desk(page, live_server)
    Appointment.objects.filter(pk=visits[0].pk).update(sequence=7)
    page.locator("#strip").get_by_role("button", name="Arrived Cleo").click()
    expect(page.get_by_role("alert").get_by_text("Nothing was changed")).to_be_visible()
    assert status_of(visits[0]) == "confirmed"


def test_the_requests_open_in_the_drawer(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    open_desk(page, live_server)
    page.locator("#strip").get_by_role("link", name="1 request").click()
    drawer = page.locator("#panel")
    expect(drawer.get_by_role("heading", name="Requests")).to_be_focused()
    drawer.get_by_role("link", name="Decide Otto").click()
    expect(drawer.get_by_role("heading", name="May this visit go ahead?")).to_be_visible()


def test_a_time_is_blocked_by_keyboard_alone(
    page: Page, live_server: LiveServer, visits: list[Appointment], mia: Therapist
) -> None:
    start = "start=2026-11-24T10:00Z"
    open_desk(page, live_server, f"/desk/time-off/new/?therapist={mia.pk}&{start}")
    expect(page.get_by_label("Last day")).to_be_hidden()
    page.get_by_label("Reason (optional)").fill("Training")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 visit is in the way")).to_be_visible()
    expect(page.get_by_label("Reason (optional)")).to_have_value("Training")
    # Enter asks again: only the button itself passes over the visit.
    page.get_by_label("Reason (optional)").press("Enter")
    expect(page.get_by_role("heading", name="1 visit is in the way")).to_be_visible()
    assert not TimeOff.objects.exists()
    page.get_by_role("button", name="Block the time; 1 visit stays until you move it").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Mia is off")).to_be_visible()
    assert TimeOff.objects.get().reason == "Training"


def test_only_what_a_length_needs_is_asked(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    open_desk(page, live_server, "/desk/time-off/new/")
    time, last_day = page.get_by_label("Time", exact=True), page.get_by_label("Last day")
    until = page.get_by_label("Until", exact=True)
    for length, shown in {
        "1 hour": (True, False, False),
        "The whole day": (False, False, False),
        "Several whole days": (False, True, False),
        "Until a certain time": (True, True, True),
    }.items():
        page.get_by_label(length).check()
        for field, is_shown in zip((time, last_day, until), shown, strict=True):
            expect(field).to_be_visible(visible=is_shown)


def test_a_step_after_the_session_ended_leads_to_the_login(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    open_list(page, live_server)
    page.context.clear_cookies(name="sessionid")
    row = page.locator(f"#visit-{visits[0].reference}")
    row.get_by_role("button", name="Arrived Cleo").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert status_of(visits[0]) == "confirmed"


def test_a_step_without_a_connection_says_so(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    open_list(page, live_server)
    page.context.set_offline(True)
    row = page.locator(f"#visit-{visits[0].reference}")
    row.get_by_role("button", name="Arrived Cleo").click()
    page.get_by_text("There is no connection. Nothing was changed").wait_for()
    assert status_of(visits[0]) == "confirmed"


def test_a_menu_closes_with_escape_and_when_another_opens(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    page.set_viewport_size(SCREEN)
    open_list(page, live_server)
    menus = page.locator(".visit__more")
    menus.nth(0).locator("summary").click()
    menus.nth(1).locator("summary").click()
    # The menu's toggle event comes after the click has returned: wait for what it does.
    expect(menus.nth(0)).not_to_have_attribute("open", "")
    expect(menus.nth(1)).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(menus.nth(1)).not_to_have_attribute("open", "")


def test_nobody_is_kept_out(
    page: Page, live_server: LiveServer, visits: list[Appointment], mia: Therapist
) -> None:
    actions.mark_arrived(appointment=visits[0], by=actions.SYSTEM, now=at(10, 5))
    off = TimeOff.objects.create(starts_at=at(13), ends_at=at(16), reason="Course")
    noises = complaints_of(page)
    for path in [
        "/desk/list/",
        f"/desk/list/?therapist={mia.pk}",
        "/desk/list/?date=2030-01-01",
        "/desk/clearances/",
        "/desk/sheet/",
        "/desk/time-off/new/",
        f"/desk/time-off/{off.pk}/",
    ]:
        open_desk(page, live_server, path)
        unfold(page)
        see_that_all_is_well(page)
    expect(page.get_by_role("button", name="Remove it")).to_be_visible()
    page.goto(f"{live_server.url}/desk/time-off/new/?start=2026-11-24T13:30Z")
    page.locator("[name=therapist]").select_option("spa")
    page.get_by_role("button", name="Block the time").click()
    expect(page.get_by_role("heading", name="1 visit is in the way")).to_be_visible()
    see_that_all_is_well(page, "a visit is in the way")
    assert noises == []
