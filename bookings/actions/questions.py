"""Asking again: what becomes of coming visits when the questions of the health check change."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from bookings.actions import owing
from bookings.actions.events import Actor
from bookings.actions.placing import lock_diary
from bookings.models import Appointment, Event, HealthCheck, Therapist
from bookings.questions import ahead, outdated


@transaction.atomic
def ask_again(*, versions: Mapping[int, str], by: Actor, now: datetime) -> int:
    """Mark the coming visits whose answers are to other ``versions`` of the questions.

    ``versions`` maps treatments to the version of their questions, as saved in this transaction.
    The answers are kept, since they still say what to leave out, but their verdict counts no
    more. A visit whose questions are again those that were answered is no longer marked. Returns
    how many visits were marked.
    """
    # A booking checks the questions under these locks: it comes before this or asks the new ones.
    lock_diary(therapists=Therapist.objects.values_list("pk", flat=True), rooms=[])
    visits = list(outdated(versions, now=now).values_list("pk", "health_check_id"))
    _mark([check for _visit, check in visits], now=now)
    Event.objects.bulk_create(
        Event(
            appointment_id=visit,
            at=now,
            actor_kind=by.kind,
            actor=by.user,
            kind="health_asked_again",
        )
        for visit, _check in visits
    )
    _lift_marks(versions, now=now)
    marked = Appointment.objects.filter(pk__in=[visit for visit, _check in visits])
    owing.catch_up_questions(marked, now=now)
    return len(visits)


def _mark(checks: list[int], *, now: datetime) -> None:
    locked = HealthCheck.objects.select_for_update(no_key=True).filter(pk__in=checks)
    keys = list(locked.order_by("pk").values_list("pk", flat=True))
    HealthCheck.objects.filter(pk__in=keys).update(asked_again_at=now)


def _lift_marks(versions: Mapping[int, str], *, now: datetime) -> None:
    marked = ahead(now=now).filter(health_check__asked_again_at__isnull=False)
    rows = marked.values_list("health_check_id", "service_id", "health_check__questions_version")
    answered = [check for check, service, version in rows if versions.get(service) == version]
    HealthCheck.objects.filter(pk__in=answered).update(asked_again_at=None)
