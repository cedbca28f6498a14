"""Who works here and when, what is given and where, as the desk's pages tell it. Reads only.

Kept by the process as long as it is true (``services.memory``). What is kept is shared by all
requests: nobody may change it, nor read through it what was not kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bookings.availability import Hours
from bookings.models import Appointment, Room, Therapist, TimeOff
from bookings.queries import hours_of
from services.memory import remembered
from services.models import Service


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody and every room in the order of the house; the rest by primary key."""

    therapists: Sequence[Therapist]
    rooms: Sequence[Room]
    hours: Mapping[int, Sequence[Hours]]
    therapists_by_key: Mapping[int, Therapist]
    rooms_by_key: Mapping[int, Room]
    services_by_key: Mapping[int, Service]

    def name_all(self, visit: Appointment) -> None:
        """Hand ``visit`` its therapist, room and treatment; one that is new here is read later."""
        known = visit._state.fields_cache
        for name, key, rows in (
            ("therapist", visit.therapist_id, self.therapists_by_key),
            ("room", visit.room_id, self.rooms_by_key),
            ("service", visit.service_id, self.services_by_key),
        ):
            if key in rows:
                known[name] = rows[key]


def the_roster() -> Roster:
    """Return the roster; four queries where it is not remembered."""
    return remembered("roster", _read)


def absences_between(start: datetime, end: datetime) -> list[TimeOff]:
    """Return the time off that touches ``start``–``end``, the earliest leading; one query."""
    return remembered(("absences", start, end), partial(_absences, start, end))


def _read() -> Roster:
    therapists, rooms = list(Therapist.objects.all()), list(Room.objects.all())
    return Roster(
        therapists=therapists,
        rooms=rooms,
        hours=dict(hours_of([one.pk for one in therapists])),
        therapists_by_key={one.pk: one for one in therapists},
        rooms_by_key={one.pk: one for one in rooms},
        services_by_key={one.pk: one for one in Service.objects.only("name", "slug")},
    )


def _absences(start: datetime, end: datetime) -> list[TimeOff]:
    within = TimeOff.objects.filter(starts_at__lt=end, ends_at__gt=start)
    return list(within.order_by("starts_at", "pk"))
