"""Finding clients and knowing them, at the desk."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client as Browser
from pytest_django import DjangoAssertNumQueries

from bookings import actions
from bookings.models import (
    Appointment,
    Client,
    Message,
    Room,
    Therapist,
)
from services.models import ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.clients_at_desk import PANEL, page, url
from tests.bookings.conftest import CLEO, NOW, OTTO, at, make_check
from tests.bookings.rows import make_appointment
from tests.bookings.staff_pages import browser_of

pytestmark = pytest.mark.django_db
# Session, person, spa, the bar's two counts and the client, then the record's own.
RECORD_QUERIES = 17


@pytest.fixture
def desk(dana: User, spa: SpaProfile, clock: time_machine.Traveller) -> Browser:
    return browser_of(dana)


@pytest.fixture
def otto(db: None) -> Client:
    return Client.objects.create(name=OTTO.name, email=OTTO.email, phone=OTTO.phone)


def test_the_search_works_without_scripts(desk: Browser, cleo: Client, otto: Client) -> None:
    shown = page(desk.get("/desk/clients/?q=CLÉO"))
    assert url(cleo) in shown
    assert url(otto) not in shown
    assert "1 client" in shown
    assert 'value="CLÉO"' in shown
    assert "020 7946 0001" in shown


def test_the_search_as_one_types_answers_with_the_results_alone(
    desk: Browser, cleo: Client
) -> None:
    shown = page(desk.get("/desk/clients/?q=cleo", HTTP_HX_TARGET="clients-found"))
    assert "<html" not in shown
    assert url(cleo) in shown
    assert 'hx-swap-oob="innerHTML:#clients-news"' in shown


def test_nobody_found_leads_to_a_new_client(desk: Browser, cleo: Client) -> None:
    shown = page(desk.get("/desk/clients/?q=zimmer"))
    assert "Nobody is known by that" in shown
    assert "/desk/clients/new/" in shown


def test_with_nothing_typed_those_who_were_here_lately_are_shown(
    desk: Browser, mia: Therapist, fern: Room, hour: ServiceOption, cleo: Client, otto: Client
) -> None:
    make_appointment(hour, mia, fern, at(10, days=-3), client=cleo, status="completed")
    make_appointment(hour, mia, fern, at(10, days=-40), client=otto, status="completed")
    make_appointment(hour, mia, fern, at(10, days=2), client=otto, status="confirmed")
    answer = desk.get("/desk/clients/")
    assert answer.context["found"] == [cleo]
    assert "Here lately" in page(answer)


@pytest.mark.parametrize(
    "text", ["\x00", "%", "'", "<script>alert(1)</script>", "x" * 10_000, "🌿", "\u202e", "_"]
)
def test_a_hostile_search_is_answered(text: str, desk: Browser, cleo: Client) -> None:
    shown = page(desk.get("/desk/clients/", {"q": text}))
    assert "<script>alert" not in shown


def test_possible_duplicates_come_with_the_likeliest_first(desk: Browser, cleo: Client) -> None:
    mother = Client.objects.create(name="Margaret", phone=CLEO.phone)
    twice = Client.objects.create(name="Cléo H.", email="CLEO@example.com")
    Client.objects.create(name="Otto", email="otto@example.com")
    Client.objects.create(name="Cleo", email=CLEO.email, merged_into=cleo)
    pairs = desk.get("/desk/clients/duplicates/").context["pairs"]
    assert [(pair.one, pair.other, pair.words) for pair in pairs] == [
        (cleo, twice, "Same e-mail"),
        (cleo, mother, "Same phone, another name"),
    ]


def test_possible_duplicates_come_under_the_search_by_themselves(
    desk: Browser, cleo: Client
) -> None:
    other = Client.objects.create(name="Cleo H.", phone=CLEO.phone)
    assert 'href="/desk/clients/duplicates/"' in page(desk.get("/desk/clients/"))
    shown = page(desk.get("/desk/clients/duplicates/", HTTP_HX_TARGET="twice"))
    assert "<html" not in shown
    assert url(cleo, f"merge/?with={other.pk}") in shown
    other.delete()
    assert page(desk.get("/desk/clients/duplicates/", HTTP_HX_TARGET="twice")).strip() == ""
    assert "No doubles" in page(desk.get("/desk/clients/duplicates/"))


def test_each_of_many_records_is_compared_with_one_like_it(desk: Browser, cleo: Client) -> None:
    mother = Client.objects.create(name="Margaret", phone=CLEO.phone)
    others = [Client.objects.create(name="Cleo H", phone=CLEO.phone) for _number in range(3)]
    pairs = desk.get("/desk/clients/duplicates/").context["pairs"]
    assert [(pair.one, pair.other) for pair in pairs] == [
        *((cleo, other) for other in others),
        (cleo, mother),
    ]


def test_a_number_that_very_many_share_is_no_sign_of_a_duplicate(desk: Browser) -> None:
    for number in range(7):
        Client.objects.create(name=f"Walk-in {number}", phone="+442079460018")
    assert desk.get("/desk/clients/duplicates/").context["pairs"] == []


def test_a_record_says_what_the_desk_may_know(
    desk: Browser,
    spa: SpaProfile,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    hour: ServiceOption,
    cleo: Client,
) -> None:
    rows = [
        (mia, at(10, days=-40), "completed"),
        (mia, at(10, days=-30), "completed"),
        (noor, at(10, days=-20), "no_show"),
        (mia, at(10, days=-10), "cancelled"),
        (mia, at(10, days=2), "confirmed"),
    ]
    check = make_check(hour.service, NOW - timedelta(days=30), Outcome.ADAPT)
    for therapist, starts_at, status in rows:
        make_appointment(
            hour, therapist, fern, starts_at, client=cleo, status=status, health_check=check
        )
    late = Appointment.objects.get(status="cancelled")
    late.events.create(
        at=late.starts_at - timedelta(hours=23), actor_kind="staff", kind="cancelled"
    )
    answer = desk.get(url(cleo))
    record = answer.context["record"]
    counts = record.counts
    assert (counts.given, counts.missed, counts.called_off_late, counts.past) == (2, 1, 1, 4)
    assert record.habits.treatment == "Lymphatic drainage massage, 60 minutes"
    assert record.habits.therapist == "mostly Mia"
    assert [one.starts_at for one in record.upcoming] == [at(10, days=2)]
    assert [one.starts_at for one in record.past] == [
        at(10, days=days) for days in (-10, -20, -30, -40)
    ]
    assert record.checked.verdict.label == "Adapt"
    shown = page(answer)
    assert "2 visits" in shown
    assert "1 no-show" in shown
    assert "1 cancelled late" in shown
    assert 'href="tel:+44-20-7946-0001"' in shown
    assert 'href="mailto:cleo@example.com"' in shown
    assert f"/desk/appointments/{late.reference}/" in shown


def test_a_cancellation_in_time_is_not_counted(
    desk: Browser, mia: Therapist, fern: Room, hour: ServiceOption, cleo: Client
) -> None:
    visit = make_appointment(hour, mia, fern, at(10, days=-9), client=cleo, status="cancelled")
    visit.events.create(
        at=visit.starts_at - timedelta(hours=25), actor_kind="client", kind="cancelled"
    )
    assert desk.get(url(cleo)).context["record"].counts.called_off_late == 0


def test_the_stated_therapist_goes_before_the_usual_one(
    desk: Browser, mia: Therapist, noor: Therapist, fern: Room, hour: ServiceOption, cleo: Client
) -> None:
    for days in (-3, -2):
        make_appointment(hour, mia, fern, at(10, days=days), client=cleo, status="completed")
    Client.objects.update(preferred_therapist=noor)
    assert desk.get(url(cleo)).context["record"].habits.therapist == "Noor"


def test_a_record_never_shows_what_was_answered(
    desk: Browser, mia: Therapist, fern: Room, book: Callable[..., Appointment]
) -> None:
    visit = book(at(10), outcome=Outcome.ADAPT)
    assert visit.client is not None
    assert visit.health_check is not None
    visit.health_check.findings = [{"slug": "asthma", "areas": ["neck"], "severity": "adapt"}]
    visit.health_check.review_note = "Her doctor called."
    visit.health_check.save()
    shown = page(desk.get(url(visit.client))).lower()
    for word in ("asthma", "neck", "heart disease", "doctor called"):
        assert word not in shown


def test_a_message_that_was_given_up_asks_for_a_call(
    desk: Browser, mia: Therapist, fern: Room, book: Callable[..., Appointment]
) -> None:
    visit = book(at(10))
    assert visit.client is not None
    shown = page(desk.get(url(visit.client)))
    assert "could not be delivered" not in shown
    Message.objects.filter(kind="confirmation").update(state="failed")
    shown = page(desk.get(url(visit.client)))
    assert shown.count("could not be delivered: please ring.") == 1


def test_a_record_costs_the_same_for_one_and_for_many_visits(
    desk: Browser,
    dana: User,
    mia: Therapist,
    fern: Room,
    hour: ServiceOption,
    cleo: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    def more(count: int, first: int) -> None:
        for number in range(first, first + count):
            check = make_check(hour.service, NOW)
            visit = make_appointment(
                hour,
                mia,
                fern,
                at(10, days=number - 20),
                client=cleo,
                status="completed" if number < 20 else "confirmed",
                health_check=check,
            )
            visit.messages.create(kind="confirmation", sequence=0, due_at=NOW, state="failed")
            other = Client.objects.create(name=f"Cleo {number}")
            Client.objects.create(name=f"Twin {number}", phone=CLEO.phone)
            actions.merge_clients(kept=cleo, merged=other, by=actions.staff(dana), now=NOW)
            cleo.changes.create(kind="changed", at=NOW, by=dana, values={"name": ["a", "b"]})

    more(1, 0)
    with django_assert_num_queries(RECORD_QUERIES):
        page(desk.get(url(cleo)))
    more(24, 1)
    with django_assert_num_queries(RECORD_QUERIES):
        page(desk.get(url(cleo)))


def test_the_drawer_gets_the_fragment_alone(desk: Browser, cleo: Client, otto: Client) -> None:
    for name in ("", "edit/", "merge/", f"merge/?with={otto.pk}"):
        shown = page(desk.get(url(cleo, name), **PANEL))
        assert "<html" not in shown
        assert '<h2 class="panel-head__title" id="panel-title" tabindex="-1">' in shown
        assert 'hx-target="#panel-body"' in shown
