"""Delivers the outbox.

Each message is claimed, begun, sent and settled, and each step is committed before the next one is
taken; one message is settled and the next begun in the same commit (see ``actions.outbox``).
Whatever dies in between, the message is sent: twice only where the mail server had taken it and
the settling was lost, and then under the same Message-ID, so that mailboxes show it once.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

from django.db import InterfaceError, OperationalError, connection
from django.utils.translation import gettext as _

from bookings import messages
from bookings.actions import bounces, outbox, owing
from bookings.actions.heartbeats import note_heartbeat
from bookings.copies import Content, copy_of
from bookings.models import BadAddress, Heartbeat, Message
from bookings.models.messages import LEASE
from bookings.postman import Postman
from bookings.troubles import trouble_of
from services.models import SpaProfile

log = logging.getLogger(__name__)

# A round begins no message after RUN, and no message takes longer than LONGEST_SEND: a dozen
# steps of SMTP, each with EMAIL_TIMEOUT, and two more where a line has gone stale. So no claim
# runs out while its message is on the way, and the round is over before the task's own time limit.
LONGEST_SEND = timedelta(seconds=140)
RUN = LEASE - LONGEST_SEND
BATCH = 40
DATABASE_WAIT = 0.2  # seconds
# How old may be what a letter tells of: no older than a letter that is just on its way.
FRESH = timedelta(seconds=1)


def deliver_due(*, now: datetime) -> int:
    """Send every message due by ``now``; returns how many were sent.

    Any number of callers may run at once. What cannot be sent now is tried again later.
    """
    delivery = _Round(now)
    delivery.show_life()
    try:
        while claimed := outbox.claim_due(now=delivery.clock(), until=now + LEASE, limit=BATCH):
            if len(claimed) == BATCH:
                delivery.call_for_help()
            if not delivery.deliver(claimed):
                break
    finally:
        delivery.postman.hang_up()
    return delivery.sent


class _Sheaf:
    """Claimed messages with all that their letters need, read at once.

    Each is still looked at right before it goes (``outbox.begin_attempt``), and read anew where
    anybody has touched it. What is read beside it is FRESH enough. ``after`` has the row behind
    each message, by its key.
    """

    def __init__(self, claimed: list[Message], now: datetime) -> None:
        self.read_at = now
        self.rows = {one.pk: one for one in outbox.read_claimed(claimed)}
        self.after = {
            one.pk: self.rows[behind.pk]
            for one, behind in pairwise(claimed)
            if behind.pk in self.rows
        }
        self.stationery = messages.stationery_for(self.rows.values())
        addresses = [one.address for one in self.rows.values()]
        self.bad_addresses = bounces.that_come_back(addresses)


class _Round:
    """One worker's round: whom it writes for, its clock and its line, and how many it sent."""

    def __init__(self, now: datetime) -> None:
        self.clock = _clock_from(now)
        self.ends_at = now + RUN
        self.postman = Postman()
        self.sent = 0
        self.has_called = False
        self.begun: Message | None = None
        """The message that is next, where the one before was settled and it begun at once."""

    @cached_property
    def spa(self) -> SpaProfile:
        """The sender; not asked for by the many rounds that find nothing due."""
        return SpaProfile.load()

    def show_life(self) -> None:
        """Let the owner see that a worker looks for due mail."""
        note_heartbeat(of=Heartbeat.Of.WORKER, now=self.clock())

    def call_for_help(self) -> None:
        """Wake a worker that has nothing to do, once a round: there is more than one batch."""
        if not self.has_called:
            self.has_called = True
            outbox.nudge()

    def deliver(self, claimed: list[Message]) -> bool:
        """Send the claimed; false where the round is over.

        What it did not come to is let go for the next round.
        """
        self.show_life()
        sheaf = _Sheaf(claimed, self.clock())
        for number, message in enumerate(claimed):
            if self.begun is None and self._is_over():
                outbox.let_go(claimed[number:])
                outbox.nudge()
                return False
            if self.begun is None and not self._is_fresh(sheaf):
                sheaf = _Sheaf(claimed[number:], self.clock())
            if not self._settle(message, sheaf):
                outbox.let_go(claimed[number + 1 :])
                return False
        return True

    def _is_over(self) -> bool:
        return self.clock() >= self.ends_at

    def _is_fresh(self, sheaf: _Sheaf) -> bool:
        return self.clock() < sheaf.read_at + FRESH

    def _settle(self, claimed: Message, sheaf: _Sheaf) -> bool:
        """Send one message and note what came of it; false where the next would fare no better."""
        message = self.begun or outbox.begin_attempt(sheaf.rows.get(claimed.pk, claimed))
        self.begun = None
        if message is None:
            return True
        try:
            if not self._may_go(message, sheaf):
                return True
            mail = messages.compose(
                message, spa=self.spa, now=self.clock(), stationery=sheaf.stationery
            )
            answer = self.postman.send(mail)
        except Exception as error:
            # Whatever is wrong with one message must not stop the others.
            return self._go_on_after(error, message, sheaf)
        copy = copy_of(mail)
        self._insist(lambda: self._note_sent(message, answer, copy, sheaf))
        self.sent += 1
        return True

    def _note_sent(self, message: Message, answer: str, copy: Content, sheaf: _Sheaf) -> None:
        """Settle what was sent, and begin the next one where it may go this very moment."""
        may_begin = self._is_fresh(sheaf) and not self._is_over()
        following = sheaf.after.get(message.pk) if may_begin else None
        self.begun = outbox.mark_sent(
            message, answer=answer, content=copy, now=self.clock(), following=following
        )

    def _may_go(self, message: Message, sheaf: _Sheaf) -> bool:
        """Whether it is true, its turn, and no hour to be quiet; settles what is not sent now."""
        if not owing.is_still_true(message, now=self.clock()):
            outbox.mark_void(message)
            return False
        if message.address.lower() in sheaf.bad_addresses:
            outbox.mark_failed(message, reason=_("Mail to this address comes back."))
            return False
        later = owing.held_back_until(message, spa=self.spa, now=self.clock())
        later = later or outbox.behind_until(message, now=self.clock())
        if later is not None:
            outbox.put_off(message, until=later)
        return later is None

    def _go_on_after(self, error: Exception, message: Message, sheaf: _Sheaf) -> bool:
        trouble = trouble_of(error)
        log.warning("Message %s (%s) not sent: %s", message.pk, message.kind, trouble.reason)
        if trouble.is_permanent:
            outbox.mark_failed(message, reason=trouble.reason)
            if trouble.is_of_the_address:
                sheaf.bad_addresses.add(message.address.lower())
                bounces.note_bad_address(
                    address=message.address,
                    trouble=BadAddress.Trouble.BOUNCED,
                    reason=trouble.reason,
                    now=self.clock(),
                )
        else:
            outbox.postpone(message, reason=trouble.reason, now=self.clock())
        return not trouble.is_general

    def _insist(self, settle: Callable[[], None]) -> None:
        """Settle what was sent, and wait for a database that is away: else it would come twice."""
        while True:
            try:
                return settle()
            except (OperationalError, InterfaceError):
                if self.clock() >= self.ends_at + LONGEST_SEND:
                    raise
                connection.close()
                time.sleep(DATABASE_WAIT)


def _clock_from(now: datetime) -> Callable[[], datetime]:
    """Return a clock that shows ``now`` and goes on, whatever happens to the system's clock."""
    begun = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - begun)
