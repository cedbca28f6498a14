"""The rich text editor in a real browser, under the site's real policy."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from services.models import Service
from tests.kept_rows import KeptRows

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """Return what the browser's console says from now on, violations of the policy included."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.fixture
def tui_na(live_server: LiveServer, client: Client, page: Page, starting_list: KeptRows) -> Service:
    """Open the form of a treatment as the owner."""
    starting_list.put_back()
    client.force_login(User.objects.create_superuser("olive"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    service = Service.objects.get(slug="tui-na")
    page.goto(f"{live_server.url}/admin/services/service/{service.pk}/change/")
    return service


def test_owner_writes_in_the_editor(page: Page, complaints: list[str], tui_na: Service) -> None:
    body = page.locator(".field-body .tiptap")
    expect(body).to_be_visible()
    box = body.bounding_box()
    assert box is not None
    assert box["height"] >= 300
    body.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("Slow hands, ")
    page.keyboard.press("Control+B")
    page.keyboard.type("warm")
    page.keyboard.press("Control+B")
    page.keyboard.type(" room.")
    page.get_by_role("button", name="Save for clients to see").click()
    expect(page.get_by_text("Saved. Clients see it now")).to_be_visible()
    tui_na.refresh_from_db()
    assert tui_na.body == "<p>Slow hands, <strong>warm</strong> room.</p>"
    assert complaints == []


def test_table_survives_the_editor(page: Page, complaints: list[str], tui_na: Service) -> None:
    lead = Service.objects.get(slug="lymphatic-drainage-massage")
    page.goto(page.url.replace(f"/{tui_na.pk}/", f"/{lead.pk}/"))
    body = page.locator(".field-body .tiptap")
    body.locator("p").first.click()
    page.keyboard.press("Home")
    page.keyboard.type("Dear reader. ")
    page.get_by_role("button", name="Save for clients to see").click()
    expect(page.get_by_text("Saved. Clients see it now")).to_be_visible()
    page.goto(page.url.split("/admin/")[0] + lead.get_absolute_url())
    expect(page.get_by_text("Dear reader.")).to_be_visible()
    headings = page.get_by_role("columnheader").all_text_contents()
    assert headings == ["What people come for", "What studies found", "How sure", "What we say"]
    assert complaints == []
