"""What happens to a booked visit before it begins: move, cancel, decide."""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from bookings.actions import outbox
from bookings.actions.errors import (
    ChangedMeanwhile,
    HealthCheckNeeded,
    NoLongerPossible,
    NoticeTooShort,
)
from bookings.actions.events import Actor, record
from bookings.actions.health import is_just_given
from bookings.actions.placing import Place, Wish, at_best_place, lock_diary
from bookings.models import Appointment, Event, HealthCheck, Message, Therapist
from bookings.queries import rules_for
from services.models import SpaProfile
from services.screening import questions_version

Status = Appointment.Status
CHANGEABLE = (Status.REQUESTED, Status.CONFIRMED)


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
    if check is None:
        return False
    valid = timedelta(days=spa.health_check_valid_days)
    return on - check.affirmed_at <= valid and check.questions_version == questions_version(
        rules_for(appointment.service)
    )


def reschedule_appointment(
    *,
    appointment: Appointment,
    starts_at: datetime,
    by: Actor,
    spa: SpaProfile,
    now: datetime,
    therapist: Therapist | None = None,
) -> Appointment:
    """Move a visit; ``therapist`` of ``None`` means any, the present one first.

    The staff is not bound to the notice that clients keep. Raises ``NoLongerPossible``,
    ``NoticeTooShort``, ``HealthCheckNeeded`` where the answers have grown stale,
    ``ChangedMeanwhile`` where ``appointment`` is not the latest, or ``TimeTaken``.
    """
    _refuse_unless_changeable(appointment, by=by, spa=spa, now=now)
    if by.kind == Event.ActorKind.CLIENT and not check_still_holds(
        appointment, on=starts_at, spa=spa, now=now
    ):
        raise HealthCheckNeeded
    wish = Wish(
        service=appointment.service,
        option=appointment.option,
        starts_at=starts_at.astimezone(UTC),
        spa=spa,
        now=now,
        therapist=therapist,
        preferred=appointment.therapist,
        moving=appointment,
        earliest=None if by.kind == Event.ActorKind.CLIENT else now,
    )

    def write(place: Place) -> Appointment:
        return _move(appointment, wish, place, by=by)

    return at_best_place(wish, write)


@transaction.atomic
def cancel_appointment(
    *, appointment: Appointment, by: Actor, spa: SpaProfile, now: datetime, reason: str = ""
) -> Appointment:
    """Cancel a visit and free its time; raises ``NoLongerPossible`` or ``NoticeTooShort``."""
    latest = locked_latest(appointment)
    _refuse_unless_changeable(latest, by=by, spa=spa, now=now)
    change_status(latest, Status.CANCELLED, "cancelled", by=by, now=now, reason=reason)
    outbox.drop_waiting(latest)
    outbox.owe(latest, Message.Kind.CANCELLED, due_at=now)
    outbox.nudge()
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
    without a health check is to be granted: nobody has said that the treatment is safe.
    """
    latest = locked_latest(appointment)
    if latest.status != Status.REQUESTED or (granted and latest.starts_at <= now):
        raise NoLongerPossible
    if granted and latest.health_check is None:
        raise HealthCheckNeeded
    if latest.health_check is not None:
        _review(latest.health_check, granted=granted, by=by, now=now, note=note)
    outbox.drop_waiting(latest)
    if granted:
        change_status(latest, Status.CONFIRMED, "granted", by=by, now=now)
        outbox.owe(latest, Message.Kind.GRANTED, due_at=now)
        outbox.owe_reminders(latest, spa=spa, now=now)
    else:
        change_status(latest, Status.DECLINED, "declined", by=by, now=now)
        outbox.owe(latest, Message.Kind.DECLINED, due_at=now)
    outbox.nudge()
    return latest


@transaction.atomic
def renew_health_check(
    *, appointment: Appointment, check: HealthCheck, by: Actor, now: datetime
) -> Appointment:
    """Put a newly answered check in the place of the one that a visit had.

    Where it needs a clearance, a confirmed visit becomes a request again. Raises
    ``NoLongerPossible``, ``ChangedMeanwhile``, or ``HealthCheckNeeded`` where the check is for
    another treatment, was not just given, or answers other questions than today's.
    """
    latest = locked_latest(appointment)
    if latest.status not in CHANGEABLE:
        raise NoLongerPossible
    if not is_just_given(check, service=latest.service, now=now):
        raise HealthCheckNeeded
    _replace_check(latest, check, "health_renewed", by=by, now=now)
    if check.outcome == HealthCheck.Outcome.CLEARANCE and latest.status == Status.CONFIRMED:
        change_status(latest, Status.REQUESTED, "requested", by=by, now=now)
        outbox.drop_waiting(latest)
        outbox.owe(latest, Message.Kind.REQUEST_RECEIVED, due_at=now)
        outbox.nudge()
    return latest


@transaction.atomic
def withdraw_health_check(*, appointment: Appointment, by: Actor, now: datetime) -> Appointment:
    """Take the passing check from a visit whose client has just answered "stop" or "urgent".

    What she answered is not kept. Without a check she cannot move the visit, and staff see that
    somebody has to talk to her. Raises ``NoLongerPossible`` or ``ChangedMeanwhile``.
    """
    latest = locked_latest(appointment)
    if latest.status not in CHANGEABLE:
        raise NoLongerPossible
    _replace_check(latest, None, "health_withdrawn", by=by, now=now)
    return latest


def _replace_check(
    appointment: Appointment, check: HealthCheck | None, kind: str, *, by: Actor, now: datetime
) -> None:
    # A new sequence: a desk that still looks at the old answers must not decide upon the new ones.
    appointment.health_check = check
    appointment.sequence += 1
    appointment.save(update_fields=["health_check", "sequence"])
    record(appointment, kind, by=by, now=now)
    outbox.follow(appointment)


def _refuse_unless_changeable(
    appointment: Appointment, *, by: Actor, spa: SpaProfile, now: datetime
) -> None:
    if appointment.status not in CHANGEABLE:
        raise NoLongerPossible
    is_client = by.kind == Event.ActorKind.CLIENT
    if is_client and not may_client_change(appointment, spa=spa, now=now):
        raise NoticeTooShort


def locked_latest(appointment: Appointment) -> Appointment:
    lock_diary(therapists=[appointment.therapist_id], rooms=[appointment.room_id])
    rows = Appointment.objects.select_related("client", "service", "health_check")
    latest = rows.select_for_update(of=("self",), no_key=True).get(pk=appointment.pk)
    if latest.sequence != appointment.sequence:
        raise ChangedMeanwhile
    return latest


def _move(appointment: Appointment, wish: Wish, place: Place, *, by: Actor) -> Appointment:
    latest = locked_latest(appointment)
    if latest.status not in CHANGEABLE:
        raise NoLongerPossible
    changes = {
        "starts_at": (latest.starts_at, wish.starts_at),
        "therapist": (latest.therapist_id, place.therapist.pk),
        "room": (latest.room_id, place.room.pk),
    }
    if latest.starts_at == wish.starts_at and latest.therapist_id == place.therapist.pk:
        return latest
    latest.therapist, latest.room = place.therapist, place.room
    for name, value in wish.times.items():
        setattr(latest, name, value)
    latest.sequence += 1
    latest.save()
    record(latest, "moved", by=by, now=wish.now, changes=changes)
    _tell_of_move(latest, spa=wish.spa, now=wish.now)
    return latest


def _tell_of_move(appointment: Appointment, *, spa: SpaProfile, now: datetime) -> None:
    outbox.drop_waiting(appointment)
    outbox.owe(appointment, Message.Kind.CHANGED, due_at=now)
    if appointment.status == Status.CONFIRMED:
        outbox.owe_reminders(appointment, spa=spa, now=now)
    outbox.nudge()


def _review(check: HealthCheck, *, granted: bool, by: Actor, now: datetime, note: str) -> None:
    check.review = HealthCheck.Review.GRANTED if granted else HealthCheck.Review.DECLINED
    check.reviewed_by = by.user
    check.reviewed_at = now
    check.review_note = note
    check.save(update_fields=["review", "reviewed_by", "reviewed_at", "review_note"])


def change_status(
    appointment: Appointment,
    status: Appointment.Status,
    kind: str,
    *,
    by: Actor,
    now: datetime,
    reason: str = "",
) -> None:
    before = appointment.status
    appointment.status = status
    appointment.sequence += 1
    appointment.save(update_fields=["status", "sequence"])
    changes = {"status": (before, status.value)}
    record(appointment, kind, by=by, now=now, changes=changes, reason=reason)
