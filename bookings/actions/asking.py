"""Asking a client for health answers that are missing, too old, or to other questions by now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from bookings.actions import bounces
from bookings.actions.errors import BookingError
from bookings.actions.events import Actor, record
from bookings.actions.health import STOPPED, still_counts
from bookings.actions.outbox import is_on_its_way, nudge
from bookings.actions.quiet import quiet_hours
from bookings.models import Appointment, Event, Message
from bookings.models.health import HEALTH_ANSWERS
from bookings.timing import question_moment
from services.models import SpaProfile

KIND = Message.Kind.WAITING_FOR_ANSWER
State = Message.State
ASKED_IN = (Appointment.Status.REQUESTED, Appointment.Status.CONFIRMED)


class CannotAsk(BookingError):
    """Why nobody is asked, in a sentence."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words

    @property
    def message(self) -> str:
        return self.words


def lacks_answers(visit: Appointment, *, spa: SpaProfile) -> bool:
    """Whether no health check holds for ``visit``: none, too old by then, or to be redone."""
    check = visit.health_check
    return check is None or not still_counts(check, on=visit.starts_at, spa=spa)


def open_questions(
    visits: Iterable[Appointment], *, spa: SpaProfile, now: datetime
) -> list[Message]:
    """What asks for the missing answers of ``visits``, unsaved; two queries where some are missing.

    Who was written to since is not asked again, and who has answered "stop" is to be talked to.
    """
    lacking = [one for one in visits if one.status in ASKED_IN and lacks_answers(one, spa=spa)]
    if not lacking or not spa.answer_lead_hours:
        return []
    asked, stopped = _asked(lacking), _stopped(lacking)
    owed = []
    for visit in lacking:
        before = asked.get(visit.pk, _Asked())
        due_at = question_moment(
            visit.starts_at, spa.answer_lead_hours, quiet=quiet_hours(spa), now=now
        )
        if due_at and not _was_asked(visit, before) and visit.pk not in stopped:
            owed.append(_question(visit, due_at, again=before.next_again))
    return owed


@transaction.atomic
def ask_for_answers(
    *, appointment: Appointment, by: Actor, spa: SpaProfile, now: datetime
) -> Message:
    """Write to the client at once that answers are missing; raises ``CannotAsk``.

    What waits for its moment goes out now; what was sent before is sent again.
    """
    rows = Appointment.objects.select_related("client", "health_check").defer(*HEALTH_ANSWERS)
    visit = rows.select_for_update(of=("self",), no_key=True).get(pk=appointment.pk)
    if visit.status not in ASKED_IN or visit.starts_at <= now:
        raise CannotAsk(_("This visit no longer takes answers by mail."))
    if not lacks_answers(visit, spa=spa):
        raise CannotAsk(_("The health check has been answered. Nothing is missing."))
    address = visit.client.email if visit.client is not None else ""
    if not address or bounces.comes_back(address):
        raise CannotAsk(_("Mail does not reach this client. Please ring."))
    waiting = visit.messages.select_for_update().filter(kind=KIND, state=State.PENDING).first()
    if waiting is not None and is_on_its_way(waiting, now):
        return waiting
    asked = waiting or _question(
        visit, now, again=_asked([visit]).get(visit.pk, _Asked()).next_again
    )
    asked.due_at, asked.at_any_hour, asked.sequence = now, True, visit.sequence
    asked.save()
    record(visit, "answers_asked", by=by, now=now)
    nudge()
    return asked


@dataclass(frozen=True, slots=True)
class _Asked:
    """When a client was last asked about a visit, and the number of the next time."""

    last: datetime | None = None
    next_again: int = 0


def _asked(visits: Iterable[Appointment]) -> dict[int, _Asked]:
    """By the key of each of ``visits`` that was asked about; one query."""
    rows = Message.objects.filter(kind=KIND, appointment__in=[one.pk for one in visits])
    found = rows.order_by().values("appointment").annotate(last=Max("sent_at"), most=Max("again"))
    return {row["appointment"]: _Asked(row["last"], row["most"] + 1) for row in found}


def _was_asked(visit: Appointment, asked: _Asked) -> bool:
    """Whether she was asked since her answers came to be missing."""
    check = visit.health_check
    since = (check.asked_again_at if check is not None else None) or visit.created_at
    return asked.last is not None and asked.last >= since


def _stopped(visits: Sequence[Appointment]) -> set[int]:
    """The keys of those whose client has said "stop" or "urgent" since they were booked."""
    clients = {one.client_id for one in visits}
    said = Event.objects.filter(appointment__client__in=clients, kind__in=STOPPED).order_by()
    last = dict(said.values_list("appointment__client").annotate(Max("at")))
    return {
        one.pk for one in visits if one.client_id in last and last[one.client_id] >= one.created_at
    }


def _question(visit: Appointment, due_at: datetime, *, again: int) -> Message:
    return Message(
        appointment=visit, kind=KIND, sequence=visit.sequence, again=again, due_at=due_at
    )
