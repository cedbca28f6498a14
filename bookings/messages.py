"""Composes and delivers the outbox.

Each message is claimed, sent and settled in commits of its own (see ``actions.outbox``). Whatever
dies in between, the message is sent: twice only where the mail server had taken it and the
settling was lost, and then under the same Message-ID, so that mailboxes show it once.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr
from functools import cached_property
from pathlib import PurePath
from smtplib import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from traceback import extract_tb
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from bookings.actions import issue_visit_link, outbox
from bookings.calendar import visit_calendar
from bookings.letters import one_line, write_letter
from bookings.models import Message
from bookings.models.messages import TO_THERAPISTS
from bookings.rendering import render_letter
from services.addresses import absolute
from services.models import SpaProfile

log = logging.getLogger(__name__)

Kind = Message.Kind

# A round begins no message after RUN, and no message takes longer than LONGEST_SEND: a dozen
# steps of SMTP, each with EMAIL_TIMEOUT. So no claim runs out while its message is on the way,
# and the round is over before the task's own time limit.
RUN = timedelta(minutes=2)
LONGEST_SEND = timedelta(minutes=2)
LEASE = RUN + LONGEST_SEND
BATCH = 20

CALENDAR_METHODS = {
    Kind.CONFIRMATION: "REQUEST",
    Kind.GRANTED: "REQUEST",
    Kind.CHANGED: "REQUEST",
    Kind.CANCELLED: "CANCEL",
}


def deliver_due(*, now: datetime) -> int:
    """Send every message due by ``now``; returns how many were sent.

    Any number of callers may run at once. What cannot be sent now is tried again later.
    """
    delivery = _Round(now)
    while claimed := outbox.claim_due(now=delivery.clock(), until=now + LEASE, limit=BATCH):
        if not delivery.deliver(claimed):
            break
    return delivery.sent


def compose(message: Message, *, spa: SpaProfile, now: datetime) -> EmailMultiAlternatives:
    """Return ``message`` as an e-mail in the spa's time, with a fresh key to the visit page."""
    with timezone.override(spa.zone), translation.override(settings.LANGUAGE_CODE):
        visit_url = "" if message.kind in TO_THERAPISTS else _visit_url(message)
        letter = write_letter(message, spa=spa, visit_url=visit_url, now=now)
        parts = render_letter(letter, spa=spa)
        mail = EmailMultiAlternatives(
            subject=letter.subject,
            body=parts.text,
            from_email=sender(spa),
            to=[message.address],
            reply_to=[spa.email],
            headers=_headers(message),
        )
        mail.attach_alternative(parts.html, "text/html")
        method = CALENDAR_METHODS.get(Kind(message.kind))
        if method:
            calendar = visit_calendar(message.visit, spa=spa, method=method)
            mail.attach("invite.ics", calendar.decode(), f"text/calendar; method={method}")
    return mail


def _visit_url(message: Message) -> str:
    return absolute(reverse("bookings:visit", args=[issue_visit_link(message.visit)]))


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a message did not go out. ``reason`` names no person."""

    reason: str
    is_permanent: bool = False


class _Unreachable(Exception):
    """The mail server does not let us in."""


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
        if not outbox.is_still_true(message, now=self.clock()):
            outbox.mark_void(message)
            return True
        try:
            mail = compose(message, spa=self.spa, now=self.clock())
            _dial(connection)
            connection.send_messages([mail])
        except Exception as error:
            # Whatever is wrong with one message must not stop the others.
            self._note_trouble(message, error)
            _hang_up(connection)
            return not isinstance(error, _Unreachable)
        outbox.mark_sent(message, now=self.clock())
        self.sent += 1
        return True

    def _note_trouble(self, message: Message, error: Exception) -> None:
        trouble = _trouble(error)
        log.warning("Message %s (%s) not sent: %s", message.pk, message.kind, trouble.reason)
        if trouble.is_permanent:
            outbox.mark_failed(message, reason=trouble.reason)
        else:
            outbox.postpone(message, reason=trouble.reason, now=self.clock())


def _trouble(error: Exception) -> _Trouble:
    """Sort an error: what would fail again tomorrow is permanent.

    The server's own words stay out of the reason, since they often repeat the address.
    """
    if isinstance(error, _Unreachable) and isinstance(error.__cause__, Exception):
        return _trouble(error.__cause__)
    if isinstance(error, SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
        return _Trouble(_("The address was refused (%(code)s).") % {"code": code}, code >= 500)
    if isinstance(error, SMTPDataError):
        code = error.smtp_code
        return _Trouble(_("The message was refused (%(code)s).") % {"code": code}, code >= 500)
    if isinstance(error, SMTPResponseException):
        # Our sender or our login is refused: no fault of the message, and somebody can mend it.
        return _Trouble(_("The mail server refused us (%(code)s).") % {"code": error.smtp_code})
    if isinstance(error, SMTPException | OSError):
        return _Trouble(_("The mail server did not answer."))
    return _Trouble(_where(error))


def _where(error: Exception) -> str:
    """Name the error and its place. Its words may hold what a client told us."""
    frames = extract_tb(error.__traceback__)
    place = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{place}"


def _dial(connection: BaseEmailBackend) -> None:
    """Open the connection where it is not open; raises ``_Unreachable``."""
    try:
        connection.open()
    except (SMTPException, OSError) as error:
        raise _Unreachable from error


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


def sender(spa: SpaProfile) -> str:
    """The From line of every message."""
    return formataddr((one_line(spa.name), parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def _headers(message: Message) -> dict[str, str]:
    # The same at each attempt, and no count of the spa's messages.
    digest = salted_hmac("bookings.messages.id", str(message.pk), algorithm="sha256").hexdigest()
    return {
        "Message-ID": f"<{digest[:32]}@{urlsplit(settings.SITE_URL).hostname}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }
