"""All mail at the desk: found, read as it was sent, and sent again."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from bookings.models import Appointment, Message, Room, Therapist
from tests.bookings.conftest import OTTO, at
from tests.bookings.mailed import came_back, given_up, news_of, sent
from tests.bookings.staff_pages import browser_of, desk_url, said, words
from tests.conftest import MailServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LIST = "/desk/messages/"
# Session, person, spa; states, to ring, count, rows; the bar's two.
LIST_QUERIES = 9


@pytest.fixture
def cleos(book_again: Callable[..., Appointment], mia: Therapist, fern: Room) -> Appointment:
    return book_again(at(10, days=4))


@pytest.fixture
def ottos(book_again: Callable[..., Appointment], cleos: Appointment) -> Appointment:
    return book_again(at(12, days=4), details=OTTO)


@pytest.fixture
def desk(dana: User) -> Browser:
    return browser_of(dana)


def url(name: str, message: Message) -> str:
    return reverse(f"bookings:desk_{name}", args=[message.pk])


def listed(desk: Browser, **asked: str) -> list[tuple[str, str]]:
    """Kind and name of the messages that the page shows, in its order."""
    mailbox = desk.get(LIST, asked).context["mailbox"]
    return [(one.message.kind, one.message.appointment.client.name) for one in mailbox.mails]


def counts(desk: Browser, **asked: str) -> dict[str, int]:
    return {tab.label: tab.count for tab in desk.get(LIST, asked).context["mailbox"].tabs}


def test_messages_are_counted_and_shown_by_state(
    desk: Browser, cleos: Appointment, ottos: Appointment, smtp: MailServer, now: datetime
) -> None:
    given_up(cleos, smtp, now)
    assert counts(desk) == {
        "All": Message.objects.count(),
        "Please ring": 1,
        "Waiting": Message.objects.pending().count(),
        "Sent": 1,
        "Given up": 1,
        "Came back": 0,
        "No longer needed": 0,
    }
    assert listed(desk, state="failed") == [("confirmation", "Cleo")]
    assert listed(desk, state="call") == [("confirmation", "Cleo")]
    assert listed(desk, state="sent") == [("confirmation", "Otto")]
    assert listed(desk)[:2] == [("confirmation", "Otto"), ("confirmation", "Cleo")]
    assert all(kind == "reminder" for kind, _name in listed(desk, state="pending", kind="reminder"))


@pytest.mark.parametrize("text", ["cleo", "CLEO@exam", "élo", "reference", "lower"])
def test_messages_are_found_by_client_address_and_reference(
    desk: Browser,
    cleos: Appointment,
    ottos: Appointment,
    text: str,
    smtp: MailServer,
    now: datetime,
) -> None:
    sent(cleos, now)
    typed = {"reference": cleos.reference, "lower": cleos.reference[:6].lower(), "élo": "cléo"}
    found = listed(desk, q=typed.get(text, text))
    assert {name for _kind, name in found} == {"Cleo"}


def test_a_former_address_finds_what_went_there(
    desk: Browser, cleos: Appointment, smtp: MailServer, now: datetime
) -> None:
    sent(cleos, now)
    assert cleos.client is not None
    cleos.client.email = "cleo@home.example"
    cleos.client.save()
    assert listed(desk, q="cleo@example.com") == [("confirmation", "Cleo")]


@pytest.mark.parametrize(
    "query",
    [
        "state=burnt&kind=letter&page=-1",
        "page=99999999999999999999999",
        "q=%00&state=%F0%9F%92%8C",
        "q=%25_%5C&page=zwei",
        "q=" + "x" * 5000,
        "kind=%27%3B--&q=%E2%80%AE",
    ],
)
def test_foolish_addresses_show_a_page(desk: Browser, cleos: Appointment, query: str) -> None:
    assert desk.get(f"{LIST}?{query}").status_code == 200


def test_the_list_costs_the_same_for_many(
    desk: Browser,
    cleos: Appointment,
    book: Callable[..., Appointment],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    desk.get(LIST)
    with django_assert_num_queries(LIST_QUERIES):
        desk.get(LIST)
    for hour in (12, 14):
        book(at(hour, days=4), details=OTTO)
    with django_assert_num_queries(LIST_QUERIES):
        assert len(desk.get(LIST).context["mailbox"].mails) > 6


def test_pages_follow_each_other(desk: Browser, cleos: Appointment) -> None:
    row = news_of(cleos)
    Message.objects.bulk_create(
        Message(
            appointment=cleos, kind=row.kind, sequence=0, again=n, due_at=row.due_at, state="void"
        )
        for n in range(1, 31)
    )
    first = desk.get(LIST, {"state": "void"})
    assert len(first.context["mailbox"].mails) == 25
    assert 'href="?state=void&amp;page=2"' in first.content.decode()
    assert len(listed(desk, state="void", page="2")) == 5


def test_a_message_is_read_as_it_was_sent(
    desk: Browser, cleos: Appointment, smtp: MailServer, now: datetime
) -> None:
    message = sent(cleos, now)
    page = desk.get(url("message", message))
    text = words(page)
    assert "Booked: Spa visit, Friday 27 November, 10:00" in text
    assert "Message-ID" in text
    assert smtp.messages[0]["Message-ID"].strip("<>") in page.content.decode()
    frame = re.search(r"<iframe[^>]*>", page.content.decode())
    assert frame is not None
    assert f'src="{url("message_html", message)}"' in frame[0]
    assert " sandbox " in frame[0]
    assert not re.search(r"/visit/[\w-]{20}", page.content.decode())


def test_the_html_part_may_do_nothing(
    desk: Browser, cleos: Appointment, smtp: MailServer, now: datetime
) -> None:
    answer = desk.get(url("message_html", sent(cleos, now)))
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-store" in answer["Cache-Control"]
    assert "You are booked" in answer.content.decode()
    assert "/visit/…/" in answer.content.decode()


def test_a_message_without_a_copy_says_so(desk: Browser, cleos: Appointment) -> None:
    message = news_of(cleos)
    assert "There is nothing to read yet" in words(desk.get(url("message", message)))
    assert desk.get(url("message_html", message)).status_code == 404


def test_try_again_from_the_list_and_back(
    desk: Browser, cleos: Appointment, smtp: MailServer, now: datetime
) -> None:
    message = given_up(cleos, smtp, now)
    answer = desk.post(url("message_send", message), {"how": "retry", "back": "messages"})
    assert answer["Location"] == LIST
    assert said(answer) == ["Confirmation for Cleo: it is tried again now."]
    twice = desk.post(url("message_send", message), {"how": "retry", "back": "messages"})
    assert said(twice)[-1] == "It is being tried again already. Nothing was changed."


@pytest.mark.parametrize("how", ["", "burn", "repeat"])
def test_what_makes_no_sense_changes_nothing(desk: Browser, cleos: Appointment, how: str) -> None:
    message = news_of(cleos)
    before = (message.due_at, message.state)
    assert desk.post(url("message_send", message), {"how": how}).status_code == 302
    message.refresh_from_db()
    assert (message.due_at, message.state) == before
    assert cleos.messages.filter(again__gt=0).count() == 0


def test_the_drawer_offers_to_send_and_answers_with_the_visit(
    desk: Browser, cleos: Appointment, smtp: MailServer, now: datetime
) -> None:
    message = given_up(cleos, smtp, now)
    drawer = {"HX-Request": "true", "HX-Target": "panel-body"}
    visit = desk.get(desk_url("appointment", cleos), headers=drawer)
    assert url("message_send", message) in visit.content.decode()
    answer = desk.post(
        url("message_send", message), {"how": "retry", "back": "visit"}, headers=drawer
    )
    assert "tried again now" in answer["HX-Trigger"]
    assert f'data-visit="{cleos.reference}"' in answer.content.decode()


def test_the_bar_counts_what_did_not_arrive_until_the_visit_is_over(
    desk: Browser,
    cleos: Appointment,
    smtp: MailServer,
    now: datetime,
    clock: time_machine.Traveller,
) -> None:
    assert "did not arrive" not in words(desk.get("/desk/clients/"))
    came_back(cleos, now)
    page = desk.get("/desk/clients/")
    assert "Messages 1 did not arrive" in words(page)
    assert 'href="/desk/messages/?state=call"' in page.content.decode()
    clock.move_to(at(12, days=4))
    assert "did not arrive" not in words(browser_of(User.objects.get()).get("/desk/clients/"))


def test_what_was_sent_since_makes_up_for_what_was_lost(
    desk: Browser, cleos: Appointment, smtp: MailServer, now: datetime
) -> None:
    message = came_back(cleos, now, for_good=False)
    desk.post(url("message_send", message), {"how": "repeat"})
    assert counts(desk)["Please ring"] == 1
    sent(cleos, at(9, days=0))
    assert counts(desk)["Please ring"] == 0


def test_somebody_rings_a_therapist_whose_day_sheet_was_lost(
    desk: Browser, mia: Therapist, now: datetime
) -> None:
    today = at(9, days=0).date()
    for days in (-1, 0, 1):
        day = today + timedelta(days=days)
        Message.objects.create(
            kind="therapist_sheet", therapist=mia, day=day, due_at=now, state="failed"
        )
    assert counts(desk)["Please ring"] == 2


def test_a_bad_address_is_told_with_whom_to_call(
    desk: Browser, cleos: Appointment, smtp: MailServer, now: datetime
) -> None:
    message = came_back(cleos, now)
    page = words(desk.get(url("message", message)))
    assert "Mail to cleo@example.com comes back: call Cleo, 020 7946 0001." in page
    assert "Send again" not in page
    desk.post(url("message_trust", message))
    assert "comes back: call" not in words(desk.get(url("message", message)))
