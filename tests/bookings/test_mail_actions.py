"""Sending now, once more and again: once per press, only what is true, and on the record."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.contrib.auth.models import User
from pytest_django import Settings

from bookings import actions, delivery
from bookings.actions import MailRefused, outbox, owing
from bookings.messages import compose
from bookings.models import (
    Appointment,
    BadAddress,
    HealthCheck,
    MailCopy,
    Message,
    Room,
    Therapist,
)
from services.models import SpaProfile
from tests.bookings.conftest import at
from tests.bookings.mailed import came_back, given_up, news_of, sent
from tests.conftest import MailServer

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def visit(book_again: Callable[..., Appointment], mia: Therapist, fern: Room) -> Appointment:
    """Cleo's, on Friday at ten."""
    return book_again(at(10, days=4))


@pytest.fixture
def dana_(dana: User) -> actions.Actor:
    return actions.staff(dana)


def events_of(visit: Appointment) -> list[tuple[str, object]]:
    """What was done with mail, in order."""
    rows = visit.events.filter(kind__startswith="mail_").order_by("pk")
    return [(one.kind, one.changes["mail"][1]) for one in rows]


def test_a_reminder_is_sent_now_instead_of_at_its_moment(
    visit: Appointment, dana_: actions.Actor, smtp: MailServer, now: datetime
) -> None:
    sent(visit, now)
    reminder = visit.messages.get(lead_hours=48)
    actions.hurry_message(message=reminder, by=dana_, now=now)
    assert delivery.deliver_due(now=now) == 1
    assert [mail["Subject"][:8] for mail in smtp.messages] == ["Booked: ", "Reminder"]
    assert events_of(visit) == [("mail_hurried", "reminder")]
    with pytest.raises(MailRefused, match="has been sent"):
        actions.hurry_message(message=reminder, by=dana_, now=now)


def test_a_message_that_is_being_sent_is_not_hurried(
    visit: Appointment, dana_: actions.Actor, now: datetime
) -> None:
    message = news_of(visit)
    Message.objects.filter(pk=message.pk).update(claimed_until=now + MINUTE)
    with pytest.raises(MailRefused):
        actions.hurry_message(message=message, by=dana_, now=now)
    assert events_of(visit) == []


def test_a_message_that_was_given_up_is_tried_again_from_the_beginning(
    visit: Appointment, dana_: actions.Actor, smtp: MailServer, now: datetime
) -> None:
    message = given_up(visit, smtp, now)
    actions.retry_message(message=message, by=dana_, now=now + MINUTE)
    message.refresh_from_db()
    assert (message.state, message.attempts, message.last_error) == ("pending", 0, "")
    assert delivery.deliver_due(now=now + MINUTE) == 1
    assert [mail["To"] for mail in smtp.messages] == ["cleo@example.com"]
    with pytest.raises(MailRefused):
        actions.retry_message(message=message, by=dana_, now=now + MINUTE)
    assert events_of(visit) == [("mail_retried", "confirmation")]


def test_what_was_sent_is_sent_again_as_a_message_of_its_own(
    visit: Appointment, dana_: actions.Actor, smtp: MailServer, now: datetime
) -> None:
    first = sent(visit, now)
    again = actions.repeat_message(message=first, by=dana_, now=now + MINUTE)
    assert (again.again, again.kind, again.sequence) == (1, "confirmation", visit.sequence)
    with pytest.raises(MailRefused, match="waiting already"):
        actions.repeat_message(message=first, by=dana_, now=now + MINUTE)
    assert delivery.deliver_due(now=now + MINUTE) == 1
    one, two = smtp.messages
    assert one["Message-ID"] != two["Message-ID"]
    assert one["Subject"] == two["Subject"]
    third = actions.repeat_message(message=first, by=dana_, now=now + 2 * MINUTE)
    assert third.again == 2


def test_what_the_visit_no_longer_is_is_not_sent(
    visit: Appointment, dana_: actions.Actor, spa: SpaProfile, smtp: MailServer, now: datetime
) -> None:
    message = sent(visit, now)
    actions.cancel_appointment(appointment=visit, by=dana_, spa=spa, now=now)
    with pytest.raises(MailRefused, match="no longer tells"):
        actions.repeat_message(message=message, by=dana_, now=now)


def test_nothing_is_sent_where_mail_comes_back_until_the_address_is_another(
    visit: Appointment, dana_: actions.Actor, smtp: MailServer, now: datetime
) -> None:
    message = came_back(visit, now)
    with pytest.raises(MailRefused, match="to cleo@example"):
        actions.repeat_message(message=message, by=dana_, now=now)
    assert visit.client is not None
    actions.change_client(
        client=visit.client,
        seen=actions.entry_of(visit.client),
        name="Cleo",
        email="cleo@home.example",
        by=dana_,
        now=now,
    )
    actions.repeat_message(message=message, by=dana_, now=now + MINUTE)
    assert delivery.deliver_due(now=now + MINUTE) == 1
    assert smtp.messages[-1]["To"] == "cleo@home.example"
    assert not Message.objects.lost().exists()


def test_an_address_of_which_its_owner_says_that_it_works_is_written_to_again(
    visit: Appointment, dana_: actions.Actor, smtp: MailServer, now: datetime
) -> None:
    message = came_back(visit, now)
    actions.trust_address(address="CLEO@example.com", appointment=visit, by=dana_, now=now)
    assert not BadAddress.objects.exists()
    actions.repeat_message(message=message, by=dana_, now=now + MINUTE)
    assert visit.events.filter(kind="address_trusted").count() == 1


def test_the_news_are_sent_again_whatever_became_of_them(
    visit: Appointment, smtp: MailServer, now: datetime
) -> None:
    def again(when: datetime) -> tuple[int, str, int]:
        message = actions.send_news_again(appointment=visit, by=actions.CLIENT, now=when)
        return message.pk, message.state, message.again

    waiting = news_of(visit)
    assert again(now) == (waiting.pk, "pending", 0)
    lost = given_up(visit, smtp, now)
    assert again(now + MINUTE) == (lost.pk, "pending", 0)
    sent(visit, now + MINUTE)
    pk, state, number = again(now + 2 * MINUTE)
    assert (pk != lost.pk, state, number) == (True, "pending", 1)
    assert again(now + 2 * MINUTE)[0] == pk
    assert delivery.deliver_due(now=now + 2 * MINUTE) == 1


def test_a_moved_visit_is_told_of_by_its_move(
    visit: Appointment, dana_: actions.Actor, spa: SpaProfile, smtp: MailServer, now: datetime
) -> None:
    sent(visit, now)
    actions.reschedule_appointment(
        appointment=visit, starts_at=at(12, days=4), by=dana_, spa=spa, now=now
    )
    later = now + 5 * MINUTE
    delivery.deliver_due(now=later)
    message = actions.send_news_again(appointment=visit, by=actions.CLIENT, now=later)
    assert (message.kind, message.again) == ("changed", 1)


def test_copies_are_forgotten_after_ninety_days_and_addresses_with_their_owners(
    visit: Appointment, smtp: MailServer, now: datetime
) -> None:
    came_back(visit, now)
    assert visit.client is not None
    assert actions.purge_mail(now=now + timedelta(days=90)) == 0
    visit.client.email = "cleo@home.example"
    visit.client.save()
    assert actions.purge_mail(now=now + timedelta(days=90, minutes=1)) == 2
    assert not MailCopy.objects.exists()
    assert not BadAddress.objects.exists()


def test_what_was_given_up_before_the_visit_moved_again_is_tried_again(
    visit: Appointment, dana_: actions.Actor, spa: SpaProfile, smtp: MailServer, now: datetime
) -> None:
    """News of the same kind about the present time have been sent: the number is taken."""
    sent(visit, now)
    first = actions.reschedule_appointment(
        appointment=visit, starts_at=at(11, days=4), by=actions.CLIENT, spa=spa, now=now
    )
    lost = first.messages.get(kind="changed", sequence=first.sequence)
    Message.objects.filter(pk=lost.pk).update(state="failed")
    again = actions.reschedule_appointment(
        appointment=first, starts_at=at(12, days=4), by=actions.CLIENT, spa=spa, now=now
    )
    sent(again, now)
    actions.retry_message(message=lost, by=dana_, now=now)
    lost.refresh_from_db()
    assert (lost.state, lost.sequence, lost.again) == ("pending", again.sequence, 1)


def test_a_note_to_the_therapist_that_is_lost_is_not_made_up_for_by_the_clients_mail(
    visit: Appointment, mia: Therapist, now: datetime
) -> None:
    note = Message.objects.create(
        appointment=visit, therapist=mia, kind="therapist_note", due_at=now, state="failed"
    )
    news = news_of(visit)
    Message.objects.filter(pk=news.pk).update(state="sent", sent_at=now + MINUTE)
    assert list(Message.objects.lost()) == [note]


def test_a_message_that_brings_its_workers_down_is_given_up(
    visit: Appointment, now: datetime, smtp: MailServer
) -> None:
    message = news_of(visit)
    Message.objects.filter(pk=message.pk).update(attempts=outbox.MOST_ATTEMPTS)
    assert delivery.deliver_due(now=now) == 0
    message.refresh_from_db()
    assert (message.state, message.last_error) == ("failed", "Each attempt to send it broke off.")
    assert smtp.messages == []


def test_no_worker_reads_what_she_said_and_a_lost_key_stops_nobody(
    visit: Appointment, now: datetime, smtp: MailServer, settings: Settings
) -> None:
    message = news_of(visit)
    Message.objects.filter(pk=message.pk).update(kind="waiting_for_answer")
    HealthCheck.objects.update(given_at=now - timedelta(days=400))
    settings.HEALTH_KEYS = [Fernet.generate_key().decode()]
    delivery.deliver_due(now=now)
    message.refresh_from_db()
    assert message.claimed_until is None


def test_a_message_that_cannot_be_judged_stops_no_other(
    visit: Appointment, now: datetime, smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit.messages.update(due_at=now)
    judge = owing.is_still_true

    def broken(message: Message, *, now: datetime) -> bool:
        if message.kind == "confirmation":
            raise InvalidToken
        return judge(message, now=now)

    monkeypatch.setattr(owing, "is_still_true", broken)
    delivery.deliver_due(now=now)
    news = news_of(visit)
    assert (news.state, news.attempts, news.claimed_until) == ("pending", 1, None)
    assert not visit.messages.filter(claimed_until__isnull=False).exists()


def test_a_visit_that_stood_in_a_calendar_leaves_it_when_it_is_declined(
    visit: Appointment, spa: SpaProfile, now: datetime
) -> None:
    message = news_of(visit)
    Message.objects.filter(pk=message.pk).update(state="sent", sent_at=now)
    declined = Message.objects.create(
        appointment=visit, kind="declined", sequence=visit.sequence, due_at=now
    )
    mail = compose(declined, spa=spa, now=now)
    [(name, content, how)] = mail.attachments
    assert (name, how) == ("invite.ics", "text/calendar; method=CANCEL")
    assert "METHOD:CANCEL" in str(content)
