"""Test mails: a letter sent to the owner who writes it, at once and past the outbox."""

from email.utils import make_msgid
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from bookings import limits
from bookings.letters import Letter
from bookings.messages import sender
from bookings.rendering import render_letter
from bookings.troubles import trouble_of
from bookings.wire import LetterMail
from services.models import SpaProfile


class TooMany(Exception):
    """More test mails than ``limits.TEST_MAILS`` allows."""


class NotCounted(Exception):
    """Nobody knows how many there were: none is sent rather than too many."""


class NotTaken(Exception):
    """The mail server did not take it; the reason, in words for the owner."""


def send_proof(letter: Letter, *, to: str, spa: SpaProfile, key: int) -> None:
    """Send ``letter``, marked as a test; ``key`` is whose test mails are counted.

    Raises ``TooMany``, ``NotCounted`` or ``NotTaken``; without either the mail server has taken it.
    """
    try:
        wait = limits.seconds_to_wait(limits.TEST_MAILS, of=str(key))
    except limits.NotCounted as reason:
        raise NotCounted from reason
    if wait:
        raise TooMany
    with translation.override(settings.LANGUAGE_CODE):
        parts = render_letter(letter, spa=spa)
        mail = LetterMail(
            subject=_("[Test] %(subject)s") % {"subject": letter.subject},
            body=parts.text,
            from_email=sender(spa),
            to=[to],
            reply_to=[spa.email],
            headers={
                "Message-ID": make_msgid(domain=urlsplit(settings.SITE_URL).hostname),
                "Auto-Submitted": "auto-generated",
            },
        )
        mail.attach_alternative(parts.html, "text/html")
    try:
        mail.send()
    except Exception as error:
        # Whatever it is, the owner is told; the reason repeats no words of hers.
        raise NotTaken(trouble_of(error).reason) from error
