"""An owner brings a file in that has mistakes, corrects it, and brings it in."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings.models import Client
from services.models import Service
from tests.bookings.staff_pages import come_in
from tests.browser.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WRONG = "name,email,phone\nCleo,cleo@example,020 7946 0001\nOtto,,12\n"
RIGHT = "name,email,phone\nCleo,cleo@example.com,020 7946 0001\nOtto,,020 7946 0002\n"


@pytest.fixture
def owner(page: Page, live_server: LiveServer, lead: Service) -> Page:
    size: Any = PHONE
    page.set_viewport_size(size)
    come_in(page, live_server, User.objects.create_superuser("olive"), "/admin/")
    return page


def choose(page: Page, text: str) -> None:
    page.get_by_label("CSV file").set_input_files(
        {"name": "theirs.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    page.get_by_role("button", name="See what it would do").click()


def looks_well(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_file_with_mistakes_is_put_right_and_brought_in(owner: Page) -> None:
    owner.get_by_role("link", name="Bring in, take out").first.click()
    looks_well(owner)
    owner.get_by_role("link", name="Bring in clients").click()
    owner.get_by_role("button", name="See what it would do").click()
    expect(owner.get_by_role("alert")).to_have_text("Please choose a file.")
    looks_well(owner)

    choose(owner, WRONG)
    expect(owner.get_by_role("heading", name="2 things to put right first")).to_be_visible()
    rows = owner.locator(".transfer__mistakes li")
    expect(rows.first).to_contain_text("Row 2, email: “cleo@example” is no e-mail address.")
    expect(rows.last).to_contain_text("Row 3, phone: “12” is no phone number.")
    looks_well(owner)
    assert not Client.objects.exists()

    owner.get_by_role("link", name="Choose another file").click()
    choose(owner, RIGHT)
    expect(owner.get_by_text("What this file would do")).to_be_visible()
    looks_well(owner)
    owner.get_by_role("button", name="Bring it in").click()
    expect(owner.get_by_text("2 rows are new here.")).to_be_visible()
    with owner.expect_download() as saved:
        owner.get_by_role("button", name="Save everything").click()
    assert saved.value.suggested_filename.endswith(".zip")
    assert Client.objects.count() == 2
