"""The next free times on the public pages."""

from datetime import UTC, datetime, time
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from bookings.models import Room, Therapist, WorkingHours
from services.models import Service, ServiceOption, SpaProfile

MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
LEAD = "/services/lymphatic-drainage-massage/"


@pytest.fixture
def lead(content: SpaProfile) -> Service:
    """Return the lead treatment with one length of an hour."""
    service = Service.objects.get(slug="lymphatic-drainage-massage")
    service.options.exclude(minutes=60).delete()
    return service


def hire(name: str, service: Service) -> None:
    """Let ``name`` give ``service`` in a room of her own on Tuesdays, 10:00 to 12:00."""
    therapist = Therapist.objects.create(name=name)
    therapist.services.add(service)
    Room.objects.create(name=f"{name}'s room").services.add(service)
    WorkingHours.objects.create(
        therapist=therapist, weekday=WorkingHours.Weekday.TUESDAY, starts=time(10), ends=time(12)
    )


@time_machine.travel(MONDAY, tick=False)
def test_treatment_offers_its_next_free_times_as_buttons(client: Client, lead: Service) -> None:
    hire("Mia", lead)
    text = client.get(LEAD).content.decode()
    assert '<form id="pick" method="post" action="/book/lymphatic-drainage-massage/">' in text
    assert f'<input type="hidden" name="option" value="{lead.options.get().pk}">' in text
    # Five minutes of preparation come first.
    assert 'name="start" value="2026-11-24T10:15Z"' in text
    assert "Next free times for 60 minutes" in text


@time_machine.travel(MONDAY, tick=False)
def test_home_names_the_next_free_time(client: Client, lead: Service) -> None:
    hire("Mia", lead)
    text = client.get("/").content.decode()
    assert '<a href="/book/lymphatic-drainage-massage/">Tomorrow, 10:15</a>' in text


def test_treatment_that_nobody_gives_says_whom_to_call(client: Client, lead: Service) -> None:
    text = client.get(LEAD).content.decode()
    assert "Nothing is free just now" in text
    assert '<a href="tel:+44-20-7946-0018">+44 20 7946 0018</a>: sometimes a time' in text


def test_treatment_without_a_price_cannot_be_booked(client: Client, lead: Service) -> None:
    lead.options.all().delete()
    assert "/book/lymphatic-drainage-massage/" not in client.get(LEAD).content.decode()


def test_draft_cannot_be_booked_from_its_page(client: Client, dana: object, lead: Service) -> None:
    Service.objects.filter(pk=lead.pk).update(status="draft")
    client.force_login(dana)  # type: ignore[arg-type]
    assert "/book/lymphatic-drainage-massage/" not in client.get(LEAD).content.decode()


@pytest.mark.parametrize("names", [["Mia"], ["Mia", "Noor", "Ines"]], ids=len)
@pytest.mark.parametrize(("path", "queries"), [("/", 7), (LEAD, 9)])
def test_next_times_cost_the_same_with_one_and_three_therapists(
    client: Client,
    lead: Service,
    django_assert_num_queries: DjangoAssertNumQueries,
    names: list[str],
    path: str,
    queries: int,
) -> None:
    ServiceOption.objects.create(service=lead, minutes=90, price=Decimal("98"))
    for name in names:
        hire(name, lead)
    with django_assert_num_queries(queries):
        client.get(path)
