"""What stands in the way of a time off, and its days and hours in words. Reads only."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from bookings.actions.changes import CHANGEABLE
from bookings.cards import Card, shown
from bookings.models import Appointment, TimeOff
from bookings.words import clock_time, days_in_words, full_day, moment_in_words, span_in_words


@dataclass(frozen=True)
class Clash:
    """The visits that stand in a time off, and the holds that may become visits."""

    visits: list[Card]
    holds: list[Card]

    @property
    def references(self) -> set[str]:
        """The references of the visits."""
        return {card.appointment.reference for card in self.visits}


def clash_of(off: TimeOff, *, now: datetime) -> Clash:
    """Return what stands in ``off``, saved or not, the first leading; one query."""
    held = Q(status=Appointment.Status.HELD, hold_expires_at__gt=now)
    rows = shown().filter(
        held | Q(status__in=CHANGEABLE), starts_at__lt=off.ends_at, ends_at__gt=off.starts_at
    )
    if off.therapist_id is not None:
        rows = rows.filter(therapist=off.therapist_id)
    cards = [Card(row, now) for row in rows]
    return Clash(
        visits=[card for card in cards if card.is_to_move(off)],
        holds=[card for card in cards if card.appointment.status == Appointment.Status.HELD],
    )


def visits_to_move(off: TimeOff, *, now: datetime) -> list[Card]:
    """Return the visits that stand in ``off``, the first leading; one query."""
    return clash_of(off, now=now).visits


def when_in_words(starts_at: datetime, ends_at: datetime, today: date) -> str:
    """Tuesday 24 November, 15:00 – 17:00; days alone where whole days are meant.

    Both times are in the spa's zone.
    """
    if is_whole_days(starts_at, ends_at):
        return days_in_words(starts_at, ends_at, today)
    if starts_at.date() == ends_at.date():
        return span_in_words(starts_at, ends_at, today)
    if ends_at.time() == time.min and ends_at.date() - starts_at.date() == timedelta(days=1):
        day, clock = full_day(starts_at.date(), today), clock_time(starts_at)
        return _("%(day)s, from %(time)s") % {"day": day, "time": clock}
    return _("%(starts)s – %(ends)s") % {
        "starts": moment_in_words(starts_at, today),
        "ends": moment_in_words(ends_at, today),
    }


def is_whole_days(starts_at: datetime, ends_at: datetime) -> bool:
    """Whether a time runs from midnight to midnight."""
    return starts_at.time() == ends_at.time() == time.min
