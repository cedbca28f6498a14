"""Sending what is owed (see ``owing``).

A row is claimed, sent and settled in three commits. The claim is a lease: whoever holds it may
send, and where its holder dies, the message is free again once the lease has run out.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.db import connection, transaction
from django.db.models import CharField, Exists, F, OuterRef
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from bookings.models import Appointment, MailCopy, Message
from bookings.models.messages import LEASE, MessageQuerySet

Kind = Message.Kind
Status = Appointment.Status

# What waits for a stopped worker does not pile up: after so many seconds it is forgotten. Clocks
# of several machines may differ by as much; a worker whose clock is further ahead gets no work.
SWEEP_EXPIRES = 300

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=2)
# The least part of a wait that chance leaves.
SHORTENED = 0.75
# How soon to look whether an earlier mail about the same visit has gone.
BEHIND_WAIT = timedelta(seconds=5)
# With these waits the last attempt comes about a day after the first.
MOST_ATTEMPTS = 19
# A worker needs to know whether there are answers, and never what was told in confidence.
TOLD_IN_CONFIDENCE = (
    "appointment__client_note",
    "appointment__staff_note",
    "appointment__client__note",
    "appointment__health_check__answers",
    "appointment__health_check__findings",
    "appointment__health_check__review_note",
)

VERSION = RawSQL('"bookings_message"."xmin"::text', [], output_field=CharField())
# An attempt at an earlier mail to the same person about the same visit goes on, be it void by now:
# what it tells must not come after what tells otherwise. Reckoned from our own claim, which was
# made by the same clock; one far ahead of it was made by a clock that has been put back since.
AN_EARLIER_ONE_IS_ON_ITS_WAY = Exists(
    Message.objects.alias(to=Coalesce("therapist_id", 0)).filter(
        appointment=OuterRef("appointment"),
        to=Coalesce(OuterRef("therapist_id"), 0),
        pk__lt=OuterRef("pk"),
        state__in=[Message.State.PENDING, Message.State.VOID],
        attempts__gt=0,
        claimed_until__gt=OuterRef("claimed_until") - LEASE,
        claimed_until__lt=OuterRef("claimed_until") + LEASE,
    )
)
COPY_CONTENT = MailCopy._meta.get_field("content")
# These are written out since they run once for each mail: the time to put a query together, and the
# way there and back, are most of what a mail costs here.
BEGIN_ATTEMPT = """
UPDATE bookings_message SET attempts = attempts + 1
WHERE id = %s AND state = 'pending' AND claimed_until = %s AND xmin::text = %s
RETURNING attempts
"""
# One way and one commit for the end of a mail and the beginning of the next one. The end waits for
# nothing that has to do with the next one: a row that somebody holds is passed over. And it comes
# first, so that nobody who has its row can wait for the other one.
MARK_SENT = """
WITH told AS (
    UPDATE bookings_message SET
        state = CASE WHEN state = 'bounced' THEN state ELSE 'sent' END,
        last_error = CASE WHEN state = 'bounced' THEN last_error ELSE '' END,
        sent_at = %(now)s, answer = %(answer)s, sent_to = %(sent_to)s, claimed_until = NULL
    WHERE id = %(pk)s
    RETURNING id
), kept AS (
    INSERT INTO bookings_mailcopy (message_id, kept_at, content)
    SELECT id, %(now)s, %(content)s FROM told WHERE %(content)s::text IS NOT NULL
    ON CONFLICT (message_id) DO UPDATE SET kept_at = EXCLUDED.kept_at, content = EXCLUDED.content
), following AS (
    SELECT id FROM bookings_message
    WHERE (SELECT count(*) FROM told) IS NOT NULL
        AND id = %(next_pk)s AND state = 'pending' AND claimed_until = %(next_claimed)s
        AND xmin::text = %(next_version)s AND attempts < %(most_attempts)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE bookings_message SET attempts = attempts + 1
WHERE id = (SELECT id FROM following)
RETURNING attempts
"""


def is_on_its_way(message: Message, now: datetime) -> bool:
    """Whether a worker is just sending it."""
    claimed = message.claimed_until is not None and message.claimed_until > now
    return message.state == Message.State.PENDING and claimed


def nudge() -> None:
    """Ask a worker to deliver as soon as this transaction is committed.

    The sweep sends everything within a minute all the same, so a broker that does not answer
    costs promptness and never the booking.
    """
    transaction.on_commit(call_a_worker, robust=True)


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


def read_claimed(claimed: Sequence[Message]) -> list[Message]:
    """Return the rows of ``claimed`` that are still to be sent, with all that a letter tells of.

    Each knows its ``version``, which changes with every write, and whether it ``is_behind``
    another. One query.
    """
    rows = Message.objects.pending().select_related(
        "appointment__client",
        "appointment__health_check",
        "appointment__option",
        "appointment__service",
        "appointment__therapist",
        "therapist",
    )
    rows = rows.defer(*TOLD_IN_CONFIDENCE)
    rows = rows.annotate(version=VERSION, is_behind=AN_EARLIER_ONE_IS_ON_ITS_WAY)
    found = rows.in_bulk([one.pk for one in claimed])
    return [found[one.pk] for one in claimed if one.pk in found]


def begin_attempt(claimed: Message) -> Message | None:
    """Count one attempt and return the latest row; none where the message is no longer ours.

    ``claimed`` may have been read before: it is read again where it has changed since. After too
    many attempts it is given up, whatever became of them.
    """
    message = _begun(claimed) or _begun(_read_again(claimed))
    if message is None or message.attempts <= MOST_ATTEMPTS:
        return message
    # Whoever tried it last did not live to say what came of it.
    mark_failed(message, reason=_("Each attempt to send it broke off."))
    return None


def _begun(message: Message | None) -> Message | None:
    """Count an attempt of ``message``; none where it is not ours or not as it was read."""
    version = getattr(message, "version", None)
    if message is None or version is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(BEGIN_ATTEMPT, [message.pk, message.claimed_until, version])
        row = cursor.fetchone()
    if row is None:
        return None
    (message.attempts,) = row
    return message


def _read_again(claimed: Message) -> Message | None:
    """The row as it is now, if the claim still holds."""
    rows = read_claimed([claimed])
    return rows[0] if rows and rows[0].claimed_until == claimed.claimed_until else None


def mark_sent(
    message: Message,
    *,
    now: datetime,
    answer: str = "",
    content: dict[str, Any] | None = None,
    following: Message | None = None,
) -> Message | None:
    """Note that the mail server took the message, and what it answered.

    It did, so this holds even where the claim ran out or the message was dropped meanwhile. News
    that it came back may be here first. ``content`` is the copy of what was sent.

    An attempt of ``following`` is counted in the same breath, and it is returned: none where it is
    not as it was read, or somebody has it in hand (then see ``begin_attempt``). All this may be
    said again where no answer came.
    """
    news: dict[str, Any] = {
        "pk": message.pk,
        "now": now,
        "answer": answer,
        "sent_to": message.address,
        "content": None if content is None else COPY_CONTENT.get_prep_value(content),
        "next_pk": following and following.pk,
        "next_claimed": following and following.claimed_until,
        "next_version": getattr(following, "version", None),
        "most_attempts": MOST_ATTEMPTS,
    }
    with connection.cursor() as cursor:
        cursor.execute(MARK_SENT, news)
        row = cursor.fetchone()
    if following is None or row is None:
        return None
    (following.attempts,) = row
    return following


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


def put_off(message: Message, *, until: datetime) -> None:
    """Let a message wait, untried, until then."""
    _ours(message).update(due_at=until, claimed_until=None, attempts=F("attempts") - 1)


def behind_until(message: Message, *, now: datetime) -> datetime | None:
    """When to look at ``message`` again where an earlier one is on its way; else ``None``."""
    return now + BEHIND_WAIT if getattr(message, "is_behind", False) else None


def let_go(messages: Sequence[Message]) -> None:
    """Give claimed messages back untried, for the next worker."""
    for message in messages:
        _ours(message).update(claimed_until=None)


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: doubling, and up to a quarter shorter at random.

    Messages that failed together must not all come back in the same second.
    """
    return _longest_wait(attempts) * random.uniform(SHORTENED, 1)  # noqa: S311


def least_waited(attempts: int) -> timedelta:
    """From the first of so many attempts to the next one, at least."""
    waits = (_longest_wait(one) for one in range(1, attempts + 1))
    return sum(waits, timedelta()) * SHORTENED


def _longest_wait(attempts: int) -> timedelta:
    return min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)


def call_a_worker() -> None:
    """Ask a worker to deliver now. It is forgotten where none comes within some minutes."""
    # A named function: Django logs a failed robust hook by its name, which a partial lacks.
    # The task too goes by its name: actions know no tasks.
    current_app.send_task("bookings.tasks.deliver_due", retry=False, expires=SWEEP_EXPIRES)


def _ours(message: Message) -> MessageQuerySet:
    """The row, as long as nobody has settled, dropped or claimed it since we did."""
    return Message.objects.pending().filter(pk=message.pk, claimed_until=message.claimed_until)
