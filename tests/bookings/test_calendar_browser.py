"""Going about in the calendar: days, views, keys, the drawer, and everybody's right to use it."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from bookings.models import Appointment, Room, Therapist
from services.models import Service, SpaProfile
from services.screening import Outcome
from tests.bookings.calendar_pages import (
    PHONE,
    SCREEN,
    TUESDAY,
    card,
    column,
    hour,
    open_calendar,
)
from tests.bookings.conftest import OTTO, at
from tests.bookings.looks import LOOKS, see_no_barrier

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Open = Callable[..., Page]


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
) -> list[Appointment]:
    """Tuesday, five past ten: Cleo is late, Otto asks for a visit with Noor in the afternoon."""
    moss.services.add(lymph)
    visits = [
        book(at(10), therapist=mia, outcome=Outcome.ADAPT),
        book(at(14), therapist=noor, outcome=Outcome.CLEARANCE, details=OTTO),
    ]
    clock.move_to(at(10, 5))
    return visits


@pytest.fixture
def open_desk(
    browser: Browser, live_server: LiveServer, dana: User, visits: list[Appointment]
) -> Iterator[Open]:
    """Open the calendar in a browser of its own; what it complains about fails the test."""
    complaints: list[str] = []
    contexts = []

    def _open(path: str = "/desk/", **options: Any) -> Page:
        options = {"viewport": SCREEN, "locale": "en-GB", **options}
        contexts.append(browser.new_context(**options))
        contexts[-1].on("console", lambda said: complaints.append(said.text))
        page = open_calendar(contexts[-1], live_server, dana, path)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield _open
    for context in contexts:
        context.close()
    assert complaints == []


def test_one_goes_from_day_to_day_and_back_without_a_new_page(open_desk: Open) -> None:
    page = open_desk()
    title = page.locator("#title")
    page.evaluate("window.sameDocument = true")
    page.get_by_role("link", name="The day after").click()
    expect(title).to_have_text("Wednesday 25 November")
    expect(page).to_have_url(re.compile(r"/desk/\?date=2026-11-25$"))
    expect(page).to_have_title(re.compile("^Wednesday 25 November – "))
    page.get_by_role("link", name="Week", exact=True).click()
    expect(title).to_have_text("23–29 Nov")
    expect(page).to_have_url(re.compile(r"/desk/week/\?date=2026-11-25$"))
    expect(page.locator(".ec-col-head")).to_have_count(7)
    page.get_by_label("Therapist").select_option("Noor")
    expect(page.locator(".ec-event", has_text="Otto")).to_be_visible()
    page.go_back()
    page.go_back()
    expect(title).to_have_text("Wednesday 25 November")
    page.go_back()
    expect(title).to_have_text("Tuesday 24 November")
    page.get_by_label("Go to a day").fill("2026-12-01")
    expect(title).to_have_text("Tuesday 1 December")
    page.get_by_role("link", name="Rooms").click()
    expect(page.locator(".ec-col-head").first).to_contain_text("Fern")
    assert page.evaluate("window.sameDocument") is True
    page.reload()
    expect(title).to_have_text("Tuesday 1 December")
    expect(page.locator(".ec-col-head").first).to_contain_text("Fern")


def test_keys_lead_everywhere_and_can_be_switched_off(open_desk: Open) -> None:
    page = open_desk()
    title, sheet = page.locator("#title"), page.get_by_role("dialog", name="Help and shortcuts")
    page.keyboard.press("n")
    expect(title).to_have_text("Wednesday 25 November")
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text("Tuesday 24 November")
    page.keyboard.press("p")
    expect(title).to_have_text("Monday 23 November")
    for _day in range(3):
        page.keyboard.press("n")
    expect(title).to_have_text("Thursday 26 November")
    page.keyboard.press("t")
    expect(title).to_have_text("Tuesday 24 November")
    page.keyboard.press("w")
    expect(title).to_have_text("23–29 Nov")
    page.keyboard.press("r")
    expect(page.locator(".ec-col-head").first).to_contain_text("Fern")
    page.keyboard.press("d")
    expect(page.locator(".ec-col-head").first).to_contain_text("Mia")
    page.keyboard.press("?")
    expect(sheet).to_be_visible()
    # A key under the sheet does nothing.
    page.keyboard.press("n")
    sheet.get_by_label("Use these keys on this computer").uncheck()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.reload()
    page.locator(".ec-body").wait_for()
    page.keyboard.press("n")
    page.keyboard.press("?")
    expect(sheet).to_be_hidden()
    expect(title).to_have_text("Tuesday 24 November")
    page.get_by_role("button", name="Help and shortcuts").click()
    sheet.get_by_label("Use these keys on this computer").check()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(title).to_have_text("Wednesday 25 November")
    page.keyboard.press("l")
    expect(page).to_have_url(re.compile(r"/desk/list/\?date=2026-11-25"))
    page.go_back()
    page.locator(".ec-body").wait_for()
    page.keyboard.press("/")
    expect(page.get_by_label("Name, e-mail or phone")).to_be_focused()


def test_a_visit_is_opened_by_keyboard_and_gives_the_focus_back(
    open_desk: Open, visits: list[Appointment]
) -> None:
    page = open_desk()
    first, second = (card(page, visit) for visit in visits)
    first.focus()
    expect(second).to_have_attribute("tabindex", "-1")
    page.keyboard.press("ArrowRight")
    expect(second).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    drawer = page.locator("#panel")
    expect(drawer.get_by_role("heading", name="Cleo").first).to_be_focused()
    expect(first).to_have_attribute("data-open", "")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(first).to_be_focused()
    expect(first).not_to_have_attribute("data-open", "")


def test_a_step_in_the_drawer_shows_on_the_grid_and_is_taken_back(
    open_desk: Open, visits: list[Appointment]
) -> None:
    page = open_desk()
    cleo = card(page, visits[0])
    expect(cleo).to_have_attribute("aria-label", re.compile("Adapt. Late by 5 minutes."))
    cleo.click()
    page.locator("#panel").get_by_role("button", name=re.compile("^Arrived")).click()
    expect(cleo).to_have_class(re.compile("visit-look--arrived"))
    expect(cleo).not_to_have_attribute("data-late", "")
    expect(page.locator("#said")).to_have_text("")
    page.locator(".slip").get_by_role("button", name="Undo").click()
    expect(cleo).to_have_class(re.compile("visit-look--confirmed"))


def test_empty_time_opens_a_booking_and_can_be_blocked_instead(open_desk: Open) -> None:
    page = open_desk()
    page.mouse.click(column(page, "Noor"), hour(page, "11:00") + 3)
    drawer = page.locator("#panel")
    expect(drawer).to_be_visible()
    alone = drawer.get_by_role("link", name="Open as a page")
    expect(alone).to_have_attribute("href", re.compile("/desk/book/.*start=2026-11-24T11%3A00Z"))
    drawer.get_by_role("link", name="Block this time instead").click()
    expect(alone).to_have_attribute(
        "href", re.compile("/desk/time-off/new/.*start=2026-11-24T11%3A00Z")
    )
    page.keyboard.press("Escape")
    page.keyboard.down("Shift")
    x, top = column(page, "Noor"), hour(page, "11:00") + 3
    page.mouse.move(x, top)
    page.mouse.down()
    page.mouse.move(x, hour(page, "12:00") - 3, steps=5)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(alone).to_have_attribute("href", re.compile("time-off/new/.*end=2026-11-24T12%3A00Z"))


def test_typed_words_are_asked_for_before_they_are_lost(
    open_desk: Open, visits: list[Appointment]
) -> None:
    page = open_desk()
    card(page, visits[0]).click()
    drawer = page.locator("#panel")
    drawer.get_by_text("Write a note").click()
    note = drawer.get_by_role("textbox").first
    note.fill("Rings twice")
    card(page, visits[1]).click()
    question = page.get_by_role("dialog", name="Leave what you typed?")
    question.get_by_role("button", name="Keep typing").click()
    expect(note).to_have_value("Rings twice")
    page.get_by_role("button", name="Close").first.click()
    question.get_by_role("button", name="Leave it").click()
    expect(drawer).to_be_hidden()


def test_a_phone_shows_one_therapist_at_a_time(open_desk: Open) -> None:
    page = open_desk(TUESDAY, viewport=PHONE, has_touch=True)
    heads = page.locator(".ec-col-head")
    expect(heads).to_have_count(1)
    expect(heads).to_contain_text("Mia")
    page.get_by_label("Therapist").select_option("Noor")
    expect(heads).to_contain_text("Noor")
    expect(page).to_have_url(re.compile("therapist="))
    page.get_by_label("Therapist").select_option("Everybody")
    expect(heads).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_swipe_leads_to_the_next_therapist(open_desk: Open) -> None:
    page = open_desk(TUESDAY, viewport=PHONE, has_touch=True)
    touch = page.context.new_cdp_session(page)
    top = hour(page, "12:00")
    for kind, x in [
        ("touchStart", 300),
        ("touchMove", 220),
        ("touchMove", 140),
        ("touchEnd", None),
    ]:
        points = [] if x is None else [{"x": x, "y": top}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.locator(".ec-col-head")).to_contain_text("Noor")


def test_the_wall_clock_of_the_grid_becomes_an_instant(open_desk: Open) -> None:
    page = open_desk()
    wanted = {
        ("2026-11-24T10:00", "Europe/London"): "2026-11-24T10:00Z",
        ("2026-07-01T10:00", "Europe/London"): "2026-07-01T09:00Z",
        # The first and the last morning of summer time.
        ("2027-03-28T09:00", "Europe/London"): "2027-03-28T08:00Z",
        ("2027-10-31T09:00", "Europe/London"): "2027-10-31T09:00Z",
        ("2026-11-24T10:00", "America/St_Johns"): "2026-11-24T13:30Z",
        ("2026-11-24T10:00", "Pacific/Kiritimati"): "2026-11-23T20:00Z",
    }
    told = page.evaluate(
        """async (asked) => {
            const entry = document.querySelector("script[src*='desk/calendar']").src;
            const { instantOf } = await import(new URL("times.js", entry));
            return asked.map(([wall, zone]) => instantOf(wall, zone));
        }""",
        list(wanted),
    )
    assert dict(zip(wanted, told, strict=True)) == wanted


def test_without_scripts_the_page_leads_to_the_list(
    browser: Browser, live_server: LiveServer, dana: User, visits: list[Appointment]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/accounts/login/?next=/desk/%3Fdate=2026-11-24")
    page.get_by_label("E-mail or user name").fill("dana@qi-spa.example")
    page.get_by_label("Password").fill("rivers-and-moss")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="The list").click()
    expect(page.locator("main")).to_contain_text("Otto")
    context.close()


@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=["phone-dark", "screen-light"])
def test_nobody_is_kept_out_of_the_calendar(
    open_desk: Open,
    visits: list[Appointment],
    size: ViewportSize,
    scheme: Literal["light", "dark"],
) -> None:
    page = open_desk(viewport=size, color_scheme=scheme, reduced_motion="reduce")

    def look(name: str) -> None:
        # The grid itself breaks rules of tables; the list shows the same for everybody.
        see_no_barrier(page, name, {"exclude": [[".ec"]]})

    look("page")
    page.get_by_role("button", name="Help and shortcuts").click()
    expect(page.get_by_role("dialog", name="Help and shortcuts")).to_be_visible()
    look("help")
    page.keyboard.press("Escape")
    card(page, visits[0]).click()
    expect(page.locator("#panel-title")).to_be_visible()
    look("drawer")
    page.keyboard.press("Escape")
    page.evaluate("document.getElementById('reason').showModal()")
    look("reason")
