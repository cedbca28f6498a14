"""Impatient fingers: the same button pressed several times at the same moment."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from django.test import Client as Browser

from bookings.models import Appointment, HealthCheck, Message, Room
from bookings.views import journey
from services.models import Service
from tests.bookings.client_pages import CLEO, DETAILS, HEALTH, answers, choose, hold, pass_health
from tests.bookings.conftest import at
from tests.bookings.race.harness import at_once

pytestmark = [
    pytest.mark.race,
    pytest.mark.xdist_group("race"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("clock", "mia", "noor", "fern"),
]


def taps(browser: Browser, send: Callable[[Browser], Any], count: int = 5) -> set[str]:
    """Send the same form from one session ``count`` times at once; where the answers lead."""

    def tap() -> str:
        finger = Browser()
        finger.cookies.update(browser.cookies)
        return str(send(finger)["Location"])

    found = at_once([tap] * count)
    assert not [one for one in found if isinstance(one, Exception)], found
    return set(found)


def live_holds() -> int:
    return Appointment.objects.filter(status="held").count()


def test_a_time_tapped_five_times_is_held_once(client: Browser, lymph: Service) -> None:
    Room.objects.create(name="Lily").services.set([lymph])
    pass_health(client, lymph)
    for _round in range(5):
        assert taps(client, lambda finger: choose(finger, at(10))) == {DETAILS}
        assert live_holds() == 1
        assert client.get(DETAILS).context["hold"].status == "held"


def test_a_health_check_sent_five_times_is_kept_and_held_once(
    client: Browser, lymph: Service
) -> None:
    choose(client, at(10))
    sent = answers(lymph)
    assert taps(client, lambda finger: finger.post(HEALTH, sent)) == {DETAILS}
    assert (live_holds(), HealthCheck.objects.count()) == (1, 1)


def test_a_booking_sent_five_times_is_booked_once(client: Browser, lymph: Service) -> None:
    sent = {**CLEO, "hold": hold(client, lymph, at(10))}
    places = taps(client, lambda finger: finger.post(DETAILS, sent))
    assert {client.get(place).context["visit"].pk for place in places} == {
        Appointment.objects.booked().get().pk
    }
    assert Message.objects.filter(kind="confirmation").count() == 1


def test_control_without_the_lock_a_double_tap_goes_wrong(
    client: Browser, lymph: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey, "_locked", lambda name: nullcontext())
    Room.objects.create(name="Lily").services.set([lymph])
    pass_health(client, lymph)
    for _round in range(20):
        places = taps(client, lambda finger: choose(finger, at(10)))
        if places != {DETAILS} or live_holds() != 1:
            return
    pytest.fail("Twenty rounds without the lock went well: the tests above prove nothing.")
