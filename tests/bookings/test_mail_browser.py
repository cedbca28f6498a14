"""The desk's mail in a real browser: read, and sent again by the keyboard alone."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Message, Room, Therapist
from tests.bookings.conftest import OTTO
from tests.bookings.looks import see_that_all_is_well, unfold
from tests.bookings.mailed import came_back, given_up
from tests.bookings.staff_pages import come_in, desk_url
from tests.conftest import MailServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def noon(days: int) -> datetime:
    """Twelve o'clock UTC, some days from today."""
    return timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=days)


def test_mail_is_found_read_and_sent_again(
    live_server: LiveServer,
    page: Page,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    dana: User,
    smtp: MailServer,
) -> None:
    now = timezone.now()
    lost = book(noon(4), when=now)
    given_up(lost, smtp, now)
    returned = book(noon(5), details=OTTO, when=now)
    came_back(returned, timezone.now())
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)

    come_in(page, live_server, dana, "/desk/clients/")
    page.get_by_role("link", name="Messages 2 did not arrive").click()
    expect(page.locator(".mail-row")).to_have_count(2)
    see_that_all_is_well(page, "to ring")

    page.get_by_role("link", name="Confirmation for Otto").click()
    expect(page.get_by_text("Mail to otto@example.com comes back: call Otto,")).to_be_visible()
    letter = page.frame_locator("iframe")
    expect(letter.get_by_role("heading", name="You are booked")).to_be_visible()
    # What is in the frame is a letter and has its own tests.
    unfold(page)
    see_that_all_is_well(page, "message", {"exclude": [["iframe"]]})

    page.goto(live_server.url + desk_url("appointment", lost))
    again = page.get_by_role("button", name=re.compile("Try again"))
    again.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Confirmation for Cleo: it is tried again now.")).to_be_visible()
    assert Message.objects.get(appointment=lost, kind="confirmation").state == "pending"
    see_that_all_is_well(page, "visit")

    page.goto(f"{live_server.url}/visit/{actions.issue_visit_link(lost)}/")
    expect(page.get_by_text("Confirmation: on its way to c…@example.com.")).to_be_visible()
    see_that_all_is_well(page, "client")
    assert refused == []
