"""The desk in a real browser: with and without scripts, by keyboard, and for everybody."""

from collections.abc import Callable
from typing import Literal

import pytest
import time_machine
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Room, Therapist
from services.models import Service, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import desk_url, login_of, sign_in, status_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = ViewportSize(width=390, height=844)
SCREEN = ViewportSize(width=1280, height=800)


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


def test_a_step_swaps_the_board_and_leaves_the_focus_with_the_visit(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    sign_in(page, live_server, "dana")
    page.evaluate("window.sameDocument = true")
    card = page.locator(f"#visit-{visits[0].reference}")
    card.get_by_role("button", name="Arrived Cleo").click()
    page.get_by_text("Cleo is here.").wait_for()
    assert status_of(visits[0]) == "arrived"
    assert page.evaluate("window.sameDocument") is True
    expect(card).to_be_focused()
    card.get_by_role("button", name="Undo Arrived, Cleo").click()
    page.get_by_text("Taken back: Cleo is expected again.").wait_for()
    assert status_of(visits[0]) == "confirmed"


def test_the_whole_day_works_without_scripts(
    browser: Browser, live_server: LiveServer, visits: list[Appointment]
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=PHONE, locale="en-GB")
    page = context.new_page()
    sign_in(page, live_server, "dana")
    card = page.locator(f"#visit-{visits[0].reference}")
    card.get_by_role("button", name="Arrived Cleo").click()
    page.get_by_text("Cleo is here.").wait_for()
    card.get_by_role("button", name="Completed Cleo").click()
    page.get_by_text("The visit of Cleo is completed.").wait_for()
    assert status_of(visits[0]) == "completed"
    page.get_by_role("link", name="Decide Otto").first.click()
    page.get_by_text("No, decline it").click()
    page.get_by_role("button", name="Decline the request").click()
    page.get_by_text("The request of Otto is declined").wait_for()
    assert status_of(visits[1]) == "declined"
    context.close()


def test_requests_are_unfolded_on_a_wide_screen_and_stay_as_they_were_left(
    page: Page, live_server: LiveServer, visits: list[Appointment], clock: time_machine.Traveller
) -> None:
    clock.move_to(at(10, 5, days=0))
    first = visits[1]
    Appointment.objects.filter(pk=visits[0].pk).update(status="arrived")
    page.set_viewport_size(PHONE)
    sign_in(page, live_server, "dana")
    decide = page.locator("#requests").get_by_role("link", name=f"Decide {first.client}")
    expect(decide).to_be_hidden()
    page.locator("#requests summary").focus()
    page.keyboard.press("Enter")
    decide.wait_for()
    page.set_viewport_size(SCREEN)
    page.reload()
    decide.wait_for()
    page.goto(f"{live_server.url}/desk/list/?date=2026-11-24")
    expect(decide).to_be_hidden()
    page.locator("#requests summary").click()
    page.get_by_role("button", name="Undo Arrived, Cleo").click()
    page.get_by_text("Taken back: Cleo is expected again.").wait_for()
    expect(decide).to_be_visible()


def test_a_visit_is_moved_by_keyboard_alone(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    sign_in(page, live_server, "dana")
    card = page.locator(f"#visit-{visits[0].reference}")
    card.get_by_text("More", exact=False).first.focus()
    page.keyboard.press("Enter")
    card.get_by_role("link", name="Move").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Move this visit").wait_for()
    page.get_by_role("link", name="15:30").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Move the visit").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Cleo: moved to Tuesday 24 November, 15:30.").wait_for()
    assert Appointment.objects.get(pk=visits[0].pk).starts_at == at(15, 30)


def test_a_step_after_the_session_ended_leads_to_the_login(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    sign_in(page, live_server, "dana")
    page.context.clear_cookies(name="sessionid")
    card = page.locator(f"#visit-{visits[0].reference}")
    card.get_by_role("button", name="Arrived Cleo").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert status_of(visits[0]) == "confirmed"


def test_a_step_without_a_connection_says_so(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    sign_in(page, live_server, "dana")
    page.context.set_offline(True)
    card = page.locator(f"#visit-{visits[0].reference}")
    card.get_by_role("button", name="Arrived Cleo").click()
    page.get_by_text("There is no connection. Nothing was changed").wait_for()
    assert status_of(visits[0]) == "confirmed"


def test_a_menu_closes_with_escape_and_when_another_opens(
    page: Page, live_server: LiveServer, visits: list[Appointment]
) -> None:
    page.set_viewport_size(SCREEN)
    sign_in(page, live_server, "dana")
    menus = page.locator(".visit__more")
    menus.nth(0).locator("summary").click()
    menus.nth(1).locator("summary").click()
    # The menu's toggle event comes after the click has returned: wait for what it does.
    expect(menus.nth(0)).not_to_have_attribute("open", "")
    expect(menus.nth(1)).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(menus.nth(1)).not_to_have_attribute("open", "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, SCREEN], ids=["phone", "screen"])
def test_nobody_is_kept_out(
    size: ViewportSize,
    scheme: Literal["light", "dark"],
    browser: Browser,
    live_server: LiveServer,
    visits: list[Appointment],
    noor: Therapist,
    spa: SpaProfile,
) -> None:
    first, request = visits
    actions.mark_arrived(appointment=first, by=actions.SYSTEM, now=at(10, 5))
    pages = {
        "dana": [
            "/desk/list/",
            "/desk/list/?date=2026-12-31",
            desk_url("appointment", first),
            desk_url("decide", request),
            desk_url("cancel", request),
            f"{desk_url('move', request)}?start=2026-11-25T10:00Z",
        ],
        "mia": ["/therapist/", f"/therapist/visits/{first.reference}/"],
        "olive": [f"/therapist/visits/{first.reference}/"],
    }
    for name, paths in pages.items():
        context = browser.new_context(viewport=size, color_scheme=scheme, locale="en-GB")
        page = context.new_page()
        noises = complaints_of(page)
        page.goto(f"{live_server.url}/accounts/login/")
        assert Axe().run(page).violations_count == 0, "login"
        sign_in(page, live_server, name)
        for path in paths:
            page.goto(live_server.url + path)
            for menu in page.locator("details").all():
                menu.evaluate("menu => { menu.open = true }")
            found = Axe().run(page)
            assert found.violations_count == 0, f"{path}\n{found.generate_report()}"
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{path} is {width} wide"
        assert noises == []
        context.close()
