"""Impatient fingers at the desk: the same form sent several times at the same moment."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from bookings.models import Appointment, Client, HealthCheck, Room, Therapist
from bookings.views import journey
from bookings.views.times import start_value
from services.models import Service
from tests.bookings.client_pages import answers
from tests.bookings.conftest import at
from tests.bookings.race.harness import at_once
from tests.bookings.staff_pages import browser_of

pytestmark = [
    pytest.mark.race,
    pytest.mark.xdist_group("race"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("clock", "mia", "noor", "fern"),
]

BOOK = "/desk/book/"
TAPS = 5


@pytest.fixture
def form(lymph: Service, spa: Any) -> dict[str, Any]:
    """A whole form for somebody new; both therapists and two rooms are free at two."""
    Room.objects.create(name="Lily").services.set([lymph])
    return {
        "newcomer": "1",
        "name": "Zed",
        "option": lymph.options.get().pk,
        "start": start_value(at(14)),
        "finish": "1",
        "do": "book",
        **answers(lymph),
    }


def taps(browser: Browser, address: str, form: dict[str, Any]) -> list[Any]:
    """Send ``form`` from one session several times at once."""

    def tap() -> Any:
        finger = Browser()
        finger.cookies.update(browser.cookies)
        return finger.post(address, form)

    found = at_once([tap] * TAPS)
    assert not [one for one in found if isinstance(one, Exception)], found
    return found


def test_a_form_sent_five_times_books_once_with_one_record_and_one_check(
    form: dict[str, Any], dana: User
) -> None:
    browser = browser_of(dana)
    for number in range(3):
        sent = {**form, "nonce": f"nonce-{number:08}", "start": start_value(at(10 + 2 * number))}
        places = {answer["Location"] for answer in taps(browser, BOOK, sent)}
        visit = Appointment.objects.booked().get(starts_at=at(10 + 2 * number))
        assert places == {reverse("bookings:desk_appointment", args=[visit.reference])}
    assert (Client.objects.count(), HealthCheck.objects.count()) == (3, 3)


def test_a_series_sent_five_times_books_each_date_once(
    book: Callable[..., Appointment], mia: Therapist, dana: User
) -> None:
    visit = book(at(10), therapist=mia)
    sent = {"weeks": 1, "times": 2, "unchanged": "on", "seen": visit.health_check_id, "do": "book"}
    dates = {"line1-wanted": "on", "line2-wanted": "on", "nonce": "n" * 16}
    address = reverse("bookings:desk_repeat", args=[visit.reference])
    found = taps(browser_of(dana), address, {**sent, **dates})
    reports = {tuple(one.pk for one in answer.context["booked"]) for answer in found}
    assert len(reports) == 1
    starts = Appointment.objects.booked().order_by("starts_at").values_list("starts_at", flat=True)
    assert list(starts) == [at(10), at(10, days=8), at(10, days=15)]


def test_control_without_the_lock_a_double_tap_books_twice(
    form: dict[str, Any], dana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey, "_locked", lambda name: nullcontext())
    browser = browser_of(dana)
    for number in range(20):
        taps(browser, BOOK, {**form, "nonce": f"nonce-{number:08}"})
        if Appointment.objects.booked().count() > 1:
            return
        Appointment.objects.all().delete()
    pytest.fail("Twenty rounds without the lock went well: the tests above prove nothing.")
