"""The outbox itself: claims, attempts and what becomes of a message."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from bookings import actions
from bookings.actions import outbox, owing
from bookings.models import Appointment, Message, Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.conftest import OTTO, at

pytestmark = pytest.mark.django_db

LEASE = timedelta(minutes=4)
SECOND = timedelta(seconds=1)


@pytest.fixture
def visit(book_again: Callable[..., Appointment], mia: Therapist, fern: Room) -> Appointment:
    """Friday at 10:00; it owes the confirmation now and two reminders later."""
    return book_again(at(10, days=4))


@pytest.fixture
def confirmation(visit: Appointment) -> Message:
    return visit.messages.get(kind="confirmation")


def claim(now: datetime, limit: int = 20) -> list[Message]:
    return outbox.claim_due(now=now, until=now + LEASE, limit=limit)


def test_a_claim_takes_what_is_due_and_nothing_else(confirmation: Message, now: datetime) -> None:
    assert claim(now - SECOND) == []
    assert claim(now) == [confirmation]


def test_a_claimed_message_is_free_again_when_the_lease_has_run_out(
    confirmation: Message, now: datetime
) -> None:
    claim(now)
    assert claim(now + LEASE - SECOND) == []
    assert claim(now + LEASE) == [confirmation]


def test_a_claim_takes_no_more_than_its_limit_and_the_least_tried_first(
    visit: Appointment, now: datetime
) -> None:
    tried, first, second = visit.messages.order_by("kind", "-lead_hours")
    visit.messages.update(due_at=now)
    outbox.begin_attempt(next(one for one in claim(now) if one == tried))
    assert claim(now + LEASE, limit=2) == [first, second]
    assert claim(now + LEASE, limit=2) == [tried]


def test_an_attempt_is_counted_before_it_is_made(confirmation: Message, now: datetime) -> None:
    (claimed,) = claim(now)
    begun = outbox.begin_attempt(claimed)
    assert begun == confirmation
    assert begun is not None
    assert begun.attempts == 1


def test_who_lost_the_claim_neither_sends_nor_settles(confirmation: Message, now: datetime) -> None:
    (late,) = claim(now)
    (holder,) = claim(now + LEASE)
    assert outbox.begin_attempt(late) is None
    outbox.mark_failed(late, reason="too late")
    outbox.mark_void(late)
    outbox.let_go([late])
    outbox.postpone(late, reason="too late", now=now)
    confirmation.refresh_from_db()
    assert (confirmation.state, confirmation.last_error) == ("pending", "")
    assert confirmation.claimed_until == holder.claimed_until


def test_a_visit_cancelled_after_the_claim_is_not_written_about(
    visit: Appointment, spa: SpaProfile, now: datetime
) -> None:
    (claimed,) = claim(now)
    actions.cancel_appointment(appointment=visit, by=actions.CLIENT, spa=spa, now=now)
    assert outbox.begin_attempt(claimed) is None


def test_what_the_mail_server_took_is_sent_whatever_happened_meanwhile(
    visit: Appointment, confirmation: Message, spa: SpaProfile, now: datetime
) -> None:
    (claimed,) = claim(now)
    actions.cancel_appointment(appointment=visit, by=actions.CLIENT, spa=spa, now=now)
    outbox.mark_sent(claimed, now=now + SECOND)
    confirmation.refresh_from_db()
    assert (confirmation.state, confirmation.sent_at) == ("sent", now + SECOND)


TRUE_AS_LONG_AS = [
    ("confirmation", {"confirmed", "arrived"}),
    ("request_received", {"requested"}),
    ("granted", {"confirmed", "arrived"}),
    ("declined", {"declined"}),
    ("changed", {"requested", "confirmed", "arrived"}),
    ("cancelled", {"cancelled"}),
    ("reminder", {"confirmed"}),
    ("preparation", {"confirmed"}),
    ("waiting_for_answer", {"requested", "confirmed"}),
    ("clearance_needed", {"requested"}),
    ("clearance_expiring", {"requested"}),
    # Confirmed still, it waits for the desk.
    ("aftercare", {"confirmed", "arrived", "completed"}),
]


@pytest.mark.parametrize(("kind", "statuses"), TRUE_AS_LONG_AS)
def test_a_message_is_true_in_the_states_that_it_tells_of(
    visit: Appointment, now: datetime, kind: str, statuses: set[str]
) -> None:
    Service.objects.update(preparation="<p>Wear loose clothes.</p>", aftercare="<p>Rest.</p>")
    visit.service.refresh_from_db()
    if kind == "waiting_for_answer":
        visit.health_check = None
    message = Message(appointment=visit, kind=kind, sequence=visit.sequence)
    true_in = set()
    for status in Appointment.Status.values:
        visit.status = status
        if owing.is_still_true(message, now=now):
            true_in.add(status)
    assert true_in == statuses


def test_a_message_about_an_earlier_state_is_not_true(visit: Appointment, now: datetime) -> None:
    message = Message(appointment=visit, kind="confirmation", sequence=visit.sequence - 1)
    assert not owing.is_still_true(message, now=now)


@pytest.mark.parametrize(
    ("kind", "status", "still_true"),
    [
        ("reminder", "confirmed", False),
        ("confirmation", "confirmed", False),
        ("changed", "confirmed", False),
        ("cancelled", "cancelled", True),
        ("declined", "declined", True),
    ],
)
def test_once_the_visit_has_begun_nothing_announces_it(
    visit: Appointment, kind: str, status: str, still_true: bool
) -> None:
    visit.status = status
    message = Message(appointment=visit, kind=kind, sequence=visit.sequence)
    before, begun = visit.starts_at - SECOND, visit.starts_at
    assert owing.is_still_true(message, now=before)
    assert owing.is_still_true(message, now=begun) is still_true


def test_nobody_is_written_to_without_an_address(visit: Appointment, now: datetime) -> None:
    assert visit.client is not None
    visit.client.email = ""
    message = Message(appointment=visit, kind="confirmation", sequence=visit.sequence)
    assert not owing.is_still_true(message, now=now)


def test_waits_grow_to_two_hours_and_spread(now: datetime) -> None:
    for attempts, minutes in [(1, 1), (2, 2), (5, 16), (7, 64), (8, 120), (18, 120)]:
        waits = {outbox.wait_after(attempts) for _try in range(200)}
        longest = timedelta(minutes=minutes)
        assert longest * 0.75 <= min(waits) < longest * 0.8
        assert longest * 0.95 < max(waits) <= longest


def test_after_about_a_day_of_trying_a_message_is_given_up(
    confirmation: Message, now: datetime
) -> None:
    moment, seen = now, []
    while claimed := claim(moment):
        begun = outbox.begin_attempt(claimed[0])
        assert begun is not None
        outbox.postpone(begun, reason="no answer", now=moment)
        confirmation.refresh_from_db()
        seen.append(confirmation.state)
        moment = confirmation.due_at
    assert seen == ["pending"] * 18 + ["failed"]
    assert confirmation.last_error == "no answer"
    assert timedelta(hours=18) < moment - now < timedelta(hours=25)


def test_what_changes_after_the_reading_is_read_again(
    visit: Appointment, confirmation: Message, now: datetime
) -> None:
    (read,) = outbox.read_claimed(claim(now))
    follow = visit.messages.filter(pk=confirmation.pk)
    follow.update(sequence=confirmation.sequence + 1)
    begun = outbox.begin_attempt(read)
    assert begun is not None
    assert (begun.sequence, begun.attempts) == (confirmation.sequence + 1, 1)
    follow.update(claimed_until=None)
    assert outbox.begin_attempt(read) is None


@pytest.fixture
def ottos(book_again: Callable[..., Appointment], confirmation: Message) -> Message:
    """Otto's confirmation, due behind Cleo's."""
    return book_again(at(12, days=4), details=OTTO).messages.get(kind="confirmation")


def claimed_and_begun(now: datetime) -> tuple[Message, Message]:
    """Cleo's message, begun, and Otto's, read behind it."""
    first, second = outbox.read_claimed(claim(now))
    assert outbox.begin_attempt(first) == first
    return first, second


def test_one_message_is_settled_and_the_next_begun_in_one_go(
    confirmation: Message, ottos: Message, now: datetime, django_assert_num_queries: Any
) -> None:
    first, second = claimed_and_begun(now)
    with django_assert_num_queries(1):
        begun = outbox.mark_sent(first, now=now, content={"text": "Hello"}, following=second)
    assert begun is second
    assert begun.attempts == 1
    confirmation.refresh_from_db()
    ottos.refresh_from_db()
    assert (confirmation.state, ottos.state, ottos.attempts) == ("sent", "pending", 1)
    assert ottos.claimed_until == now + LEASE


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 7},
        {"claimed_until": None},
        {"state": "void"},
        {"attempts": outbox.MOST_ATTEMPTS},
    ],
    ids=str,
)
def test_a_message_is_settled_though_the_next_may_not_be_begun(
    confirmation: Message, ottos: Message, now: datetime, change: dict[str, Any]
) -> None:
    first, second = claimed_and_begun(now)
    Message.objects.filter(pk=ottos.pk).update(**change)
    if "attempts" in change:
        (second,) = outbox.read_claimed([second])
    tried = change.get("attempts", 0)
    assert outbox.mark_sent(first, now=now, following=second) is None
    confirmation.refresh_from_db()
    ottos.refresh_from_db()
    assert (confirmation.state, ottos.attempts) == ("sent", tried)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_message_is_settled_while_somebody_holds_the_next(
    confirmation: Message, ottos: Message, now: datetime
) -> None:
    first, second = claimed_and_begun(now)
    is_held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Message.objects.select_for_update().get(pk=ottos.pk)
            is_held.set()
            may_go.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert is_held.wait(30)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
        assert outbox.mark_sent(first, now=now, following=second) is None
        confirmation.refresh_from_db()
        assert confirmation.state == "sent"
    finally:
        may_go.set()
        holder.join()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    begun = outbox.begin_attempt(second)
    assert begun is not None
    assert begun.attempts == 1
