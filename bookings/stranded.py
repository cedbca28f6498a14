"""The visits that were left without a place, until each is solved. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from bookings.actions.stranding import KEPT, KIND, Reasons
from bookings.cards import Card, shown
from bookings.house import coming_visits, the_house
from bookings.models import Event
from bookings.standing import Why, unfit
from bookings.words import hours_in_words
from services.models import SpaProfile

# With a reason the desk may place a visit against these, and against these alone.
WAIVABLE = frozenset({Why.HOURS, Why.OFF, Why.CLOSED})
# The latest of these tells whether a visit stands where it stands on purpose.
TELLING = ("booked", "requested", "moved", KEPT, KIND)


@dataclass(frozen=True)
class Stranded:
    """One visit and what is in its way."""

    card: Card
    why: frozenset[Why]

    @property
    def day(self) -> date:
        """The local day on which it starts."""
        return self.card.starts_at.date()

    @property
    def hours(self) -> str:
        """10:15 – 11:15."""
        return hours_in_words(self.card.starts_at, self.card.ends_at)

    @property
    def reasons(self) -> list[str]:
        """What is in the way, in whole sentences, the plainest first."""
        visit = self.card.appointment
        words = _sentences()
        names = {"therapist": visit.therapist, "room": visit.room, "service": visit.service}
        return [words[why] % names for why in Why if why in self.why]


def stranded_visits(*, spa: SpaProfile, now: datetime) -> list[Stranded]:
    """Return the visits to come that stand where they cannot be given, the first leading.

    Nine queries, whatever their number. What the desk placed there with a reason is left out,
    until another change is in its way.
    """
    return stranded_of(_open(spa, now), now=now)


def how_many_stranded(*, spa: SpaProfile, now: datetime) -> int:
    """Return how many there are, in at most eight queries."""
    return len(_open(spa, now))


def stranded_of(reasons: Reasons, *, now: datetime) -> list[Stranded]:
    """Return the visits with the references of ``reasons``, the first leading; one query."""
    if not reasons:
        return []
    rows = shown().filter(reference__in=reasons).order_by("starts_at", "pk")
    return [Stranded(Card(row, now), reasons[row.reference]) for row in rows]


def by_day(visits: Iterable[Stranded]) -> list[tuple[date, list[Stranded]]]:
    """Return visits, in the order of their starts, by local day."""
    found: dict[date, list[Stranded]] = {}
    for visit in visits:
        found.setdefault(visit.day, []).append(visit)
    return list(found.items())


def _open(spa: SpaProfile, now: datetime) -> Reasons:
    reasons = unfit(coming_visits(now=now), the_house(spa=spa, now=now))
    meant = _meant(reasons) if reasons else {}
    left = {one: why - meant.get(one, frozenset()) for one, why in reasons.items()}
    return {one: why for one, why in left.items() if why}


def _meant(reasons: Reasons) -> dict[str, frozenset[Why]]:
    """What visits were placed against with a reason; one query."""
    rows = (
        Event.objects.filter(appointment__reference__in=reasons, kind__in=TELLING)
        .order_by("appointment_id", "-at", "-pk")
        .distinct("appointment_id")
        .values_list("appointment__reference", "kind", "reason")
    )
    found = {}
    for reference, kind, reason in rows:
        if kind == KEPT:
            found[reference] = frozenset(Why)
        elif kind != KIND and reason:
            found[reference] = WAIVABLE
    return found


def _sentences() -> dict[Why, str]:
    return {
        Why.HOURS: _("Outside the hours of %(therapist)s."),
        Why.OFF: _("%(therapist)s is off."),
        Why.CLOSED: _("The spa is closed."),
        Why.NOT_TAKING: _("%(therapist)s takes no appointments."),
        Why.NOT_GIVING: _("%(therapist)s does not give %(service)s."),
        Why.ROOM_SHUT: _("%(room)s is not in use."),
        Why.ROOM_UNSUITED: _("%(room)s does not suit %(service)s."),
    }
