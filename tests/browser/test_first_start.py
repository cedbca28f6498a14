"""Setting up a spa from an empty database, and what its owner finds then."""

import re
from io import StringIO
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from services.models import SpaProfile
from tests.browser.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def go_on(page: Page) -> None:
    assert Axe().run(page).violations_count == 0, page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], page.url
    page.get_by_role("button", name="Keep and go on").click()


def test_an_empty_database_becomes_a_spa_in_five_pages(
    browser: Browser, live_server: LiveServer
) -> None:
    said = StringIO()
    call_command("first_start", stdout=said)
    address = re.search(r"/start/key/\S+", said.getvalue())
    assert address
    options: dict[str, Any] = {"base_url": live_server.url, "viewport": PHONE}
    page = browser.new_context(**options).new_page()

    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("This spa is not set up yet")
    assert Axe().run(page).violations_count == 0
    page.goto(address[0])

    # What is missing is said, and what was typed stays.
    page.get_by_label("Name of the spa").fill("Still Water")
    go_on(page)
    expect(page.locator("[data-error-summary]")).to_be_focused()
    expect(page.get_by_label("Name of the spa")).to_have_value("Still Water")
    page.get_by_label("Address").fill("3 Mill Lane\nDublin")
    page.get_by_label("Country").select_option("IE")
    page.get_by_label("Phone").fill("01 234 5678")
    page.get_by_label("E-mail").fill("hello@still-water.example")
    page.get_by_label("Emergency number").fill("112")
    page.get_by_label("Time zone").select_option("Europe/Dublin")
    page.get_by_label("Currency").select_option("EUR")
    go_on(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("What do you offer?")
    page.get_by_label("Hot stone massage").uncheck()
    go_on(page)
    page.get_by_label("Name").fill("Mia")
    page.get_by_label("Saturday, from").fill("10:00")
    page.get_by_label("Saturday, until").fill("14:00")
    go_on(page)
    page.get_by_role("button", name="Later").click()

    page.get_by_label("Your name").fill("Olive")
    page.get_by_label("Your e-mail address").fill("olive@still-water.example")
    page.get_by_label("I am Mia, the therapist").check()
    page.get_by_label("Password", exact=True).or_(page.get_by_label("Password*")).fill(
        "heron-and-reed"
    )
    page.get_by_label("The password again").fill("heron-and-reed")
    assert Axe().run(page).violations_count == 0
    page.get_by_role("button", name="Finish").click()

    page.wait_for_url("**/admin/")
    expect(page.get_by_text("Your spa is set up.")).to_be_visible()
    page.goto("/")
    expect(page).to_have_title(re.compile("Still Water"))
    assert SpaProfile.load().time_zone == "Europe/Dublin"
    page.context.close()
