"""When mail may go out of the spa's own accord."""

from datetime import datetime, timedelta

from bookings.actions.events import Actor
from bookings.models import Event
from bookings.timing import TO_ACT, QuietHours
from services.models import SpaProfile

# Mail about what the staff did waits as long as the undo is at hand: a slip that is taken back at
# once is never heard of.
MAIL_GRACE = timedelta(seconds=60)


def quiet_hours(spa: SpaProfile) -> QuietHours:
    """The hours in which the spa writes to nobody of its own accord."""
    return QuietHours(spa.quiet_from, spa.quiet_until, spa.zone)


def grace_of(by: Actor) -> timedelta:
    """How long mail waits about what ``by`` did."""
    return MAIL_GRACE if by.kind == Event.ActorKind.STAFF else timedelta(0)


def awake(at: datetime, *, before: datetime, spa: SpaProfile) -> tuple[datetime, bool]:
    """When news due ``at`` go out that are needed ``before`` then, and whether at any hour.

    They wait out the quiet hours, unless it would then be too late to act upon them.
    """
    morning = quiet_hours(spa).wait_out(at)
    urgent = morning > at and morning > before - TO_ACT
    return (at if urgent else morning), urgent
