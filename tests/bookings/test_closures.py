"""Owners close the spa: for a day, for a season, on public holidays; visits are listed first."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings.models import Appointment, Room, Therapist, TimeOff
from bookings.public_holidays import PublicHoliday, parts_of, public_holidays
from services.models import SpaProfile
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, said, words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
CLOSE = "/admin/bookings/timeoff/close/"
UNREADABLE = "We could not read that day. It looks like 2026-11-24."
TOO_FAR = "Please choose a day within the next two years."
HOLIDAYS = "/admin/bookings/timeoff/holidays/"


@pytest.fixture
def owner(clock: time_machine.Traveller, spa: SpaProfile, olive: User) -> Browser:
    return browser_of(olive)


def offs() -> list[tuple[str, datetime, datetime, str]]:
    rows = TimeOff.objects.order_by("starts_at", "therapist__position").select_related("therapist")
    return [(str(one.therapist or "spa"), one.starts_at, one.ends_at, one.reason) for one in rows]


def test_the_spa_is_closed_for_a_day_in_three_clicks(
    owner: Browser, mia: Therapist, fern: Room, book: Book
) -> None:
    visit = book(at(10), therapist=mia)
    home = owner.get("/admin/").content.decode()
    assert f'href="{CLOSE}"' in home
    page = owner.get(CLOSE)
    assert 'href="?day=2026-11-24"' in page.content.decode()
    assert "Tuesday 24 Nov 1 visit" in words(page)
    page = owner.get(f"{CLOSE}?day=2026-11-24")
    assert "1 booked visit would have no place" in words(page)
    assert "The spa is closed." in words(page)
    sent = {
        "who": "spa",
        "first_day": "2026-11-24",
        "agreed": page.context["references"],
        "reason": "Boiler",
    }
    answer = owner.post(CLOSE, sent)
    assert answer["Location"] == "/desk/to-move/"
    assert said(answer) == [
        "Closed: Whole spa off, Tuesday 24 November (Boiler). 1 visit has to be moved."
    ]
    assert offs() == [("spa", at(0), at(0, days=2), "Boiler")]
    assert visit.events.filter(kind="stranded").count() == 1
    assert "Tuesday 24 Nov closed already" in words(owner.get(CLOSE))


def test_a_day_without_visits_is_closed_at_once_and_only_once(owner: Browser) -> None:
    sent = {"who": "spa", "first_day": "2026-11-24"}
    for _twice in range(2):
        answer = owner.post(CLOSE, sent)
        assert answer["Location"] == "/admin/bookings/timeoff/"
    assert offs() == [("spa", at(0), at(0, days=2), "")]


def test_a_season_off_for_two_therapists_this_year_and_next(
    owner: Browser, mia: Therapist, noor: Therapist, fern: Room, book: Book
) -> None:
    visit = book(at(10, days=30), therapist=mia)
    sent = {
        "who": [mia.pk, noor.pk],
        "first_day": "2026-12-21",
        "last_day": "2027-01-03",
        "reason": "Winter break",
        "next_year": "on",
    }
    answer = owner.post(CLOSE, sent)
    page = words(answer)
    assert "1 booked visit would have no place" in page
    assert "Mia off, Monday 21 December – Sunday 3 January 2027 (Winter break)" in page
    assert offs() == []
    carried = answer.context["carried"]
    assert ("who", str(mia.pk)) in carried
    assert ("who", str(noor.pk)) in carried
    back = owner.post(CLOSE, {**sent, "edit": "1"}).context["form"]
    assert back["last_day"].value() == "2027-01-03"
    answer = owner.post(CLOSE, {**sent, "agreed": visit.reference})
    assert answer["Location"] == "/desk/to-move/"
    assert [(who, starts.date(), ends.date()) for who, starts, ends, _reason in offs()] == [
        ("Mia", date(2026, 12, 21), date(2027, 1, 4)),
        ("Noor", date(2026, 12, 21), date(2027, 1, 4)),
        ("Mia", date(2027, 12, 21), date(2028, 1, 4)),
        ("Noor", date(2027, 12, 21), date(2028, 1, 4)),
    ]


def test_days_begin_and_end_at_local_midnight_when_the_clocks_change(owner: Browser) -> None:
    owner.post(CLOSE, {"who": "spa", "first_day": "2027-03-28", "last_day": "2027-03-28"})
    off = TimeOff.objects.get()
    assert off.starts_at.isoformat() == "2027-03-28T00:00:00+00:00"
    assert off.ends_at.isoformat() == "2027-03-28T23:00:00+00:00"


@pytest.mark.parametrize(
    ("typed", "field", "mistake"),
    [
        ({"who": []}, "who", "Please say for whom."),
        ({"who": ["999999"]}, "who", "Please choose from the list."),
        ({"who": ["\u202e\x00"]}, "who", "Please choose from the list."),
        ({"first_day": ""}, "first_day", "Please choose the first day."),
        ({"first_day": "2026-11-22"}, "first_day", "That day is over already."),
        (
            {"first_day": "9999-12-31"},
            "first_day",
            "Please choose a day within the next two years.",
        ),
        (
            {"first_day": "x" * 9999},
            "first_day",
            "We could not read that day. It looks like 2026-11-24.",
        ),
        ({"last_day": "2026-11-20"}, "last_day", "The last day must not lie before the first."),
        ({"last_day": "9999-12-31"}, "last_day", TOO_FAR),
        ({"reason": "x" * 121}, "reason", "Please keep it under 120 characters."),
        (
            {"first_day": "2028-02-29", "last_day": "", "next_year": "on"},
            "next_year",
            "The diary does not reach that far: two years from today.",
        ),
    ],
)
def test_a_mistake_stands_at_its_field(
    typed: dict[str, Any], field: str, mistake: str, owner: Browser
) -> None:
    sent = {"who": ["spa"], "first_day": "2026-11-24", "last_day": "", "reason": "", **typed}
    answer = owner.post(CLOSE, sent)
    assert answer.status_code == 200
    form = answer.context["form"]
    assert {name: next(iter(errors)) for name, errors in form.errors.items()} == {field: mistake}
    assert offs() == []


@pytest.mark.parametrize("day", ["x", "2026-11-22", "9999-12-31", "0001-01-01", "\x00"])
def test_an_odd_day_leads_to_the_form(day: str, owner: Browser) -> None:
    answer = owner.get(CLOSE, {"day": day})
    assert answer.status_code == 200
    assert "For longer, or for some therapists" in words(answer)


def test_the_names_of_holidays_are_in_the_owners_language_where_there_are_any() -> None:
    def named(country: str, language: str, day: date) -> str:
        found = public_holidays(country, part="", year=day.year, language=language)
        return next(one.name for one in found if one.day == day)

    christmas = date(2026, 12, 25)
    assert named("GB", "en-gb", christmas) == "Christmas Day"
    assert named("DE", "de", christmas) == "Erster Weihnachtstag"
    assert named("DE", "en-gb", christmas) == "Christmas Day"
    assert named("DE", "cy", christmas) == "Erster Weihnachtstag"
    assert ("SCT", "Scotland") in parts_of("GB")
    scottish = public_holidays("GB", part="SCT", year=2026, language="en-gb")
    assert PublicHoliday(date(2026, 11, 30), "Saint Andrew's Day") in scottish
    assert public_holidays("GB", part="XX", year=2026, language="en") == []
    assert public_holidays("XX", part="", year=2026, language="en") == []
    assert parts_of("XX") == []


def test_public_holidays_are_ticked_and_closed_in_one_go(
    owner: Browser, mia: Therapist, fern: Room, book: Book
) -> None:
    christmas = book(at(10, days=32), therapist=mia)
    TimeOff.objects.create(starts_at=at(0, days=33), ends_at=at(0, days=34), reason="Boxing Day")
    page = words(owner.get(HOLIDAYS))
    assert "Christmas Day Friday 25 December 1 visit booked" in page
    assert "Boxing Day Saturday 26 December closed already" in page
    assert "Good Friday" not in page
    sent: dict[str, Any] = {"days": ["2026-12-25", "2026-12-28"]}
    answer = owner.post(HOLIDAYS, sent)
    assert "1 booked visit would have no place" in words(answer)
    back = owner.post(HOLIDAYS, {**sent, "edit": "1"})
    assert back.context["ticked"] == sent["days"]
    answer = owner.post(HOLIDAYS, {**sent, "agreed": christmas.reference})
    assert answer["Location"] == "/desk/to-move/"
    assert [(who, starts.date(), reason) for who, starts, _ends, reason in offs()] == [
        ("spa", date(2026, 12, 25), "Christmas Day"),
        ("spa", date(2026, 12, 26), "Boxing Day"),
        ("spa", date(2026, 12, 28), "Boxing Day (observed)"),
    ]


def test_the_part_of_the_country_is_remembered(owner: Browser) -> None:
    assert "Saint Andrew" not in words(owner.get(HOLIDAYS))
    assert "Saint Andrew" in words(owner.get(f"{HOLIDAYS}?part=SCT"))
    assert "Saint Andrew" in words(owner.get(HOLIDAYS))
    assert "Easter Monday" not in words(owner.get(f"{HOLIDAYS}?year=2027"))
    assert "Saint Andrew" not in words(owner.get(f"{HOLIDAYS}?part="))


@pytest.mark.parametrize("days", [[], ["2026-12-24"], ["x\x00"], ["2026-12-25 "]])
def test_only_what_is_offered_is_closed(days: list[str], owner: Browser) -> None:
    answer = owner.post(f"{HOLIDAYS}?year=9999&part=%00", {"days": days})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == ["days"]
    assert offs() == []


def test_a_country_without_known_holidays_is_no_fault(owner: Browser) -> None:
    SpaProfile.objects.update(country="XX")
    assert "No public holidays are known for XX" in words(owner.get(HOLIDAYS))


def test_the_pages_cost_the_same_for_any_number_of_visits_and_therapists(
    owner: Browser, mia: Therapist, fern: Room, book: Book
) -> None:
    book(at(10), therapist=mia)
    addresses = (CLOSE, HOLIDAYS, f"{CLOSE}?day=2026-11-24")
    first = [_queries(owner, one) for one in addresses]
    for number in range(2):
        Therapist.objects.create(name=f"Therapist {number}")
        book(at(12 + 2 * number), therapist=mia, details=OTTO)
        TimeOff.objects.create(starts_at=at(0, days=20 + number), ends_at=at(0, days=21 + number))
    assert [_queries(owner, one) for one in addresses] == first


def _queries(browser: Browser, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(url).status_code == 200
    return len(queries)
