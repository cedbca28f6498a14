"""What the spa owes to whom: rows written in the transaction of the change they tell of.

A row is claimed, sent and settled in three commits. The claim is a lease: whoever holds it may
send, and where its holder dies, the message is free again once the lease has run out.
"""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models import Case, F, Value, When

from bookings.actions.events import Actor
from bookings.models import Appointment, Event, MailCopy, Message
from bookings.models.messages import TO_THERAPISTS, MessageQuerySet
from services.models import SpaProfile

Kind = Message.Kind
Status = Appointment.Status

# A message is true as long as its appointment is in one of these.
TELLS_OF: dict[str, set[str]] = {
    Kind.CONFIRMATION: {Status.CONFIRMED, Status.ARRIVED},
    Kind.REQUEST_RECEIVED: {Status.REQUESTED},
    Kind.CLEARANCE_NEEDED: {Status.REQUESTED},
    Kind.CLEARANCE_EXPIRING: {Status.REQUESTED},
    Kind.GRANTED: {Status.CONFIRMED, Status.ARRIVED},
    Kind.DECLINED: {Status.DECLINED},
    Kind.CHANGED: {Status.REQUESTED, Status.CONFIRMED, Status.ARRIVED},
    Kind.CANCELLED: {Status.CANCELLED},
    Kind.REMINDER: {Status.CONFIRMED},
    Kind.PREPARATION: {Status.CONFIRMED},
    Kind.WAITING_FOR_ANSWER: {Status.REQUESTED, Status.CONFIRMED},
    Kind.AFTERCARE: {Status.ARRIVED, Status.COMPLETED},
}
FIRST_NEWS: dict[str, str] = {
    Status.CONFIRMED: Kind.CONFIRMATION,
    Status.REQUESTED: Kind.REQUEST_RECEIVED,
}
NEVER_TOO_LATE = {Kind.DECLINED, Kind.CANCELLED, Kind.AFTERCARE}

# Mail about what the staff did waits as long as the undo is at hand: a slip that is taken back at
# once is never heard of.
MAIL_GRACE = timedelta(seconds=60)
# A reminder that comes back with an undo is still of use this long after its moment.
LATE_REMINDER = timedelta(hours=1)

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=2)
# With these waits the last attempt comes about a day after the first.
MOST_ATTEMPTS = 19


def owe(
    appointment: Appointment, kind: str, *, due_at: datetime, lead_hours: int = 0
) -> Message | None:
    """Owe the client one message; without an address nothing is owed."""
    assert appointment.client is not None
    if not appointment.client.email:
        return None
    message, _created = Message.objects.get_or_create(
        appointment=appointment,
        kind=kind,
        lead_hours=lead_hours,
        sequence=appointment.sequence,
        again=0,
        defaults={"due_at": due_at},
    )
    return message


def tell(appointment: Appointment, kind: str, *, by: Actor, now: datetime) -> None:
    """Owe the news of a change: at once what the client did herself, after a while the staff's."""
    if by.kind == Event.ActorKind.STAFF:
        owe(appointment, kind, due_at=now + MAIL_GRACE)
        return
    owe(appointment, kind, due_at=now)
    nudge()


def owe_reminders(appointment: Appointment, *, spa: SpaProfile, now: datetime) -> None:
    """Owe the reminders whose moment is still to come.

    A visit booked inside a lead time gets no reminder for it: the confirmation has just said so.
    """
    for lead in spa.reminder_lead_hours:
        due_at = appointment.starts_at - timedelta(hours=lead)
        if due_at > now:
            owe(appointment, Message.Kind.REMINDER, due_at=due_at, lead_hours=lead)


def catch_up(visits: Iterable[int], *, now: datetime) -> None:
    """Owe what was not owed for want of an address, for those of ``visits`` (keys) to come.

    Each such visit gets its first news, unless there were some, and its reminders. Three queries,
    and one for the spa.
    """
    keys = Appointment.objects.filter(pk__in=list(visits), starts_at__gt=now).order_by("pk")
    rows = list(keys.filter(status__in=FIRST_NEWS).select_for_update(no_key=True))
    if not rows:
        return
    told = Message.objects.filter(appointment__in=rows).exclude(kind=Kind.REMINDER)
    known = set(told.values_list("appointment_id", flat=True))
    leads = SpaProfile.load().reminder_lead_hours
    owed = [
        Message(
            appointment=visit,
            kind=FIRST_NEWS[visit.status],
            sequence=visit.sequence,
            due_at=now + MAIL_GRACE,
        )
        for visit in rows
        if visit.pk not in known
    ]
    for visit in rows:
        if visit.status == Status.CONFIRMED:
            owed += _reminders(visit, leads, now)
    # What is owed already stays as it is.
    Message.objects.bulk_create(owed, ignore_conflicts=True)


def _reminders(visit: Appointment, leads: Iterable[int], now: datetime) -> list[Message]:
    moments = [(lead, visit.starts_at - timedelta(hours=lead)) for lead in leads]
    return [
        Message(
            appointment=visit,
            kind=Kind.REMINDER,
            lead_hours=lead,
            sequence=visit.sequence,
            due_at=due_at,
        )
        for lead, due_at in moments
        if due_at > now
    ]


def drop_waiting(appointment: Appointment) -> None:
    """Void what has not been sent yet; it speaks of a state that is gone."""
    appointment.messages.pending().update(state=Message.State.VOID)


def carry_over(appointment: Appointment, *, now: datetime) -> None:
    """Owe news that have not been sent yet anew, for a change that has no mail of its own.

    They tell of the visit as it is when they are sent. What a worker is just sending stays as it
    is: owed anew it would come twice.
    """
    # Locked: from here on no worker begins to send one of them.
    news = appointment.messages.pending().exclude(kind=Kind.REMINDER).select_for_update()
    waiting = list(news)
    begun = [message.pk for message in waiting if _is_on_its_way(message, now)]
    appointment.messages.filter(pk__in=begun).update(sequence=appointment.sequence)
    appointment.messages.pending().exclude(pk__in=begun).update(state=Message.State.VOID)
    for message in waiting:
        if message.pk not in begun:
            owe(appointment, message.kind, due_at=message.due_at)


def take_back(appointment: Appointment, *, correction: str, by: Actor, now: datetime) -> None:
    """Undo what the last change owed; ``appointment`` has the sequence after the undo.

    What has not gone out is void, and what it had made void is owed again. Where the wrong news
    may have gone out, ``correction`` is owed instead of older news.
    """
    wrong = appointment.sequence - 1
    # Locked: from here on no worker begins to send one of them.
    told = any(
        message.state == Message.State.SENT or _is_on_its_way(message, now)
        for message in appointment.messages.select_for_update().filter(sequence=wrong)
    )
    drop_waiting(appointment)
    voided = appointment.messages.filter(sequence=wrong - 1, state=Message.State.VOID)
    for message in voided.order_by("pk"):
        if message.kind == Kind.REMINDER and message.due_at > now - LATE_REMINDER:
            owe(
                appointment,
                message.kind,
                due_at=message.due_at,
                lead_hours=message.lead_hours,
            )
        if message.kind != Kind.REMINDER and not told:
            owe(appointment, message.kind, due_at=message.due_at)
    if told:
        tell(appointment, correction, by=by, now=now)


def _is_on_its_way(message: Message, now: datetime) -> bool:
    claimed = message.claimed_until is not None and message.claimed_until > now
    return message.state == Message.State.PENDING and claimed


def follow(appointment: Appointment) -> None:
    """Let what has not been sent yet tell of the latest sequence: its news still stand."""
    appointment.messages.pending().update(sequence=appointment.sequence)


def nudge() -> None:
    """Ask a worker to deliver as soon as this transaction is committed.

    The sweep sends everything within a minute all the same, so a broker that does not answer
    costs promptness and never the booking.
    """
    transaction.on_commit(_call_a_worker, robust=True)


@transaction.atomic(durable=True)
def claim_due(*, now: datetime, until: datetime, limit: int) -> list[Message]:
    """Lease up to ``limit`` due messages until ``until``; nobody else gets them before.

    Rows that another worker is just claiming are passed over, so any number may claim at once.
    The least tried come first: a message that brings its worker down cannot hold up the others.
    """
    due = Message.objects.due(now).order_by("attempts", "due_at", "pk")
    claimed = list(due.select_for_update(skip_locked=True, of=("self",), no_key=True)[:limit])
    Message.objects.filter(pk__in=[one.pk for one in claimed]).update(claimed_until=until)
    for one in claimed:
        one.claimed_until = until
    return claimed


def begin_attempt(claimed: Message) -> Message | None:
    """Count one attempt and return the latest row; none where the message is no longer ours."""
    if not _ours(claimed).update(attempts=F("attempts") + 1):
        return None
    return Message.objects.select_related(
        "appointment__client",
        "appointment__option",
        "appointment__service",
        "appointment__therapist",
        "therapist",
    ).get(pk=claimed.pk)


def is_still_true(message: Message, *, now: datetime) -> bool:
    """Whether the message tells of its appointment as it is, to somebody who can be written to."""
    if message.kind in TO_THERAPISTS:
        return bool(message.address)
    appointment = message.visit
    return (
        message.sequence == appointment.sequence
        and appointment.status in TELLS_OF[message.kind]
        and (message.kind in NEVER_TOO_LATE or now < appointment.starts_at)
        and bool(message.address)
    )


@transaction.atomic
def mark_sent(message: Message, *, now: datetime, content: dict[str, Any] | None = None) -> None:
    """Note that the mail server took the message; ``content`` is the copy of what it took.

    It did, so this holds even where the claim ran out or the message was dropped meanwhile. News
    that it came back may be here first.
    """
    Message.objects.filter(pk=message.pk).update(
        state=Case(
            When(state=Message.State.BOUNCED, then=Value(Message.State.BOUNCED)),
            default=Value(Message.State.SENT),
        ),
        sent_at=now,
        sent_to=message.address,
        claimed_until=None,
        last_error=Case(When(state=Message.State.BOUNCED, then=F("last_error")), default=Value("")),
    )
    if content is not None:
        MailCopy.objects.update_or_create(
            message=message, defaults={"kept_at": now, "content": content}
        )


def mark_void(message: Message) -> None:
    """Note that nobody needs the message any more."""
    _ours(message).update(state=Message.State.VOID, claimed_until=None)


def mark_failed(message: Message, *, reason: str) -> None:
    """Give the message up; ``reason`` names no person."""
    _ours(message).update(state=Message.State.FAILED, claimed_until=None, last_error=reason[:300])


def postpone(message: Message, *, reason: str, now: datetime) -> None:
    """Try again later, or give up after about a day; ``reason`` names no person."""
    if message.attempts >= MOST_ATTEMPTS:
        mark_failed(message, reason=reason)
        return
    _ours(message).update(
        due_at=now + wait_after(message.attempts), claimed_until=None, last_error=reason[:300]
    )


def let_go(messages: Sequence[Message]) -> None:
    """Give claimed messages back untried, for the next worker."""
    for message in messages:
        _ours(message).update(claimed_until=None)


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: doubling, and up to a quarter shorter at random.

    Messages that failed together must not all come back in the same second.
    """
    longest = min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)
    return longest * random.uniform(0.75, 1)  # noqa: S311


def _call_a_worker() -> None:
    # A named function: Django logs a failed robust hook by its name, which a partial lacks.
    # The task too goes by its name: actions know no tasks.
    current_app.send_task("bookings.tasks.deliver_due", retry=False)


def _ours(message: Message) -> MessageQuerySet:
    """The row, as long as nobody has settled, dropped or claimed it since we did."""
    return Message.objects.pending().filter(pk=message.pk, claimed_until=message.claimed_until)
