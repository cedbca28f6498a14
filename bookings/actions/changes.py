"""What happens to a booked visit before it begins: move, cancel, decide."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from bookings.actions import owing
from bookings.actions.clients import ClientErased
from bookings.actions.errors import (
    AlreadyHere,
    ChangedMeanwhile,
    HealthCheckNeeded,
    NoLongerPossible,
    NoticeTooShort,
)
from bookings.actions.events import Actor, record
from bookings.actions.health import copy_of, has_expired, still_counts
from bookings.actions.obstacles import refuse_unfit_length
from bookings.actions.placing import at_best_place, lock_diary
from bookings.actions.staff_mail import note_late_change, standing
from bookings.actions.wishes import Place, Wish
from bookings.counters import counted
from bookings.models import Appointment, Event, HealthCheck, Message, Room, Therapist
from bookings.models.appointments import AppointmentQuerySet
from bookings.queries import rules_for
from services.models import Service, ServiceOption, SpaProfile
from services.screening import questions_version

Status = Appointment.Status
Change = tuple[Any, Any]
CHANGEABLE = (Status.REQUESTED, Status.CONFIRMED)
# Who is here already can get another room, or be treated longer, by the staff.
PLACEABLE = (*CHANGEABLE, Status.ARRIVED)


def may_client_change(appointment: Appointment, *, spa: SpaProfile, now: datetime) -> bool:
    """Whether a client may still move or cancel online.

    A request can be taken back until the visit, also where the visit was confirmed before and
    new health answers made it a request: nobody is held to a visit that may harm her. A
    confirmed visit can be changed until the spa's notice.
    """
    if appointment.status not in CHANGEABLE or now >= appointment.starts_at:
        return False
    return now <= client_changes_until(appointment, spa=spa)


def client_changes_until(appointment: Appointment, *, spa: SpaProfile) -> datetime:
    """The last moment at which a client may move or cancel a visit that is not over."""
    if appointment.status == Status.REQUESTED:
        return appointment.starts_at
    return appointment.starts_at - timedelta(hours=spa.cancellation_notice_hours)


def check_still_holds(
    appointment: Appointment, *, on: datetime, spa: SpaProfile, now: datetime
) -> bool:
    """Whether the visit's health check may stand for a visit at ``on``.

    Answers grow stale after the spa's number of days, and with any change of the questions.
    """
    check = appointment.health_check
    return check is not None and check_would_hold(
        check, service=appointment.service, on=on, spa=spa
    )


def check_would_hold(
    check: HealthCheck, *, service: Service, on: datetime, spa: SpaProfile
) -> bool:
    """Whether ``check`` may stand for a visit of ``service`` at ``on``."""
    return (
        check.service_id == service.pk
        and not has_expired(check, on=on, spa=spa)
        and check.questions_version == questions_version(rules_for(service))
    )


@counted("move")
def reschedule_appointment(
    *,
    appointment: Appointment,
    starts_at: datetime,
    by: Actor,
    spa: SpaProfile,
    now: datetime,
    therapist: Therapist | None = None,
    room: Room | None = None,
    minutes: int | None = None,
    reason: str = "",
    tell: bool = True,
) -> Appointment:
    """Move a visit or change its length; ``therapist`` of ``None`` means any, the present first.

    The staff is not bound to the notice that clients keep, starts on any five minutes and, with
    a ``reason``, outside the rules of the house. ``minutes`` is the new length; where the
    treatment is offered at that length, option and price follow. Without ``tell`` the client
    gets no mail about it.

    Raises ``NoLongerPossible``, ``NoticeTooShort``, ``HealthCheckNeeded`` where a client's
    answers have grown stale, ``ChangedMeanwhile`` where ``appointment`` is not the latest,
    ``ReasonNeeded``, or ``TimeTaken``, which tells the staff who is ``InTheWay``.
    """
    if by.kind != Event.ActorKind.CLIENT:
        # First of all: somebody who was second is not told of rules but of what has changed.
        refuse_if_stale(appointment)
    by_staff = by.kind == Event.ActorKind.STAFF
    if not (by_staff and appointment.status == Status.ARRIVED):
        _refuse_unless_changeable(appointment, by=by, spa=spa, now=now)
    if by.kind == Event.ActorKind.CLIENT and not check_still_holds(
        appointment, on=starts_at, spa=spa, now=now
    ):
        raise HealthCheckNeeded
    refuse_unfit_length(minutes)
    # Where a visit has begun, its room, its therapist and its length still change.
    earliest = min(now, starts_at) if starts_at == appointment.starts_at else now
    wish = Wish(
        service=appointment.service,
        option=_option_for(appointment, minutes),
        starts_at=starts_at.astimezone(UTC),
        spa=spa,
        now=now,
        therapist=therapist,
        preferred=appointment.therapist,
        moving=appointment,
        earliest=None if by.kind == Event.ActorKind.CLIENT else earliest,
        room=room,
        minutes=appointment.minutes if minutes is None else minutes,
        by_staff=by_staff,
        anytime=by_staff and bool(reason.strip()),
        client=appointment.client if by_staff else None,
    )

    def write(place: Place) -> Appointment:
        return _move(appointment, wish, place, by=by, reason=reason.strip(), tell=tell)

    return at_best_place(wish, write)


@counted("cancel")
@transaction.atomic
def cancel_appointment(
    *,
    appointment: Appointment,
    by: Actor,
    spa: SpaProfile,
    now: datetime,
    reason: str = "",
    tell: bool = True,
) -> Appointment:
    """Cancel a visit and free its time; without ``tell`` the client gets no mail about it.

    Raises ``NoLongerPossible``, ``NoticeTooShort`` or ``ChangedMeanwhile``.
    """
    latest = locked_latest(appointment)
    if by.kind == Event.ActorKind.STAFF and latest.status == Status.ARRIVED:
        raise AlreadyHere(latest)
    _refuse_unless_changeable(latest, by=by, spa=spa, now=now)
    before = standing(latest)
    change_status(latest, Status.CANCELLED, "cancelled", by=by, now=now, reason=reason)
    owing.drop_waiting(latest)
    if tell:
        owing.tell(latest, Message.Kind.CANCELLED, by=by, spa=spa, now=now)
    note_late_change(latest, before=before, by=by, spa=spa, now=now)
    return latest


@transaction.atomic
def decide_request(
    *,
    appointment: Appointment,
    granted: bool,
    by: Actor,
    spa: SpaProfile,
    now: datetime,
    note: str = "",
) -> Appointment:
    """Grant or decline a request for clearance.

    ``note`` is kept encrypted with the health check, where the desk does not see it again.
    Raises ``NoLongerPossible``, ``ChangedMeanwhile``, or ``HealthCheckNeeded`` where a request
    without a health check that holds is to be granted: nobody has said that the treatment is safe.
    """
    latest = locked_latest(appointment)
    if latest.status != Status.REQUESTED or (granted and latest.starts_at <= now):
        raise NoLongerPossible
    check = latest.health_check
    if granted and (check is None or not still_counts(check, on=latest.starts_at, spa=spa)):
        raise HealthCheckNeeded
    reviewed = {}
    if check is not None:
        reviewed["health_check_id"] = _review(check, granted=granted, by=by, now=now, note=note)
    owing.drop_waiting(latest)
    if granted:
        change_status(latest, Status.CONFIRMED, "granted", by=by, now=now, columns=reviewed)
        owing.tell(latest, Message.Kind.GRANTED, by=by, spa=spa, now=now)
        owing.owe_later(latest, spa=spa, now=now)
    else:
        before = standing(latest)
        change_status(latest, Status.DECLINED, "declined", by=by, now=now, columns=reviewed)
        owing.tell(latest, Message.Kind.DECLINED, by=by, spa=spa, now=now)
        note_late_change(latest, before=before, by=by, spa=spa, now=now)
    return latest


def _refuse_unless_changeable(
    appointment: Appointment, *, by: Actor, spa: SpaProfile, now: datetime
) -> None:
    if appointment.status not in CHANGEABLE:
        raise NoLongerPossible
    is_client = by.kind == Event.ActorKind.CLIENT
    if is_client and not may_client_change(appointment, spa=spa, now=now):
        raise NoticeTooShort


def refuse_if_stale(appointment: Appointment) -> None:
    """Raise ``ChangedMeanwhile`` where ``appointment`` is not the latest. Asks without a lock."""
    _refuse_other_sequence(appointment, _rows().get(pk=appointment.pk))


def locked_latest(appointment: Appointment) -> Appointment:
    """Return the row as it stands, locked with its place.

    Raises ``ChangedMeanwhile``, or ``ClientErased``: nobody is there to do it for any more.
    """
    lock_diary(therapists=[appointment.therapist_id], rooms=[appointment.room_id])
    latest = _rows().select_for_update(of=("self",), no_key=True).get(pk=appointment.pk)
    # Erasing counts as a change of the visit: where we have waited for it, we find it here.
    _refuse_other_sequence(appointment, latest)
    if latest.client is not None and latest.client.erased_at is not None:
        raise ClientErased
    return latest


def _rows() -> AppointmentQuerySet:
    return Appointment.objects.select_related(
        "client", "service", "option", "therapist", "room", "health_check"
    )


def _refuse_other_sequence(seen: Appointment, latest: Appointment) -> None:
    if latest.sequence != seen.sequence:
        raise ChangedMeanwhile(latest)


def _option_for(appointment: Appointment, minutes: int | None) -> ServiceOption:
    """The option that a visit of ``minutes`` has: its own, unless another is offered so long."""
    if minutes is None or minutes in (appointment.minutes, appointment.option.minutes):
        return appointment.option
    offered = appointment.service.options.filter(active=True, minutes=minutes)
    return offered.first() or appointment.option


def _move(
    appointment: Appointment, wish: Wish, place: Place, *, by: Actor, reason: str, tell: bool
) -> Appointment:
    latest = locked_latest(appointment)
    by_staff = by.kind == Event.ActorKind.STAFF
    if latest.status not in (PLACEABLE if by_staff else CHANGEABLE):
        raise NoLongerPossible
    if _is_there(latest, wish, place):
        return latest
    before = standing(latest)
    changes = replace_place(latest, wish, place)
    latest.sequence += 1
    latest.save()
    record(latest, "moved", by=by, now=wish.now, changes=changes, reason=reason)
    if moves_room_only(changes) or latest.status == Status.ARRIVED:
        # Nobody is told of a room before she comes, nor by mail while she is here.
        owing.follow(latest)
    else:
        _tell_of_move(latest, by=by, spa=wish.spa, now=wish.now, tell=tell)
    note_late_change(latest, before=before, by=by, spa=wish.spa, now=wish.now)
    return latest


def _is_there(appointment: Appointment, wish: Wish, place: Place) -> bool:
    return (
        appointment.starts_at == wish.starts_at
        and appointment.minutes == wish.length.visit
        and appointment.therapist_id == place.therapist.pk
        and (wish.room is None or appointment.room_id == wish.room.pk)
    )


def replace_place(appointment: Appointment, wish: Wish, place: Place) -> dict[str, Change]:
    """Put ``appointment`` where ``wish`` and ``place`` say; returns what changed, unsaved."""
    option, former = wish.option, appointment.option_id
    price = appointment.price if option.pk == former else option.price
    changes: dict[str, Change] = {
        "starts_at": (appointment.starts_at, wish.starts_at),
        "minutes": (appointment.minutes, wish.length.visit),
        "therapist": (appointment.therapist_id, place.therapist.pk),
        "room": (appointment.room_id, place.room.pk),
        "option": (former, option.pk),
        "price": (appointment.price, price),
    }
    appointment.therapist, appointment.room = place.therapist, place.room
    appointment.option, appointment.price = option, price
    for name, value in wish.times.items():
        setattr(appointment, name, value)
    return {name: pair for name, pair in changes.items() if pair[0] != pair[1]}


def moves_room_only(changes: Mapping[str, Any]) -> bool:
    """Whether a move is none for the client: the same time with the same person."""
    return set(changes) == {"room"}


def _tell_of_move(
    appointment: Appointment, *, by: Actor, spa: SpaProfile, now: datetime, tell: bool
) -> None:
    if tell:
        owing.drop_waiting(appointment)
        owing.tell(appointment, Message.Kind.CHANGED, by=by, spa=spa, now=now)
    else:
        owing.carry_over(appointment, now=now)
    owing.owe_later(appointment, spa=spa, now=now)


def _review(check: HealthCheck, *, granted: bool, by: Actor, now: datetime, note: str) -> int:
    """Keep the decision; returns the key of the check that holds it, of this visit alone.

    One that other visits share, or that has been decided upon, stays as it is for the undo.
    """
    if check.review or check.appointments.count() > 1:
        check = copy_of(check)
    check.review = HealthCheck.Review.GRANTED if granted else HealthCheck.Review.DECLINED
    check.reviewed_by = by.user
    check.reviewed_at = now
    check.review_note = note
    check.save(update_fields=["review", "reviewed_by", "reviewed_at", "review_note"])
    return check.pk


def change_status(
    appointment: Appointment,
    status: Appointment.Status,
    kind: str,
    *,
    by: Actor,
    now: datetime,
    reason: str = "",
    columns: Mapping[str, Any] | None = None,
) -> None:
    """Save and record a new status; ``columns`` are others that change with it."""
    changes: dict[str, Change] = {"status": (appointment.status, status.value)}
    columns = columns or {}
    for name, value in columns.items():
        changes[name] = (getattr(appointment, name), value)
        setattr(appointment, name, value)
    appointment.status = status
    appointment.sequence += 1
    appointment.save(update_fields=["status", "sequence", *columns])
    record(appointment, kind, by=by, now=now, changes=changes, reason=reason)
