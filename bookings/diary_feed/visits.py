"""How one visit is told to the calendar: without its health answers."""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from bookings.cards import Badge, Card
from bookings.diary_feed.bands import wall_clock
from bookings.models import Appointment, Message
from bookings.words import clock_time, hours_in_words

Status = Appointment.Status
INSTANT = "%Y-%m-%dT%H:%MZ"

Json = dict[str, Any]


def told(card: Card) -> Json:
    """Return what the calendar shows of one visit; ``at`` is the instant of its start."""
    visit = card.appointment
    state = _state_in_words(card)
    badge = None if card.is_past else card.verdict
    mail = _mail(card)
    return {
        "id": visit.reference,
        "therapist": visit.therapist_id,
        "room": visit.room_id,
        "start": wall_clock(card.starts_at),
        "end": wall_clock(card.ends_at),
        "at": visit.starts_at.strftime(INSTANT),
        "minutes": (visit.ends_at - visit.starts_at) // timedelta(minutes=1),
        "sequence": visit.sequence,
        "time": clock_time(card.starts_at),
        "until": clock_time(card.ends_at),
        "name": _("Somebody, online") if visit.client is None else visit.client.name,
        "what": visit.service.name,
        "with": visit.therapist.name,
        "where": visit.room.name,
        "status": _look(card),
        "state": state,
        "badge": {"kind": badge.kind, "label": badge.label} if badge else None,
        "mail": {"lost": card.mail_is_lost} if mail else None,
        "editable": card.can_place,
        "opens": visit.status != Status.HELD,
        "label": _label(card, state, badge, mail),
    }


def _mail(card: Card) -> Badge | None:
    """What became of the mail, once it is known: within seconds most have been sent."""
    mail = None if card.is_past else card.mail
    return None if mail is None or mail.kind == Message.State.PENDING else mail


def _look(card: Card) -> str:
    visit = card.appointment
    begun = visit.status == Status.ARRIVED and visit.started_at is not None
    return "started" if begun else visit.status


def _state_in_words(card: Card) -> str:
    return _("In treatment") if _look(card) == "started" else card.status.label


def _label(card: Card, state: str, *signs: Badge | None) -> str:
    """What a screen reader hears of a visit."""
    visit = card.appointment
    words = {
        "hours": hours_in_words(card.starts_at, card.ends_at),
        "name": _("Somebody, online") if visit.client is None else visit.client.name,
        "what": visit.service.name,
        "therapist": visit.therapist.name,
        "room": visit.room.name,
        "state": ". ".join([state, *(sign.label for sign in signs if sign)]),
    }
    return _("%(hours)s: %(name)s, %(what)s with %(therapist)s, %(room)s. %(state)s.") % words
