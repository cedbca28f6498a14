"""That a therapist is ready for her next client."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from bookings.actions.errors import NoLongerPossible
from bookings.actions.events import Actor
from bookings.actions.placing import lock_diary
from bookings.actions.visits import mark_completed
from bookings.models import Appointment, Therapist


@transaction.atomic
def say_ready(
    *, therapist: Therapist, by: Actor, now: datetime, finished: Appointment | None = None
) -> None:
    """Tell the desk that ``therapist`` can take the next client.

    ``finished`` is the treatment that she ends with it. Raises ``NoLongerPossible``, or
    ``ChangedMeanwhile`` where ``finished`` is not the latest.
    """
    # The therapist first, as everywhere: the step locks her again, and then the visit.
    lock_diary(therapists=[therapist.pk], rooms=[])
    if finished is not None:
        if finished.therapist_id != therapist.pk:
            raise NoLongerPossible
        mark_completed(appointment=finished, by=by, now=now)
    Therapist.objects.filter(pk=therapist.pk).update(ready_since=now)


def say_not_ready(*, therapist: Therapist) -> None:
    """Take back that ``therapist`` can take the next client."""
    Therapist.objects.filter(pk=therapist.pk).update(ready_since=None)


def ready_since(
    therapist: Therapist, visits: Iterable[Appointment], now: datetime
) -> datetime | None:
    """Since when ``therapist`` waits for her next client, or ``None``.

    It ends with the day, and with the arrival or the start of any of her visits after it.
    ``visits`` are those of the present day, be it everybody's. Nothing is written for that, so a
    step that is taken back takes nothing along.
    """
    since = therapist.ready_since
    if since is None or timezone.localtime(since).date() != timezone.localtime(now).date():
        return None
    own = (one for one in visits if one.therapist_id == therapist.pk)
    moments = (moment for one in own for moment in (one.arrived_at, one.started_at) if moment)
    return None if any(moment > since for moment in moments) else since
