"""The public pages in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from tests.kept_rows import KeptRows

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

PATHS = ["/", "/services/", "/services/lymphatic-drainage-massage/", "/about/", "/policies/"]
PHONE, SCREEN = {"width": 390, "height": 844}, {"width": 1280, "height": 860}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_quiet_and_fit_a_phone(
    live_server: LiveServer, browser: Browser, starting_list: KeptRows, scheme: str
) -> None:
    starting_list.put_back()
    complaints: list[str] = []
    for size in (PHONE, SCREEN):
        context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for path in PATHS:
            page.goto(f"{live_server.url}{path}")
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            found = Axe().run(page)
            assert (path, found.generate_report() if found.violations_count else "") == (path, "")
            too_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert (path, too_wide) == (path, False)
        context.close()
    assert complaints == []


def test_everything_can_be_read_without_scripts(
    live_server: LiveServer, browser: Browser, starting_list: KeptRows
) -> None:
    starting_list.put_back()
    page = browser.new_context(viewport=PHONE, java_script_enabled=False).new_page()  # type: ignore[arg-type]
    page.goto(f"{live_server.url}/")
    page.get_by_role("link", name="Choose a treatment").click()
    page.get_by_role("link", name="Lymphatic Drainage Massage").click()
    reason = page.get_by_text("A blood clot in the past", exact=True)
    advice = page.locator("details", has=reason).locator("p").first
    expect(advice).to_be_hidden()
    reason.click()
    expect(advice).to_be_visible()
    expect(page.get_by_role("cell").first).to_be_visible()
