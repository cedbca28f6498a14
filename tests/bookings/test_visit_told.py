"""What the client's page says of her mail, and having it sent again."""

from collections.abc import Callable
from datetime import datetime

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client as Browser
from pytest_django import Settings

from bookings import actions, delivery
from bookings.actions.bounces import Return, note_return
from bookings.models import Appointment, Message, Room, Therapist
from bookings.told import masked
from tests.bookings.client_pages import words
from tests.bookings.conftest import OTTO, at
from tests.bookings.mailed import came_back, given_up, news_of, sent
from tests.conftest import MailServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture(autouse=True)
def nothing_counted_yet() -> None:
    cache.clear()


@pytest.fixture
def visit(book_again: Callable[..., Appointment], mia: Therapist, fern: Room) -> Appointment:
    return book_again(at(10, days=4))


@pytest.fixture
def link(visit: Appointment) -> str:
    return f"/visit/{actions.issue_visit_link(visit)}/"


def again(client: Browser, link: str) -> list[str]:
    """Press the button; returns what the page then says."""
    answer = client.post(f"{link}send-again/")
    assert answer["Location"] == link
    return [str(message) for message in client.get(link).context["messages"]]


def test_the_page_says_what_was_sent_when_and_where_to(
    client: Browser,
    visit: Appointment,
    link: str,
    smtp: MailServer,
    now: datetime,
    clock: time_machine.Traveller,
) -> None:
    assert "Confirmation: on its way to c…@example.com." in words(client.get(link))
    sent(visit, now)
    assert "Confirmation sent today at 08:00 to c…@example.com." in words(client.get(link))
    clock.move_to(at(9, days=1))
    assert "Confirmation sent on Monday 23 November, 08:00 to c…@example.com." in words(
        client.get(link)
    )
    assert "cleo@example.com" not in words(client.get(link))


def test_the_page_says_what_could_not_be_delivered_and_whom_to_call(
    client: Browser, visit: Appointment, link: str, smtp: MailServer, now: datetime
) -> None:
    given_up(visit, smtp, now)
    text = words(client.get(link))
    assert "Confirmation: we could not deliver it to c…@example.com." in text
    assert "that we have the right address: +44 20 7946 0018." in text
    assert "Send it again" in text


def test_where_mail_comes_back_nothing_is_offered_but_a_call(
    client: Browser, visit: Appointment, link: str, smtp: MailServer, now: datetime
) -> None:
    came_back(visit, now)
    text = words(client.get(link))
    assert "we could not deliver it to c…@example.com" in text
    assert "Send it again" not in text
    assert again(client, link) == [
        "We cannot send it to your address. Please call us: +44 20 7946 0018."
    ]
    assert Message.objects.filter(again__gt=0).count() == 0


def test_it_is_sent_again_by_the_press_of_a_button(
    client: Browser, visit: Appointment, link: str, smtp: MailServer, now: datetime
) -> None:
    sent(visit, now)
    assert again(client, link) == ["It is on its way to c…@example.com again."]
    assert delivery.deliver_due(now=at(8, 1, days=0)) == 1
    assert len({mail["Message-ID"] for mail in smtp.messages}) == 2
    assert visit.events.get(kind="mail_repeated").actor_kind == "client"


def test_it_is_sent_three_times_an_hour_at_most(
    client: Browser,
    visit: Appointment,
    link: str,
    smtp: MailServer,
    now: datetime,
) -> None:
    for minute in range(1, 4):
        delivery.deliver_due(now=at(8, minute, days=0))
        assert again(client, link) == ["It is on its way to c…@example.com again."]
    delivery.deliver_due(now=at(8, 5, days=0))
    count = Message.objects.count()
    assert again(client, link) == [
        "We have sent it several times within the hour. Please look among unwanted mail too, or "
        "call us: +44 20 7946 0018."
    ]
    assert Message.objects.count() == count


def test_an_address_gets_no_more_for_having_many_visits(
    client: Browser,
    visit: Appointment,
    link: str,
    book: Callable[..., Appointment],
    now: datetime,
) -> None:
    others = [book(at(10, days=day)) for day in (5, 6, 7)]
    for one in others:
        assert "on its way" in again(client, f"/visit/{actions.issue_visit_link(one)}/")[0]
    assert "several times" in again(client, link)[0]
    ottos = book(at(12, days=4), details=OTTO)
    assert "on its way" in again(client, f"/visit/{actions.issue_visit_link(ottos)}/")[0]


def test_without_valkey_nothing_is_sent_again_and_nothing_breaks(
    client: Browser, visit: Appointment, link: str, settings: Settings
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    [said] = again(client, link)
    assert said.startswith("We cannot send it just now. Please try again in a while, or call us:")


def test_nobody_else_has_it_sent_again(
    client: Browser, visit: Appointment, link: str, smtp: MailServer, now: datetime
) -> None:
    sent(visit, now)
    assert client.post(f"/visit/{'k' * 32}/send-again/").status_code == 404
    assert client.get(f"{link}send-again/").status_code == 405
    assert Browser(enforce_csrf_checks=True).post(f"{link}send-again/").status_code == 403
    assert Message.objects.filter(again__gt=0).count() == 0


def test_a_client_without_an_address_is_told_to_keep_the_page(
    client: Browser, visit: Appointment, link: str
) -> None:
    assert visit.client is not None
    visit.client.email = ""
    visit.client.save()
    assert "please keep the address of this page" in words(client.get(link))


def test_the_latest_news_are_told(
    client: Browser, visit: Appointment, link: str, smtp: MailServer, now: datetime
) -> None:
    sent(visit, now)
    news = Return("cleo@example.com", at=now, reason="The mailbox is full.", for_good=False)
    note_return(news, now=now)
    actions.send_news_again(appointment=visit, by=actions.CLIENT, now=now)
    assert "Confirmation: on its way" in words(client.get(link))
    assert news_of(visit).again == 1


@pytest.mark.parametrize(
    ("address", "shown"),
    [("cleo@example.com", "c…@example.com"), ("é@x.example", "é…@x.example"), ("@", "…@")],
)
def test_an_address_is_shown_to_those_who_know_it(address: str, shown: str) -> None:
    assert masked(address) == shown
