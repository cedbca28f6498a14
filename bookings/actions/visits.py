"""The day of the visit: arrived, begun, completed, did not come, and back again."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from bookings.actions import owing
from bookings.actions.changes import change_status, locked_latest
from bookings.actions.errors import NoLongerPossible
from bookings.actions.events import Actor
from bookings.actions.placing import clear_lapsed_holds, without_overlap
from bookings.actions.wishes import Place, Wish
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
    return _step(
        appointment, Status.ARRIVED, may_arrive, by=by, now=now, moments={"arrived_at": now}
    )


@transaction.atomic
def start_treatment(*, appointment: Appointment, by: Actor, now: datetime) -> Appointment:
    """The treatment begins; who was not marked as arrived is by now.

    Raises ``NoLongerPossible`` unless the client is here or ``may_arrive``, and where the
    treatment has begun already.
    """
    latest = locked_latest(appointment)
    is_here = latest.status == Status.ARRIVED and latest.started_at is None
    if not is_here and not may_arrive(latest, now):
        raise NoLongerPossible
    moments = {"arrived_at": latest.arrived_at or now, "started_at": now}
    change_status(latest, Status.ARRIVED, "started", by=by, now=now, columns=moments)
    owing.follow(latest)
    return latest


def mark_completed(*, appointment: Appointment, by: Actor, now: datetime) -> Appointment:
    """The treatment was given; raises ``NoLongerPossible`` before its start."""
    return _step(appointment, Status.COMPLETED, _may_complete, by=by, now=now)


def mark_no_show(*, appointment: Appointment, by: Actor, now: datetime) -> Appointment:
    """The client did not come; raises ``NoLongerPossible`` before the visit's start."""
    return _step(appointment, Status.NO_SHOW, _may_miss, by=by, now=now)


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
    wish = Wish(
        latest.service,
        latest.option,
        latest.starts_at,
        spa,
        now,
        therapist=latest.therapist,
        moving=latest,
        minutes=latest.minutes,
    )
    clear_lapsed_holds(wish, Place(latest.therapist, latest.room))

    def write() -> Appointment:
        change_status(
            latest,
            Status.CONFIRMED,
            "expected_again",
            by=by,
            now=now,
            columns={"arrived_at": None, "started_at": None},
        )
        return latest

    without_overlap(wish, write)
    owing.follow(latest)
    owing.owe_later(latest, spa=spa, now=now)
    return latest


@transaction.atomic
def _step(
    appointment: Appointment,
    status: Appointment.Status,
    is_possible: Callable[[Appointment, datetime], bool],
    *,
    by: Actor,
    now: datetime,
    moments: Mapping[str, datetime | None] | None = None,
) -> Appointment:
    # First of all whether the page was stale: that is what somebody who was second is told.
    latest = locked_latest(appointment)
    if not is_possible(latest, now):
        raise NoLongerPossible
    change_status(latest, status, status.value, by=by, now=now, columns=moments)
    owing.follow(latest)
    return latest


def _may_complete(appointment: Appointment, now: datetime) -> bool:
    begun = appointment.starts_at <= now
    return begun and appointment.status in (Status.CONFIRMED, Status.ARRIVED)


def _may_miss(appointment: Appointment, now: datetime) -> bool:
    return appointment.starts_at <= now and appointment.status == Status.CONFIRMED
