"""Delivers the outbox.

Each message is claimed, sent and settled in commits of its own (see ``actions.outbox``). Whatever
dies in between, the message is sent: twice only where the mail server had taken it and the
settling was lost, and then under the same Message-ID, so that mailboxes show it once.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from smtplib import SMTPException

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.translation import gettext as _

from bookings import messages
from bookings.actions import bounces, outbox, owing
from bookings.copies import copy_of
from bookings.models import BadAddress, Message
from bookings.troubles import Unreachable, trouble_of
from services.models import SpaProfile

log = logging.getLogger(__name__)

# A round begins no message after RUN, and no message takes longer than LONGEST_SEND: a dozen
# steps of SMTP, each with EMAIL_TIMEOUT. So no claim runs out while its message is on the way,
# and the round is over before the task's own time limit.
RUN = timedelta(minutes=2)
LONGEST_SEND = timedelta(minutes=2)
LEASE = RUN + LONGEST_SEND
BATCH = 20


def deliver_due(*, now: datetime) -> int:
    """Send every message due by ``now``; returns how many were sent.

    Any number of callers may run at once. What cannot be sent now is tried again later.
    """
    delivery = _Round(now)
    while claimed := outbox.claim_due(now=delivery.clock(), until=now + LEASE, limit=BATCH):
        if not delivery.deliver(claimed):
            break
    return delivery.sent


class _Round:
    """One worker's round: whom it writes for, its clock, and how many it sent."""

    def __init__(self, now: datetime) -> None:
        self.clock = _clock_from(now)
        self.ends_at = now + RUN
        self.sent = 0

    @cached_property
    def spa(self) -> SpaProfile:
        """The sender; not asked for by the many rounds that find nothing due."""
        return SpaProfile.load()

    def deliver(self, claimed: list[Message]) -> bool:
        """Send the claimed over one connection; false where the round is over.

        What it did not come to is let go for the next round.
        """
        connection = get_connection()
        try:
            for number, message in enumerate(claimed):
                if self.clock() >= self.ends_at:
                    outbox.let_go(claimed[number:])
                    return False
                if not self._settle(message, connection):
                    outbox.let_go(claimed[number + 1 :])
                    return False
        finally:
            _hang_up(connection)
        return True

    def _settle(self, claimed: Message, connection: BaseEmailBackend) -> bool:
        """Send one message and note what came of it; false where no mail server answers."""
        message = outbox.begin_attempt(claimed)
        if message is None:
            return True
        if not self._may_go(message):
            return True
        try:
            mail = messages.compose(message, spa=self.spa, now=self.clock())
            _dial(connection)
            connection.send_messages([mail])
        except Exception as error:
            # Whatever is wrong with one message must not stop the others.
            self._note_trouble(message, error)
            _hang_up(connection)
            return not isinstance(error, Unreachable)
        outbox.mark_sent(message, now=self.clock(), content=copy_of(mail))
        self.sent += 1
        return True

    def _may_go(self, message: Message) -> bool:
        """Whether it is true and no hour to be quiet; settles what is not sent now."""
        if not owing.is_still_true(message, now=self.clock()):
            outbox.mark_void(message)
            return False
        if bounces.comes_back(message.address):
            outbox.mark_failed(message, reason=_("Mail to this address comes back."))
            return False
        morning = owing.held_back_until(message, spa=self.spa, now=self.clock())
        if morning is not None:
            outbox.put_off(message, until=morning)
        return morning is None

    def _note_trouble(self, message: Message, error: Exception) -> None:
        trouble = trouble_of(error)
        log.warning("Message %s (%s) not sent: %s", message.pk, message.kind, trouble.reason)
        if trouble.is_permanent:
            outbox.mark_failed(message, reason=trouble.reason)
            if trouble.is_of_the_address:
                bounces.note_bad_address(
                    address=message.address,
                    trouble=BadAddress.Trouble.BOUNCED,
                    reason=trouble.reason,
                    now=self.clock(),
                )
        else:
            outbox.postpone(message, reason=trouble.reason, now=self.clock())


def _dial(connection: BaseEmailBackend) -> None:
    """Open the connection where it is not open; raises ``Unreachable``."""
    try:
        connection.open()
    except (SMTPException, OSError) as error:
        raise Unreachable from error


def _hang_up(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (SMTPException, OSError):
        # The goodbye failed; what was sent has been sent.
        pass


def _clock_from(now: datetime) -> Callable[[], datetime]:
    """Return a clock that shows ``now`` and goes on, whatever happens to the system's clock."""
    begun = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - begun)
