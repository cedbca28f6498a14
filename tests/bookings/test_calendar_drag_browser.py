"""Moving visits in the calendar: by mouse and by touch, with refusals, reasons and undo."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.calendar_pages import (
    PHONE,
    SCREEN,
    TUESDAY,
    card,
    column,
    drag,
    hour,
    open_calendar,
    place_of,
    resize,
    until,
)
from tests.bookings.conftest import NOW, OTTO, at

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
    browser: Browser, live_server: LiveServer, dana: User, cleo_visit: Appointment
) -> Iterator[Page]:
    """The calendar on Tuesday, as the front desk sees it."""
    context = browser.new_context(viewport=SCREEN, locale="en-GB")
    yield open_calendar(context, live_server, dana)
    context.close()


def test_a_visit_is_dragged_to_another_time_and_taken_back(
    desk: Page, cleo_visit: Appointment
) -> None:
    drag(desk, card(desk, cleo_visit), to=(column(desk, "Mia"), hour(desk, "11:00")))
    expect(desk.locator(".slip")).to_contain_text(
        "Cleo: moved to Tuesday 24 November, 11:00 with Mia."
    )
    expect(desk.locator(".slip")).to_contain_text("A mail goes out in a minute")
    assert place_of(cleo_visit) == (at(11), 60, "Mia")
    expect(card(desk, cleo_visit)).to_contain_text("11:00")
    desk.get_by_role("button", name="Undo").click()
    expect(desk.locator(".slip")).to_contain_text("Cleo: taken back")
    expect(card(desk, cleo_visit)).to_contain_text("10:00")
    assert place_of(cleo_visit) == (at(10), 60, "Mia")


def test_a_visit_is_dragged_to_another_therapist_and_taken_back_by_key(
    desk: Page, cleo_visit: Appointment
) -> None:
    drag(desk, card(desk, cleo_visit), to=(column(desk, "Noor"), hour(desk, "10:00")))
    expect(desk.locator(".slip")).to_contain_text("10:00 with Noor.")
    assert place_of(cleo_visit) == (at(10), 60, "Noor")
    desk.keyboard.press("u")
    expect(desk.locator(".slip")).to_contain_text("with Mia as before")
    assert place_of(cleo_visit) == (at(10), 60, "Mia")


def test_the_edge_is_dragged_to_lengthen(desk: Page, cleo_visit: Appointment) -> None:
    resize(desk, card(desk, cleo_visit), to=hour(desk, "12:00"))
    expect(desk.locator(".slip")).to_contain_text("Cleo: now until 12:00 with Mia.")
    assert place_of(cleo_visit) == (at(10), 120, "Mia")


def test_a_visit_that_cannot_last_longer_is_offered_no_other_day(
    desk: Page, cleo_visit: Appointment, mia: Therapist, book: Callable[..., Appointment]
) -> None:
    otto_visit = book(at(12), therapist=mia, details=OTTO)
    expect(card(desk, otto_visit)).to_be_visible()
    resize(desk, card(desk, cleo_visit), to=hour(desk, "12:00"))
    refusal = desk.get_by_role("alert").filter(has_text="Mia is with Otto")
    expect(refusal).to_be_visible()
    expect(refusal.get_by_role("button", name=":")).to_have_count(0)
    assert place_of(cleo_visit) == (at(10), 60, "Mia")


def test_a_refusal_goes_back_and_says_who_is_in_the_way(
    desk: Page, cleo_visit: Appointment, otto_visit: Appointment
) -> None:
    expect(card(desk, otto_visit)).to_be_visible()
    drag(desk, card(desk, cleo_visit), to=(column(desk, "Noor"), hour(desk, "13:00")))
    expect(desk.get_by_role("alert")).to_contain_text("Noor is with Otto until 14:00")
    expect(card(desk, cleo_visit)).to_contain_text("10:00")
    box, mias = card(desk, cleo_visit).bounding_box(), column(desk, "Mia")
    assert box is not None
    assert box["x"] < mias < box["x"] + box["width"]
    assert place_of(cleo_visit) == (at(10), 60, "Mia")
    # One of the free times that are offered instead.
    desk.get_by_role("button", name="14:15").click()
    expect(desk.locator(".slip")).to_contain_text("14:15 with Noor.")
    assert place_of(cleo_visit) == (at(14, 15), 60, "Noor")


def test_a_broken_rule_asks_for_a_reason(desk: Page, cleo_visit: Appointment) -> None:
    evening = (column(desk, "Mia"), hour(desk, "17:00"))
    drag(desk, card(desk, cleo_visit), to=evening)
    asked = desk.get_by_role("dialog", name="Do it all the same?")
    expect(asked).to_contain_text("Mia works 09:00 – 17:00")
    asked.get_by_role("button", name="Leave it").click()
    expect(card(desk, cleo_visit)).to_contain_text("10:00")
    drag(desk, card(desk, cleo_visit), to=evening)
    asked.get_by_role("button", name="Agreed on the phone").click()
    expect(desk.locator(".slip")).to_contain_text("17:00 with Mia.")
    assert place_of(cleo_visit) == (at(17), 60, "Mia")
    assert cleo_visit.events.filter(kind="moved").get().reason == "Agreed on the phone"


def test_a_move_on_a_stale_view_is_told_what_changed(
    desk: Page, cleo_visit: Appointment, spa: SpaProfile, olive: User
) -> None:
    # The desk holds its view as long as the drag lasts; meanwhile Olive is faster.
    to = (column(desk, "Mia"), hour(desk, "15:00"))
    drag(desk, card(desk, cleo_visit), to=to, hold=True)
    actions.reschedule_appointment(
        appointment=Appointment.objects.get(pk=cleo_visit.pk),
        starts_at=at(12),
        by=actions.staff(olive),
        spa=spa,
        now=NOW,
    )
    desk.mouse.up()
    alert = desk.get_by_role("alert")
    expect(alert).to_contain_text("Nothing was changed: Moved from Tuesday 24 November, 10:00")
    expect(alert).to_contain_text("by olive")
    expect(card(desk, cleo_visit)).to_contain_text("12:00")
    assert place_of(cleo_visit)[0] == at(12)


@pytest.mark.parametrize(
    ("at_edge", "said", "place"),
    [
        (False, "11:00 with Mia.", (at(11), 60, "Mia")),
        (True, "now until 12:00", (at(10), 120, "Mia")),
    ],
    ids=["moved", "lengthened"],
)
def test_a_visit_is_held_and_dragged_by_touch(
    at_edge: bool,
    said: str,
    place: tuple[object, ...],
    browser: Browser,
    live_server: LiveServer,
    dana: User,
    cleo_visit: Appointment,
) -> None:
    context = browser.new_context(viewport=PHONE, locale="en-GB", has_touch=True, is_mobile=True)
    page = open_calendar(context, live_server, dana, TUESDAY)
    box = card(page, cleo_visit).bounding_box()
    assert box is not None
    x, y = box["x"] + 40, box["y"] + (box["height"] - 3 if at_edge else 6)
    target = y + hour(page, "11:00") - hour(page, "10:00")
    touch = context.new_cdp_session(page)

    def send(kind: str, top: float | None) -> None:
        points = [] if top is None else [{"x": x, "y": top}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", y)
    page.locator(".ec-preview").wait_for()
    for part in range(1, 9):
        send("touchMove", y + (target - y) * part / 8)
    send("touchEnd", None)
    expect(page.locator(".slip")).to_contain_text(said)
    until(lambda: place_of(cleo_visit), place)
    context.close()


def test_a_visit_is_dragged_to_another_day_of_the_week(
    browser: Browser, live_server: LiveServer, dana: User, cleo_visit: Appointment, mia: Therapist
) -> None:
    context = browser.new_context(viewport=SCREEN, locale="en-GB")
    path = f"/desk/week/?date=2026-11-24&therapist={mia.pk}"
    page = open_calendar(context, live_server, dana, path)
    # Alt makes the steps fine: five minutes.
    page.keyboard.down("Alt")
    five_minutes = (hour(page, "12:00") - hour(page, "11:00")) / 12
    to = (column(page, "Thu 26 Nov"), hour(page, "11:00") + five_minutes)
    drag(page, card(page, cleo_visit), to=to)
    page.keyboard.up("Alt")
    expect(page.locator(".slip")).to_contain_text("Thursday 26 November, 11:05 with Mia.")
    assert place_of(cleo_visit) == (at(11, 5, days=3), 60, "Mia")
    context.close()


def test_a_room_is_changed_in_the_view_by_room(
    browser: Browser, live_server: LiveServer, dana: User, cleo_visit: Appointment
) -> None:
    context = browser.new_context(viewport=SCREEN, locale="en-GB")
    page = open_calendar(context, live_server, dana, f"{TUESDAY}&by=room")
    here = cleo_visit.room.name
    other = "Moss" if here == "Fern" else "Fern"
    drag(page, card(page, cleo_visit), to=(column(page, other), hour(page, "10:00")))
    expect(page.locator(".slip")).to_contain_text(f"Cleo: now in {other}.")
    assert Appointment.objects.get(pk=cleo_visit.pk).room.name == other
    context.close()
