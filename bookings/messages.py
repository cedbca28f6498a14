"""Composes the messages of the outbox; ``bookings.delivery`` sends them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac

from bookings.actions import issue_visit_links, stop_key
from bookings.calendar import visit_calendar
from bookings.letters import CAN_BE_STOPPED, one_line, write_letter
from bookings.models import Message, Wording, Words
from bookings.models.messages import TO_THERAPISTS
from bookings.rendering import render_letter
from bookings.wire import LetterMail
from services.addresses import absolute
from services.models import SpaProfile

Kind = Message.Kind

CALENDAR_METHODS = {
    Kind.CONFIRMATION: "REQUEST",
    Kind.GRANTED: "REQUEST",
    Kind.CHANGED: "REQUEST",
    Kind.CANCELLED: "CANCEL",
}


@dataclass(frozen=True, slots=True)
class Stationery:
    """What letters need beside their messages: the owners' words, and keys to visit pages.

    Both are by kind and by key of the message.
    """

    words: dict[str, Words]
    keys: dict[int, str]


def stationery_for(messages: Iterable[Message]) -> Stationery:
    """Return what the letters of ``messages`` need, each with a key of its own; two queries."""
    to_clients = [one for one in messages if one.kind not in TO_THERAPISTS]
    keys = issue_visit_links([one.visit for one in to_clients])
    by_message = {one.pk: key for one, key in zip(to_clients, keys, strict=True)}
    return Stationery(Wording.all_own_words(), by_message)


def compose(
    message: Message, *, spa: SpaProfile, now: datetime, stationery: Stationery | None = None
) -> LetterMail:
    """Return ``message`` as an e-mail in the spa's time, with a fresh key to the visit page."""
    stationery = stationery or stationery_for([message])
    with timezone.override(spa.zone), translation.override(settings.LANGUAGE_CODE):
        stop_url = _stop_url(message)
        letter = write_letter(
            message,
            spa=spa,
            visit_url=_visit_url(message, stationery),
            now=now,
            words=stationery.words.get(message.kind),
            stop_url=stop_url,
        )
        parts = render_letter(letter, spa=spa)
        mail = LetterMail(
            subject=letter.subject,
            body=parts.text,
            from_email=sender(spa),
            to=[message.address],
            reply_to=[spa.email],
            headers=_headers(message, stop_url, now),
        )
        mail.attach_alternative(parts.html, "text/html")
        method = _calendar_method(message)
        if method:
            calendar = visit_calendar(message.visit, spa=spa, method=method)
            mail.attach("invite.ics", calendar.decode(), f"text/calendar; method={method}")
    return mail


def _calendar_method(message: Message) -> str:
    """What a calendar is to do; empty where there is nothing for it.

    A visit that was confirmed can become a request by new answers, and be declined: then its entry
    stands in a calendar.
    """
    if message.kind != Kind.DECLINED:
        return CALENDAR_METHODS.get(Kind(message.kind), "")
    entries = [kind for kind, method in CALENDAR_METHODS.items() if method == "REQUEST"]
    had = message.visit.messages.filter(kind__in=entries, state=Message.State.SENT)
    return "CANCEL" if had.exists() else ""


def _visit_url(message: Message, stationery: Stationery) -> str:
    if message.kind in TO_THERAPISTS:
        return ""
    return absolute(reverse("bookings:visit", args=[stationery.keys[message.pk]]))


def _stop_url(message: Message) -> str:
    """Where the client stops such letters; empty where they are about a booking of hers."""
    if message.kind not in CAN_BE_STOPPED:
        return ""
    return absolute(reverse("bookings:opt_out", args=[stop_key(message.visit)]))


def sender(spa: SpaProfile) -> str:
    """The From line of every message."""
    return _sender(spa.name, settings.DEFAULT_FROM_EMAIL)


@lru_cache(maxsize=16)
def _sender(name: str, address: str) -> str:
    # What looks like an encoded word would be read as one, whatever it is written in.
    return formataddr((one_line(name).replace("=?", "= ?"), parseaddr(address)[1]))


def _headers(message: Message, stop_url: str, now: datetime) -> dict[str, str]:
    # The same at each attempt, and no count of the spa's messages.
    digest = salted_hmac("bookings.messages.id", str(message.pk), algorithm="sha256").hexdigest()
    headers = {
        "Message-ID": f"<{digest[:32]}@{urlsplit(settings.SITE_URL).hostname}>",
        "Date": format_datetime(now.astimezone(UTC)),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }
    if stop_url:
        headers["List-Unsubscribe"] = f"<{stop_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
