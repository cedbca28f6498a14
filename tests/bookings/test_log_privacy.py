"""The log of production says what happened, and never to whom."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError
from django.test import Client as Browser
from django.utils import timezone
from django.utils.module_loading import import_string

from bookings import delivery
from bookings.models import Appointment, Message
from services.models import Contraindication, Service
from spa import json_lines
from tests.bookings.client_pages import CLEO, DETAILS, TIMES, choose, pass_health
from tests.bookings.conftest import at
from tests.bookings.faults import refuse_address
from tests.conftest import MailServer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "mia", "fern")]

HERS = {**CLEO, "name": "Cleo Adeyemi", "note": "My knee is bandaged"}
ANSWER = "A mitral valve"
REQUEST = "8b0f3c6a2d7e4f519a0c1b2d3e4f5a6b"


class Log:
    """What the whole process has logged, as production writes it."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(json_lines.formatter())
        for name in settings.LOGGING["handlers"]["stderr"]["filters"]:
            self.handler.addFilter(import_string(settings.LOGGING["filters"][name]["()"])())
        # The mail server of the tests is another machine.
        self.handler.addFilter(lambda record: not record.name.startswith("mail"))

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    log, root = Log(), logging.getLogger()
    level = root.level
    root.addHandler(log.handler)
    root.setLevel(logging.DEBUG)
    yield log
    root.setLevel(level)
    root.removeHandler(log.handler)


def hers(text: str) -> set[str]:
    """What of Cleo's stands in a text."""
    said = ("Cleo", "Adeyemi", "cleo@", "7946", "knee", "mitral", "heart-disease")
    return {words for words in said if words.lower() in text.lower()}


@pytest.fixture
def details_page(client: Browser, lymph: Service) -> Browser:
    """Cleo's browser, with a time held after an answer that needs a clearance."""
    Contraindication.objects.filter(slug="heart-disease").update(detail="Which one?")
    choose(client, at(10))
    said = {"tick-heart-disease": "on", "detail-heart-disease": ANSWER}
    assert pass_health(client, lymph, said).url == DETAILS
    return client


def send_details(browser: Browser) -> Any:
    typed = {**HERS, "hold": Appointment.objects.get().reference}
    return browser.post(DETAILS, typed, headers={"X-Request-ID": REQUEST})


def test_booking_mail_and_visit_name_nobody_in_the_log(
    log: Log, details_page: Browser, smtp: MailServer
) -> None:
    booked = send_details(details_page)
    token = re.findall("/visit/([^/]+)/", booked.url)[0]
    assert Appointment.objects.get().client_note == HERS["note"]
    assert delivery.deliver_due(now=timezone.now()) == 1
    assert "Cleo" in str(smtp.messages[0])
    Message.objects.update(state="pending", due_at=timezone.now())
    refuse_address(smtp, CLEO["email"], "550 5.7.1 cleo@example.com: Cleo is unknown")
    delivery.deliver_due(now=timezone.now())
    details_page.get(f"/visit/{token}/nothing-here/")
    details_page.get("/desk/clients/nobody/?q=Cleo+Adeyemi&email=cleo@example.com")
    details_page.get("/visit/wrong/cleo@example.com/")
    messages = [line["message"] for line in log.lines]
    assert "Not Found: /visit/…/nothing-here/" in messages
    assert any("not sent" in one for one in messages)
    assert hers(log.text) == set()
    assert token not in log.text


def test_a_fault_is_told_without_the_words_that_repeat_what_she_typed(
    log: Log, details_page: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**typed: Any) -> None:
        try:
            raise IntegrityError(f"DETAIL: Failing row contains ({typed['details']}, {ANSWER}).")
        except IntegrityError as error:
            logging.getLogger("bookings").warning("Not written: %s", error)
            logging.getLogger("bookings").warning("Not written", extra={"row": HERS})
            raise ValueError(f"Not written for {HERS['name']}") from error

    monkeypatch.setattr("bookings.views.client.confirm_appointment", fail)
    details_page.raise_request_exception = False
    answer = send_details(details_page)
    assert answer.status_code == 500
    *_, typed, extra, fault = log.lines
    assert (typed["message"], extra["message"]) == (
        "Not written: django.db.utils.IntegrityError",
        "Not written",
    )
    assert sorted(extra) == ["level", "logger", "message", "request_id", "time"]
    assert (fault["message"], fault["status_code"]) == (f"Internal Server Error: {DETAILS}", 500)
    told = fault["exception"].splitlines()
    assert [line for line in told if "Error" in line and line[0] != " "] == [
        "django.db.utils.IntegrityError",
        "ValueError",
    ]
    assert any("in fail" in line for line in told)
    assert hers(log.text) == set()
    assert {line["request_id"] for line in (typed, extra, fault)} == {REQUEST}


def test_a_bad_answer_is_logged_with_the_id_that_the_answer_names(
    log: Log, client: Browser
) -> None:
    first, second = client.get("/nothing/"), client.get("/nothing/")
    ids = [answer["X-Request-ID"] for answer in (first, second)]
    assert len(set(ids)) == 2
    assert [line["request_id"] for line in log.lines if "request_id" in line] == ids
    logging.getLogger("bookings").warning("Afterwards")
    assert "request_id" not in log.lines[-1]


@pytest.mark.parametrize("given", ["cleo@example.com", "02079460001", "1" * 33, "a b", "é" * 32])
def test_an_id_that_could_be_words_is_not_taken(given: str, client: Browser) -> None:
    made = client.get(TIMES, headers={"X-Request-ID": given})["X-Request-ID"]
    assert made != given
    assert re.fullmatch("[0-9a-f]{32}", made)
    for valid in (REQUEST, "8b0f3c6a-2d7e-4f51-9a0c-1b2d3e4f5a6b"):
        assert client.get("/healthz", headers={"X-Request-ID": valid})["X-Request-ID"] == valid


def test_addresses_with_passwords_stay_out_of_the_log(log: Log) -> None:
    error = ConnectionError("redis://user:a-secret@cache.example/0 is away")
    logging.getLogger("celery").warning("Cannot connect: redis://user:a-secret@cache.example/0")
    try:
        raise error
    except ConnectionError:
        logging.getLogger("celery").exception("Task failed: %s", repr(error))
    assert [line["message"] for line in log.lines] == [
        "Cannot connect: …@…",
        "Task failed: ConnectionError",
    ]
    assert "a-secret" not in log.text
