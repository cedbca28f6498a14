"""Taking the latest change of a visit back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from django.db import transaction

from bookings.actions import owing
from bookings.actions.changes import (
    Change,
    locked_latest,
    moves_room_only,
    refuse_if_stale,
    replace_place,
)
from bookings.actions.errors import NoLongerPossible
from bookings.actions.events import ASIDE, Actor, record
from bookings.actions.placing import at_best_place
from bookings.actions.staff_mail import Span, note_late_change, standing
from bookings.actions.wishes import Place, Wish
from bookings.models import Appointment, Event, HealthCheck, Message, Room, Therapist
from bookings.models.appointments import BLOCKING
from services.models import ServiceOption, SpaProfile

Status = Appointment.Status
Kind = Message.Kind

STEPS = ("arrived", "started", "completed", "no_show", "expected_again")
DECISIONS = ("granted", "declined")
UNDOABLE = ("moved", "cancelled", *DECISIONS, *STEPS)
BOOKINGS = ("booked", "requested")
PLACE = ("starts_at", "minutes", "therapist", "room", "option")

_READ: dict[str, Callable[[Any], Any]] = {
    "starts_at": datetime.fromisoformat,
    "arrived_at": datetime.fromisoformat,
    "started_at": datetime.fromisoformat,
    "price": Decimal,
}


@dataclass(frozen=True, slots=True)
class _Former:
    """How the visit stood before ``event``: the fields that the event changed."""

    event: Event
    values: dict[str, Any]
    undone: dict[int, Span]
    """Whose visit it was until the undo, and when."""

    @property
    def status(self) -> str | None:
        """The former status, where the event changed it."""
        return self.values.get("status")

    @property
    def is_booking(self) -> bool:
        """Whether there was no visit before."""
        return self.event.kind in BOOKINGS

    @property
    def is_quiet(self) -> bool:
        """Whether the event owed no news, so that what waits to be sent is still true."""
        return self.event.kind in STEPS or moves_room_only(self.event.changes)

    def takes_time(self, appointment: Appointment) -> bool:
        """Whether the visit needs time that it does not have now."""
        moves = any(name in self.values for name in PLACE)
        wakes = self.status in BLOCKING and appointment.status not in BLOCKING
        return moves or wakes


def can_undo(appointment: Appointment) -> bool:
    """Whether the latest change of ``appointment`` can be taken back, if its time is still free.

    What a client did herself stands, and so do new health answers and all visits of somebody who
    was erased. One query, or none.
    """
    return _former(appointment) is not None


def undo_change(
    *, appointment: Appointment, by: Actor, spa: SpaProfile, now: datetime
) -> Appointment:
    """Take the latest change of ``appointment`` back.

    A move, a new length, a cancellation, a decision and a step of the day are made as if they
    had not been; a booking at the desk is cancelled. The rules of the house do not matter: the
    visit stood there before. Mail that has not gone out never does; where it has, its correction
    is owed.

    Raises ``ChangedMeanwhile`` where ``appointment`` is not the latest, ``NoLongerPossible``
    where there is nothing to take back, and ``TimeTaken`` with who is ``InTheWay`` by now.
    """
    refuse_if_stale(appointment)
    former = _former(appointment)
    if former is None:
        # Another undo may have come between the two questions.
        refuse_if_stale(appointment)
        raise NoLongerPossible
    if not former.takes_time(appointment):
        return _undo_here(appointment, former, by=by, spa=spa, now=now)
    wish = _wish_back(appointment, former, spa=spa, now=now)

    def write(place: Place) -> Appointment:
        latest = locked_latest(appointment)
        price = latest.price
        changes = replace_place(latest, wish, place)
        # The former option may cost something else by now; what she was promised stands.
        latest.price = price
        changes.pop("price", None)
        return _undo(latest, former, changes, by=by, spa=spa, now=now)

    return at_best_place(wish, write)


@transaction.atomic
def _undo_here(
    appointment: Appointment, former: _Former, *, by: Actor, spa: SpaProfile, now: datetime
) -> Appointment:
    return _undo(locked_latest(appointment), former, {}, by=by, spa=spa, now=now)


def _undo(
    latest: Appointment,
    former: _Former,
    changes: dict[str, Change],
    *,
    by: Actor,
    spa: SpaProfile,
    now: datetime,
) -> Appointment:
    for name in ("status", "price", "arrived_at", "started_at"):
        if name in former.values:
            changes[name] = (getattr(latest, name), former.values[name])
            setattr(latest, name, former.values[name])
    if former.event.kind in DECISIONS:
        _restore_review(latest, former)
    latest.sequence += 1
    latest.save()
    record(latest, "undone", by=by, now=now, changes=changes)
    _mend_mails(latest, former, by=by, spa=spa, now=now)
    return latest


class _HasKind(Protocol):
    @property
    def kind(self) -> str: ...


Made = TypeVar("Made", bound=_HasKind)


def standing_change(changes: Iterable[Made]) -> Made | None:
    """Return which of ``changes``, the latest leading, is to be taken back next.

    A step that was taken back leads to the step before it, so a day goes back step by step.
    Any other change that was taken back ends it: the client may have been told of that.
    """
    undone, goes_on = 0, False
    for change in changes:
        if change.kind == "undone":
            undone, goes_on = undone + 1, True
        elif goes_on and change.kind not in STEPS:
            return None
        elif undone:
            undone -= 1
        else:
            return change
    return None


def latest_change(appointment: Appointment) -> Event | None:
    """Return the change of ``appointment`` that would be taken back next; one query."""
    events = Event.objects.filter(appointment=appointment).exclude(kind__in=ASIDE)
    return standing_change(events.order_by("-pk"))


def _former(appointment: Appointment) -> _Former | None:
    client = appointment.client
    if client is not None and client.erased_at is not None:
        return None
    event = latest_change(appointment)
    if event is None or event.actor_kind == Event.ActorKind.CLIENT:
        return None
    before = {
        name: None if pair[0] is None else _READ.get(name, _as_it_is)(pair[0])
        for name, pair in event.changes.items()
    }
    if event.kind in BOOKINGS and before.get("status", "") is None:
        before = {"status": Status.CANCELLED.value}
        return _Former(event, before, standing(appointment))
    return _Former(event, before, standing(appointment)) if event.kind in UNDOABLE else None


def _as_it_is(value: Any) -> Any:
    return value


def _wish_back(
    appointment: Appointment, former: _Former, *, spa: SpaProfile, now: datetime
) -> Wish:
    values = former.values
    starts_at = values.get("starts_at", appointment.starts_at)
    return Wish(
        service=appointment.service,
        option=_row(ServiceOption, values.get("option", appointment.option_id)),
        starts_at=starts_at,
        spa=spa,
        now=now,
        therapist=_row(Therapist, values.get("therapist", appointment.therapist_id)),
        room=_row(Room, values.get("room", appointment.room_id)),
        minutes=values.get("minutes", appointment.minutes),
        moving=appointment,
        # It stood there before, be it yesterday.
        earliest=min(starts_at, now),
        by_staff=True,
        anytime=True,
    )


def _row(model: type[Any], key: int) -> Any:
    found = model.objects.filter(pk=key).first()
    if found is None:
        raise NoLongerPossible
    return found


def _restore_review(latest: Appointment, former: _Former) -> None:
    """Let the review be what it was before the decision, with who made it and the note."""
    kept = former.values.get("health_check_id")
    earlier = HealthCheck.objects.filter(pk=kept).first() if kept else None
    if earlier is not None:
        latest.health_check = earlier
        return
    check = latest.health_check
    if check is None:
        return
    check.review = HealthCheck.Review.OPEN
    check.reviewed_by, check.reviewed_at, check.review_note = None, None, ""
    check.save(update_fields=["review", "reviewed_by", "reviewed_at", "review_note"])


def _mend_mails(
    latest: Appointment, former: _Former, *, by: Actor, spa: SpaProfile, now: datetime
) -> None:
    note_late_change(latest, before=former.undone, by=by, spa=spa, now=now)
    # Who is here was told nothing by mail.
    if not former.is_quiet and latest.status != Status.ARRIVED:
        correction = _correction(latest, former)
        owing.take_back(latest, correction=correction, by=by, spa=spa, now=now)
        return
    owing.follow(latest)
    owing.owe_later(latest, spa=spa, now=now)


def _correction(latest: Appointment, former: _Former) -> str:
    """The news for a client who has been told of the change that is undone."""
    if former.is_booking:
        return Kind.CANCELLED
    if former.event.kind == "moved":
        return Kind.CHANGED
    return Kind.REQUEST_RECEIVED if latest.status == Status.REQUESTED else Kind.CONFIRMATION
