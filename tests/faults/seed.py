"""Fills an empty database with visits that are to come and a confirmation for each.

``python -m tests.faults.seed 5000``
"""

import sys
from datetime import datetime, timedelta
from decimal import Decimal

import django

django.setup()

from django.core.management import call_command
from django.utils import timezone

from bookings.models import Appointment, Client, Message, Room, Therapist
from services.models import Category, Service, ServiceOption
from tests.bookings.conftest import make_spa

THERAPISTS = 25
HOUR = timedelta(hours=1)


def fill(count: int) -> None:
    """Write ``count`` visits and messages."""
    option = menu()
    places = [
        (
            Therapist.objects.create(name=f"Mia {number}", position=number),
            Room.objects.create(name=f"Fern {number}", position=number),
        )
        for number in range(THERAPISTS)
    ]
    clients = Client.objects.bulk_create(
        Client(name=f"Cleo {number}", email=f"cleo{number}@example.com") for number in range(count)
    )
    # Far enough away that a clock put forward by a day leaves every visit ahead.
    first = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=10)
    visits = Appointment.objects.bulk_create(
        _visit(number, clients[number], option, places, first) for number in range(count)
    )
    Message.objects.bulk_create(
        Message(appointment=visit, kind=Message.Kind.CONFIRMATION, due_at=first, at_any_hour=True)
        for visit in visits
    )


def menu() -> ServiceOption:
    make_spa()
    service = Service.objects.create(
        category=Category.objects.create(slug="care", name="Care"),
        slug="lymphatic-drainage-massage",
        name="Lymphatic drainage massage",
        discreet_name="Spa visit",
        summary="Slow and light.",
        preparation="<p>Drink a glass of water, and come in loose clothes.</p>",
        status=Service.Status.PUBLISHED,
    )
    return ServiceOption.objects.create(service=service, minutes=60, price=Decimal("75.00"))


def _visit(
    number: int,
    client: Client,
    option: ServiceOption,
    places: list[tuple[Therapist, Room]],
    first: datetime,
) -> Appointment:
    therapist, room = places[number % THERAPISTS]
    starts_at = first + number // THERAPISTS * HOUR
    return Appointment(
        reference=f"Q{number:07d}",
        client=client,
        service=option.service,
        option=option,
        therapist=therapist,
        room=room,
        starts_at=starts_at,
        ends_at=starts_at + HOUR,
        busy_from=starts_at,
        busy_until=starts_at + HOUR,
        status=Appointment.Status.CONFIRMED,
        price=option.price,
        created_at=first - timedelta(days=10),
    )


if __name__ == "__main__":
    call_command("migrate", interactive=False, verbosity=0)
    fill(int(sys.argv[1]))
