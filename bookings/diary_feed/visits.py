"""How one visit is told to the calendar: without its health answers."""

from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from bookings.cards import Badge, Card
from bookings.diary_feed.bands import wall_clock
from bookings.models import Appointment, Message
from bookings.words import clock_time, hours_in_words

Status = Appointment.Status

Json = dict[str, Any]


class Teller:
    """Tells the visits of one page. The words of a time, which many share, are made once."""

    def __init__(self) -> None:
        self._somebody = _("Somebody, online")
        self._label = _("%(hours)s: %(name)s, %(what)s with %(therapist)s, %(room)s. %(state)s.")
        self._clocks: dict[datetime, tuple[str, str]] = {}
        self._hours: dict[tuple[datetime, datetime], str] = {}

    def told(self, card: Card) -> Json:
        """Return what the calendar shows of one visit; ``at`` is the instant of its start."""
        visit = card.appointment
        state = _state_in_words(card)
        badge = None if card.is_past else card.verdict
        mail = _mail(card)
        start, time = self._clock(visit.starts_at, card.starts_at)
        end, until = self._clock(visit.ends_at, card.ends_at)
        name = self._somebody if visit.client is None else visit.client.name
        return {
            "id": visit.reference,
            "therapist": visit.therapist_id,
            "room": visit.room_id,
            "start": start,
            "end": end,
            "at": f"{visit.starts_at.isoformat(timespec='minutes')[:16]}Z",
            "minutes": (visit.ends_at - visit.starts_at) // timedelta(minutes=1),
            "sequence": visit.sequence,
            "time": time,
            "until": until,
            "name": name,
            "what": visit.service.name,
            "with": visit.therapist.name,
            "where": visit.room.name,
            "status": _look(card),
            "state": state,
            "badge": {"kind": badge.kind, "label": badge.label} if badge else None,
            "mail": {"lost": card.mail_is_lost} if mail else None,
            "editable": card.can_place,
            "opens": visit.status != Status.HELD,
            "label": self._label
            % {
                "hours": self._hours_of(card),
                "name": name,
                "what": visit.service.name,
                "therapist": visit.therapist.name,
                "room": visit.room.name,
                "state": ". ".join([state, *(sign.label for sign in (badge, mail) if sign)]),
            },
        }

    def _clock(self, instant: datetime, local: datetime) -> tuple[str, str]:
        """The time on the grid and in words; kept by the instant: a clock repeats an hour."""
        if instant not in self._clocks:
            self._clocks[instant] = (wall_clock(local), clock_time(local))
        return self._clocks[instant]

    def _hours_of(self, card: Card) -> str:
        key = (card.appointment.starts_at, card.appointment.ends_at)
        if key not in self._hours:
            self._hours[key] = hours_in_words(card.starts_at, card.ends_at)
        return self._hours[key]


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
