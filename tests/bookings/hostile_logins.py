"""Hostile words in what people say of their own logins, and the pages that show them."""

from collections.abc import Iterator

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client as Browser

from bookings.actions import invitations
from tests.attack.keys import passkey, recently
from tests.bookings.conftest import at
from tests.bookings.hostile import MARK, Page, hostile, short
from tests.bookings.hostile_story import ADDRESS, done
from tests.bookings.staff_pages import PASSWORD

MACHINE = f"Firefox/1 (Android) \"'><script>{MARK}()</script>"


def pages_about_logins(dana: User, olive: User) -> Iterator[tuple[str, Page]]:
    """Type into everything that is asked about a login; the pages that show it, by address."""
    machine = Browser(headers={"User-Agent": MACHINE})
    done(machine.post("/accounts/login/", {"login": dana.email, "password": PASSWORD}))
    key = Authenticator.objects.create(user=dana, type=Authenticator.Type.WEBAUTHN, data=passkey())
    one = f"/accounts/2fa/webauthn/keys/{key.pk}/"
    own = recently(dana)
    done(own.post(f"{one}edit/", {"name": hostile("passkey")}))
    done(own.post("/accounts/email/", {"email": ADDRESS, "action_add": ""}))
    for address in ("/accounts/", f"{one}edit/", f"{one}remove/", "/accounts/email/"):
        yield address, _page(own, address)
    yield "/accounts/welcome/", _page(Browser(), _invitation(olive))
    yield from _pages_at_the_door()


def _invitation(olive: User) -> str:
    invited = User.objects.create_user(
        username="ina", first_name=short("invited"), email=ADDRESS.replace("zqx/", "zqx/2")
    )
    return f"/accounts/welcome/{invitations.invite(user=invited, by=olive, now=at(12, days=0))}/"


def _pages_at_the_door() -> Iterator[tuple[str, Page]]:
    """What is typed there comes back at once, or on the page that follows."""
    wrong = Browser().post("/accounts/login/", {"login": hostile("login"), "password": "x"})
    yield "/accounts/login/", Page(wrong.content.decode())
    for way in ("login/code/", "password/reset/"):
        browser = Browser()
        sent = done(browser.post(f"/accounts/{way}", {"email": ADDRESS}))
        yield f"/accounts/{way}", _page(browser, sent["Location"])


def _page(browser: Browser, address: str) -> Page:
    answer = browser.get(address)
    assert answer.status_code == 200, address
    page = answer.content.decode()
    assert MARK in page, address
    return Page(page)
