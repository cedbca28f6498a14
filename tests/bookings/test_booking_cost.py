"""How many statements a whole booking takes, over all its requests."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser

from bookings.models import Appointment, Room, Therapist
from services.models import Service
from tests.bookings.client_pages import CLEO, DETAILS, HEALTH, TIMES, answers, choose
from tests.bookings.conftest import at

# A first booking of a new client, asked for from an address that counts: see bench/pages.py for
# the same by HTTP. Beginnings and ends of transactions are not among them.
STATEMENTS = 41


@pytest.mark.django_db(transaction=True)
def test_a_whole_booking_takes_the_same_statements_every_time(
    client: Browser, clock: object, lymph: Service, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    healthy = answers(lymph)
    counts = [_statements_of_a_booking(Browser(), healthy, hour) for hour in (9, 11, 14)]
    # The first also reads what is remembered from then on.
    assert counts[1:] == [STATEMENTS, STATEMENTS]
    assert Appointment.objects.filter(status="confirmed").count() == 3


def _statements_of_a_booking(browser: Browser, healthy: Any, hour: int) -> int:
    statements: list[str] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    browser.defaults["REMOTE_ADDR"] = f"192.0.2.{hour}"
    with connection.execute_wrapper(keep):
        assert browser.get(TIMES).status_code == 200
        assert choose(browser, at(hour)).status_code == 302
        assert browser.get(HEALTH).status_code == 200
        assert browser.post(HEALTH, healthy)["Location"] == DETAILS
        held = browser.get(DETAILS).context["hold"]
        sent = {**CLEO, "email": f"cleo{hour}@example.com", "hold": held.reference}
        booked = browser.post(DETAILS, sent)
        assert browser.get(booked["Location"]).status_code == 200
    return len(statements)
