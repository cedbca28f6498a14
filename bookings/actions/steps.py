"""Taking back a step of the visit's day without touching anything else."""

from datetime import datetime

from bookings.actions.events import Actor
from bookings.actions.undo import STEPS, latest_change, undo_change
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
    latest = latest_change(appointment)
    is_step = latest is not None and latest.kind in STEPS
    take_back = undo_change if is_step else mark_expected
    return take_back(appointment=appointment, by=by, spa=spa, now=now)
