"""What the diary adds to the pages of treatments: rooms, booked visits, prices in the history."""

from collections.abc import Callable

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings.models import Appointment, Room, Therapist
from services.models import Service
from services.versions import history
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of
from tests.services.owners_forms import address_of, edit, opened

pytestmark = pytest.mark.django_db

WITHDRAW = "/admin/services/service/withdraw/"


@pytest.fixture
def owner(clock: time_machine.Traveller, lymph: Service, massage: Service, olive: User) -> Browser:
    Service.objects.update(status="published")
    return browser_of(olive)


def test_visits_that_are_booked_are_named_before_a_page_goes(
    owner: Browser,
    book: Callable[..., Appointment],
    lymph: Service,
    massage: Service,
    mia: Therapist,
    fern: Room,
) -> None:
    visit = book(at(10), therapist=mia)
    asked = f"{WITHDRAW}?ids={lymph.pk},{massage.pk}"
    with CaptureQueriesContext(connection) as one:
        text = owner.get(asked).content.decode()
    assert "1 coming visit is booked" in text
    assert f"Cleo with Mia, {lymph.name}" in text
    assert f"/desk/appointments/{visit.reference}/" in text
    book(at(12), therapist=mia, details=OTTO)
    book(at(14), therapist=mia, details=OTTO)
    with CaptureQueriesContext(connection) as three:
        assert "3 coming visits are booked" in owner.get(asked).content.decode()
    assert len(three) == len(one)
    owner.post(f"{WITHDRAW}?ids={lymph.pk}")
    lymph.refresh_from_db()
    visit.refresh_from_db()
    assert (lymph.status, visit.status) == ("draft", "confirmed")


def test_rooms_are_ticked_on_the_page_and_each_tick_is_its_own(
    owner: Browser, lymph: Service, fern: Room
) -> None:
    moss, sage = Room.objects.create(name="Moss"), Room.objects.create(name="Sage")
    data = opened(owner, address_of(lymph))
    assert data["rooms"] == [fern.pk]
    # Meanwhile somebody gives the treatment another room elsewhere.
    lymph.rooms.add(sage)
    sent = owner.post(address_of(lymph), {**data, "rooms": [moss.pk], "_live": "1"})
    assert sent.status_code == 302
    assert set(lymph.rooms.all()) == {moss, sage}
    assert edit(owner, address_of(lymph), rooms=["x", "9" * 30]).status_code == 200
    assert set(lymph.rooms.all()) == {moss, sage}


def test_length_that_was_booked_is_only_offered_no_more_on_the_way_back(
    owner: Browser, book: Callable[..., Appointment], lymph: Service, mia: Therapist, fern: Room
) -> None:
    edit(owner, address_of(lymph), name="Before")
    first = history(lymph)[0].version
    data = opened(owner, address_of(lymph))
    data |= {"options-TOTAL_FORMS": "2", "options-1-minutes": "90", "options-1-price": "120"}
    owner.post(address_of(lymph), {**data, "options-1-active": "on", "_live": "1"})
    book(at(10), therapist=mia, option=lymph.options.get(minutes=90))
    owner.post(f"/admin/services/service/{lymph.pk}/return/{first.pk}/")
    assert [(one.minutes, one.active) for one in lymph.options.order_by("minutes")] == [
        (60, True),
        (90, False),
    ]


def test_prices_that_change_in_one_list_are_in_the_history(owner: Browser, lymph: Service) -> None:
    form = owner.get("/admin/prices/").context["form"]
    data = {name: str(form[name].value()) for name in form.fields}
    data[f"price-{lymph.options.get().pk}"] = "99"
    owner.post("/admin/prices/", {**data, "sure": "yes"})
    latest, before = history(lymph)
    [change] = latest.changes
    assert latest.version.revision.comment == "Changed in the list of prices"
    assert (change.label, change.pieces[-1].text) == ("60 minutes", "£99")
    assert before.version.revision.comment == "As it was before the history began"
