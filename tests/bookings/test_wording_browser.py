"""An owner rewrites a message in a real browser, under the site's real policy."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client as Browser
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings.models import Therapist, Wording
from services.models import Service
from tests.bookings.looks import see_that_all_is_well

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The letter in it is looked at in test_letters_look.
WITHOUT_LETTER = {"exclude": [["iframe"]]}


@pytest.fixture
def complaints(page: Page) -> list[str]:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def test_olive_rewrites_a_message_and_sees_it_while_she_types(
    live_server: LiveServer,
    page: Page,
    complaints: list[str],
    olive: User,
    lymph: Service,
    mia: Therapist,
) -> None:
    browser = Browser()
    browser.force_login(olive)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    page.goto(f"{live_server.url}/admin/")
    page.get_by_role("link", name="Messages").first.click()
    see_that_all_is_well(page, "every kind")
    page.get_by_role("link", name="Confirmation").click()
    # The next one is loaded behind the one that is seen.
    letter = page.frame_locator("iframe:not(.is-coming)")
    expect(letter.get_by_text("Thank you for booking.")).to_be_visible()

    # A click writes the placeholder where she is, and the preview follows.
    text = page.get_by_label("Text", exact=True)
    text.fill("Until soon, ")
    page.get_by_role("button", name="{therapist}").click()
    page.keyboard.type(" is glad to see you.")
    expect(text).to_have_value("Until soon, {therapist} is glad to see you.")
    expect(letter.get_by_text("Until soon, Mia is glad to see you.")).to_be_visible()
    page.get_by_role("radio", name="As plain text").check()
    expect(page.locator("[data-live=text]")).to_contain_text("Until soon, Mia is glad to see you.")
    page.get_by_role("radio", name="On a phone").check()
    box = page.locator("iframe:not(.is-coming)").bounding_box()
    assert box is not None
    assert box["width"] == 360

    # What is wrong is said at its field, and what she wrote is still there.
    page.get_by_label("Subject").fill("Hello {nmae}")
    expect(page.get_by_role("status")).to_have_text(
        "Subject: There is no “{nmae}”. Did you mean {name}?"
    )
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("Did you mean {name}?")
    expect(text).to_have_value("Until soon, {therapist} is glad to see you.")
    see_that_all_is_well(page, "with an error", WITHOUT_LETTER)

    page.get_by_label("Subject").fill("Hello {name}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. The next message of this kind says it so.")).to_be_visible()
    see_that_all_is_well(page, "with a version", WITHOUT_LETTER)
    page.get_by_role("button", name="Back to the built-in words").click()
    expect(page.get_by_label("Subject")).to_have_value("Booked: {what}, {when}")
    assert Wording.own_words("confirmation") is None
    assert complaints == []
