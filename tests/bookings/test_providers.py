"""Delivery through a mail provider: a real HTTP server that speaks Postmark's API."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from bookings import delivery
from bookings.models import Appointment, Message, Room, Therapist
from tests.bookings.conftest import OTTO, at
from tests.spa.commands import newcomers_environment, run

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
Answer = tuple[int, dict[str, Any]]

INACTIVE_WORDS = "Found inactive addresses: cleo@example.com. Inactive recipients are those who …"
TAKEN: Answer = (200, {"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a-e38e"})
INACTIVE: Answer = (422, {"ErrorCode": 406, "Message": INACTIVE_WORDS})
PUZZLING: Answer = (422, {"ErrorCode": 406, "Message": "Somebody is inactive"})
NO_SUCH_SENDER: Answer = (422, {"ErrorCode": 400, "Message": "Sender signature not found"})


class Provider(ThreadingHTTPServer):
    """Answers by ``plan`` and then takes everything; ``asked`` holds what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.plan: list[Answer] = []
        self.asked: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.lines: set[object] = set()


class _Desk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        mail = json.loads(self.rfile.read(length))
        self.server.asked.append(mail)
        self.server.tokens.add(self.headers["X-Postmark-Server-Token"])
        self.server.lines.add(self.client_address)
        status, words = self.server.plan.pop(0) if self.server.plan else TAKEN
        body = json.dumps({**words, "To": mail["To"]}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        """Say nothing."""


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    server = Provider()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {
        "POSTMARK_SERVER_TOKEN": "our-token",
        "POSTMARK_API_URL": f"http://127.0.0.1:{server.server_port}/",
        "REQUESTS_TIMEOUT": 5,
    }
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def confirmation(book_again: Book, mia: Therapist, fern: Room) -> Message:
    """Cleo's, due now."""
    return book_again(at(10, days=4)).messages.get(kind="confirmation")


@pytest.fixture
def ottos(book_again: Book, confirmation: Message) -> Message:
    """Otto's, due now and made after Cleo's."""
    return book_again(at(12, days=4), details=OTTO).messages.get(kind="confirmation")


def state_of(message: Message) -> tuple[str, int, str]:
    message.refresh_from_db()
    return message.state, message.attempts, message.last_error


def test_the_provider_gets_the_whole_mail_and_its_key_is_kept(
    confirmation: Message, ottos: Message, provider: Provider, now: datetime
) -> None:
    assert delivery.deliver_due(now=now) == 2
    mail = provider.asked[0]
    assert mail["To"] == "cleo@example.com"
    assert mail["Subject"] == "Booked: Spa visit, Friday 27 November, 10:00"
    assert [one["Name"] for one in mail["Attachments"]] == ["invite.ics"]
    assert "Message-ID" in {one["Name"] for one in mail["Headers"]}
    assert provider.tokens == {"our-token"}
    assert len(provider.lines) == 1
    assert state_of(confirmation) == ("sent", 1, "")
    assert confirmation.answer == "b7bc2f4a-e38e"


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (INACTIVE, "failed", "The address was refused."),
        (PUZZLING, "pending", "The mail provider did not take the message."),
        (NO_SUCH_SENDER, "pending", "The mail provider refused us (422)."),
        ((401, {"ErrorCode": 10}), "pending", "The mail provider refused us (401)."),
        ((500, {}), "pending", "The mail provider refused us (500)."),
        ((413, {}), "failed", "The message was refused (413)."),
        (
            (200, {"ErrorCode": 0, "Message": "OK"}),
            "pending",
            "The mail provider refused us (200).",
        ),
    ],
)
def test_a_refusal_of_one_message_stops_no_other(
    confirmation: Message,
    ottos: Message,
    provider: Provider,
    now: datetime,
    answer: Answer,
    state: str,
    reason: str,
) -> None:
    provider.plan = [answer]
    assert delivery.deliver_due(now=now) == 1
    assert state_of(confirmation) == (state, 1, reason)
    assert state_of(ottos) == ("sent", 1, "")


@pytest.mark.parametrize("status", [429, 503])
def test_a_provider_that_is_busy_ends_the_round_and_is_asked_again(
    confirmation: Message, ottos: Message, provider: Provider, now: datetime, status: int
) -> None:
    provider.plan = [(status, {})]
    assert delivery.deliver_due(now=now) == 0
    reason = f"The mail provider refused us ({status})."
    assert state_of(confirmation) == ("pending", 1, reason)
    assert state_of(ottos) == ("pending", 0, "")
    assert delivery.deliver_due(now=now + timedelta(minutes=2)) == 2


def test_a_provider_that_does_not_answer_ends_the_round(
    confirmation: Message, ottos: Message, provider: Provider, settings: Settings, now: datetime
) -> None:
    settings.ANYMAIL = {**settings.ANYMAIL, "POSTMARK_API_URL": "http://127.0.0.1:1/"}
    assert delivery.deliver_due(now=now) == 0
    assert state_of(confirmation) == ("pending", 1, "The mail provider did not answer.")
    assert state_of(ottos) == ("pending", 0, "")


SHOW = (
    "from django.conf import settings\n"
    "print(settings.EMAIL_BACKEND, settings.ANYMAIL.get('POSTMARK_SERVER_TOKEN'))"
)


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        (
            {"EMAIL_PROVIDER": "postmark", "ANYMAIL_POSTMARK_SERVER_TOKEN": "our-token"},
            "anymail.backends.postmark.EmailBackend our-token\n",
        ),
        ({"EMAIL_URL": "smtp+tls://a:b@mail.example:587"}, "spa.smtp.Backend None\n"),
        ({"EMAIL_PROVIDER": "pigeon"}, ""),
    ],
)
def test_the_environment_chooses_who_takes_the_mail(
    tmp_path: Path, variables: dict[str, str], shown: str
) -> None:
    ours = {"DJANGO_SETTINGS_MODULE": "spa.settings", "EMAIL_URL": "", **variables}
    answer = run("-c", SHOW, env=newcomers_environment(tmp_path, **ours))
    assert answer.stdout == shown
    if not shown:
        assert "EMAIL_PROVIDER is 'pigeon', which django-anymail does not know" in answer.stderr
