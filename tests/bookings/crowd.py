"""A large spa in a few statements: what costs the same for one therapist and for fifty."""

from datetime import datetime, time, timedelta
from typing import Any

from bookings.models import (
    Appointment,
    Client,
    Event,
    HealthCheck,
    Room,
    Therapist,
    WorkingHours,
)
from bookings.models.appointments import new_reference
from services.models import Service, ServiceOption
from services.screening import Outcome
from tests.bookings.conftest import NOW, make_check

Crowd = list[tuple[Therapist, Room]]


def crowd_of(service: Service, count: int) -> Crowd:
    """That many new therapists, the last in order; all work from 9 to 17, each in her own room."""
    therapists = Therapist.objects.bulk_create(
        Therapist(name=f"Therapist {number}", position=10 + number) for number in range(count)
    )
    rooms = Room.objects.bulk_create(Room(name=f"Room {number}") for number in range(count))
    service.therapists.add(*therapists)
    service.rooms.add(*rooms)
    WorkingHours.objects.bulk_create(
        WorkingHours(therapist=therapist, weekday=weekday, starts=time(9), ends=time(17))
        for therapist in therapists
        for weekday in range(7)
    )
    return list(zip(therapists, rooms, strict=True))


def everybody_has_a_visit(
    crowd: Crowd,
    option: ServiceOption,
    starts_at: datetime,
    *,
    name: str = "Cleo",
    outcome: Outcome = Outcome.CLEAR,
    **values: Any,
) -> None:
    """Give each therapist one visit, of a client with a health check of her own."""
    check = make_check(option.service, NOW, outcome)
    clients = Client.objects.bulk_create(Client(name=name) for _pair in crowd)
    checks = HealthCheck.objects.bulk_create(_copies(check, len(crowd)))
    ends_at = starts_at + timedelta(minutes=option.minutes)
    visits = Appointment.objects.bulk_create(
        Appointment(
            **{
                "reference": new_reference(),
                "client": client,
                "service": option.service,
                "option": option,
                "therapist": therapist,
                "room": room,
                "health_check": own_check,
                "starts_at": starts_at,
                "ends_at": ends_at,
                "busy_from": starts_at,
                "busy_until": ends_at + timedelta(minutes=option.service.buffer_after_minutes),
                "status": "requested" if outcome is Outcome.CLEARANCE else "confirmed",
                "price": option.price,
                "created_at": NOW,
                **values,
            }
        )
        for (therapist, room), client, own_check in zip(crowd, clients, checks, strict=True)
    )
    Event.objects.bulk_create(
        Event(appointment=visit, kind="booked", at=NOW, actor_kind="client") for visit in visits
    )


def _copies(check: HealthCheck, count: int) -> list[HealthCheck]:
    copied = [field.attname for field in HealthCheck._meta.fields if not field.primary_key]
    values = {name: getattr(check, name) for name in copied}
    return [HealthCheck(**values) for _number in range(count)]
