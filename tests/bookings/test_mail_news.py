"""What the mail provider tells: who may tell it, and what it changes, in any order and twice."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent
from django.contrib.auth.models import User
from django.test import Client as Browser
from pytest_django import DjangoAssertNumQueries, Settings

from bookings import actions, delivery
from bookings.actions import outbox
from bookings.actions.bounces import Return, note_return
from bookings.mail_news import is_for_good
from bookings.models import Appointment, BadAddress, Message, Room, Therapist
from bookings.troubles import nobody_is_there
from services.models import SpaProfile
from tests.bookings.conftest import OTTO, at
from tests.bookings.faults import refuse_address
from tests.bookings.mailed import came_back, news_of, sent
from tests.bookings.staff_pages import browser_of, desk_url, words
from tests.conftest import MailServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

ADDRESS = "/mail/news/postmark/"
SECRET = "postmark:river-stone"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def provider(settings: Settings) -> None:
    settings.EMAIL_PROVIDER = "postmark"
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}


@pytest.fixture
def visit(book_again: Callable[..., Appointment], mia: Therapist, fern: Room) -> Appointment:
    return book_again(at(10, days=4))


def tell(body: Any, secret: str | None = SECRET, address: str = ADDRESS) -> int:
    """Post ``body`` as the provider does; returns the status."""
    sign = (
        {}
        if secret is None
        else {"authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    )
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    browser = Browser(enforce_csrf_checks=True, raise_request_exception=False)
    answer = browser.post(address, raw, content_type="application/json", headers=sign)
    return answer.status_code


def bounce(message: Message, what: str = "HardBounce", **more: str) -> dict[str, str]:
    """Postmark's words for a mail that came back."""
    return {
        "RecordType": "SpamComplaint" if what == "SpamComplaint" else "Bounce",
        "Type": what,
        "ID": "42",
        "MessageID": message.answer,
        "Email": "Cleo@Example.com",
        "BouncedAt": "2026-11-23T08:05:00Z",
        "Description": "The server was unable to deliver your message",
        "Details": "smtp;550 5.1.1 cleo@example.com unknown",
        **more,
    }


@pytest.fixture
def taken(visit: Appointment, smtp: MailServer, now: datetime) -> Message:
    """Cleo's confirmation, which the provider knows as mail-1."""
    message = sent(visit, now)
    message.answer = "mail-1"
    message.save()
    return message


def state_of(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.state, message.last_error


def troubles() -> list[tuple[str, str]]:
    return list(BadAddress.objects.values_list("address", "trouble"))


def test_a_hard_bounce_marks_the_message_and_the_address_once(
    taken: Message, visit: Appointment
) -> None:
    for _time in range(3):
        assert tell(bounce(taken)) == 200
    assert state_of(taken) == ("bounced", "Nobody can be reached there.")
    assert troubles() == [("cleo@example.com", "bounced")]
    assert visit.events.filter(kind="mail_returned").count() == 1


def test_a_soft_bounce_marks_the_message_alone(taken: Message) -> None:
    assert tell(bounce(taken, "SoftBounce")) == 200
    assert state_of(taken) == ("bounced", "The mailbox did not take it.")
    assert troubles() == []
    # Postmark tells of a hard one later.
    assert tell(bounce(taken)) == 200
    assert troubles() == [("cleo@example.com", "bounced")]


def test_a_complaint_marks_the_address_and_stops_no_news_of_a_visit(
    taken: Message, visit: Appointment, smtp: MailServer, now: datetime
) -> None:
    for _time in range(2):
        assert tell(bounce(taken, "SpamComplaint")) == 200
    assert state_of(taken)[0] == "sent"
    assert troubles() == [("cleo@example.com", "complained")]
    assert visit.events.filter(kind="mail_unwanted").count() == 1
    actions.repeat_message(message=taken, by=actions.SYSTEM, now=now + MINUTE)
    assert delivery.deliver_due(now=now + MINUTE) == 1


def test_a_bounce_that_comes_before_the_note_that_it_was_sent_stands(
    visit: Appointment, now: datetime
) -> None:
    [claimed] = outbox.claim_due(now=now, until=now + 4 * MINUTE, limit=1)
    message = outbox.begin_attempt(claimed)
    assert message is not None
    assert tell(bounce(message, MessageID="mail-1")) == 200
    outbox.mark_sent(message, answer="mail-1", now=now)
    assert state_of(message)[0] == "bounced"
    assert message.sent_to == "cleo@example.com"


def test_news_that_fit_no_mail_end_no_message_whose_worker_died(
    visit: Appointment, now: datetime
) -> None:
    """Told late: when it happened the worker lived, and by now somebody else will send it."""
    [claimed] = outbox.claim_due(now=now, until=now + 4 * MINUTE, limit=1)
    message = outbox.begin_attempt(claimed)
    assert message is not None
    news = Return("cleo@example.com", at=now + MINUTE, reason="Full.", for_good=False)
    assert note_return(news, now=now + 30 * MINUTE) is None
    assert state_of(message)[0] == "pending"


def test_of_two_mails_on_their_way_none_is_taken_for_the_one_that_came_back(
    visit: Appointment, now: datetime
) -> None:
    visit.messages.update(due_at=now)
    claimed = outbox.claim_due(now=now, until=now + 4 * MINUTE, limit=5)
    begun = [one for one in map(outbox.begin_attempt, claimed) if one is not None]
    assert len(begun) > 1
    news = Return("cleo@example.com", at=now, reason="Full.", for_good=False)
    assert note_return(news, now=now) is None
    assert {state_of(one)[0] for one in begun} == {"pending"}


def test_news_of_a_delivery_that_come_after_the_bounce_change_nothing(taken: Message) -> None:
    tell(bounce(taken))
    delivered = {
        "RecordType": "Delivery",
        "MessageID": "mail-1",
        "Recipient": "cleo@example.com",
        "DeliveredAt": "2026-11-23T08:01:00Z",
    }
    assert tell(delivered) == 200
    assert state_of(taken)[0] == "bounced"


def test_old_news_told_again_do_not_condemn_an_address_that_works(
    taken: Message, visit: Appointment, now: datetime
) -> None:
    tell(bounce(taken))
    actions.trust_address(
        address="cleo@example.com", appointment=visit, by=actions.SYSTEM, now=now + 9 * MINUTE
    )
    assert tell(bounce(taken)) == 200
    assert troubles() == []


def test_nothing_more_goes_where_mail_comes_back_and_the_others_do(
    taken: Message,
    visit: Appointment,
    book: Callable[..., Appointment],
    smtp: MailServer,
    now: datetime,
) -> None:
    tell(bounce(taken))
    book(at(12, days=4), details=OTTO)
    due = visit.starts_at - timedelta(hours=48)
    delivery.deliver_due(now=due)
    reminder = visit.messages.get(lead_hours=48)
    assert (reminder.state, reminder.last_error) == ("failed", "Mail to this address comes back.")
    assert {mail["To"] for mail in smtp.messages[1:]} == {"otto@example.com"}


def test_news_that_nobody_signed_cost_nothing(
    spa: SpaProfile, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Only the spa is read, as for every page: not even the body is looked at."""
    with django_assert_num_queries(1):
        assert tell(b"{" * 2**20, "postmark:wrong") == 400


@pytest.mark.parametrize("secret", [None, "postmark:wrong", "", "river-stone"])
def test_news_that_nobody_signed_are_refused_and_logged_without_a_name(
    taken: Message, secret: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert tell(bounce(taken), secret) == 400
    assert state_of(taken)[0] == "sent"
    assert troubles() == []
    assert "Refused news of mail that postmark has not signed." in caplog.text
    ours = [line.getMessage() for line in caplog.records if line.name.startswith("bookings")]
    assert not any("cleo" in line.lower() for line in ours)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"{}", b'{"RecordType": 5}', b"null", b"[1]"]
)
def test_signed_nonsense_changes_nothing(taken: Message, body: bytes) -> None:
    assert tell(body) in (200, 400)
    assert state_of(taken)[0] == "sent"


def test_there_is_no_address_for_another_provider_or_without_a_secret(
    taken: Message, settings: Settings
) -> None:
    assert tell(bounce(taken), address="/mail/news/mailgun/") == 404
    settings.ANYMAIL = {}
    assert tell(bounce(taken)) == 404


def test_a_mail_of_another_kind_that_comes_back_touches_no_message(taken: Message) -> None:
    assert tell(bounce(taken, MessageID="a-login-code")) == 200
    assert state_of(taken)[0] == "sent"
    assert troubles() == [("cleo@example.com", "bounced")]


@pytest.mark.parametrize(
    ("event", "lasting"),
    [
        ({"reject_reason": "bounced", "esp_event": {"Type": "HardBounce"}}, True),
        ({"reject_reason": "invalid"}, True),
        ({"reject_reason": "bounced", "esp_event": {"Type": "SoftBounce"}}, False),
        ({"reject_reason": "bounced", "esp_event": {"event": "soft_bounce"}}, False),
        ({"reject_reason": "bounced", "esp_event": {"bounce": {"bounceType": "Transient"}}}, False),
        ({"reject_reason": "bounced", "esp_event": {"hard_bounce": False}}, False),
        ({"reject_reason": "bounced", "esp_event": {"bounce_class": "20"}}, False),
        ({"reject_reason": "bounced", "mta_response": "552 5.2.2 mailbox full"}, False),
        ({"reject_reason": "bounced", "mta_response": "550 5.7.1 not from you"}, False),
        ({"reject_reason": "blocked"}, False),
        ({"reject_reason": "spam"}, False),
        ({"reject_reason": None}, False),
        ({"event_type": "failed", "reject_reason": "bounced"}, False),
    ],
)
def test_a_bounce_lasts_where_the_address_is_the_reason(
    event: dict[str, Any], lasting: bool
) -> None:
    assert is_for_good(AnymailTrackingEvent(**{"event_type": "bounced", **event})) is lasting


@pytest.mark.parametrize(
    ("code", "answer", "dead"),
    [
        (550, "5.1.1 no such user", True),
        (550, "5.2.1 mailbox disabled", True),
        (550, "Nobody of that name", True),
        (552, "5.2.2 mailbox full", False),
        (550, "5.7.1 relaying denied", False),
        (550, "relay not permitted", False),
        (554, "transaction failed", False),
    ],
)
def test_a_server_that_refuses_us_condemns_no_address(code: int, answer: str, dead: bool) -> None:
    assert nobody_is_there(code, answer) is dead


def test_an_address_that_the_mail_server_refuses_counts_as_a_bounce(
    visit: Appointment, smtp: MailServer, now: datetime
) -> None:
    refuse_address(smtp, "cleo@example.com", "550 5.1.1 Nobody of that name")
    delivery.deliver_due(now=now)
    assert news_of(visit).state == "failed"
    assert troubles() == [("cleo@example.com", "bounced")]


def test_the_desk_is_told_to_call_before_the_visit(
    visit: Appointment, dana: User, smtp: MailServer, now: datetime
) -> None:
    desk = browser_of(dana)
    came_back(visit, now)
    call = "Mail to this address comes back: call Cleo, 020 7946 0001."
    assert call in words(desk.get(desk_url("appointment", visit)))
    day = f"?date={visit.starts_at:%Y-%m-%d}"
    assert "Please ring, mail did not arrive: Cleo" in words(desk.get(f"/desk/list/{day}"))
    assert "Mail to this address comes back" in words(desk.get(f"/desk/list/{day}"))
    assert visit.client is not None
    visit.client.email = "cleo@home.example"
    visit.client.save()
    assert "comes back" not in words(desk.get(f"/desk/list/{day}"))


def test_the_calendar_says_what_became_of_the_mail_and_notices_it(
    visit: Appointment, dana: User, smtp: MailServer, now: datetime
) -> None:
    desk = browser_of(dana)
    feed = f"/desk/feed/?date={visit.starts_at:%Y-%m-%d}"

    def shown() -> tuple[dict[str, bool] | None, str]:
        [one] = desk.get(feed).json()["visits"]
        return one["mail"], one["label"]

    assert shown()[0] is None
    sent(visit, now)
    first = desk.get(feed)
    mail, label = shown()
    assert mail == {"lost": False}
    assert "Confirmation: sent" in label
    later = now + MINUTE
    note_return(Return("cleo@example.com", at=later, reason="Full.", for_good=False), now=later)
    again = desk.get(feed, headers={"if-none-match": first["ETag"]})
    assert again.status_code == 200
    mail, label = shown()
    assert mail == {"lost": True}
    assert "Confirmation: not delivered" in label
