"""An owner changes hours over booked visits in a real browser, and moves the visits."""

from collections.abc import Callable

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings.models import Appointment, Room, Therapist, TimeOff
from tests.bookings.conftest import OTTO, at
from tests.bookings.looks import see_that_all_is_well
from tests.bookings.staff_pages import come_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

Book = Callable[..., Appointment]


def test_an_owner_shortens_a_week_and_moves_the_visits_in_the_way(
    page: Page,
    live_server: LiveServer,
    clock: time_machine.Traveller,
    olive: User,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    book: Book,
) -> None:
    visit = book(at(10), therapist=mia)
    other = book(at(12), therapist=mia, details=OTTO)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    come_in(page, live_server, olive, "/admin/")
    page.get_by_role("link", name="Change hours").click()
    expect(page.get_by_role("heading", name="Who works when")).to_be_visible()
    see_that_all_is_well(page)
    page.get_by_role("link", name="Mia", exact=True).click()
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    see_that_all_is_well(page)

    # Her Tuesday is turned round: the mistake is shown at its cell.
    page.locator("#id_d1-0-starts").fill("14:00")
    page.locator("#id_d1-0-ends").fill("13:00")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("It must end after it starts.")
    see_that_all_is_well(page, "with a mistake")
    page.get_by_role("link", name="Tuesday, works until: It must end after it starts.").click()
    expect(page.locator("#id_d1-0-ends")).to_be_focused()
    page.locator("#id_d1-0-ends").fill("18:00")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="2 booked visits would have no place")).to_be_visible()
    see_that_all_is_well(page, "with visits in the way")
    page.get_by_role("button", name="Save the hours, then move 2 visits").click()

    expect(page.get_by_role("heading", name="Visits to move")).to_be_visible()
    see_that_all_is_well(page)
    page.get_by_role("link", name="Move Cleo").click()
    page.get_by_role("link", name="Noor").click()
    page.locator("#day a.time").first.click()
    page.get_by_role("button", name="Move the visit").click()
    expect(page.get_by_role("heading", name="Visits to move")).to_be_visible()
    expect(page.get_by_role("link", name="Otto", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Cleo", exact=True)).to_have_count(0)
    page.get_by_text("It stays …").click()
    page.get_by_label("Why can it stay?").fill("Mia comes in for it.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Every visit has its place")).to_be_visible()
    visit.refresh_from_db()
    other.refresh_from_db()
    assert (visit.therapist, other.starts_at) == (noor, at(12))

    # Three clicks close the spa for a day.
    page.goto(f"{live_server.url}/admin/")
    page.get_by_role("link", name="Close the spa for a day").click()
    see_that_all_is_well(page)
    page.get_by_role("link", name="Wednesday 25 Nov").click()
    page.get_by_role("button", name="Close the spa").click()
    expect(page.get_by_text("Closed: Whole spa off, Wednesday 25 November.")).to_be_visible()
    assert TimeOff.objects.get().starts_at == at(0, days=2)
    page.goto(f"{live_server.url}/admin/bookings/timeoff/holidays/?year=2027&part=ENG")
    see_that_all_is_well(page)
    page.goto(f"{live_server.url}/admin/bookings/therapist/{mia.pk}/hours/copy/")
    page.get_by_label("Noor").check()
    page.get_by_role("button", name="See what would change").click()
    expect(page.get_by_role("heading", name="In place of")).to_be_visible()
    see_that_all_is_well(page)
    assert complaints == []
