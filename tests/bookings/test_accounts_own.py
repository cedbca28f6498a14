"""The page about one's own login: address, password, sessions."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.test import RequestFactory
from pytest_django import Settings

from bookings.logins import device_name
from services.models import SpaProfile
from spa import settings as outside
from tests.bookings.conftest import NOW
from tests.bookings.staff_pages import PASSWORD, browser_of, said
from tests.conftest import MailServer

pytestmark = pytest.mark.django_db

YOURS = "/accounts/"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
DESK = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)


@pytest.fixture
def working_day(settings: Settings) -> None:
    """Sessions as long as outside of the tests."""
    settings.SESSION_COOKIE_AGE = outside.SESSION_COOKIE_AGE


def signed_in(user: User, agent: str = DESK) -> Browser:
    browser = Browser(headers={"User-Agent": agent})
    browser.post("/accounts/login/", {"login": user.username, "password": PASSWORD})
    return browser


def opens(browser: Browser) -> bool:
    return browser.get("/desk/list/").status_code == 200


def sessions_of(user: User) -> list[UserSession]:
    return list(UserSession.objects.filter(user=user).order_by("pk"))


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (PHONE, "Safari on iPhone"),
        (DESK, "Chrome on Windows"),
        (f"{DESK} Edg/142.0.0.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        ("curl/8.5.0", "an unknown device"),
        ("", "an unknown device"),
    ],
)
def test_devices_are_called_as_people_call_them(agent: str, name: str) -> None:
    assert device_name(agent) == name


def test_the_page_tells_where_she_is_signed_in(
    dana: User, spa: SpaProfile, clock: time_machine.Traveller
) -> None:
    signed_in(dana, PHONE)
    clock.shift(timedelta(hours=1))
    page = signed_in(dana).get(YOURS).content.decode()
    assert re.findall(r"<strong>(\w+ on \w+)</strong>", page) == [
        "Chrome on Windows",
        "Safari on iPhone",
    ]
    assert "Since Monday 23 November, 09:00; last used Monday 23 November, 09:00" in page
    assert "Since Monday 23 November, 08:00; last used Monday 23 November, 08:00" in page
    assert page.count("here, now") == 1
    assert "dana@qi-spa.example" in page


def test_one_browser_is_signed_out(dana: User, spa: SpaProfile) -> None:
    phone, desk, tablet = signed_in(dana, PHONE), signed_in(dana), signed_in(dana)
    answer = desk.post(f"/accounts/sessions/{sessions_of(dana)[0].pk}/end/")
    assert said(answer) == ["That browser is signed out."]
    assert [opens(browser) for browser in (phone, desk, tablet)] == [False, True, True]


def test_the_cookie_of_a_session_that_ended_opens_nothing(dana: User, spa: SpaProfile) -> None:
    browser, thief = browser_of(dana), Browser()
    thief.cookies.load({"sessionid": browser.cookies["sessionid"].value})
    assert thief.get("/desk/").status_code == 200
    browser.post("/accounts/logout/")
    answer = thief.get("/desk/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/desk/")


def test_all_other_browsers_are_signed_out(dana: User, olive: User, spa: SpaProfile) -> None:
    phone, desk, tablet, hers = (
        signed_in(dana, PHONE),
        signed_in(dana),
        signed_in(dana),
        signed_in(olive),
    )
    answer = desk.post("/accounts/sessions/end-others/")
    assert said(answer) == ["You are signed out everywhere but here."]
    assert [opens(browser) for browser in (phone, desk, tablet, hers)] == [
        False,
        True,
        False,
        True,
    ]


def test_ending_the_session_that_one_is_in_leads_to_the_login(dana: User, spa: SpaProfile) -> None:
    desk = signed_in(dana)
    answer = desk.post(f"/accounts/sessions/{sessions_of(dana)[0].pk}/end/")
    assert answer["Location"] == "/accounts/login/"
    assert not opens(desk)


def test_sessions_of_others_cannot_be_ended(dana: User, olive: User, spa: SpaProfile) -> None:
    hers = signed_in(olive)
    path = f"/accounts/sessions/{sessions_of(olive)[0].pk}/end/"
    assert signed_in(dana).post(path).status_code == 404
    assert Browser().post(path)["Location"] == f"/accounts/login/?next={path}"
    assert opens(hers)


@pytest.mark.parametrize("path", ["sessions/1/end/", "sessions/end-others/"])
def test_looking_ends_no_session(path: str, dana: User, spa: SpaProfile) -> None:
    phone, desk = signed_in(dana, PHONE), signed_in(dana)
    assert desk.get(YOURS + path).status_code == 405
    assert opens(phone)


@pytest.mark.parametrize("path", ["sessions/1/end/", "sessions/end-others/"])
def test_another_site_ends_no_session(path: str, dana: User, spa: SpaProfile) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(dana)
    assert browser.post(YOURS + path).status_code == 403


def test_a_session_lasts_a_working_day_from_its_last_use(
    working_day: None, dana: User, spa: SpaProfile, clock: time_machine.Traveller
) -> None:
    browser = signed_in(dana)
    for _ in range(3):
        clock.shift(timedelta(hours=11))
        assert opens(browser)
    assert sessions_of(dana)[0].last_seen_at.hour == (NOW + timedelta(hours=33)).hour
    clock.shift(timedelta(hours=12, minutes=1))
    assert not opens(browser)


def test_a_page_that_asks_for_news_by_itself_does_not_keep_the_session(
    working_day: None, dana: User, spa: SpaProfile, clock: time_machine.Traveller
) -> None:
    browser = signed_in(dana)
    for _ in range(5):
        clock.shift(timedelta(hours=2))
        assert browser.get("/desk/list/", headers={"Sec-Fetch-Mode": "cors"}).status_code == 200
    clock.shift(timedelta(hours=2, minutes=1))
    assert not opens(browser)
    assert sessions_of(dana)[0].last_seen_at.replace(microsecond=0) <= NOW + timedelta(minutes=1)


def test_a_new_password_signs_out_everywhere_else(
    dana: User, spa: SpaProfile, smtp: MailServer
) -> None:
    phone, desk = signed_in(dana, PHONE), signed_in(dana)
    sent = {
        "oldpassword": PASSWORD,
        "password1": "heron-and-reed",
        "password2": "heron-and-reed",
    }
    answer = desk.post("/accounts/password/change/", sent)
    assert (answer["Location"], said(answer)) == (YOURS, ["Your new password counts from now on."])
    assert [opens(phone), opens(desk)] == [False, True]
    page = desk.get(YOURS).content.decode()
    assert "Chrome on Windows" in page
    assert "Safari on iPhone" not in page
    letter = smtp.wait_for(1)[0]
    assert letter["Subject"] == "Your password was changed"
    assert "with Chrome on Windows at the network address 127.0.0.1" in letter.get_content()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"oldpassword": "wrong"}, "That is not your present password."),
        ({"password2": "heron-and-read"}, "You must type the same password each time."),
        ({"password1": "short", "password2": "short"}, "This password is too short."),
        ({"password1": "12345678", "password2": "12345678"}, "This password is entirely numeric."),
        ({"password1": "", "password2": ""}, "Please enter your password."),
    ],
)
def test_a_password_is_not_changed_by_mistake(
    sent: dict[str, str], words: str, dana: User, spa: SpaProfile
) -> None:
    good = {"oldpassword": PASSWORD, "password1": "heron-and-reed", "password2": "heron-and-reed"}
    answer = signed_in(dana).post("/accounts/password/change/", good | sent)
    assert words in answer.content.decode()
    assert User.objects.get(pk=dana.pk).check_password(PASSWORD)


def test_a_change_of_password_goes_on_without_mail(
    dana: User, spa: SpaProfile, smtp: MailServer
) -> None:
    smtp.refuse = True
    sent = {"oldpassword": PASSWORD, "password1": "heron-and-reed", "password2": "heron-and-reed"}
    assert signed_in(dana).post("/accounts/password/change/", sent)["Location"] == YOURS
    assert User.objects.get(pk=dana.pk).check_password("heron-and-reed")


def change_address(browser: Browser, email: str) -> Any:
    return browser.post("/accounts/email/", {"email": email, "action_add": "1"})


def link_in(letter: Any) -> str:
    found = re.search(rf"{settings.SITE_URL}(/\S+)", letter.get_content())
    assert found is not None
    return found[1]


def test_a_new_address_counts_once_its_link_was_opened(
    dana: User, spa: SpaProfile, smtp: MailServer
) -> None:
    browser = signed_in(dana)
    answer = change_address(browser, "dana@example.com")
    assert said(answer) == ["The link is on its way to dana@example.com."]
    letter = smtp.wait_for(1)[0]
    assert letter["To"] == "dana@example.com"
    assert User.objects.get(pk=dana.pk).email == "dana@qi-spa.example"
    browser.get(link_in(letter))
    assert User.objects.get(pk=dana.pk).email == "dana@qi-spa.example", "looking changes nothing"
    answer = browser.post(link_in(letter))
    assert answer["Location"] == YOURS
    assert User.objects.get(pk=dana.pk).email == "dana@example.com"
    rows = EmailAddress.objects.filter(user=dana)
    assert list(rows.values_list("email", "primary", "verified")) == [
        ("dana@example.com", True, True)
    ]
    warned = smtp.wait_for(2)[1]
    assert (warned["To"], warned["Subject"]) == (
        "dana@qi-spa.example",
        "Your login has another address now",
    )


def test_a_waiting_address_survives_other_changes_and_can_be_given_up(
    dana: User, spa: SpaProfile, smtp: MailServer
) -> None:
    browser = signed_in(dana)
    change_address(browser, "dana@example.com")
    User.objects.get(pk=dana.pk).save()
    page = browser.get("/accounts/email/").content.decode()
    assert "<strong>dana@example.com</strong>" in page
    sent = {"email": "dana@example.com", "action_remove": ""}
    browser.post("/accounts/email/", sent)
    assert list(EmailAddress.objects.values_list("email", flat=True)) == ["dana@qi-spa.example"]
    assert Browser().post(link_in(smtp.wait_for(1)[0])).status_code == 404


def test_the_address_of_another_login_cannot_be_taken(
    dana: User, olive: User, spa: SpaProfile, smtp: MailServer
) -> None:
    browser = signed_in(dana)
    change_address(browser, olive.email)
    letters = [letter for letter in smtp.wait_for(1) if letter["To"] == olive.email]
    browser.post(link_in(letters[0]))
    assert User.objects.get(pk=dana.pk).email == "dana@qi-spa.example"
    assert EmailAddress.objects.get(email=olive.email, verified=True).user == olive


def test_what_matters_asks_once_more_who_it_is(
    dana: User, spa: SpaProfile, clock: time_machine.Traveller, smtp: MailServer
) -> None:
    browser = signed_in(dana)
    clock.shift(timedelta(minutes=6))
    answer = change_address(browser, "dana@example.com")
    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Faccounts%2Femail%2F"
    wrong = browser.post(answer["Location"], {"password": "wrong"}).content.decode()
    assert "That is not your password." in wrong
    browser.post(answer["Location"], {"password": PASSWORD, "next": "/accounts/email/"})
    assert smtp.wait_for(1)[0]["To"] == "dana@example.com"


def test_the_page_is_for_those_who_are_signed_in(spa: SpaProfile, client: Browser) -> None:
    for path in (YOURS, "/accounts/second-factor/", "/accounts/email/"):
        assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize("path", ["", "login/", "email/", "password/change/", "password/reset/"])
def test_pages_about_logins_stay_out_of_caches(path: str, dana: User, spa: SpaProfile) -> None:
    answer = signed_in(dana).get(YOURS + path)
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["X-Robots-Tag"] == "noindex, nofollow"


def test_a_login_without_a_password_chooses_one(
    spa: SpaProfile, client: Browser, smtp: MailServer
) -> None:
    tomas = User.objects.create_user("tomas", email="tomas@qi-spa.example")
    client.force_login(tomas)
    assert "Choose a password" in client.get(YOURS).content.decode()
    assert client.get("/accounts/password/change/")["Location"] == "/accounts/password/set/"
    sent = {"password1": "heron-and-reed", "password2": "heron-and-reed"}
    assert client.post("/accounts/password/set/", sent)["Location"] == YOURS
    assert User.objects.get().check_password("heron-and-reed")


def test_rate_limits_count_whom_the_proxy_has_seen(settings: Settings) -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.7"})
    assert get_adapter(request).get_client_ip(request) == "127.0.0.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert get_adapter(request).get_client_ip(request) == "203.0.113.7"
