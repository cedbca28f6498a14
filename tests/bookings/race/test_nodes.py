"""Clients who meet another web node at each request; at full size: ``make bench BENCH=nodes``."""

import os
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from bench.front.clients import BOOKED, REFUSED, Visitor, rush
from bench.front.site import free_port, served
from bookings.models import Appointment, Message, Room, Therapist
from bookings.views.times import start_value
from services.models import Service, SpaProfile
from tests.bookings.client_pages import answers
from tests.bookings.race.harness import overlaps
from tests.conftest import database_url

pytestmark = [
    pytest.mark.race,
    pytest.mark.xdist_group("race"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def ten(spa: SpaProfile) -> datetime:
    """Ten o'clock four days from now: the nodes go by the true time."""
    today = timezone.now().astimezone(spa.zone)
    return today.replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=4)


def test_over_two_web_nodes_one_client_books_a_time(
    lymph: Service, mia: Therapist, fern: Room, ten: datetime
) -> None:
    ports = [free_port(), free_port()]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "spa.settings",
        "DATABASE_URL": database_url(),
    }
    with ExitStack() as open_until_done:
        for port in ports:
            node = served(
                port,
                environment=environment,
                application="tests.bookings.race.node",
                workers=1,
            )
            open_until_done.enter_context(node)
        visitors = [Visitor(number, ports) for number in range(8)]
        ways = rush(visitors, start=start_value(ten), answers=answers(lymph))
    assert ways == Counter({BOOKED: 1, REFUSED: 7})
    assert Appointment.objects.filter(status="confirmed").count() == 1
    assert Message.objects.filter(kind=Message.Kind.CONFIRMATION).count() == 1
    assert overlaps() == 0
