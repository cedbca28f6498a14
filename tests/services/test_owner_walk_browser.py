"""Olive's whole way in a real browser: write, preview, publish, go back, and a bad file."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from services.models import Service
from tests.kept_rows import KeptRows
from tests.services.test_photos import photo

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
    """Sign Olive in, and open the list of treatments."""
    starting_list.put_back()
    client.force_login(User.objects.create_superuser("olive", first_name="Olive"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    page.goto(f"{live_server.url}/admin/services/service/")
    return Service.objects.get(slug="tui-na")


def faults(page: Page, complaints: list[str]) -> list[str]:
    """Return what axe finds on the page; what the policy says about axe itself is forgotten."""
    before = len(complaints)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    del complaints[before:]
    return [
        f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in found.response["violations"]
    ]


def test_olive_edits_previews_publishes_and_goes_back(
    page: Page, complaints: list[str], tui_na: Service
) -> None:
    # Off the site, with a question first.
    page.get_by_role("link", name="Tui Na", exact=True).click()
    page.get_by_role("link", name="Take the page off the site…").click()
    expect(page.get_by_text("No coming visit is booked.")).to_be_visible()
    assert faults(page, complaints) == []
    page.get_by_role("button", name="Take it off the site").click()
    expect(page.get_by_text("1 treatment is a draft now.")).to_be_visible()

    # She writes, by keyboard; the help speaks while she types.
    page.get_by_role("link", name="Tui Na", exact=True).click()
    body = page.locator(".field-body .tiptap")
    body.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("A detox for you. ")
    expect(page.get_by_text("No massage has been shown to take poisons")).to_be_visible()
    page.keyboard.press("Control+A")
    page.keyboard.type("Bring a towel.")
    expect(page.locator("[data-claims]")).to_be_hidden()
    call_out = page.locator(".field-body").get_by_role("button", name="call-out")
    call_out.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Title for search engines").fill("Tui Na in London")
    expect(page.locator("[data-found=title]")).to_contain_text("Tui Na in London – ")
    assert faults(page, complaints) == []

    # A file that is no photo: the reason stands at its field, and her words are still there.
    page.set_input_files("#id_photo", {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"no"})
    page.get_by_role("button", name="Publish: clients see it").click()
    expect(page.get_by_text("This file cannot be read as a photo.")).to_be_visible()
    expect(page.locator(".field-body .callout")).to_have_text("Bring a towel.")
    hands = photo(1000, 700)
    page.set_input_files(
        "#id_photo", {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": hands.read()}
    )
    page.get_by_label("Photo in words").fill("Two hands on a back")

    # The preview is the public page; nothing is kept.
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Preview in a new tab").click()
    preview = opened.value
    expect(preview.get_by_role("heading", name="Tui Na", exact=True)).to_be_visible()
    expect(preview.get_by_role("note").filter(has_text="Bring a towel.")).to_be_visible()
    expect(preview.get_by_role("img", name="Two hands on a back")).to_be_visible()
    assert faults(preview, complaints) == []
    preview.close()
    tui_na.refresh_from_db()
    assert (tui_na.status, tui_na.photo.name) == ("draft", "")

    page.get_by_role("button", name="Publish: clients see it").click()
    expect(page.get_by_text("Saved. Clients see it now")).to_be_visible()
    tui_na.refresh_from_db()
    assert tui_na.body == '<div class="callout" role="note"><p>Bring a towel.</p></div>'
    assert tui_na.status == "published"

    # The history, and the way back.
    page.get_by_role("link", name="History").click()
    latest = page.locator(".page-history__step").first
    expect(latest).to_contain_text("Olive")
    expect(latest.locator("ins").first).to_be_visible()
    assert faults(page, complaints) == []
    page.get_by_role("button", name=re.compile("Return to this version")).last.click()
    expect(page.get_by_text("The page is as it was on")).to_be_visible()
    tui_na.refresh_from_db()
    assert ("Bring a towel." in tui_na.body, tui_na.status) == (False, "published")

    # The order, by keyboard.
    page.goto(page.url.split("/admin/")[0] + "/admin/services/service/order/")
    rows = page.locator(".order__inside").first.locator(".order__name")
    first, second = rows.nth(0).inner_text(), rows.nth(1).inner_text()
    up = page.get_by_role("button", name=f"Move {second} up")
    up.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="The order is saved.")).to_be_visible()
    assert (rows.nth(0).inner_text(), rows.nth(1).inner_text()) == (second, first)
    expect(up).to_be_focused()
    grip = page.locator(".order__inside").first.locator("[data-order-grip]").first.bounding_box()
    assert grip is not None
    page.mouse.move(grip["x"] + 8, grip["y"] + 20)
    page.mouse.down()
    page.mouse.move(grip["x"] + 8, grip["y"] + 90, steps=6)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.mouse.up()
    assert rows.nth(0).inner_text() == first
    assert faults(page, complaints) == []
    assert complaints == []
