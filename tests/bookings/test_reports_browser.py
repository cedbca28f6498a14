"""The reports in a real browser, under the site's real policy: in both schemes, and unscripted."""

from collections.abc import Callable

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings.models import Appointment, Room, Therapist
from tests.bookings.conftest import OTTO, at
from tests.bookings.looks import see_that_all_is_well, unfold
from tests.bookings.staff_pages import browser_of, come_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FORTNIGHT = "/admin/reports/?first=2026-11-16&last=2026-11-29"
WEEK = "/admin/reports/?first=2026-11-23&last=2026-11-29"
# How many dots of a canvas have the colour of a token.
DOTS = """([canvas, name]) => {
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width, canvas.height + 1];
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 1);
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  context.fillRect(0, 0, 1, 1);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  let dots = 0;
  for (let n = 0; n < data.length; n += 4) {
    dots += [0, 1, 2, 3].every((part) => data[n + part] === data[part]);
  }
  return dots;
}"""


@pytest.fixture
def week(
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    mia: Therapist,
    noor: Therapist,
    fern: Room,
) -> None:
    for days in (1, 2, 3):
        book(at(10, days=days), therapist=mia)
    book(at(13), therapist=noor, details=OTTO)
    Appointment.objects.filter(starts_at=at(10)).update(status="completed")


def dots(page: Page, canvas: str, token: str) -> int:
    handle = page.locator(canvas).element_handle()
    return int(page.evaluate(DOTS, [handle, token]))


@pytest.mark.usefixtures("week")
def test_charts_are_drawn_in_the_colours_of_the_device(
    page: Page, live_server: LiveServer, olive: User
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    come_in(page, live_server, olive, FORTNIGHT)
    charts = page.locator("canvas")
    expect(charts).to_have_count(8)
    expect(page.get_by_role("img", name="Most booked: Lymphatic drainage massage")).to_be_visible()
    treatments = ".sheet--treatments canvas"
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        expect(page.locator("body.reports--dark")).to_have_count(int(scheme == "dark"))
        for token in ("--sage-deep", "--advice"):
            assert dots(page, treatments, token) > 500, (scheme, token)
    expect(page.locator("#course-table")).to_be_hidden()
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#course-table")).to_be_visible()
    unfold(page)
    see_that_all_is_well(page)
    page.get_by_label("First day").fill("2026-11-24")
    page.get_by_label("Last day").fill("2026-11-23")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Last day")).to_have_value("2026-11-23")
    expect(page.get_by_text("The last day must not lie before the first.")).to_be_visible()
    see_that_all_is_well(page, "refused")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save all tables (CSV)").click()
    assert download.value.suggested_filename == "reports-2026-11-01-2026-11-30.zip"
    assert said == []


@pytest.mark.usefixtures("week")
def test_without_scripts_the_tables_remain(
    browser: Browser, live_server: LiveServer, olive: User
) -> None:
    context = browser.new_context(java_script_enabled=False)
    session = browser_of(olive).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(live_server.url + WEEK)
    expect(page.locator("canvas:visible")).to_have_count(0)
    for name in ("By treatment", "What became of them", "Therapists’ time"):
        expect(page.get_by_role("table", name=name)).to_be_visible()
    heat = page.get_by_role("table", name="Which hours stay empty")
    expect(heat.get_by_role("row", name="10:00")).to_contain_text("50%")
    context.close()
