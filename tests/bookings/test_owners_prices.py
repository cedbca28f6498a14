"""All prices in one list: looked at as old and new, then saved; booked visits keep theirs."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings.models import Appointment, Room, Therapist
from services.models import Service, ServiceOption
from services.versions import page_of, versions_of
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of

pytestmark = pytest.mark.django_db

PRICES = "/admin/prices/"


@pytest.fixture
def owner(clock: time_machine.Traveller, lymph: Service, massage: Service, olive: User) -> Browser:
    return browser_of(olive)


def sent(browser: Browser, **prices: str) -> dict[str, str]:
    """What the list would send, with other prices by the slug of their treatment."""
    form = browser.get(PRICES).context["form"]
    data = {name: str(form[name].value()) for name in form.fields}
    for slug, price in prices.items():
        option = ServiceOption.objects.get(service__slug__startswith=slug)
        data[f"price-{option.pk}"] = price
    return data


def price_of(service: Service) -> Decimal:
    return service.options.get().price


def test_old_and_new_are_shown_before_anything_is_saved(
    owner: Browser, massage: Service, lymph: Service
) -> None:
    page = owner.post(PRICES, sent(owner, qi="70"))
    [change] = page.context["changes"]
    assert (change.before, change.after) == (Decimal("65.00"), Decimal("70"))
    text = page.content.decode()
    assert "£65" in text
    assert "<strong>£70</strong>" in text
    assert price_of(massage) == Decimal("65.00")


def test_prices_are_saved_with_consent(owner: Browser, massage: Service, lymph: Service) -> None:
    answer = owner.post(PRICES, sent(owner, qi="70.50", lymph="80") | {"sure": "yes"}, follow=True)
    assert "2 prices are changed." in answer.content.decode()
    assert (price_of(massage), price_of(lymph)) == (Decimal("70.50"), Decimal("80.00"))


def test_a_new_price_stands_in_the_history_of_its_page(
    owner: Browser, massage: Service, lymph: Service, olive: User
) -> None:
    owner.post(PRICES, sent(owner, qi="70") | {"sure": "yes"})
    latest, found = versions_of(massage)
    assert latest.revision.user == olive
    prices = [[one["price"] for one in page_of(kept).options.values()] for kept in (found, latest)]
    assert prices == [["65.00"], ["70.00"]]
    assert not versions_of(lymph).exists()


def test_booked_visits_keep_their_price_and_new_ones_pay_the_new(
    owner: Browser, book: Callable[..., Appointment], mia: Therapist, fern: Room, lymph: Service
) -> None:
    visit = book(at(10), therapist=mia)
    page = owner.post(PRICES, sent(owner, lymph="80"))
    assert page.context["keeping"] == 1
    owner.post(PRICES, sent(owner, lymph="80") | {"sure": "yes"})
    visit.refresh_from_db()
    later = book(at(12), therapist=mia, details=OTTO, option=lymph.options.get())
    assert (visit.price, later.price) == (Decimal("75.00"), Decimal("80.00"))


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", "This field is required."),
        ("-5", "Ensure this value is greater than or equal to 0."),
        ("free", "Enter a number."),
        ("12.345", "Ensure that there are no more than 2 decimal places."),
        ("9999999", "Ensure that there are no more than 6 digits before the decimal point."),
        ("1e400", "Ensure that there are no more than 8 digits in total."),
        ("NaN", "Enter a number."),
        ("٣٥\u202e", "Enter a number."),
        ("7\x00", "Enter a number."),
    ],
)
def test_a_wrong_price_is_said_at_its_field_and_stays_typed(
    typed: str, error: str, owner: Browser, massage: Service
) -> None:
    page = owner.post(PRICES, sent(owner, qi=typed) | {"sure": "yes"})
    field = f"price-{massage.options.get().pk}"
    assert page.context["form"].errors == {field: [error]}
    assert page.context["form"][field].value() == typed
    assert price_of(massage) == Decimal("65.00")


def test_a_price_that_somebody_else_changed_meanwhile_is_not_overwritten(
    owner: Browser, massage: Service, lymph: Service
) -> None:
    data = sent(owner, qi="70", lymph="80")
    massage.options.update(price=Decimal("68"))
    page = owner.post(PRICES, data | {"sure": "yes"})
    field = f"price-{massage.options.get().pk}"
    assert page.context["form"].errors == {field: ["Meanwhile somebody has made it £68."]}
    assert (price_of(massage), price_of(lymph)) == (Decimal("68.00"), Decimal("75.00"))
    # She has seen it now: what she sends next counts.
    assert owner.post(PRICES, sent(owner, qi="70") | {"sure": "yes"}).status_code == 302


def test_an_untouched_price_that_somebody_else_changed_meanwhile_stays(
    owner: Browser, massage: Service, lymph: Service
) -> None:
    data = sent(owner, lymph="80")
    massage.options.update(price=Decimal("68"))
    [change] = owner.post(PRICES, data).context["changes"]
    assert change.option == lymph.options.get()
    owner.post(PRICES, data | {"sure": "yes"})
    assert (price_of(massage), price_of(lymph)) == (Decimal("68.00"), Decimal("80.00"))


def test_nothing_different_is_said(owner: Browser) -> None:
    answer = owner.post(PRICES, sent(owner), follow=True)
    assert "No price is different." in answer.content.decode()


def test_the_list_costs_the_same_for_one_and_for_many(owner: Browser, lymph: Service) -> None:
    with CaptureQueriesContext(connection) as few:
        owner.get(PRICES)
    for minutes in (45, 90, 120):
        ServiceOption.objects.create(service=lymph, minutes=minutes, price=Decimal("50"))
    with CaptureQueriesContext(connection) as many:
        owner.get(PRICES)
    assert len(many) == len(few)


def test_junk_for_the_hidden_price_breaks_nothing(owner: Browser, massage: Service) -> None:
    data: dict[str, Any] = sent(owner, qi="70")
    data[f"was-{massage.options.get().pk}"] = "x" * 5000
    assert owner.post(PRICES, data).status_code == 200
    assert price_of(massage) == Decimal("65.00")
