"""Taking back a step of the visit's day without touching anything else."""

from datetime import datetime

from bookings.actions.events import ASIDE, Actor
from bookings.actions.undo import STEPS, undo_change
from bookings.actions.visits import mark_expected
from bookings.models import Appointment
from services.models import SpaProfile


def take_back_step(
    *, appointment: Appointment, by: Actor, spa: SpaProfile, now: datetime
) -> Appointment:
    """Take back the latest step: completed leads back to begun, begun to here, here to expected.

    Where the desk has changed something else since, that stays, and the client is expected again.
    Raises ``NoLongerPossible``, ``ChangedMeanwhile`` or ``TimeTaken``.
    """
    changes = appointment.events.exclude(kind__in=ASIDE).order_by("-pk")
    latest = changes.values_list("kind", flat=True).first()
    take_back = undo_change if latest in STEPS else mark_expected
    return take_back(appointment=appointment, by=by, spa=spa, now=now)
