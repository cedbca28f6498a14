"""Fills an empty database with a small spa that has room for thousands of visits.

``python -m tests.faults.town_seed`` prints, as JSON, what a client's browser needs to book there.
"""

import json

import django

django.setup()

from datetime import time

from django.core.management import call_command

from bookings.models import Room, Therapist, WorkingHours
from services.models import Contraindication, Service, SpaProfile
from services.screening import questions_version
from tests.faults.seed import menu

THERAPISTS = 12


def fill() -> dict[str, object]:
    """Write the spa; returns the keys of its therapists and the version of the health check."""
    option = menu()
    # Messages are counted at any hour.
    SpaProfile.objects.update(quiet_from=time(0), quiet_until=time(0))
    service = Service.objects.get(pk=option.service_id)
    for number in range(THERAPISTS):
        therapist = Therapist.objects.create(name=f"Mia {number}", position=number)
        therapist.services.add(service)
        Room.objects.create(name=f"Fern {number}", position=number).services.add(service)
        WorkingHours.objects.bulk_create(
            WorkingHours(therapist=therapist, weekday=day, starts=time(9), ends=time(17))
            for day in range(7)
        )
    asthma = Contraindication.objects.create(
        slug="asthma",
        name="Asthma",
        group="body",
        severity=Contraindication.Severity.ADAPT,
        question="asthma",
        why="Because.",
        advice="Ask us.",
    )
    service.contraindications.add(asthma)
    version = f"{questions_version([asthma.rule()])} {SpaProfile.load().health_consent_version}"
    return {
        "therapists": list(Therapist.objects.values_list("pk", flat=True)),
        "version": version,
    }


if __name__ == "__main__":
    call_command("migrate", interactive=False, verbosity=0)
    print(json.dumps(fill()))
