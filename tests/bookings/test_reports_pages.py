"""The pages and files of the reports: what they show, to whom, and what they cost."""

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings.csv_files import harmless
from bookings.models import Appointment, Room, Therapist
from bookings.owners.reports import lines
from bookings.reports.cells import Table, count, text
from bookings.reports.figures import change
from bookings.reports.periods import Period
from bookings.reports.tables import TABLES
from services.models import Service, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
PAGE = "/admin/reports/"


@pytest.fixture
def owner(clock: time_machine.Traveller, spa: SpaProfile, olive: User) -> Browser:
    return browser_of(olive)


@pytest.fixture
def visits(book_again: Book, mia: Therapist, noor: Therapist, fern: Room) -> list[Appointment]:
    """One visit kept, one missed, one to come; all of them this week."""
    made = [
        book_again(at(10), therapist=mia),
        book_again(at(12), therapist=noor, details=OTTO),
        book_again(at(10, days=2), therapist=mia),
    ]
    for visit, status in zip(made, ["completed", "no_show", "confirmed"], strict=True):
        Appointment.objects.filter(pk=visit.pk).update(status=status)
    return made


def rows(answer: Any) -> list[list[str]]:
    """The lines of a CSV file that was sent."""
    body = b"".join(answer.streaming_content).decode()
    assert body.startswith("\N{ZERO WIDTH NO-BREAK SPACE}")
    return list(csv.reader(io.StringIO(body[1:])))


def test_the_page_says_what_the_figures_are_and_what_they_mean(
    owner: Browser, visits: list[Appointment]
) -> None:
    page = words(owner.get(PAGE, {"period": "this-week"}))
    for said in (
        "Monday 23 November – Sunday 29 November",
        "against Monday 16 November – Sunday 22 November",
        "This period is not over; the one before is counted whole.",
        "Booked visits Not called off. 3 0 before",
        "Kept visits The client came. 1 0 before",
        "Booked revenue Prices of the booked visits. £225 £0 before",
        "Most booked: Lymphatic drainage massage, 100% of the visits.",
        "Late: less than 24 hours before the visit.",
    ):
        assert said in page, said


def test_without_a_choice_it_is_this_month(owner: Browser, spa: SpaProfile) -> None:
    answer = owner.get(PAGE)
    assert answer.context["chosen"].period == Period(date(2026, 11, 1), date(2026, 11, 30))
    assert "No visits in these days yet." in words(answer)


def test_days_of_ones_own(owner: Browser, visits: list[Appointment]) -> None:
    answer = owner.get(PAGE, {"first": "2026-11-24", "last": "2026-11-24"})
    assert answer.context["chosen"].period == Period(date(2026, 11, 24), date(2026, 11, 24))
    assert answer.context["chosen"].before == Period(date(2026, 11, 23), date(2026, 11, 23))
    assert answer.context["figures"][0].now.plain == 2
    assert 'value="2026-11-24"' in answer.content.decode()


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"first": "2026-11-24"}, "last", "Please enter both days."),
        ({"last": "2026-11-24"}, "first", "Please enter both days."),
        ({"first": "2026-11-24", "last": "2026-11-23"}, "last", "must not lie before"),
        ({"first": "soon", "last": "2026-11-23"}, "first", "Enter a valid date."),
        ({"first": "2026-02-30", "last": "2026-11-23"}, "first", "Enter a valid date."),
        ({"first": "1999-12-31", "last": "2000-01-01"}, "first", "after the year 2000"),
        ({"first": "0001-01-01", "last": "9999-12-31"}, "first", "after the year 2000"),
        ({"first": "2026-01-01", "last": "9999-12-31"}, "last", "does not reach that far"),
        ({"first": "2023-01-01", "last": "2026-11-23"}, "last", "three years at most"),
        ({"period": "next-eon"}, "period", "not one of the available choices"),
        ({"first": "\u0000<script>\u202e", "last": "١٢"}, "first", "Enter a valid date."),
    ],
)
def test_a_wrong_choice_is_told_at_its_field(
    owner: Browser, asked: dict[str, str], field: str, said: str
) -> None:
    answer = owner.get(PAGE, asked)
    assert answer.status_code == 200
    assert said in str(answer.context["form"].errors[field])
    assert answer.context["chosen"].preset == "this-month"
    for value in asked.values():
        assert "<script>" not in value or value not in answer.content.decode()
    assert owner.get(f"{PAGE}treatments.csv", asked)["Location"] == PAGE
    assert owner.get(f"{PAGE}reports.zip", asked)["Location"] == PAGE


def test_the_page_costs_the_same_for_one_and_for_many(
    owner: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room, moss: Room
) -> None:
    book(at(10), therapist=mia)
    owner.get(PAGE)
    first = _queries(owner)
    for hour in (9, 12, 14):
        book(at(hour, days=3), therapist=mia, outcome=Outcome.CLEARANCE)
        book(at(hour, 30, days=2), therapist=noor, details=OTTO)
    Therapist.objects.create(name="Somebody else")
    # Eleven of the report, three that make room for it, and five for the session, the owner, her
    # permissions and the spa.
    assert (_queries(owner), first) == (19, 19)


def _queries(browser: Browser) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(PAGE).status_code == 200
    return len(queries)


def test_each_table_is_saved_as_a_file(owner: Browser, visits: list[Appointment]) -> None:
    for name in TABLES:
        answer = owner.get(f"{PAGE}{name}.csv", {"period": "this-week"})
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"] == (
            f'attachment; filename="{name}-2026-11-23-2026-11-29.csv"'
        )
        lengths = {len(row) for row in rows(answer)}
        assert len(lengths) == 1, name


def test_a_file_holds_figures_without_units(owner: Browser, visits: list[Appointment]) -> None:
    Appointment.objects.filter(pk=visits[0].pk).update(price=Decimal("1062.50"))
    asked = {"first": "2026-11-24", "last": "2026-11-25"}
    assert rows(owner.get(f"{PAGE}treatments.csv", asked)) == [
        ["Treatment", "Booked", "Kept", "Booked revenue", "Kept revenue", "Share"],
        ["Lymphatic drainage massage", "3", "1", "1212.50", "1062.50", "100.0"],
    ]
    assert rows(owner.get(f"{PAGE}course.csv", asked))[1:] == [
        ["2026-11-24", "2", "1", "1137.50", "1062.50"],
        ["2026-11-25", "1", "0", "75.00", "0"],
    ]
    assert rows(owner.get(f"{PAGE}therapists.csv", asked))[1:] == [
        ["Mia", "16.0", "2.5", "1.2", "15.6", "7.8"],
        ["Noor", "16.0", "1.2", "0.0", "7.8", "0.0"],
    ]
    hours = rows(owner.get(f"{PAGE}empty-hours.csv", asked))
    assert hours[:3] == [
        ["Weekday", "From", "Hours worked", "Hours empty", "Share"],
        ["Tuesday", "09:00", "2.0", "2.0", "100.0"],
        ["Tuesday", "10:00", "2.0", "1.0", "50.0"],
    ]
    assert len(hours) == 1 + 2 * 8


def test_all_tables_are_saved_in_one_archive(owner: Browser, visits: list[Appointment]) -> None:
    answer = owner.get(f"{PAGE}reports.zip", {"period": "this-week"})
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == sorted(
        f"{name}-2026-11-23-2026-11-29.csv" for name in TABLES
    )
    alone = b"".join(owner.get(f"{PAGE}rooms.csv?period=this-week").streaming_content)  # type: ignore[attr-defined]
    assert archive.read("rooms-2026-11-23-2026-11-29.csv") == alone


def test_no_name_in_a_file_is_a_formula(
    owner: Browser, visits: list[Appointment], lymph: Service
) -> None:
    Service.objects.filter(pk=lymph.pk).update(name='=HYPERLINK("http://x","y")')
    found = rows(owner.get(f"{PAGE}treatments.csv", {"period": "this-week"}))
    assert found[1][0] == '\'=HYPERLINK("http://x","y")'
    for start in "=+-@\t\r\n":
        assert harmless(f"{start}1") == f"'{start}1"
    assert (harmless("1"), harmless(-1), harmless(Decimal(-1))) == ("1", -1, Decimal(-1))
    table = Table("x", "X", "", ["A", "B"], [[text(' "quoted", and\nbroken'), count(-2)]])
    assert list(csv.reader(io.StringIO("".join(lines(table))[1:]))) == [
        ["A", "B"],
        [' "quoted", and\nbroken', "-2"],
    ]


def test_nothing_of_a_client_is_in_a_report(owner: Browser, visits: list[Appointment]) -> None:
    visit = Appointment.objects.select_related("client").get(pk=visits[0].pk)
    assert visit.client is not None
    sent = owner.get(PAGE, {"period": "this-week"}).content.decode()
    packed = zipfile.ZipFile(
        io.BytesIO(owner.get(f"{PAGE}reports.zip", {"period": "this-week"}).content)
    )
    sent += "".join(packed.read(name).decode() for name in packed.namelist())
    for private in (
        visit.client.name,
        visit.client.email,
        str(visit.client.phone),
        visit.reference,
        "fever",
        "asthma",
    ):
        assert private not in sent, private


def test_staff_who_are_no_owners_are_refused(
    clock: time_machine.Traveller, spa: SpaProfile, dana: User
) -> None:
    dana.is_staff = True
    dana.save()
    dana.user_permissions.add(Permission.objects.get(codename="view_appointment"))
    for name in ("", "course.csv", "reports.zip"):
        assert browser_of(dana).get(PAGE + name).status_code == 403, name


def test_before_the_spa_is_set_up_there_is_no_report(olive: User) -> None:
    assert browser_of(olive).get(PAGE)["Location"] == "/admin/"


def test_a_change_is_told_in_percent() -> None:
    assert change(Decimal(112), Decimal(100)) == "+12%"
    assert change(Decimal(92), Decimal(100)) == "\N{MINUS SIGN}8%"
    assert change(Decimal(5), Decimal(5)) == "0%"
    assert change(Decimal(5), Decimal(0)) == ""
