"""No value that reaches a mail's headers makes a header, a recipient or an address of its own.

The mails go to a real mail server; what it was told, and what it got, is compared with the whole.
"""

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client as Browser
from icalendar import Calendar

from bookings import messages
from bookings.forms.details import DetailsForm
from bookings.letters import one_line
from bookings.models import Appointment, Client, Message, Room, Therapist, Wording
from bookings.postman import Postman
from services.models import Service, SpaProfile
from tests.bookings.client_pages import CLEO
from tests.bookings.conftest import at
from tests.bookings.mailed import news_of
from tests.bookings.staff_pages import browser_of
from tests.conftest import MailServer

pytestmark = pytest.mark.django_db

TOMAS = "tomas@qi-spa.example"
EVIL = [
    "Qi\r\nBcc: otto@example.com\r\n\r\nHello",
    "Qi\nSubject: Yours\rTo: otto@example.com",
    "Qi\x0bBcc: otto@example.com\x0c\x1c\x1d\x1e\x85\u2028\u2029Cc: otto@example.com",
    "=?utf-8?q?Qi=0D=0ABcc:_otto=40example.com?= =?utf-8?b?PG90dG9AZXhhbXBsZS5jb20+?=",
    "Qi, otto@example.com, <otto@example.com>;",
    'Qi" <otto@example.com>, "x\\',
    "Zoë Bcc: otto@example.com\r\n " + "ö" * 40,
    "x" * 80,
]
# What each letter of the outbox has, in this order.
HEADERS = [
    "MIME-Version",
    "Subject",
    "From",
    "To",
    "Reply-To",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Content-Type",
]
LOGIN_HEADERS = (
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
)
TEST_HEADERS = (
    "Auto-Submitted",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Reply-To",
    "Subject",
    "To",
)
WORDS = {
    "subject": "{name} {what} {therapist} {spa}",
    "preheader": "",
    "heading": "Hello",
    "greeting": "",
    "text": "Hello",
    "below": "",
    "after": "0",
}
ENTRY = [
    "SUMMARY",
    "DTSTART",
    "DTEND",
    "DTSTAMP",
    "UID",
    "SEQUENCE",
    "ATTENDEE",
    "CLASS",
    "DESCRIPTION",
    "LOCATION",
    "ORGANIZER",
    "STATUS",
]


def addresses(letter: EmailMessage, name: str) -> list[str]:
    return [one.addr_spec for one in letter[name].addresses]


def calendar_of(letter: EmailMessage) -> Any:
    [file] = [one for one in letter.walk() if one.get_content_type() == "text/calendar"]
    [event] = Calendar.from_ical(file.get_content()).walk("VEVENT")
    return event


def name_everything(evil: str) -> None:
    """Put ``evil`` wherever a name is kept, past all forms."""
    SpaProfile.objects.update(name=evil, name_treatment_in_subjects=True)
    Therapist.objects.update(name=evil)
    Service.objects.update(name=evil, discreet_name=evil)
    Client.objects.update(name=evil)


def test_no_name_makes_a_header_or_a_recipient(
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    smtp: MailServer,
    now: datetime,
) -> None:
    visit = book(at(10), therapist=mia)
    Wording.objects.create(
        kind="confirmation",
        number=1,
        subject="{name} {what} {therapist} {treatment} {spa}",
        heading="Hello",
        text="Hello",
        saved_at=now,
    )
    postman = Postman()
    for evil in EVIL:
        name_everything(evil)
        message = Message.objects.get(pk=news_of(visit).pk)
        postman.send(messages.compose(message, spa=SpaProfile.load(), now=now))
        letter = smtp.messages[-1]
        assert letter.keys() == HEADERS
        # The words themselves, as they are shown on a page.
        assert " ".join(letter["Subject"].split()) == " ".join([one_line(evil)] * 5)
        assert smtp.recipients[-1] == addresses(letter, "To") == ["cleo@example.com"]
        assert addresses(letter, "From") == ["hello@qi-spa.example"]
        assert addresses(letter, "Reply-To") == ["hello@qi-spa.example"]
        event = calendar_of(letter)
        assert sorted(event) == sorted(ENTRY)
        assert (event["ATTENDEE"], event["ORGANIZER"]) == (
            "mailto:cleo@example.com",
            "mailto:hello@qi-spa.example",
        )
    postman.hang_up()
    assert len(smtp.messages) == len(EVIL)


def test_no_name_makes_a_header_of_the_mails_about_logins(
    clock: time_machine.Traveller,
    spa: SpaProfile,
    dana: User,
    olive: User,
    mia: Therapist,
    smtp: MailServer,
) -> None:
    owner = browser_of(olive)
    desk = [str(Group.objects.get_or_create(name="Front desk")[0].pk)]
    owner.post("/admin/auth/user/add/", {"first_name": "T", "email": TOMAS, "groups": desk})
    invited = User.objects.get(email=TOMAS)
    for evil in EVIL:
        name_everything(evil)
        User.objects.exclude(pk=olive.pk).update(first_name=evil, last_name=evil)
        # How often each is mailed is limited.
        cache.clear()
        Browser().post("/accounts/login/code/", {"email": dana.email})
        Browser().post("/accounts/password/reset/", {"email": dana.email})
        owner.post(f"/admin/auth/user/{invited.pk}/invite/")
        owner.post("/admin/bookings/wording/confirmation/", {**WORDS, "_test": "1"})
    assert {tuple(sorted(one.keys())) for one in smtp.messages} == {LOGIN_HEADERS, TEST_HEADERS}
    assert smtp.recipients[1:] == [
        ["dana@qi-spa.example"],
        ["dana@qi-spa.example"],
        [TOMAS],
        ["olive@qi-spa.example"],
    ] * len(EVIL)
    senders = {tuple(addresses(one, "From")) for one in smtp.messages}
    assert senders == {("hello@qi-spa.example",)}
    assert all(one["Subject"].isprintable() for one in smtp.messages)


@pytest.mark.parametrize(
    "address",
    [
        '"otto"@example.com',
        '"o\\tto"@example.com',
        '"a,\\ Bcc:\\ otto@example.com\\ "@example.com',
        '"\x01\x0b\x1c"@example.com',
        "=?utf-8?q?otto?=@example.com",
        "=?utf-8?b?b3R0bw==?=@example.com",
        "cleo@[127.0.0.1]",
        "cleo@example.com, otto@example.com",
        "Cleo <otto@example.com>",
        "cleo@example.com\r\nBcc: otto@example.com",
        "cleo@example.com\0",
    ],
)
def test_an_address_that_could_mean_another_is_taken_by_no_form(
    address: str, spa: SpaProfile, smtp: MailServer
) -> None:
    """Limits count by what was typed: one mailbox under a thousand names would be flooded."""
    form = DetailsForm({**CLEO, "email": address}, spa=spa)
    assert list(form.errors) == ["email"]
    for path in ("login/code/", "password/reset/"):
        answer = Browser().post(f"/accounts/{path}", {"email": address})
        assert (answer.status_code, list(answer.context["form"].errors)) == (200, ["email"])
    assert smtp.messages == []


def test_an_unusual_address_is_written_to_as_it_is(
    clock: time_machine.Traveller,
    spa: SpaProfile,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    smtp: MailServer,
    now: datetime,
) -> None:
    visit = book(at(10), therapist=mia)
    usual = ["o'hara+spa=x@example.com", "{c|l}e~o*/!#$%&^`?@example.com", "c@bücher.example"]
    for address in usual:
        assert DetailsForm({**CLEO, "email": address}, spa=spa).is_valid()
        Client.objects.update(email=address)
        message = Message.objects.get(pk=news_of(visit).pk)
        Postman().send(messages.compose(message, spa=spa, now=now))
        assert calendar_of(smtp.messages[-1])["ATTENDEE"] == f"mailto:{address}"
    assert smtp.recipients == [[usual[0]], [usual[1]], ["c@xn--bcher-kva.example"]]
