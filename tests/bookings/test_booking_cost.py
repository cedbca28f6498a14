"""How many statements a whole booking takes, over all its requests."""

from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings.models import Room, Therapist
from services.models import Service
from tests.bookings.client_pages import CLEO, DETAILS, HEALTH, TIMES, answers, choose
from tests.bookings.conftest import at

# The test's own transaction turns those of the requests into savepoints, which count here.
STATEMENTS = 93


def test_a_whole_booking_takes_the_same_statements_every_time(
    client: Browser, clock: object, lymph: Service, mia: Therapist, fern: Room
) -> None:
    healthy = answers(lymph)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(TIMES).status_code == 200
        assert choose(client, at(10)).status_code == 302
        assert client.get(HEALTH).status_code == 200
        assert client.post(HEALTH, healthy)["Location"] == DETAILS
        held = client.get(DETAILS).context["hold"]
        booked = client.post(DETAILS, {**CLEO, "hold": held.reference})
        assert client.get(booked["Location"]).status_code == 200
    assert len(queries) == STATEMENTS, "\n".join(query["sql"] for query in queries)
