"""The day of the visit: arrived, completed, did not come, and back again."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from bookings.actions import outbox
from bookings.actions.changes import change_status, locked_latest
from bookings.actions.errors import NoLongerPossible
from bookings.actions.events import Actor
from bookings.actions.placing import Place, Wish, clear_lapsed_holds, without_overlap
from bookings.models import Appointment
from services.models import SpaProfile

Status = Appointment.Status


def may_arrive(appointment: Appointment, now: datetime) -> bool:
    """Whether the client may be marked as arrived: on the day of a confirmed visit, and later.

    Days are those of the active time zone.
    """
    today = timezone.localtime(now).date()
    return appointment.status == Status.CONFIRMED and appointment.starts_local.date() <= today


def mark_arrived(*, appointment: Appointment, by: Actor, now: datetime) -> Appointment:
    """The client is here; raises ``NoLongerPossible`` unless ``may_arrive``."""
    if not may_arrive(appointment, now):
        raise NoLongerPossible
    return _step(appointment, Status.ARRIVED, {Status.CONFIRMED}, by=by, now=now)


def mark_completed(*, appointment: Appointment, by: Actor, now: datetime) -> Appointment:
    """The treatment was given; raises ``NoLongerPossible`` before its start."""
    _refuse_before_start(appointment, now)
    return _step(appointment, Status.COMPLETED, {Status.CONFIRMED, Status.ARRIVED}, by=by, now=now)


def mark_no_show(*, appointment: Appointment, by: Actor, now: datetime) -> Appointment:
    """The client did not come; raises ``NoLongerPossible`` before the visit's start."""
    _refuse_before_start(appointment, now)
    return _step(appointment, Status.NO_SHOW, {Status.CONFIRMED}, by=by, now=now)


@transaction.atomic
def mark_expected(
    *, appointment: Appointment, by: Actor, spa: SpaProfile, now: datetime
) -> Appointment:
    """Take back arrived, completed or did not come; the visit is confirmed again.

    Raises ``NoLongerPossible``, or ``TimeTaken`` where somebody else has the time by now.
    """
    latest = locked_latest(appointment)
    if latest.status not in (Status.ARRIVED, Status.COMPLETED, Status.NO_SHOW):
        raise NoLongerPossible
    place = Place(latest.therapist, latest.room)
    wish = Wish(
        latest.service,
        latest.option,
        latest.starts_at,
        spa,
        now,
        therapist=latest.therapist,
        moving=latest,
    )
    clear_lapsed_holds(wish, place)

    def write() -> Appointment:
        change_status(latest, Status.CONFIRMED, "expected_again", by=by, now=now)
        return latest

    without_overlap(wish, write)
    outbox.follow(latest)
    outbox.owe_reminders(latest, spa=spa, now=now)
    return latest


@transaction.atomic
def _step(
    appointment: Appointment,
    status: Appointment.Status,
    allowed: set[Appointment.Status],
    *,
    by: Actor,
    now: datetime,
) -> Appointment:
    latest = locked_latest(appointment)
    if latest.status not in allowed:
        raise NoLongerPossible
    change_status(latest, status, status.value, by=by, now=now)
    outbox.follow(latest)
    return latest


def _refuse_before_start(appointment: Appointment, now: datetime) -> None:
    if now < appointment.starts_at:
        raise NoLongerPossible
