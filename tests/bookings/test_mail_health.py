"""Whether mail goes out, as the owner and the watching machines are told."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError
from pytest_django import DjangoAssertNumQueries

from bookings import delivery
from bookings.actions import heartbeats
from bookings.mail_health import delivery_health
from bookings.models import Appointment, Heartbeat, Message, Room, Therapist
from tests.bookings.conftest import at

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def alive(now: datetime) -> None:
    """Worker and beat have just shown themselves."""
    for one in Heartbeat.Of:
        heartbeats.note_heartbeat(of=one, now=now)


@pytest.fixture
def confirmation(book_again: Book, mia: Therapist, fern: Room) -> Message:
    """Cleo's, due now."""
    return book_again(at(10, days=4)).messages.get(kind="confirmation")


def test_each_sweep_shows_that_a_worker_lives(
    now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    delivery.deliver_due(now=now)
    delivery.deliver_due(now=now + MINUTE)
    with django_assert_num_queries(2):
        health = delivery_health(now + 2 * MINUTE)
    assert health.swept_at is not None
    assert timedelta(0) <= health.swept_at - now - MINUTE < MINUTE
    assert health.degraded == ["beat"]
    assert health.troubles == ["Reminders may come late: the timetable (beat) does not run."]


def test_a_worker_that_never_ran_is_told(now: datetime) -> None:
    health = delivery_health(now)
    assert health.summary == "No worker has looked for due mail yet"
    assert health.degraded == ["worker", "beat"]
    assert health.troubles == ["No mail goes out: the worker does not run. Please have it started."]


@pytest.mark.usefixtures("alive")
def test_all_is_well_while_worker_beat_and_mail_run(now: datetime, confirmation: Message) -> None:
    health = delivery_health(now + 4 * MINUTE)
    assert (health.degraded, health.troubles) == ([], [])
    assert delivery_health(now + MINUTE / 3).summary == "Last sweep 20 seconds ago"
    assert health.summary == "Last sweep 4\N{NO-BREAK SPACE}minutes ago"
    assert delivery_health(now + 6 * MINUTE).degraded == ["worker", "beat"]


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize(
    "late",
    [{"attempts": 5, "last_error": "The mail server did not answer."}, {"due_at": at(7, days=0)}],
)
def test_mail_that_does_not_get_out_is_told(
    now: datetime, confirmation: Message, late: dict[str, object]
) -> None:
    Message.objects.filter(pk=confirmation.pk).update(**late)
    health = delivery_health(now)
    assert health.degraded == ["mail"]
    assert health.troubles == [
        "1 mail does not get out: the mail server may be away. We keep trying."
    ]


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize(
    ("ago", "degraded"), [(MINUTE, []), (4 * MINUTE, []), (15 * MINUTE, ["mail"])]
)
def test_one_full_mailbox_while_others_get_mail_is_no_server_that_is_away(
    now: datetime, confirmation: Message, ago: timedelta, degraded: list[str]
) -> None:
    # Five attempts over at least 23 minutes; the next in ten.
    waiting = Message.objects.filter(pk=confirmation.pk)
    waiting.update(
        attempts=5, due_at=now + 10 * MINUTE, last_error="The address was refused (452)."
    )
    other = Message.objects.exclude(pk=confirmation.pk)[:1]
    Message.objects.filter(pk__in=other).update(state="sent", sent_at=now - ago)
    assert delivery_health(now).degraded == degraded
    waiting.update(due_at=now - 15 * MINUTE)
    assert delivery_health(now).degraded == ["mail"]


def test_beat_goes_on_without_the_database(
    now: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(**_kwargs: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(heartbeats, "close_old_connections", lambda: None)
    monkeypatch.setattr(heartbeats, "note_heartbeat", away)
    heartbeats.note_beat(now=now)
    assert caplog.messages == ["The beat could not be noted: DatabaseError"]
