"""Nobody learns from an answer whether somebody works here or has been here.

For an address that is known and for one that is not: the same status, words, headers, cookies and
way on, as many mails, as many looks at the slow hash of a password, and as many statements. Where
allauth looks once more, it is by one of the quickest kind, lost beside the hash or the mail.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from bookings.models import Appointment, Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.client_pages import CLEO, DETAILS, hold
from tests.bookings.conftest import at
from tests.conftest import MailServer

pytestmark = pytest.mark.django_db

KNOWN, UNKNOWN = "dana@qi-spa.example", "anna@qi-spa.example"
# Differ from one answer to the next, whoever asks.
FICKLE = re.compile(r'name="csrfmiddlewaretoken" value="\w+"|[\w-]{32}')


@dataclass(frozen=True)
class Told:
    """All that an answer tells, and the page that it leads to."""

    status: int
    headers: Mapping[str, str]
    cookies: Mapping[str, Mapping[str, Any]]
    words: str
    next_words: str
    mails: int
    hashes: int


def ask(path: str, sent: Mapping[str, str], who: str, smtp: MailServer) -> tuple[Told, int]:
    """Send a form in a fresh browser; returns what is told, and how many statements it took."""
    return told(Browser(), path, sent, who, smtp)


def told(
    browser: Browser, path: str, sent: Mapping[str, str], who: str, smtp: MailServer
) -> tuple[Told, int]:
    before = len(smtp.messages)
    hashing = PBKDF2PasswordHasher.encode
    with (
        CaptureQueriesContext(connection) as asked,
        patch.object(PBKDF2PasswordHasher, "encode", autospec=True, side_effect=hashing) as hashed,
    ):
        answer: Any = browser.post(path, sent)
    # Now: the next request empties the log.
    statements = len(asked)
    onward = browser.get(answer["Location"]).content.decode() if "Location" in answer else ""

    def alike(text: str) -> str:
        return FICKLE.sub("", text.replace(who, "somebody"))

    cookies = {
        name: {key: value for key, value in one.items() if key != "expires"}
        for name, one in answer.cookies.items()
    }
    headers = {name: alike(value) for name, value in answer.headers.items() if name != "Expires"}
    page = Told(
        answer.status_code,
        headers,
        cookies,
        alike(answer.content.decode()),
        alike(onward),
        len(smtp.messages) - before,
        hashed.call_count,
    )
    return page, statements


@pytest.mark.parametrize(
    ("path", "field", "more", "status", "mails", "hashes", "apart"),
    [
        ("login/", "login", {"password": "wrong-one"}, 200, 0, 1, 1),
        ("login/code/", "email", {}, 302, 1, 0, 1),
        ("password/reset/", "email", {}, 302, 1, 0, 1),
        ("signup/", "email", {"password1": "heron-and-reed"}, 200, 0, 0, 0),
    ],
)
@pytest.mark.parametrize("login", ["password", "none", "off"])
def test_the_doors_of_the_staff_say_the_same_to_everybody(
    path: str,
    field: str,
    more: dict[str, str],
    status: int,
    mails: int,
    hashes: int,
    apart: int,
    login: str,
    spa: SpaProfile,
    dana: User,
    smtp: MailServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether the known login has a password, has none yet, or is switched off."""
    # Production's own, made quick: how often it is asked is what counts.
    monkeypatch.setattr(PBKDF2PasswordHasher, "iterations", 1000)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    dana.set_password("rivers-and-moss" if login == "password" else None)
    dana.is_active = login != "off"
    dana.save()
    cache.clear()
    known, statements = ask(f"/accounts/{path}", {field: KNOWN, **more}, KNOWN, smtp)
    unknown, others = ask(f"/accounts/{path}", {field: UNKNOWN, **more}, UNKNOWN, smtp)
    assert known == unknown
    assert (known.status, known.mails, known.hashes) == (status, mails, hashes)
    assert abs(statements - others) == apart


@pytest.mark.parametrize(
    ("path", "field", "more", "times"),
    [("login/", "login", {"password": "x"}, 6), ("login/code/", "email", {}, 4)],
)
def test_who_asks_too_often_learns_nothing_either(
    path: str,
    field: str,
    more: dict[str, str],
    times: int,
    spa: SpaProfile,
    dana: User,
    smtp: MailServer,
) -> None:
    answers = {}
    for who in (KNOWN, UNKNOWN):
        cache.clear()
        sent = {field: who, **more}
        answers[who] = [ask(f"/accounts/{path}", sent, who, smtp)[0] for _again in range(times)]
    assert answers[KNOWN] == answers[UNKNOWN]
    # The control: the last was refused.
    assert answers[KNOWN][-1] != answers[KNOWN][-2]


def test_another_code_tells_nothing_either(spa: SpaProfile, dana: User, smtp: MailServer) -> None:
    answers = []
    for who in (KNOWN, UNKNOWN):
        browser = Browser()
        page = browser.post("/accounts/login/code/", {"email": who}, follow=True).content.decode()
        [form] = [one for one in page.split("<form")[1:] if "Send another code" in one]
        sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        action = re.search(r'action="([^"]+)"', form)
        assert action is not None
        answers.append(told(browser, action[1], sent, who, smtp)[0])
        # allauth's own way, which mails only those who work here, is closed.
        again = {"action": "resend"}
        assert told(browser, "/accounts/login/code/confirm/", again, who, smtp)[0].mails == 0
    assert answers[0] == answers[1]
    assert (answers[0].status, answers[0].mails) == (302, 1)


def test_a_booking_does_not_tell_whether_she_has_been_here(
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    lymph: Service,
    mia: Therapist,
    fern: Room,
    smtp: MailServer,
) -> None:
    book(at(10), therapist=mia)
    answers = []
    for who in (CLEO["email"], "clea@example.com"):
        visitor = Browser()
        reference = hold(visitor, lymph, at(12))
        page, statements = told(
            visitor, DETAILS, {**CLEO, "email": who, "hold": reference}, who, smtp
        )
        answers.append(
            (replace(page, next_words=page.next_words.replace(reference, "")), statements)
        )
        Appointment.objects.filter(reference=reference).update(status="cancelled")
    (known, statements), (unknown, others) = answers
    assert known == unknown
    assert "Your visit on Tuesday" in known.next_words
    assert statements == others > 0
