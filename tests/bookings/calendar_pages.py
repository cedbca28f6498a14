"""The desk's calendar in a real browser: how to open it, find a visit and drag it."""

import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize
from pytest_django.live_server_helper import LiveServer

from bookings.models import Appointment
from tests.bookings.staff_pages import browser_of

SCREEN = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)
TUESDAY = "/desk/?date=2026-11-24"


def open_calendar(
    context: BrowserContext, live_server: LiveServer, user: User, path: str = TUESDAY
) -> Page:
    """Open a page of the desk as ``user`` and wait until the calendar is drawn."""
    session = browser_of(user).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(live_server.url + path)
    page.locator(".ec-body").wait_for()
    return page


def card(page: Page, visit: Appointment) -> Locator:
    """The visit on the grid."""
    return page.locator(f"#visit-{visit.reference}")


def hour(page: Page, clock: str) -> float:
    """Where a full hour lies on the screen, in pixels from the top."""
    label = page.locator(f".ec-body .ec-sidebar time[datetime$='T{clock}:00']")
    box = label.bounding_box()
    assert box is not None
    return box["y"] + box["height"] / 2


def column(page: Page, name: str) -> float:
    """The middle of a column, in pixels from the left."""
    box = page.locator(".ec-col-head", has_text=name).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


def drag(page: Page, visit: Locator, *, to: tuple[float, float], hold: bool = False) -> None:
    """Drag a visit by its top left; its top goes to ``to``. ``hold`` leaves the button down."""
    box = visit.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 12, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 14, steps=3)
    page.mouse.move(to[0], to[1] + 4, steps=8)
    if not hold:
        page.mouse.up()


def resize(page: Page, visit: Locator, *, to: float) -> None:
    """Drag the lower edge of a visit to ``to`` pixels from the top."""
    box = visit.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] + 6, steps=3)
    page.mouse.move(box["x"] + box["width"] / 2, to - 3, steps=6)
    page.mouse.up()


def until(told: Callable[[], Any], wanted: Any, seconds: float = 15) -> None:
    """Ask the database until it tells what is ``wanted``."""
    deadline = time.monotonic() + seconds
    while (found := told()) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == wanted


def place_of(visit: Appointment) -> tuple[Any, ...]:
    """Start, minutes and therapist of a visit as they are stored."""
    row = Appointment.objects.select_related("therapist").get(pk=visit.pk)
    minutes = int((row.ends_at - row.starts_at).total_seconds()) // 60
    return row.starts_at, minutes, row.therapist.name
