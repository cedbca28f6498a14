"""Signing in: by password, by a code from the mail, and nobody else."""

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from allauth.account import app_settings
from allauth.account.models import EmailAddress
from allauth.core.internal.ratelimit import get_rates
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client as Browser
from pytest_django import Settings

from bookings.models import Therapist
from bookings.views.accounts import PAUSE, PAUSE_OF_MAILS
from services.models import SpaProfile
from tests.bookings.staff_pages import PASSWORD, browser_of, login_of
from tests.conftest import MailServer

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
CODE = re.compile(r"^ {4}([A-Z]{4}-[A-Z]{4})\r?$", re.MULTILINE)


def sign_in(browser: Browser, login: str, password: str = PASSWORD, **more: str) -> Any:
    return browser.post(LOGIN, {"login": login, "password": password, **more})


def is_signed_in(browser: Browser) -> bool:
    return "_auth_user_id" in browser.session


def ask_for_code(browser: Browser, email: str, **more: str) -> Any:
    return browser.post("/accounts/login/code/", {"email": email, **more})


def give_code(browser: Browser, code: str, **more: str) -> Any:
    return browser.post("/accounts/login/code/confirm/", {"code": code, **more})


def code_in(message: Any) -> str:
    found = CODE.search(message.get_content())
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("who", "home"), [("dana", "/desk/"), ("olive", "/desk/"), ("mia", "/therapist/")]
)
@pytest.mark.parametrize("login", ["{}@qi-spa.example", "{}", " {}@QI-SPA.example "])
def test_each_starts_where_she_works(
    who: str, home: str, login: str, dana: User, olive: User, mia: Therapist, client: Browser
) -> None:
    login_of(mia)
    answer = sign_in(client, login.format(who))
    assert (answer.status_code, answer["Location"]) == (302, home)
    assert is_signed_in(client)


def test_after_the_login_she_gets_the_page_that_she_asked_for(dana: User, client: Browser) -> None:
    answer = sign_in(client, dana.email, next="/desk/?date=2026-11-24")
    assert answer["Location"] == "/desk/?date=2026-11-24"


EVIL = [
    "https://evil.example/",
    "//evil.example/",
    "javascript:alert(1)",
    "\\\\evil.example",
    # Cannot be read at all.
    "http://[::1",
]


@pytest.mark.parametrize("target", EVIL)
def test_a_login_never_leads_to_another_site(target: str, dana: User, client: Browser) -> None:
    assert sign_in(client, dana.email, next=target)["Location"] == "/desk/"


@pytest.mark.parametrize("target", EVIL)
def test_signing_out_never_leads_to_another_site(target: str, dana: User) -> None:
    for browser in (browser_of(dana), Browser()):
        answer = browser.post("/accounts/logout/", {"next": target})
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/")


@pytest.mark.parametrize("target", EVIL)
def test_a_code_never_leads_to_another_site(
    target: str, dana: User, spa: SpaProfile, client: Browser, smtp: MailServer
) -> None:
    ask_for_code(client, dana.email, next=target)
    answer = give_code(client, code_in(smtp.wait_for(1)[0]), next=target)
    assert answer["Location"] == "/desk/"


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("dana@qi-spa.example", "wrong"),
        ("dana", "wrong"),
        ("nobody@qi-spa.example", PASSWORD),
        ("dana\x00", "x"),
        ("", ""),
        ("x" * 9000, "y"),
        ("dana@qi-spa.example", "z" * 9000),
    ],
)
def test_a_wrong_login_says_so_kindly_and_keeps_the_name(
    login: str, password: str, dana: User, spa: SpaProfile, client: Browser
) -> None:
    answer = sign_in(client, login, password)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Please look at this again" in page
    assert "<title>Error: Sign in" in page
    assert (f'value="{login}"' in page) == bool(login)
    assert not is_signed_in(client)


def test_a_stranger_and_a_wrong_password_get_the_same_answer(
    dana: User, spa: SpaProfile, client: Browser
) -> None:
    pages = [
        sign_in(client, login, "wrong-one").content.decode()
        for login in ("dana@qi-spa.example", "anna@qi-spa.example")
    ]
    assert "do not belong together" in pages[0]
    pages = [re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page) for page in pages]
    assert pages[0].replace("dana@", "anna@") == pages[1]


def test_a_switched_off_login_does_not_open(dana: User, spa: SpaProfile, client: Browser) -> None:
    User.objects.filter(pk=dana.pk).update(is_active=False)
    answer = sign_in(client, dana.email)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/inactive/")
    assert "This login is switched off" in client.get("/accounts/inactive/").content.decode()
    assert not is_signed_in(client)


def test_a_session_ends_when_the_login_is_switched_off(dana: User, spa: SpaProfile) -> None:
    browser = browser_of(dana)
    assert browser.get("/desk/").status_code == 200
    User.objects.filter(pk=dana.pk).update(is_active=False)
    assert browser.get("/desk/")["Location"] == "/accounts/login/?next=/desk/"


def test_signing_out_takes_a_button(dana: User, spa: SpaProfile) -> None:
    browser = browser_of(dana)
    assert "Sign out?" in browser.get("/accounts/logout/").content.decode()
    assert is_signed_in(browser)
    answer = browser.post("/accounts/logout/", follow=True)
    assert answer.redirect_chain == [(LOGIN, 302)]
    assert "You are signed out. See you next time." in answer.content.decode()
    assert not is_signed_in(browser)


def test_nobody_signs_up(spa: SpaProfile, client: Browser) -> None:
    sent = {"email": "otto@example.com", "password1": PASSWORD, "username": "otto"}
    for answer in (client.get("/accounts/signup/"), client.post("/accounts/signup/", sent)):
        assert "Nobody signs up here" in answer.content.decode()
    assert not User.objects.exists()


def test_a_code_from_the_mail_signs_in(
    dana: User, spa: SpaProfile, client: Browser, smtp: MailServer
) -> None:
    answer = ask_for_code(client, "Dana@qi-spa.example", next="/desk/?date=2026-11-24")
    letter = smtp.wait_for(1)[0]
    assert (letter["To"], letter["Subject"]) == ("dana@qi-spa.example", "Your code to sign in")
    assert spa.name in letter.get_content()
    assert not is_signed_in(client)
    page = client.get(answer["Location"]).content.decode()
    assert "Type in the code" in page
    answer = give_code(client, code_in(letter).lower(), next="/desk/?date=2026-11-24")
    assert answer["Location"] == "/desk/?date=2026-11-24"
    assert is_signed_in(client)


def test_a_code_fits_once_and_in_its_own_browser(
    dana: User, spa: SpaProfile, client: Browser, smtp: MailServer
) -> None:
    ask_for_code(client, dana.email)
    code = code_in(smtp.wait_for(1)[0])
    assert give_code(Browser(), code)["Location"] == "/accounts/login/code/"
    give_code(client, code)
    client.post("/accounts/logout/")
    assert give_code(client, code)["Location"] == "/accounts/login/code/"
    assert not is_signed_in(client)


def test_three_wrong_codes_end_it(
    dana: User, spa: SpaProfile, client: Browser, smtp: MailServer
) -> None:
    ask_for_code(client, dana.email)
    code = code_in(smtp.wait_for(1)[0])
    answer = give_code(client, "BBBB-BBBB")
    assert "That code does not fit." in answer.content.decode()
    assert "<title>Error: Type in the code" in answer.content.decode()
    give_code(client, "")
    assert give_code(client, "CCCC-CCCC")["Location"] == "/accounts/login/code/"
    assert give_code(client, code)["Location"] == "/accounts/login/code/"
    assert not is_signed_in(client)


def test_a_stranger_is_answered_like_everybody_else(
    dana: User, spa: SpaProfile, client: Browser, smtp: MailServer
) -> None:
    pages = []
    for browser, email in ((client, "dana@qi-spa.example"), (Browser(), "anna@qi-spa.example")):
        answer = ask_for_code(browser, email)
        page = browser.get(answer["Location"]).content.decode()
        pages.append(re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page))
        assert "That code does not fit." in give_code(browser, "BBBB-BBBB").content.decode()
    assert pages[0].replace("dana@", "anna@") == pages[1]
    letter = smtp.wait_for(2)[1]
    assert letter["To"] == "anna@qi-spa.example"
    assert "We know no login with this address." in letter.get_content()
    assert CODE.search(letter.get_content()) is None


def test_guessing_a_password_is_slowed_down(dana: User, spa: SpaProfile, client: Browser) -> None:
    for _ in range(5):
        assert "do not belong together" in sign_in(client, dana.email, "wrong").content.decode()
    answer = sign_in(client, dana.email)
    assert "That did not fit too many times." in answer.content.decode()
    assert not is_signed_in(client)


def test_too_many_tries_from_one_place_get_a_calm_page(spa: SpaProfile, client: Browser) -> None:
    answers = [sign_in(client, f"{number}@example.com", "x") for number in range(31)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert answers[-1]["Retry-After"] == "300"
    assert answers[-1]["Cache-Control"] == "private, no-store"
    page = answers[-1].content.decode()
    assert "That was too often in a short time" in page
    assert "+44 20 7946 0018" in page
    assert "Please wait 5 minutes" in page
    longest = {
        action: max(one.duration for one in get_rates(app="allauth.account", action=action))
        for action in app_settings.RATE_LIMITS
    }
    assert longest.pop("request_login_code") == longest.pop("reset_password") == PAUSE_OF_MAILS
    assert max(longest.values()) == PAUSE
    assert "css/accounts.css" in page


def test_nobody_floods_a_mailbox_with_mails_about_logins(
    spa: SpaProfile, dana: User, smtp: MailServer
) -> None:
    with time_machine.travel(datetime(2026, 11, 23, 9, tzinfo=UTC)) as clock:
        for _minute in range(20):
            for email in (dana.email, "stranger@example.com"):
                ask_for_code(Browser(), email)
                last = Browser().post("/accounts/password/reset/", {"email": email})
            clock.shift(61)
        assert Counter(to for [to] in smtp.recipients) == dict.fromkeys(
            (dana.email, "stranger@example.com"), 15
        )
        assert (last.status_code, last["Retry-After"]) == (429, "3600")
        assert "Please wait 60 minutes" in last.content.decode()
        clock.shift(3600)
        assert ask_for_code(Browser(), dana.email).status_code == 302


def test_without_a_mail_server_she_is_told(
    dana: User, spa: SpaProfile, client: Browser, smtp: MailServer
) -> None:
    smtp.refuse = True
    answer = ask_for_code(client, dana.email)
    assert answer.status_code == 503
    assert "We cannot send mail just now" in answer.content.decode()


def test_a_forgotten_password_is_replaced_by_mail(
    dana: User, spa: SpaProfile, client: Browser, smtp: MailServer
) -> None:
    other = browser_of(dana)
    answer = client.post("/accounts/password/reset/", {"email": dana.email}, follow=True)
    assert "Look into your mail" in answer.content.decode()
    letter = smtp.wait_for(1)[0]
    found = re.search(rf"{settings.SITE_URL}(/\S+)", letter.get_content())
    assert found is not None
    page = client.get(found[1], follow=True)
    assert page.redirect_chain[0][0].endswith("-set-password/")
    sent = {"password1": "heron-and-reed", "password2": "heron-and-reed"}
    done = client.post(page.redirect_chain[0][0], sent, follow=True)
    assert "Your new password counts from now on" in done.content.decode()
    assert smtp.wait_for(2)[1]["Subject"] == "Your password was changed"
    assert other.get("/desk/").status_code == 302, "the other session has ended"
    assert "does not open any more" in Browser().get(found[1]).content.decode()
    assert sign_in(client, dana.email, "heron-and-reed")["Location"] == "/desk/"


def test_no_mail_leads_to_the_host_that_somebody_named(
    dana: User, spa: SpaProfile, smtp: MailServer, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    evil = {"host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for email in (dana.email, "anna@qi-spa.example"):
        ask_for_code(Browser(headers=evil), email)
        Browser(headers=evil).post("/accounts/password/reset/", {"email": email})
    own = Browser()
    sign_in(own, dana.email)
    own.post("/accounts/email/", {"email": "dana@home.example", "action_add": ""}, headers=evil)
    new = {"oldpassword": PASSWORD, "password1": "heron-and-reed", "password2": "heron-and-reed"}
    own.post("/accounts/password/change/", new, headers=evil)
    texts = [
        part.get_content()
        for one in smtp.wait_for(6)
        for part in one.walk()
        if part.get_content_maintype() == "text"
    ]
    assert [text for text in texts if "evil" in text] == []
    links = {
        re.sub(r"[\w-]{20,}", "…", one)
        for text in texts
        for one in re.findall(r"http\S+key/|http\S+confirm-email/", text)
    }
    assert links == {
        f"{settings.SITE_URL}/accounts/password/reset/key/",
        f"{settings.SITE_URL}/accounts/confirm-email/",
    }


def test_a_reset_tells_nobody_who_works_here(
    dana: User, spa: SpaProfile, client: Browser, smtp: MailServer
) -> None:
    pages = []
    for email in ("dana@qi-spa.example", "anna@qi-spa.example"):
        answer = client.post("/accounts/password/reset/", {"email": email}, follow=True)
        pages.append(answer.content.decode())
    assert pages[0] == pages[1]


def test_an_address_that_an_owner_enters_opens_the_login(spa: SpaProfile) -> None:
    tomas = User.objects.create_user("tomas", email="Tomas@qi-spa.example")
    rows = EmailAddress.objects.filter(user=tomas)
    assert list(rows.values_list("email", "primary", "verified")) == [
        ("tomas@qi-spa.example", True, True)
    ]
    tomas.email = "t@qi-spa.example"
    tomas.save()
    assert list(rows.values_list("email", "primary", "verified")) == [
        ("t@qi-spa.example", True, True)
    ]
    tomas.email = ""
    tomas.save()
    assert not rows.exists()


def test_an_address_belongs_to_one_login(dana: User, spa: SpaProfile) -> None:
    otto = User.objects.create_user("otto", email="dana@qi-spa.example")
    assert not EmailAddress.objects.get(user=otto).verified
    assert EmailAddress.objects.get(user=dana).verified


def test_a_login_from_before_gets_its_address_when_it_is_used(
    dana: User, spa: SpaProfile, client: Browser
) -> None:
    EmailAddress.objects.all().delete()
    assert sign_in(client, dana.email)["Location"] == "/desk/"
    assert EmailAddress.objects.get().email == dana.email


def test_the_admin_has_no_way_in_of_its_own(dana: User, olive: User, spa: SpaProfile) -> None:
    answer = Browser().get("/admin/login/?next=/admin/services/faq/")
    assert answer["Location"] == "/accounts/login/?next=/admin/services/faq/"
    sent = {"username": "olive", "password": PASSWORD}
    stranger = Browser()
    assert stranger.post("/admin/login/", sent)["Location"] == "/accounts/login/?next=/admin/"
    assert not is_signed_in(stranger)
    assert browser_of(dana).get("/admin/", follow=True).status_code == 403
    assert browser_of(olive).get("/admin/login/")["Location"] == "/admin/"
    changed = browser_of(olive).get("/admin/password_change/")
    assert changed["Location"] == "/accounts/password/change/"
    assert mail.outbox == []
