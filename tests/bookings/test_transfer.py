"""Owners bring clients and visits in from files, and take everything out."""

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from bookings import actions
from bookings.actions.importing import purge_drafts
from bookings.csv_files import NotCsv, as_typed, decoded, harmless, table_of
from bookings.models import Appointment, Client, Event, ImportDraft, Message, Room, Therapist
from bookings.owners.home import today_in_numbers
from bookings.reports.facts import Facts
from bookings.reports.periods import Period
from services.models import Service, ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, OTTO, at
from tests.bookings.staff_pages import browser_of, login_of, said, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spa", "clock")]

HERE = "/admin/transfer/"


@pytest.fixture
def owner(olive: User, spa: SpaProfile) -> Browser:
    return browser_of(olive)


def chosen(browser: Browser, kind: str, text: str | bytes, **more: Any) -> Any:
    """Choose a file; returns the page that follows, with the ways that led there."""
    content = text.encode() if isinstance(text, str) else text
    file = SimpleUploadedFile("theirs.csv", content, "text/csv")
    return browser.post(f"{HERE}{kind}/", {"file": file, **more}, follow=True)


def brought_in(browser: Browser, kind: str, text: str | bytes, **more: Any) -> Any:
    """Choose a file and bring it in."""
    page = chosen(browser, kind, text, **more)
    return browser.post(page.redirect_chain[-1][0], follow=True)


def mistakes(browser: Browser, kind: str, text: str | bytes, **more: Any) -> list[str]:
    """What the page says is to be put right, by row."""
    page = chosen(browser, kind, text, **more)
    return [
        f"{one.row} {one.column}: {one.words}".strip() for one in page.context["outcome"].mistakes
    ]


# --- Clients ------------------------------------------------------------------------------------

CLIENTS = "name,email,phone,note\nCleo,Cleo@example.com,020 7946 0001,\nOtto,,+442079460002,Quiet\n"


def test_a_file_is_tried_out_first_and_then_brought_in(owner: Browser, olive: User) -> None:
    page = chosen(owner, "clients", CLIENTS)
    outcome = page.context["outcome"]
    assert (outcome.new, outcome.changed, outcome.here, outcome.mistakes) == (2, 0, 0, [])
    assert not Client.objects.exists()
    done = owner.post(page.redirect_chain[-1][0], follow=True)
    assert said(done) == ["2 rows are new here."]
    rows = Client.objects.order_by("name")
    assert [(one.name, one.email, str(one.phone), one.note) for one in rows] == [
        ("Cleo", "cleo@example.com", "+442079460001", ""),
        ("Otto", "", "+442079460002", "Quiet"),
    ]
    assert [one.changes.get().by for one in rows] == [olive, olive]
    assert not ImportDraft.objects.exists()


def test_a_file_that_comes_twice_changes_nothing(owner: Browser) -> None:
    brought_in(owner, "clients", CLIENTS)
    page = chosen(owner, "clients", CLIENTS)
    assert (page.context["outcome"].new, page.context["outcome"].here) == (0, 2)
    assert "All of it is here already" in words(page)
    assert "Bring it in" not in words(page)


def test_what_a_record_lacks_is_filled_in_and_nothing_overwritten(
    owner: Browser, cleo: Client
) -> None:
    Client.objects.filter(pk=cleo.pk).update(phone="")
    file = "name,email,phone,note\nCLEO,cleo@example.com,020 7946 0009,Window\n"
    done = brought_in(owner, "clients", file)
    assert said(done) == ["0 rows are new here. 1 record was filled in."]
    cleo = Client.objects.get()
    assert (cleo.name, str(cleo.phone), cleo.note) == ("Cleo", "+442079460009", "Window")


def test_a_family_that_shares_an_address_stays_several_people(
    owner: Browser, cleo: Client, mia: Therapist, fern: Room, hour: ServiceOption
) -> None:
    brought_in(owner, "clients", "name,email\nOtto,cleo@example.com\n")
    assert set(Client.objects.values_list("name", flat=True)) == {"Cleo", "Otto"}
    brought_in(owner, "visits", HEAD + visit_row("2026-10-01", "10:00", name="Otto"))
    visit = Appointment.objects.get()
    assert visit.client is not None
    assert visit.client.name == "Otto"


@pytest.mark.parametrize(
    ("file", "wrong"),
    [
        ("name\n\nx\n,\n", []),
        ("name,email\nCleo,cleo\n", ["2 email: “cleo” is no e-mail address. It looks like"]),
        ("name,phone\nCleo,12\n", ["2 phone: “12” is no phone number."]),
        ("name,email\nOtto,o@example.com\n,c@example.com\n", ["3 name: is empty."]),
        (f"name\n{'x' * 121}\n", ["2 name: has more than 120 characters."]),
    ],
)
def test_a_mistake_is_told_by_row_and_column_and_keeps_all_rows_out(
    file: str, wrong: list[str], owner: Browser
) -> None:
    found = mistakes(owner, "clients", file)
    assert len(found) == len(wrong)
    assert all(one.startswith(start) for one, start in zip(found, wrong, strict=True))
    assert not Client.objects.exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "This file is empty."),
        (b"\0\1\2", "This is no CSV file."),
        (b"PK\x03\x04\0\0", "This is no CSV file."),
        (b"e-mail\ncleo@example.com\n", "Missing: name."),
        (b"name\n", "The file has headings and no rows."),
        (b"name,name\nCleo,Otto\n", "These columns stand in the file twice: name."),
        (b"name\n" + b"x" * 200_000, "This is no CSV file."),
        (b"name\n" + b"Cleo\n" * 2001, "The file has more than 2000 rows."),
        (b"name\n" + b"x" * (5 * 1024 * 1024), "This file has more than 5 MB."),
    ],
)
def test_a_file_that_is_none_is_explained(content: bytes, complaint: str, owner: Browser) -> None:
    page = chosen(owner, "clients", content)
    assert page.status_code == 200
    assert complaint in words(page)
    assert not ImportDraft.objects.exists()


@pytest.mark.parametrize(
    "content",
    [
        "name;email\nZoë;zoe@example.com\n".encode("utf-8-sig"),
        "name;email\nZoë;zoe@example.com\n".encode("cp1252"),
        b'Client\tE-Mail\tShoe size\r\n"Zo\xc3\xab"\tzoe@example.com\t38\r\n',
        'name,email\n"Zoë\n",zoe@example.com\n'.encode(),
    ],
)
def test_files_of_every_spreadsheet_are_read(content: bytes, owner: Browser) -> None:
    brought_in(owner, "clients", content)
    assert Client.objects.values_list("name", "email").get() == ("Zoë", "zoe@example.com")


def test_columns_that_mean_nothing_are_named(owner: Browser) -> None:
    page = chosen(owner, "clients", "name,shoe size\nCleo,38\n")
    assert "left out: shoe size." in words(page)


def test_a_name_that_is_a_script_or_a_formula_is_a_name(owner: Browser) -> None:
    brought_in(owner, "clients", "name\n<script>alert(1)</script>\n=1+1\n'=2\n")
    assert set(Client.objects.values_list("name", flat=True)) == {
        "<script>alert(1)</script>",
        "=1+1",
        "=2",
    }


# --- Visits -------------------------------------------------------------------------------------

HEAD = "name,email,treatment,date,time,therapist,room,price,status\n"
LYMPH = "Lymphatic drainage massage"


def visit_row(date: str, time: str, therapist: str = "Mia", **more: str) -> str:
    cells = {
        "name": "Cleo",
        "email": "cleo@example.com",
        "treatment": LYMPH,
        "date": date,
        "time": time,
        "therapist": therapist,
        **more,
    }
    return ",".join(cells.get(one, "") for one in HEAD.strip().split(",")) + "\n"


def test_past_and_coming_visits_are_brought_in(
    owner: Browser, mia: Therapist, fern: Room, hour: ServiceOption, olive: User
) -> None:
    file = (
        HEAD
        + visit_row("2026-10-01", "10:00", price='"70,00"')
        + visit_row("2026-10-02", "10:00", status="No show")
        + visit_row("24/11/2026", "14:30")
        + visit_row("2026-11-25", "2.30 pm".replace(".", ":"), therapist="")
    )
    done = brought_in(owner, "visits", file)
    assert said(done) == ["4 rows are new here."]
    rows = Appointment.objects.order_by("starts_at")
    # In October the clocks of London are an hour ahead.
    assert [(one.starts_at, one.status, one.price) for one in rows] == [
        (datetime(2026, 10, 1, 9, tzinfo=UTC), "completed", Decimal("70.00")),
        (datetime(2026, 10, 2, 9, tzinfo=UTC), "no_show", Decimal("75.00")),
        (at(14, 30), "confirmed", Decimal("75.00")),
        (at(14, 30, days=2), "confirmed", Decimal("75.00")),
    ]
    assert {one.source for one in rows} == {"imported"}
    assert {one.client for one in rows} == {Client.objects.get()}
    assert [one.health_check for one in rows] == [None] * 4
    assert {event.actor for event in Event.objects.all()} == {olive}
    # Nothing is said of the booking; the health questions and reminders come.
    kinds = set(Message.objects.values_list("kind", flat=True))
    assert "confirmation" not in kinds
    assert {"reminder", "waiting_for_answer"} <= kinds
    page = chosen(owner, "visits", file)
    assert (page.context["outcome"].new, page.context["outcome"].here) == (0, 4)


def test_what_is_brought_in_says_nothing_of_when_it_was_booked_or_called_off(
    owner: Browser, mia: Therapist, fern: Room, hour: ServiceOption, spa: SpaProfile
) -> None:
    rows = visit_row("2026-11-02", "10:00") + visit_row("2026-11-03", "10:00", status="cancelled")
    brought_in(owner, "visits", HEAD + rows)
    november = Period(date(2026, 11, 1), date(2026, 11, 30))
    facts = Facts(november, november.just_before(), spa)
    assert (facts.total.kept, sum(facts.leads.values())) == (1, 0)
    assert [(one.late, one.count) for one in facts.cancelled] == [(False, 1)]
    booked_today = next(
        one for one in today_in_numbers(spa=spa, now=NOW) if one.name == "Booked today"
    )
    assert booked_today.value == "0"


def test_a_confirmation_is_sent_where_the_owner_says_so(
    owner: Browser, mia: Therapist, fern: Room, hour: ServiceOption
) -> None:
    brought_in(owner, "visits", HEAD + visit_row("2026-11-24", "14:30"), send_mail="on")
    assert Message.objects.filter(kind="confirmation").count() == 1


def test_what_is_wrong_with_a_visit_is_said_in_plain_words(
    owner: Browser,
    mia: Therapist,
    fern: Room,
    hour: ServiceOption,
    book: Callable[..., Appointment],
) -> None:
    book(at(10), therapist=mia, details=OTTO)
    before = Appointment.objects.count()
    file = (
        HEAD
        + visit_row("2026-11-24", "14:00")
        + visit_row("2026-11-24", "15:30", therapist="Miah")
        + visit_row("2026-11-24", "10:30")
        + visit_row("2026-11-24", "22:00")
        + visit_row("2027-03-28", "01:30")
        + visit_row("2027-10-31", "01:30")
        + visit_row("24 November", "14:00")
        + visit_row("2026-11-24", "noon")
        + visit_row("2026-11-25", "14:00", status="completed")
        + visit_row("2026-11-26", "14:00", price="much")
        + visit_row("2026-11-26", "14:30", treatment="Massage")
        + visit_row("2026-11-27", "14:00", room="Cellar")
        + visit_row("2026-10-01", "10:00", therapist="")
    )
    found = mistakes(owner, "visits", file)
    starts = [
        "3 therapist: there is no “Miah” here. Did you mean “mia”?",
        "4 time: That time has just been taken.",
        "5 time: ",
        "6 time: that time does not exist: the clocks were put forward.",
        "7 time: the clock showed that time twice",
        "8 date: “24 November” is no day. Write it like 2026-12-24.",
        "9 time: “noon” is no time. Write it like 14:30.",
        "10 status: this visit is still to come",
        "11 price: “much” is no price, such as 75.00.",
        "12 treatment: there is no “Massage” here.",
        "13 room: there is no “Cellar” here.",
        "14 therapist: is empty: a past visit needs to say who gave it.",
    ]
    assert [one for one, start in zip(found, starts, strict=True) if not one.startswith(start)] in (
        [],
        # Who is in the way is named.
        [found[1]],
    )
    assert Appointment.objects.count() == before


def test_outside_the_hours_only_where_the_owner_says_so_and_never_twice(
    owner: Browser, mia: Therapist, fern: Room, hour: ServiceOption
) -> None:
    late = HEAD + visit_row("2026-11-24", "18:00")
    assert len(mistakes(owner, "visits", late)) == 1
    brought_in(owner, "visits", late, against_rules="on")
    assert Appointment.objects.get().starts_at == at(18)
    other = visit_row("2026-11-24", "18:30", name="Otto", email="otto@example.com")
    assert len(mistakes(owner, "visits", HEAD + other, against_rules="on")) == 1


def test_two_rows_of_one_file_do_not_meet(
    owner: Browser, mia: Therapist, fern: Room, hour: ServiceOption
) -> None:
    other = visit_row("2026-11-24", "14:30", name="Otto", email="otto@example.com")
    found = mistakes(owner, "visits", HEAD + visit_row("2026-11-24", "14:00") + other)
    assert [one.split(":")[0] for one in found] == ["3 time"]
    assert not Appointment.objects.exists()


def test_a_time_that_was_taken_since_the_look_keeps_the_whole_file_out(
    owner: Browser,
    mia: Therapist,
    fern: Room,
    hour: ServiceOption,
    book: Callable[..., Appointment],
) -> None:
    rows = visit_row("2026-11-24", "10:00") + visit_row("2026-11-24", "14:00")
    page = chosen(owner, "visits", HEAD + rows)
    assert page.context["outcome"].new == 2
    book(at(10), therapist=mia, details=OTTO)
    answer = owner.post(page.redirect_chain[-1][0])
    assert "Nothing was brought in: something has changed since you looked." in words(answer)
    assert Appointment.objects.count() == 1


def test_many_coming_visits_at_once_are_asked_for_in_parts(owner: Browser, mia: Therapist) -> None:
    [one] = mistakes(owner, "visits", HEAD + visit_row("2026-12-01", "10:00") * 151)
    assert one.startswith("0 : More than 150 of these visits are still to come.")


# --- Taking out ---------------------------------------------------------------------------------


def archive_of(browser: Browser) -> zipfile.ZipFile:
    answer: Any = browser.post(f"{HERE}everything.zip")
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))


def test_everything_goes_out_and_comes_in_again(
    owner: Browser, mia: Therapist, fern: Room, book: Callable[..., Appointment]
) -> None:
    visit = book(at(10), therapist=mia)
    Client.objects.update(note="=1+1")
    archive = archive_of(owner)
    assert archive.testzip() is None
    assert "README.txt" in archive.namelist()
    clients, visits = archive.read("clients.csv"), archive.read("visits.csv")
    row = next(csv.DictReader(io.StringIO(visits.decode("utf-8-sig"))))
    assert (row["date"], row["time"], row["status"]) == ("2026-11-24", "10:00", "confirmed")

    Message.objects.all().delete()
    Event.objects.all().delete()
    Appointment.objects.all().delete()
    Client.objects.all().delete()
    brought_in(owner, "clients", clients)
    brought_in(owner, "visits", visits)
    again = Appointment.objects.get()
    assert (again.starts_at, again.therapist, again.room, again.price) == (
        visit.starts_at,
        mia,
        fern,
        visit.price,
    )
    assert again.client is not None
    assert (again.client.name, str(again.client.phone), again.client.note) == (
        "Cleo",
        "+442079460001",
        "=1+1",
    )


def test_no_secret_and_no_health_answer_goes_out(
    owner: Browser, mia: Therapist, fern: Room, book: Callable[..., Appointment], olive: User
) -> None:
    visit = book(at(10), therapist=mia)
    login_of(mia)
    key = actions.issue_visit_link(visit)
    feed = actions.renew_feed(therapist=mia, now=NOW)
    archive = archive_of(owner)
    whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
    check = visit.health_check
    assert check is not None
    for secret in (key, feed, olive.password, "gAAAA", *check.answers):
        assert str(secret) not in whole.replace(
            archive.read("health questions.csv").decode(), ""
        ).replace(archive.read("health questions of treatments.csv").decode(), "")


def test_only_owners_bring_in_and_take_out(dana: User, olive: User, spa: SpaProfile) -> None:
    dana.is_staff = True
    dana.save()
    desk = browser_of(dana)
    for path in (HERE, f"{HERE}clients/", f"{HERE}clients.csv"):
        assert desk.get(path).status_code == 403
    assert desk.post(f"{HERE}everything.zip").status_code == 403
    # Another owner's file is nobody else's.
    other = User.objects.create_superuser("root")
    page = chosen(browser_of(olive), "clients", CLIENTS)
    assert browser_of(other).get(page.redirect_chain[-1][0]).status_code == 404


def test_a_file_is_kept_encrypted_and_forgotten_after_a_day(owner: Browser) -> None:
    from django.db import connection

    chosen(owner, "clients", CLIENTS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM bookings_importdraft")
        assert "Cleo" not in cursor.fetchone()[0]
    assert purge_drafts(now=at(7)) == 0
    assert purge_drafts(now=at(9)) == 1


def test_the_example_can_be_brought_in(owner: Browser, mia: Therapist, lymph: Service) -> None:
    example = owner.get(f"{HERE}clients.csv").content
    brought_in(owner, "clients", example)
    assert str(Client.objects.get().phone) == "+442079460001"


def test_what_is_made_harmless_is_read_as_it_was() -> None:
    for text in ("=1", "+44 20", "-1", "@x", "plain", "it's"):
        assert as_typed(str(harmless(text))) == text
    with pytest.raises(NotCsv):
        decoded(b"a\0b")
    assert table_of("A;B\n1;2\n\n3\n", most=5) == (["a", "b"], [(2, ["1", "2"]), (4, ["3", ""])])
