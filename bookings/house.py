"""The house as it stands and the visits that are booked into it, as plain values. Reads only."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from bookings.availability import Span
from bookings.models import Appointment, Room, Therapist, TimeOff
from bookings.queries import hours_of
from bookings.standing import Absence, Booked, House
from services.models import SpaProfile

# Those of which somebody can be told to come at another time.
MOVABLE = (Appointment.Status.REQUESTED, Appointment.Status.CONFIRMED)


def the_house(*, spa: SpaProfile, now: datetime) -> House:
    """Return who works when from ``now`` on, and what therapists and rooms take; six queries."""
    therapists = dict(Therapist.objects.values_list("pk", "active"))
    rooms = dict(Room.objects.values_list("pk", "active"))
    gives = _treatments(Therapist.services.through.objects.values_list("therapist", "service"))
    suits = _treatments(Room.services.through.objects.values_list("room", "service"))
    absences = TimeOff.objects.filter(ends_at__gt=now).values_list(
        "therapist_id", "starts_at", "ends_at", "pk"
    )
    return House(
        zone=spa.zone,
        hours=hours_of(list(therapists)),
        absences=[Absence(who, Span(starts, ends), key) for who, starts, ends, key in absences],
        gives={pk: frozenset(gives[pk]) for pk, active in therapists.items() if active},
        suits={pk: frozenset(suits[pk]) for pk, active in rooms.items() if active},
    )


def coming_visits(*, now: datetime) -> list[Booked]:
    """Return the visits that are booked and not over; one query."""
    rows = Appointment.objects.filter(status__in=MOVABLE, ends_at__gt=now).values_list(
        "reference", "therapist_id", "room_id", "service_id", "busy_from", "busy_until"
    )
    return [Booked(*row[:4], Span(*row[4:])) for row in rows.order_by("starts_at", "pk")]


def _treatments(pairs: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for key, service in pairs:
        found[key].add(service)
    return found
