"""How many times one address may hold at once: nobody can keep the whole calendar from others."""

from datetime import datetime

from bookings import limits
from bookings.actions.errors import TooManyHolds
from bookings.actions.wishes import Place, Wish
from bookings.models import Appointment


def refuse_too_many(place: Place, wish: Wish) -> None:
    """Raise ``TooManyHolds`` where the holder may not hold one more time, or none at ``place``.

    Meant to be asked under the locks of ``place`` and of the holder: two holds of one address at
    once would both find room for one more.
    """
    if not wish.holder:
        return
    held = Appointment.objects.blocking(wish.now).filter(
        status=Appointment.Status.HELD, held_by=wish.holder
    )
    rows = list(held.order_by("hold_expires_at"))
    if len(rows) >= limits.HELD_BY_ADDRESS:
        raise TooManyHolds(_lapse_of(rows[0]))
    of_the_day = [
        hold
        for hold in rows
        if hold.therapist_id == place.therapist.pk
        and hold.starts_at.astimezone(wish.spa.zone).date() == wish.day
    ]
    if len(of_the_day) >= limits.HELD_OF_ONE_DAY:
        raise TooManyHolds(_lapse_of(of_the_day[0]))


def _lapse_of(hold: Appointment) -> datetime:
    assert hold.hold_expires_at is not None
    return hold.hold_expires_at
