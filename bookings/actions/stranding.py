"""Visits that a change of the house leaves without a place: listed first, and never forgotten.

Whoever changes hours, closes, or switches somebody off does it under the locks that bookings take:
a booking at the same moment is either listed here or refused there.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.actions.errors import BookingError, ChangedMeanwhile, NoLongerPossible, ReasonNeeded
from bookings.actions.events import Actor, record
from bookings.house import MOVABLE, coming_visits, the_house
from bookings.models import Appointment, Event
from bookings.standing import House, Why, newly_unfit
from services.models import SpaProfile

Reasons = Mapping[str, frozenset[Why]]
Change = Callable[[House], House]
KIND = "stranded"
KEPT = "kept"


class VisitsStranded(BookingError):
    """The change would leave visits without a place; ``reasons`` tells which and why.

    It is made all the same by whoever has seen them and says so.
    """

    def __init__(self, reasons: Reasons) -> None:
        super().__init__()
        self.reasons = reasons

    @property
    def message(self) -> str:
        count = len(self.reasons)
        words = ngettext(
            "%(count)d booked visit would be left without a place.",
            "%(count)d booked visits would be left without a place.",
            count,
        )
        return words % {"count": count}


class HoursChanged(BookingError):
    """Somebody else changed the hours after the page was shown."""

    @property
    def message(self) -> str:
        return _(
            "Somebody else changed these hours in the meantime. Nothing was saved; what you typed"
            " is still here. Please compare, and save again if it still holds."
        )


def stranded_by(change: Change, *, spa: SpaProfile, now: datetime) -> Reasons:
    """Return the visits that ``change`` would leave without a place, by reference; seven queries.

    To hold until something is written, it is asked under the locks of the diary.
    """
    before = the_house(spa=spa, now=now)
    return newly_unfit(coming_visits(now=now), before, change(before))


def accept_stranding(
    change: Change,
    *,
    agreed: Collection[str] | None,
    by: Actor,
    spa: SpaProfile,
    now: datetime,
) -> Reasons:
    """Keep on each visit that ``change`` leaves it without a place; returns them.

    Raises ``VisitsStranded`` where one of them is not among the references ``agreed`` to;
    ``None`` agrees to all. Meant to be called under the locks, before the change is written.
    """
    reasons = stranded_by(change, spa=spa, now=now)
    if agreed is not None and not set(reasons) <= set(agreed):
        raise VisitsStranded(reasons)
    keep_stranding(reasons, by=by, now=now)
    return reasons


def keep_stranding(reasons: Reasons, *, by: Actor, now: datetime) -> None:
    """Write on each visit that it was left without a place, and why."""
    keys = dict(
        Appointment.objects.filter(reference__in=reasons).values_list("reference", "pk").order_by()
    )
    Event.objects.bulk_create(
        Event(
            appointment_id=keys[reference],
            at=now,
            actor_kind=by.kind,
            actor=by.user,
            kind=KIND,
            changes={"why": ["", " ".join(sorted(why))]},
        )
        for reference, why in reasons.items()
    )


@transaction.atomic
def keep_in_place(
    *, appointment: Appointment, seen: int, reason: str, by: Actor, now: datetime
) -> Appointment:
    """Let a visit that was left without a place stay there, for a ``reason``.

    ``seen`` is its sequence when that was decided. Raises ``ReasonNeeded``, ``ChangedMeanwhile``,
    or ``NoLongerPossible`` where it is not to come any more.
    """
    if not reason.strip():
        raise ReasonNeeded([])
    latest = Appointment.objects.select_for_update(no_key=True, of=("self",)).get(pk=appointment.pk)
    if latest.status not in MOVABLE:
        raise NoLongerPossible
    if latest.sequence != seen:
        raise ChangedMeanwhile(latest)
    record(latest, KEPT, by=by, now=now, reason=reason.strip())
    return latest
