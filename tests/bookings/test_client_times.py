"""The times page: what is shown, what is refused, and what a chosen time leads to."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.template import Context, Template
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Appointment, Room, Therapist, TimeOff, WorkingHours
from services.models import Service, ServiceOption, SpaProfile
from tests.bookings.client_pages import HEALTH, TIMES, choose, words
from tests.bookings.conftest import OTTO, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "fern")]


def shown_times(response: Any) -> list[datetime]:
    """The buttons of the shown day."""
    return [one.starts_at for part in response.context["times"].parts for one in part.times]


def soonest(response: Any) -> list[datetime]:
    return [one.starts_at for one in response.context["times"].soonest]


def test_the_soonest_times_lead_one_for_each_part_of_a_day(client: Browser, mia: Therapist) -> None:
    page = client.get(TIMES)
    assert soonest(page) == [at(10, 15, days=0), at(12, days=0), at(9), at(12)]
    assert [one.day for one in page.context["times"].soonest] == [
        "Today",
        "Today",
        "Tomorrow",
        "Tomorrow",
    ]


def test_a_day_is_split_into_its_parts(client: Browser, mia: Therapist) -> None:
    WorkingHours.objects.update(ends=time(19))
    page = client.get(TIMES, {"date": "2026-11-24"})
    parts = {part.name: part.times for part in page.context["times"].parts}
    assert list(parts) == ["Morning", "Afternoon", "Evening"]
    assert [one.starts_at for one in parts["Morning"]][::11] == [at(9), at(11, 45)]
    assert [one.starts_at for one in parts["Afternoon"]][::19] == [at(12), at(16, 45)]
    assert [one.starts_at for one in parts["Evening"]] == [
        at(17),
        at(17, 15),
        at(17, 30),
        at(17, 45),
    ]


def test_a_button_sends_the_instant_in_utc(client: Browser, mia: Therapist) -> None:
    page = client.get(TIMES, {"date": "2026-11-24"})
    assert (
        '<button class="time" type="submit" form="pick" name="start" value="2026-11-24T10:15Z">'
        in words(page)
    )


def test_only_days_with_free_time_are_links(client: Browser, mia: Therapist) -> None:
    TimeOff.objects.create(starts_at=at(0), ends_at=at(0, days=2))
    weeks = client.get(TIMES).context["times"].weeks
    days = {day.date: day for week in weeks for day in week}
    assert (len(days), min(days), max(days)) == (28, date(2026, 11, 23), date(2026, 12, 20))
    assert (days[date(2026, 11, 24)].url, days[date(2026, 11, 24)].free) == ("", 0)
    assert days[date(2026, 11, 25)].url == f"{TIMES}?date=2026-11-25#day"
    # From 09:00 to 15:45 by quarters of an hour: 60 minutes and 15 of tidying end by 17:00.
    assert (days[date(2026, 11, 25)].free, days[date(2026, 11, 25)].level) == (28, "many")


def test_a_full_day_says_so_and_leads_to_the_next_free_one(client: Browser, mia: Therapist) -> None:
    TimeOff.objects.create(starts_at=at(0), ends_at=at(0, days=3))
    page = client.get(TIMES, {"date": "2026-11-24"})
    assert "Nothing is free on this day." in words(page)
    assert page.context["times"].next_day.url == f"{TIMES}?date=2026-11-26#day"


def test_four_weeks_on_and_back_again(client: Browser, mia: Therapist) -> None:
    first = client.get(TIMES).context["times"]
    assert (first.earlier, first.later) == ("", f"{TIMES}?date=2026-12-21#weeks")
    second = client.get(first.later.partition("#")[0]).context["times"]
    assert (second.earlier, second.later) == (
        f"{TIMES}?date=2026-11-23#weeks",
        f"{TIMES}?date=2027-01-18#weeks",
    )
    third = client.get(second.later.partition("#")[0]).context["times"]
    # The horizon of 60 days ends on 22 January.
    assert third.later == ""
    assert [day.free > 0 for day in third.weeks[0]] == [True] * 5 + [False] * 2


def test_a_therapist_and_a_length_can_be_chosen(
    client: Browser, lymph: Service, hour: ServiceOption, mia: Therapist, noor: Therapist
) -> None:
    long = ServiceOption.objects.create(service=lymph, minutes=90, price=Decimal("105"))
    TimeOff.objects.create(therapist=noor, starts_at=at(9), ends_at=at(12))
    page = client.get(
        TIMES, {"therapist": str(noor.pk), "option": str(long.pk), "date": "2026-11-24"}
    )
    assert shown_times(page)[0] == at(12)
    assert shown_times(page)[-1] == at(15, 15)
    chosen = [
        one.label for name in ("people", "lengths") for one in page.context[name] if one.chosen
    ]
    assert chosen == ["Noor", "90 minutes, £105"]
    assert f"option={long.pk}" in page.context["people"][0].url
    assert f"therapist={noor.pk}" in page.context["lengths"][0].url


@pytest.mark.parametrize(
    ("query", "notice"),
    [
        ({"option": "999"}, "That length is not on offer."),
        ({"option": "x' OR 1=1"}, "That length is not on offer."),
        ({"therapist": "999"}, "That therapist cannot be booked for this."),
        ({"therapist": "９" * 400}, "That therapist cannot be booked for this."),
        ({"therapist": "\x00"}, "That therapist cannot be booked for this."),
        ({"date": "9999-12-31"}, "That day cannot be booked online."),
        ({"date": "0001-01-01"}, "That day cannot be booked online."),
        ({"date": "2026-11-22"}, "That day cannot be booked online."),
        ({"date": "2026-02-30"}, "We could not read that day."),
        ({"date": "tomorrow"}, "We could not read that day."),
        ({"date": "١٢"}, "We could not read that day."),
    ],
)
def test_foolish_addresses_show_the_next_times_with_a_notice(
    client: Browser, mia: Therapist, query: dict[str, str], notice: str
) -> None:
    page = client.get(TIMES, query)
    assert page.status_code == 200
    assert notice in words(page)
    assert soonest(page)[0] == at(10, 15, days=0)


@pytest.mark.parametrize(
    "gone",
    ["", "x", "2026-11-24", "9999-12-31T23:59Z", "0001-01-01T00:00Z", "2026-13-01T10:00Z", "\x00"],
)
def test_a_foolish_lost_time_says_nothing(client: Browser, mia: Therapist, gone: str) -> None:
    page = client.get(TIMES, {"gone": gone})
    assert (page.status_code, page.context["gone"]) == (200, None)


def test_a_therapist_who_takes_no_appointments_is_explained(
    client: Browser, mia: Therapist, noor: Therapist
) -> None:
    Therapist.objects.filter(pk=noor.pk).update(active=False)
    page = client.get(TIMES, {"therapist": noor.pk})
    assert "That therapist cannot be booked for this." in words(page)
    # One therapist is left, and so there is nothing to choose.
    assert page.context["people"] == []


def test_a_draft_or_unknown_treatment_is_not_there(
    client: Browser, lymph: Service, mia: Therapist
) -> None:
    Service.objects.update(status=Service.Status.DRAFT)
    addresses = [TIMES, HEALTH, f"{TIMES}details/", "/book/no-such-thing/"]
    assert [client.get(address).status_code for address in addresses] == [404] * 4
    assert choose(client, at(10)).status_code == 404
    assert not Appointment.objects.exists()


def test_a_treatment_without_lengths_is_booked_by_phone(
    client: Browser, lymph: Service, mia: Therapist
) -> None:
    ServiceOption.objects.update(active=False)
    page = client.get(TIMES)
    assert (page.status_code, "+44 20 7946 0018" in words(page)) == (200, True)


def test_nobody_to_give_it_says_so_and_names_the_phone(client: Browser, lymph: Service) -> None:
    page = client.get(TIMES)
    assert "Nothing is free just now" in words(page)
    assert 'href="tel:+44-20-7946-0018"' in words(page)


def test_a_chosen_time_leads_to_the_health_check_and_holds_nothing(
    client: Browser, mia: Therapist
) -> None:
    assert choose(client, at(10)).url == HEALTH
    assert not Appointment.objects.exists()
    assert "Tuesday 24 November, 10:00" in words(client.get(HEALTH))


def test_a_time_that_is_taken_shows_the_three_nearest(
    client: Browser, mia: Therapist, book: Callable[..., Appointment]
) -> None:
    book(at(10), details=OTTO)
    answer = choose(client, at(10))
    assert answer.url == f"{TIMES}?date=2026-11-24&gone=2026-11-24T10%3A00Z"
    page = client.get(answer.url)
    assert "That time has just been taken. These are the nearest free times." in words(page)
    assert [one.starts_at for one in page.context["gone"].nearest] == [
        at(11, 15),
        at(11, 30),
        at(11, 45),
    ]


@pytest.mark.parametrize(
    "start",
    [
        "",
        "now",
        "2026-11-24T10:15",
        "2026-11-24T10:15:00Z",
        "2026-11-24T10:15+00:00",
        "\x00",
        "9" * 10_000,
        "9999-12-31T23:59Z",
        "0001-01-01T00:00Z",
        "2026-02-30T10:15Z",
    ],
)
def test_a_start_that_is_none_asks_to_choose(client: Browser, mia: Therapist, start: str) -> None:
    answer = client.post(TIMES, {"start": start}, follow=True)
    assert "Please choose one of these times." in words(answer)


@pytest.mark.parametrize(
    "start",
    [at(9, days=0), at(10, 7), at(20), at(10, days=-3), at(10, days=61)],
    ids=["within the notice", "off the step", "at night", "past", "beyond the horizon"],
)
def test_a_start_that_is_not_on_offer_is_refused(
    client: Browser, mia: Therapist, start: datetime
) -> None:
    answer = choose(client, start)
    assert answer.url.startswith(TIMES)
    assert "gone=" in answer.url
    assert client.get(answer.url).status_code == 200


def test_another_therapist_is_never_chosen_silently(
    client: Browser, mia: Therapist, noor: Therapist
) -> None:
    Therapist.objects.filter(pk=noor.pk).update(active=False)
    answer = choose(client, at(10), therapist=noor.pk)
    assert answer.url == TIMES
    assert "That therapist cannot be booked for this." in words(client.get(TIMES))


def test_a_choice_keeps_the_focus_and_a_day_does_not(client: Browser, mia: Therapist) -> None:
    chosen = client.get(TIMES, headers={"HX-Request": "true", "HX-Trigger": "choice-anyone"})
    day = client.get(TIMES, headers={"HX-Request": "true"})
    assert ("data-keep-focus" in words(chosen), "data-keep-focus" in words(day)) == (True, False)


def test_equal_clock_times_of_the_autumn_night_are_told_apart(
    client: Browser, mia: Therapist, spa: SpaProfile
) -> None:
    WorkingHours.objects.update(starts=time(0), ends=time(4))
    SpaProfile.objects.update(booking_horizon_days=365)
    with time_machine.travel(datetime(2027, 10, 25, 8, tzinfo=UTC)):
        page = client.get(TIMES, {"date": "2027-10-31"})
    ones = [
        one for part in page.context["times"].parts for one in part.times if one.starts_at.hour == 1
    ]
    assert [(f"{one.starts_at:%H:%M}", one.note, one.value) for one in ones] == [
        ("01:00", "BST", "2027-10-31T00:00Z"),
        ("01:15", "BST", "2027-10-31T00:15Z"),
        ("01:30", "BST", "2027-10-31T00:30Z"),
        ("01:45", "BST", "2027-10-31T00:45Z"),
        ("01:00", "GMT", "2027-10-31T01:00Z"),
        ("01:15", "GMT", "2027-10-31T01:15Z"),
        ("01:30", "GMT", "2027-10-31T01:30Z"),
        ("01:45", "GMT", "2027-10-31T01:45Z"),
    ]
    assert "The clocks change on Sunday 31 October." in words(page)


def test_the_spring_night_offers_no_hour_that_is_skipped(client: Browser, mia: Therapist) -> None:
    WorkingHours.objects.update(starts=time(0), ends=time(5))
    SpaProfile.objects.update(booking_horizon_days=365)
    page = client.get(TIMES, {"date": "2027-03-28"})
    starts = [f"{one:%H:%M}" for one in shown_times(page)]
    assert starts == [
        "00:00",
        "00:15",
        "00:30",
        "00:45",
        "02:00",
        "02:15",
        "02:30",
        "02:45",
        "03:00",
        "03:15",
        "03:30",
        "03:45",
    ]
    assert {one.note for part in page.context["times"].parts for one in part.times} == {""}
    assert page.context["times"].zone_name == "BST"


def test_the_page_costs_the_same_for_one_and_for_many(
    client: Browser,
    lymph: Service,
    massage: Service,
    hour: ServiceOption,
    mia: Therapist,
    book: Callable[..., Appointment],
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(TIMES).status_code == 200
        return len(queries)

    once = cost()
    for number in range(6):
        therapist = Therapist.objects.create(name=f"T{number}", position=9)
        therapist.services.set([lymph])
        for weekday in range(7):
            WorkingHours.objects.create(
                therapist=therapist, weekday=weekday, starts=time(8), ends=time(20)
            )
        Room.objects.create(name=f"R{number}").services.set([lymph])
    for days in range(2, 9):
        book(at(10, days=days), details=OTTO)
    # The spa, the treatment, its lengths; therapists, rooms, hours, what is in the way.
    assert (once, cost()) == (7, 7)


def test_the_treatment_page_shows_the_next_free_times(
    spa: SpaProfile,
    lymph: Service,
    mia: Therapist,
    book: Callable[..., Appointment],
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    template = Template(
        "{% load diary %}{% next_free_times service as times %}"
        "{% for time in times %}"
        "{{ time.day }} {{ time.starts_at|clock_time }} {{ time.value }};"
        "{% endfor %}"
    )
    for days in range(3):
        book(at(12, days=days), details=OTTO)
    with timezone.override(spa.zone), django_assert_num_queries(5):
        shown = template.render(Context({"service": lymph, "spa": spa}))
    assert shown == (
        "Today 10:15 2026-11-23T10:15Z;Today 13:15 2026-11-23T13:15Z;"
        "Tomorrow 09:00 2026-11-24T09:00Z;Tomorrow 13:15 2026-11-24T13:15Z;"
    )


def test_a_treatment_without_lengths_has_no_next_times(spa: SpaProfile, lymph: Service) -> None:
    ServiceOption.objects.update(active=False)
    template = Template("{% load diary %}{% next_free_times service as times %}{{ times }}")
    assert template.render(Context({"service": lymph, "spa": spa})) == "[]"
