"""Signing in, in a real browser: passkeys, without scripts, and for everybody."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client as Stranger
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from services.models import SpaProfile
from tests.bookings.looks import PHONE, SCREEN, see_that_all_is_well
from tests.bookings.second_factors import SECRET, app_shows, put_lock_on
from tests.bookings.staff_pages import PASSWORD, sign_in
from tests.conftest import MailServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Chromium's own hint at what a developer could do; nobody sees it, and it is no fault.
HINTS = ("[DOM]",)


@dataclass
class Visitor:
    """A browser with a finger that opens its passkeys, and what its console says of logins."""

    context: BrowserContext
    page: Page
    heard: list[str]
    finger: Any
    finger_id: str

    def lift_finger(self) -> None:
        """From now on nobody touches the sensor."""
        self.finger.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": self.finger_id, "isUserVerified": False},
        )


@pytest.fixture
def visitor(browser: Browser, live_server: LiveServer) -> Iterator[Visitor]:
    visitor = enter(browser, live_server)
    yield visitor
    visitor.context.close()
    assert visitor.heard == []


def enter(browser: Browser, live_server: LiveServer, **options: Any) -> Visitor:
    context = browser.new_context(
        base_url=live_server.url, locale="en-GB", **{"viewport": SCREEN, **options}
    )
    page = context.new_page()
    heard: list[str] = []

    def note(words: str) -> None:
        # The pages to which a login leads have tests of their own.
        if "/accounts/" in page.url and not words.startswith(HINTS):
            heard.append(words)

    page.on("pageerror", lambda error: note(str(error)))
    page.on("console", lambda said: note(said.text))
    finger = context.new_cdp_session(page)
    finger.send("WebAuthn.enable")
    made = finger.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return Visitor(context, page, heard, finger, made["authenticatorId"])


def give_password(page: Page, name: str = "dana") -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail or user name").fill(f"{name}@qi-spa.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", name=words, level=1)).to_be_visible()


def see_that_it_opens_once(sent: Request) -> None:
    """Whoever has heard what a passkey said cannot say it again: it was asked something else."""
    stranger = Stranger(headers={"host": urlsplit(sent.url).netloc})
    path = urlsplit(sent.url).path
    stranger.get(path, headers={"Accept": "application/json"})
    heard = parse_qs(sent.post_data or "")["credential"][0]
    assert stranger.post(path, {"credential": heard}, follow=True).status_code == 200
    assert "_auth_user_id" not in stranger.session


def test_a_passkey_is_set_up_and_then_signs_in_alone(
    settings: Settings, visitor: Visitor, spa: SpaProfile, dana: User, smtp: MailServer
) -> None:
    settings.STAFF_SECOND_FACTOR = True
    page = visitor.page
    give_password(page)
    heading(page, "One more lock on the door")
    page.get_by_role("link", name="Make a passkey").click()
    expect(page.get_by_label("Name of this passkey")).to_have_value("Chrome on Linux")
    page.get_by_label("Name of this passkey").fill("The desk")
    page.get_by_role("button", name="Make the passkey").click()
    heading(page, "Your recovery codes")
    page.goto("/accounts/")
    expect(page.get_by_text("Passkey “The desk”")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    heading(page, "Sign in")
    with page.expect_request(
        lambda asked: asked.method == "POST" and "webauthn/login" in asked.url
    ) as sent:
        page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/desk/**")
    see_that_it_opens_once(sent.value)

    page.goto("/accounts/")
    page.get_by_role("button", name="Sign out", exact=True).click()
    give_password(page)
    heading(page, "And now the second lock")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/desk/**")


def test_a_passkey_that_is_not_shown_opens_nothing_and_says_what_to_do(
    visitor: Visitor, spa: SpaProfile, dana: User, smtp: MailServer, live_server: LiveServer
) -> None:
    page = visitor.page
    sign_in(page, live_server, "dana")
    page.goto("/accounts/2fa/webauthn/add/")
    visitor.lift_finger()
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("alert")).to_have_text(
        "No passkey was made. Please try again, or choose the authenticator app."
    )
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    button = page.get_by_role("button", name="Sign in with a passkey")
    button.click()
    expect(page.get_by_role("alert")).to_have_text(
        "That passkey was not taken. Please try again, or use another way."
    )
    expect(button).to_be_focused()


def test_without_scripts_an_app_is_put_on_and_used(
    settings: Settings,
    browser: Browser,
    live_server: LiveServer,
    spa: SpaProfile,
    dana: User,
    smtp: MailServer,
) -> None:
    settings.STAFF_SECOND_FACTOR = True
    context = browser.new_context(
        java_script_enabled=False, viewport=PHONE, locale="en-GB", base_url=live_server.url
    )
    page = context.new_page()
    give_password(page)
    page.get_by_role("link", name="Make a passkey").click()
    expect(page.get_by_text("A passkey needs JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Make the passkey")).to_be_hidden()
    page.get_by_role("link", name="Use an authenticator app instead").click()
    secret = page.locator(".account__secret").inner_text()
    page.get_by_label("The six digits that the app shows now").fill(app_shows(secret))
    page.get_by_role("button", name="Put the lock on").click()
    heading(page, "Your recovery codes")
    code = page.get_by_role("list", name="Recovery codes").get_by_role("listitem").first
    digits = code.inner_text()
    page.get_by_role("button", name="Sign out", exact=True).click()
    give_password(page)
    page.get_by_label("Code from your app, or a recovery code").fill(digits)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/desk/**")
    context.close()


def test_signing_out_everywhere_else_ends_the_other_browser(
    browser: Browser, live_server: LiveServer, visitor: Visitor, spa: SpaProfile, dana: User
) -> None:
    other = browser.new_context(base_url=live_server.url, locale="en-GB")
    there = other.new_page()
    sign_in(there, live_server, "dana")
    sign_in(visitor.page, live_server, "dana")
    visitor.page.goto("/accounts/")
    expect(visitor.page.get_by_text("here, now")).to_have_count(1)
    visitor.page.get_by_role("button", name="Sign out everywhere else").click()
    expect(visitor.page.get_by_text("You are signed out everywhere but here.")).to_be_visible()
    there.goto("/accounts/")
    heading(there, "Sign in")
    other.close()


def test_nobody_is_kept_out_of_signing_in(
    visitor: Visitor, spa: SpaProfile, dana: User, smtp: MailServer
) -> None:
    page = visitor.page
    for path in ("signup", "password/reset", "password/reset/done", "inactive", "login/code"):
        page.goto(f"/accounts/{path}/")
        see_that_all_is_well(page)
    page.get_by_label("E-mail").fill(dana.email)
    page.get_by_role("button", name="Send me a code").click()
    heading(page, "Type in the code")
    see_that_all_is_well(page)
    page.get_by_role("button", name="Start again").click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("Please look at this again")).to_be_visible()
    see_that_all_is_well(page)
    give_password(page)
    page.wait_for_url("**/desk/**")
    for path in ("second-factor", "2fa/totp/activate", "2fa/webauthn/add"):
        page.goto(f"/accounts/{path}/")
        see_that_all_is_well(page)
    put_lock_on(dana)
    for path in (
        "",
        "email/",
        "password/change/",
        "reauthenticate/",
        "logout/",
        "2fa/totp/deactivate/",
        "2fa/reauthenticate/",
        "2fa/recovery-codes/",
        "2fa/recovery-codes/generate/",
    ):
        page.goto(f"/accounts/{path}")
        see_that_all_is_well(page)
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    give_password(page)
    heading(page, "And now the second lock")
    see_that_all_is_well(page)
    page.get_by_label("Code from your app").fill(app_shows(SECRET))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/desk/**")
