"""What somebody at the desk should do about one visit, in sentences. Reads only."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from bookings.actions.stranding import KIND
from bookings.cards import Card
from bookings.clearances import request_of
from bookings.history import Line
from bookings.mails import Post
from bookings.words import dialled_in
from services.models import SpaProfile

# The events that may carry the reason for which a rule of the house was left aside.
PLACED = ("booked", "requested", "moved", "kept")


def to_do(card: Card, *, history: Sequence[Line], post: Post, spa: SpaProfile) -> list[str]:
    """Return what waits to be done, the most pressing first; nothing for a visit that is over."""
    if not card.appointment.is_upcoming:
        return []
    found = [
        _decision(card, history, spa),
        _call(card),
        _lateness(card),
        _unheard(card, post, spa),
        _stranding(history),
    ]
    return [words for words in found if words]


def exception_of(history: Sequence[Line]) -> str:
    """The reason for which the visit stands outside the rules of the house, or empty."""
    return next((line.reason for line in history if line.kind in PLACED), "")


def _decision(card: Card, history: Sequence[Line], spa: SpaProfile) -> str:
    if not card.can_decide:
        return ""
    asked_at = _asked_at(card, history)
    request = request_of(card, asked_at, spa)
    words = _("Health check open") if card.health_is_open else _("Awaiting clearance")
    return _("%(words)s. %(deadline)s.") % {"words": words, "deadline": request.deadline}


def _asked_at(card: Card, history: Sequence[Line]) -> datetime:
    asked = (line.at for line in history if line.kind == "requested")
    return next(asked, card.appointment.created_at)


def _call(card: Card) -> str:
    if not card.health_is_open:
        return ""
    if card.can_decide:
        return _("Please call and ask the questions; the link in the mails leads to them too.")
    if not card.can_change:
        return _("Health check open: take the arrival back and ask before the treatment.")
    return _("Health check open: please call before the treatment.")


def _lateness(card: Card) -> str:
    if not card.is_late:
        return ""
    since = timesince(card.appointment.starts_at, card.now, depth=1)
    return _("Late by %(time)s: please call.") % {"time": since}


def _stranding(history: Sequence[Line]) -> str:
    telling = next((line.kind for line in history if line.kind in (*PLACED, KIND)), "")
    if telling != KIND:
        return ""
    return _("Hours, time off, treatments or rooms have changed: does it have to be moved?")


def _unheard(card: Card, post: Post, spa: SpaProfile) -> str:
    """Whom to call since mail does not get there, and why; the number is there to be dialled."""
    if not card.mail_is_lost or card.appointment.client is None:
        return ""
    client = card.appointment.client
    call = _("call %(name)s") % {"name": client}
    if client.phone:
        number = dialled_in(client.phone, spa.country)
        call = _("call %(name)s, %(number)s") % {"name": client, "number": number}
    if card.address_comes_back:
        return _("Mail to this address comes back: %(call)s.") % {"call": call}
    lost = next((mail for mail in post.mails if mail.was_lost), None)
    what = lost.what.lower() if lost else _("message")
    return _("A mail did not arrive (%(what)s): %(call)s.") % {"what": what, "call": call}
