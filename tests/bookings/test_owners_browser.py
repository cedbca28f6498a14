"""An owner's afternoon in a real browser: the home, a stricter question, its sign-off, a price."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings.models import Appointment, HealthCheck, Room, Therapist
from services.models import Contraindication, SignOff
from tests.bookings.conftest import at
from tests.bookings.looks import SCREEN, see_that_all_is_well, unfold
from tests.bookings.staff_pages import browser_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def visit(
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
) -> Appointment:
    return book(at(10), therapist=mia)


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(
    browser: Browser,
    live_server: LiveServer,
    visit: Appointment,
    olive: User,
    complaints: list[str],
) -> Iterator[Page]:
    """Olive's browser; what it complains about fails the test."""
    session = browser_of(olive).cookies["sessionid"].value
    context = browser.new_context(base_url=live_server.url, viewport=SCREEN, locale="en-GB")
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda told: complaints.append(f"{page.url}: {told.text}"))
    yield page
    context.close()
    assert not complaints, "\n".join(complaints)


def test_an_owner_makes_a_question_stricter_has_it_signed_and_changes_a_price(
    page: Page, visit: Appointment, complaints: list[str]
) -> None:
    page.goto("/admin/")
    unfold(page)
    see_that_all_is_well(page, "the home")
    page.get_by_role("link", name="Look after the health questions").click()
    expect(page.get_by_role("heading", name="Health questions")).to_be_visible()
    see_that_all_is_well(page, "the list")

    page.locator("#searchbar").fill("asthma")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Asthma", exact=True).click()
    page.locator("#id_severity").select_option("stop")
    expect(page.get_by_text("shows what clients would see")).to_be_visible()
    assert complaints == []
    see_that_all_is_well(page, "one question")
    # A style sheet of Django's forms imports another one, and axe writes that into the page.
    complaints.clear()
    _try_it(page)
    _save_it(page, visit)
    _sign_it(page)
    _change_a_price(page)


def _try_it(page: Page) -> None:
    # Beside the edit, which stays as it is.
    with page.expect_popup() as beside:
        page.get_by_role("button", name="Try it out before you save").click()
    edit, page = page, beside.value
    expect(page.get_by_text("which is not saved")).to_be_visible()
    see_that_all_is_well(page, "the questions")
    page.get_by_role("checkbox", name="asthma").check()
    page.get_by_role("checkbox", name="None of these in any group").check()
    page.get_by_role("checkbox", name="We keep your answers").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Not this time")).to_be_visible()
    see_that_all_is_well(page, "what an answer does")
    # Only the visit's own check is there; what was tried is not.
    assert HealthCheck.objects.count() == 1
    page.close()
    edit.bring_to_front()


def _save_it(page: Page, visit: Appointment) -> None:
    expect(page.locator("#id_severity")).to_have_value("stop")
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_text("This change touches 1 coming visit")).to_be_visible()
    see_that_all_is_well(page, "before saving")
    assert Contraindication.objects.get(slug="asthma").severity == "adapt"
    page.get_by_role("button", name="Save and ask").click()
    expect(page.get_by_text("1 visit is marked for a new health check.")).to_be_visible()
    assert visit.events.filter(kind="health_asked_again").count() == 1


def _sign_it(page: Page) -> None:
    page.get_by_role("link", name="Sign-off", exact=True).click()
    expect(page.get_by_role("heading", name="The list as it stands")).to_be_visible()
    see_that_all_is_well(page, "the list on paper")
    page.get_by_label("Signed by").fill("Dr Hale")
    page.get_by_label("Profession or role").fill("Physiotherapist")
    page.get_by_label("has read the whole list").check()
    page.get_by_role("button", name="Enter the sign-off").click()
    expect(page.get_by_text("Holds: nothing has changed since.")).to_be_visible()
    see_that_all_is_well(page, "the list, signed")
    assert SignOff.objects.get().name == "Dr Hale"


def _change_a_price(page: Page) -> None:
    page.get_by_role("link", name="Prices", exact=True).click()
    price = page.get_by_label("Lymphatic drainage massage, 60 minutes")
    price.fill("many")
    page.get_by_role("button", name="Look at old and new").click()
    expect(page.get_by_text("Enter a number.")).to_be_visible()
    see_that_all_is_well(page, "a price that is none")
    price.fill("80")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="£75 £80")).to_be_visible()
    see_that_all_is_well(page, "old and new prices")
    page.get_by_role("button", name="Save the new prices").click()
    expect(page.get_by_text("1 price is changed.")).to_be_visible()
