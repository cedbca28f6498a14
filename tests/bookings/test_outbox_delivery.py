"""Delivery to a real mail server that refuses, drops and stalls."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import OperationalError, connection
from pytest_django import Settings

from bookings import actions, delivery, messages
from bookings.actions import outbox, owing
from bookings.models import Appointment, Client, Message, Room, Therapist
from bookings.models.messages import LEASE
from services.models import SpaProfile
from tests.bookings.conftest import OTTO, at
from tests.bookings.faults import answer_with, behave, hang_up, refuse_address
from tests.conftest import MailServer

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
MINUTE = timedelta(minutes=1)


def our_log(caplog: pytest.LogCaptureFixture) -> str:
    """What the spa's own code logged; the mail server's log names everybody."""
    return "\n".join(
        line.getMessage() for line in caplog.records if not line.name.startswith("mail")
    )


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


def test_a_due_message_is_sent_once(confirmation: Message, smtp: MailServer, now: datetime) -> None:
    assert delivery.deliver_due(now=now) == 1
    assert delivery.deliver_due(now=now) == 0
    (mail,) = smtp.messages
    assert (mail["To"], mail["Subject"]) == (
        "cleo@example.com",
        "Booked: Spa visit, Friday 27 November, 10:00",
    )
    assert state_of(confirmation) == ("sent", 1, "")
    assert confirmation.claimed_until is None
    assert confirmation.sent_at is not None
    assert now <= confirmation.sent_at < now + MINUTE


def lines_to(smtp: MailServer, *, most: int = 1000) -> set[object]:
    """The lines over which ``smtp`` is offered mail from now on; each is good for ``most``."""
    offers: Counter[object] = Counter()

    async def handle_mail(
        server: SMTP, session: Session, envelope: Envelope, sender: str, options: list[str]
    ) -> str:
        if offers[session.peer] == most:
            return "421 Enough over this line"
        offers[session.peer] += 1
        envelope.mail_from = sender
        return "250 Go on"

    behave(smtp, handle_MAIL=handle_mail)
    return offers.keys()  # type: ignore[return-value]  # it shows what comes later too


def test_one_connection_serves_all_batches_of_a_round(
    confirmation: Message,
    ottos: Message,
    smtp: MailServer,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "BATCH", 1)
    lines = lines_to(smtp)
    assert delivery.deliver_due(now=now) == 2
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("fresh", "goes_to"), [(timedelta(), "otto@new.example"), (MINUTE, "otto@example.com")]
)
def test_what_was_read_for_a_batch_is_read_again_when_it_is_no_longer_fresh(
    confirmation: Message, ottos: Message, smtp: MailServer, now: datetime,
    monkeypatch: pytest.MonkeyPatch, fresh: timedelta, goes_to: str,
) -> None:  # fmt: skip
    settle = outbox.mark_sent

    def mark_sent(message: Message, **news: Any) -> Message | None:
        Client.objects.filter(appointments=ottos.appointment).update(email="otto@new.example")
        return settle(message, **news)

    monkeypatch.setattr(outbox, "mark_sent", mark_sent)
    monkeypatch.setattr(delivery, "FRESH", fresh)
    assert delivery.deliver_due(now=now) == 2
    assert [mail["To"] for mail in smtp.messages] == ["cleo@example.com", goes_to]


def test_a_round_that_finds_more_than_a_batch_calls_one_more_worker(
    confirmation: Message, ottos: Message, smtp: MailServer, now: datetime,
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    monkeypatch.setattr(delivery, "BATCH", 1)
    with django_capture_on_commit_callbacks() as called:
        assert delivery.deliver_due(now=now) == 2
    assert called == [outbox.call_a_worker]


def test_a_line_that_the_server_has_ended_is_opened_anew_and_costs_no_attempt(
    confirmation: Message, ottos: Message, smtp: MailServer, now: datetime
) -> None:
    lines = lines_to(smtp, most=1)
    assert delivery.deliver_due(now=now) == 2
    assert len(lines) == 2
    assert (state_of(confirmation), state_of(ottos)) == (("sent", 1, ""), ("sent", 1, ""))


def test_a_server_that_takes_nothing_now_ends_the_round(
    confirmation: Message, ottos: Message, smtp: MailServer, now: datetime
) -> None:
    lines_to(smtp, most=0)
    assert delivery.deliver_due(now=now) == 0
    assert state_of(confirmation) == ("pending", 1, "The mail server refused us (421).")
    assert state_of(ottos) == ("pending", 0, "")


def test_the_answer_of_the_mail_server_is_kept(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    keep = smtp.handle_DATA

    async def handle_data(server: SMTP, session: Session, envelope: Envelope) -> str:
        await keep(server, session, envelope)
        return "250 2.0.0 Ok: queued as 4F2AB"

    behave(smtp, handle_DATA=handle_data)
    assert delivery.deliver_due(now=now) == 1
    confirmation.refresh_from_db()
    assert confirmation.answer == "250 2.0.0 Ok: queued as 4F2AB"


def test_what_was_sent_is_settled_as_soon_as_the_database_is_back(
    confirmation: Message, smtp: MailServer, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, away = outbox.mark_sent, iter([True, True])

    def mark_sent(*args: Any, **kwargs: Any) -> Message | None:
        if next(away, False):
            raise OperationalError
        return settle(*args, **kwargs)

    monkeypatch.setattr(delivery, "connection", SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(outbox, "mark_sent", mark_sent)
    assert delivery.deliver_due(now=now) == 1
    assert state_of(confirmation) == ("sent", 1, "")
    assert len(smtp.messages) == 1


def after_settling(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Let ``happens`` follow each settling, before anybody learns of it."""
    settle = outbox.mark_sent

    def mark_sent(*args: Any, **kwargs: Any) -> Message | None:
        begun = settle(*args, **kwargs)
        happens()
        return begun

    monkeypatch.setattr(outbox, "mark_sent", mark_sent)


def test_a_worker_that_dies_between_two_messages_sends_neither_twice(
    confirmation: Message, ottos: Message, smtp: MailServer, now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def die() -> None:
        raise SystemExit

    with monkeypatch.context() as during:
        after_settling(during, die)
        with pytest.raises(SystemExit):
            delivery.deliver_due(now=now)
    assert state_of(confirmation) == ("sent", 1, "")
    assert state_of(ottos) == ("pending", 1, "")
    assert delivery.deliver_due(now=now) == 0
    assert delivery.deliver_due(now=now + LEASE) == 1
    assert state_of(ottos) == ("sent", 2, "")
    assert [mail["To"] for mail in smtp.messages] == ["cleo@example.com", "otto@example.com"]


def test_a_settling_whose_answer_was_lost_is_said_again_and_holds_up_no_message(
    confirmation: Message, ottos: Message, smtp: MailServer, now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    lost = iter([True])

    def lose_the_answer() -> None:
        if next(lost, False):
            raise OperationalError

    monkeypatch.setattr(delivery, "connection", SimpleNamespace(close=lambda: None))
    after_settling(monkeypatch, lose_the_answer)
    assert delivery.deliver_due(now=now) == 2
    assert state_of(confirmation) == ("sent", 1, "")
    # Nobody knew that it was begun already.
    assert state_of(ottos) == ("sent", 2, "")
    assert [mail["To"] for mail in smtp.messages] == ["cleo@example.com", "otto@example.com"]


def test_a_round_that_ends_with_a_message_begins_no_other(
    confirmation: Message, ottos: Message, smtp: MailServer, now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    keep, clock = smtp.handle_DATA, [now]

    async def handle_data(server: SMTP, session: Session, envelope: Envelope) -> str:
        clock[0] += delivery.RUN
        return await keep(server, session, envelope)

    behave(smtp, handle_DATA=handle_data)
    monkeypatch.setattr(delivery, "_clock_from", lambda _now: lambda: clock[0])
    monkeypatch.setattr(delivery, "FRESH", LEASE)
    assert delivery.deliver_due(now=now) == 1
    assert state_of(confirmation) == ("sent", 1, "")
    assert state_of(ottos) == ("pending", 0, "")
    assert ottos.claimed_until is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ends", ["cancelled", "moved"])
def test_no_mail_overtakes_an_earlier_one_about_the_same_visit(
    confirmation: Message, spa: SpaProfile, smtp: MailServer, now: datetime, ends: str
) -> None:
    """While the mail server takes its time over one, the visit changes and a worker comes by."""
    keep, visit = smtp.handle_DATA, confirmation.visit
    change: dict[str, Any] = {"appointment": visit, "by": actions.CLIENT, "spa": spa, "now": now}

    def meanwhile() -> None:
        if ends == "moved":
            actions.reschedule_appointment(starts_at=at(14, days=5), **change)
        else:
            actions.cancel_appointment(**change)
        sent.append(delivery.deliver_due(now=now))
        connection.close()

    async def handle_data(server: SMTP, session: Session, envelope: Envelope) -> str:
        if not sent:
            sent.append(0)
            await asyncio.to_thread(meanwhile)
        return await keep(server, session, envelope)

    sent: list[int] = []
    behave(smtp, handle_DATA=handle_data)
    assert delivery.deliver_due(now=now) == 1
    assert sent == [0, 0]
    assert delivery.deliver_due(now=now + MINUTE) == 1
    old, new = (str(mail["Subject"]) for mail in smtp.messages)
    assert old == "Booked: Spa visit, Friday 27 November, 10:00"
    assert new.startswith({"moved": "Moved: ", "cancelled": "Cancelled: "}[ends])


def test_a_claim_of_a_clock_that_was_put_back_holds_nobody_up(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    (claimed,) = outbox.claim_due(now=now, until=now + timedelta(days=1) + LEASE, limit=1)
    assert claimed == confirmation
    assert delivery.deliver_due(now=now) == 1


def test_a_connection_dropped_before_the_message_is_taken_sends_it_later(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    answer_with(smtp, "drop")
    assert delivery.deliver_due(now=now) == 0
    assert state_of(confirmation) == ("pending", 1, "The mail server did not answer.")
    assert 0.75 * MINUTE <= confirmation.due_at - now < 1.2 * MINUTE
    assert delivery.deliver_due(now=now + MINUTE / 2) == 0
    assert delivery.deliver_due(now=now + 2 * MINUTE) == 1
    assert len(smtp.messages) == 1


def test_a_connection_dropped_after_the_message_is_taken_repeats_it_under_the_same_id(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    answer_with(smtp, "keep and drop")
    assert delivery.deliver_due(now=now) == 0
    assert delivery.deliver_due(now=now + 2 * MINUTE) == 1
    first, second = smtp.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert state_of(confirmation) == ("sent", 2, "")


def test_a_goodbye_that_fails_unsends_nothing(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    async def handle_quit(server: SMTP, session: Session, envelope: Envelope) -> str:
        hang_up(server)
        return "221 Bye"

    behave(smtp, handle_QUIT=handle_quit)
    assert delivery.deliver_due(now=now) == 1
    assert state_of(confirmation) == ("sent", 1, "")


def test_a_server_that_says_nothing_is_tried_again(
    confirmation: Message, ottos: Message, smtp: MailServer, settings: Settings, now: datetime
) -> None:
    settings.EMAIL_TIMEOUT = 0.5
    answer_with(smtp, "stall")
    assert delivery.deliver_due(now=now) == 1
    assert state_of(confirmation) == ("pending", 1, "The mail server did not answer.")
    assert state_of(ottos) == ("sent", 1, "")


def test_a_message_refused_for_now_is_sent_later(
    confirmation: Message, ottos: Message, smtp: MailServer, now: datetime
) -> None:
    answer_with(smtp, "451 Try again later")
    assert delivery.deliver_due(now=now) == 1
    assert state_of(confirmation) == ("pending", 1, "The message was refused (451).")
    assert delivery.deliver_due(now=now + 2 * MINUTE) == 1
    assert state_of(confirmation) == ("sent", 2, "")


def test_a_message_refused_for_good_is_given_up(
    confirmation: Message, ottos: Message, smtp: MailServer, now: datetime
) -> None:
    answer_with(smtp, "554 We do not like it")
    assert delivery.deliver_due(now=now) == 1
    assert state_of(confirmation) == ("failed", 1, "The message was refused (554).")
    assert delivery.deliver_due(now=now + timedelta(hours=1)) == 0
    assert [mail["To"] for mail in smtp.messages] == ["otto@example.com"]


@pytest.mark.parametrize(
    ("answer", "state"), [("450 Mailbox busy", "pending"), ("550 Nobody of that name", "failed")]
)
def test_a_refused_address_is_named_nowhere(
    confirmation: Message,
    smtp: MailServer,
    now: datetime,
    caplog: pytest.LogCaptureFixture,
    answer: str,
    state: str,
) -> None:
    refuse_address(smtp, "cleo@example.com", f"{answer}: cleo@example.com")
    assert delivery.deliver_due(now=now) == 0
    expected = f"The address was refused ({answer[:3]})."
    assert state_of(confirmation) == (state, 1, expected)
    assert our_log(caplog) == f"Message {confirmation.pk} (confirmation) not sent: {expected}"


def test_a_refused_sender_is_our_fault_and_gives_nothing_up(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    async def handle_mail(
        server: SMTP, session: Session, envelope: Envelope, sender: str, options: list[str]
    ) -> str:
        return "550 Not from here"

    behave(smtp, handle_MAIL=handle_mail)
    assert delivery.deliver_due(now=now) == 0
    assert state_of(confirmation) == ("pending", 1, "The mail server refused us (550).")


def test_an_unreachable_server_ends_the_round_and_costs_one_attempt(
    confirmation: Message, ottos: Message, smtp: MailServer, settings: Settings, now: datetime
) -> None:
    port = settings.EMAIL_PORT
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = closed.getsockname()[1]
        assert delivery.deliver_due(now=now) == 0
    assert state_of(confirmation) == ("pending", 1, "The mail server did not answer.")
    assert state_of(ottos) == ("pending", 0, "")
    assert ottos.claimed_until is None
    settings.EMAIL_PORT = port
    assert delivery.deliver_due(now=now + 2 * MINUTE) == 2


def test_an_impossible_message_stops_no_other(
    confirmation: Message,
    ottos: Message,
    smtp: MailServer,
    now: datetime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = confirmation.visit.client
    assert client is not None
    client.email = "cleo@example.com\nBcc: eve@example.com"
    client.save()
    assert delivery.deliver_due(now=now) == 1
    state, attempts, reason = state_of(confirmation)
    assert (state, attempts) == ("pending", 1)
    assert reason.startswith("ValueError (")
    assert "example.com" not in our_log(caplog) + reason
    assert [mail["To"] for mail in smtp.messages] == ["otto@example.com"]


def test_an_unforeseen_error_is_named_by_its_place_and_tried_again(
    confirmation: Message,
    ottos: Message,
    smtp: MailServer,
    now: datetime,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compose = messages.compose

    def broken(message: Message, **known: Any) -> object:
        if message.pk == confirmation.pk:
            raise LookupError("cleo@example.com")
        return compose(message, **known)

    monkeypatch.setattr(messages, "compose", broken)
    assert delivery.deliver_due(now=now) == 1
    state, attempts, reason = state_of(confirmation)
    assert (state, attempts) == ("pending", 1)
    assert reason.startswith("LookupError (test_outbox_delivery.py:")
    assert "cleo@" not in our_log(caplog) + reason


def test_a_message_that_is_no_longer_true_is_voided(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    Appointment.objects.update(status="cancelled")
    assert delivery.deliver_due(now=now) == 0
    assert state_of(confirmation) == ("void", 1, "")
    assert smtp.messages == []


def test_no_reminder_comes_after_the_visit_has_begun(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    delivery.deliver_due(now=now)
    assert delivery.deliver_due(now=at(10, days=4)) == 0
    states = Message.objects.filter(kind="reminder").values_list("state", flat=True)
    assert list(states) == ["void", "void"]


def test_each_reminder_comes_once_at_its_time(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    delivery.deliver_due(now=now)
    came = []
    for hours in range(1, 4 * 24):
        moment = now + timedelta(hours=hours)
        came += [moment] * delivery.deliver_due(now=moment)
    # 48 and 3 hours before Friday, 10:00.
    assert came == [at(10, days=2), at(7, days=4)]


def test_after_a_night_without_a_worker_one_reminder_comes_and_names_the_day(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    delivery.deliver_due(now=now)
    # Both reminders are due: that of two days before, and that of this morning.
    assert delivery.deliver_due(now=at(8, days=4)) == 1
    assert smtp.messages[1]["Subject"] == "Reminder: Spa visit, Friday 27 November, 10:00"
    states = Message.objects.filter(kind="reminder").order_by("lead_hours")
    assert list(states.values_list("lead_hours", "state")) == [(3, "sent"), (48, "void")]


def test_a_reminder_that_was_held_up_never_follows_a_later_one(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    delivery.deliver_due(now=now)
    Message.objects.filter(lead_hours=48).update(due_at=at(8, days=4))
    assert delivery.deliver_due(now=at(7, 30, days=4)) == 1
    assert delivery.deliver_due(now=at(8, 30, days=4)) == 0
    assert len(smtp.messages) == 2


def test_a_moved_visit_is_reminded_of_at_its_new_time_only(
    confirmation: Message, smtp: MailServer, spa: SpaProfile, now: datetime
) -> None:
    delivery.deliver_due(now=now)
    actions.reschedule_appointment(
        appointment=confirmation.visit,
        starts_at=at(15, days=5),
        by=actions.CLIENT,
        spa=spa,
        now=now,
    )
    delivery.deliver_due(now=now)
    assert delivery.deliver_due(now=at(14, days=3)) == 0
    assert delivery.deliver_due(now=at(15, days=3)) == 1
    assert [mail["Subject"] for mail in smtp.messages] == [
        "Booked: Spa visit, Friday 27 November, 10:00",
        "Moved: Spa visit, now Saturday 28 November, 15:00",
        "Reminder: Spa visit, Saturday 28 November, 15:00",
    ]


def test_a_cancelled_visit_is_not_reminded_of(
    confirmation: Message, smtp: MailServer, spa: SpaProfile, now: datetime
) -> None:
    actions.cancel_appointment(appointment=confirmation.visit, by=actions.CLIENT, spa=spa, now=now)
    assert delivery.deliver_due(now=now) == 1
    assert delivery.deliver_due(now=at(9, days=4)) == 0
    assert [mail["Subject"] for mail in smtp.messages] == [
        "Cancelled: Spa visit, Friday 27 November, 10:00"
    ]


def test_a_round_that_has_taken_long_enough_lets_the_rest_go(
    confirmation: Message, smtp: MailServer, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RUN", timedelta(0))
    assert delivery.deliver_due(now=now) == 0
    assert state_of(confirmation) == ("pending", 0, "")
    assert confirmation.claimed_until is None


def test_the_lease_outlasts_the_round_and_its_last_message(settings: Settings) -> None:
    # Twelve steps: greeting, EHLO, STARTTLS, EHLO, three of AUTH, MAIL, RCPT, DATA, body, answer.
    assert timedelta(seconds=14 * settings.EMAIL_TIMEOUT) <= delivery.LONGEST_SEND
    assert LEASE >= delivery.RUN + delivery.LONGEST_SEND
    assert timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT) > LEASE


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_each_message_once(
    confirmation: Message, smtp: MailServer, now: datetime
) -> None:
    for lead in range(100, 159):
        owing.owe(confirmation.visit, "changed", due_at=now, lead_hours=lead)
    workers, sent = 3, []
    start = threading.Barrier(workers)

    def work() -> None:
        start.wait()
        sent.append(delivery.deliver_due(now=now))
        connection.close()

    threads = [threading.Thread(target=work) for _worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 60
    assert len([count for count in sent if count]) > 1
    assert set(Counter(mail["Message-ID"] for mail in smtp.messages).values()) == {1}
    assert len(smtp.messages) == 60
