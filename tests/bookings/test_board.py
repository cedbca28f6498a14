"""The day as a list."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.models import Appointment, Room, Therapist, TimeOff, WorkingHours
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import CLEO, OTTO, at
from tests.bookings.crowd import crowd_of, everybody_has_a_visit
from tests.bookings.staff_pages import browser_of, desk_url, take, words

pytestmark = pytest.mark.django_db


Book = Callable[..., Appointment]


@pytest.fixture(autouse=True)
def _monday_morning(clock: time_machine.Traveller) -> None:
    """Let every test begin on the cast's Monday at eight."""


@pytest.fixture
def desk(dana: User) -> Browser:
    return browser_of(dana)


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's visit on Tuesday at ten with Mia."""
    return book_again(at(10), therapist=mia)


@pytest.fixture
def asked(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's request for Tuesday at ten with Mia."""
    return book_again(at(10), therapist=mia, outcome=Outcome.CLEARANCE)


def tuesday(desk: Browser) -> str:
    return words(desk.get("/desk/list/?date=2026-11-24"))


def test_the_day_shows_time_client_treatment_room_status_and_verdict(
    desk: Browser, visit: Appointment
) -> None:
    page = tuesday(desk)
    assert "10:00 – 11:00 Cleo Call Cleo" in page
    assert "Lymphatic drainage massage Fern Confirmed Clear" in page
    assert "1 visit" in page


def test_the_day_calls_a_client_with_one_tap(desk: Browser, visit: Appointment) -> None:
    page = desk.get("/desk/list/?date=2026-11-24").content.decode()
    assert 'href="tel:+44-20-7946-0001"' in page


def test_a_note_is_marked_on_the_day_and_read_on_the_visit(
    desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(
        at(10), details=actions.Details("Cleo", "cleo@example.com", "", note="No scented oil.")
    )
    assert "No scented oil." not in tuesday(desk)
    assert "Clear Note" in tuesday(desk)
    assert "No scented oil." in words(desk.get(desk_url("appointment", visit)))


def test_other_days_are_one_tap_away(desk: Browser, spa: SpaProfile) -> None:
    page = desk.get("/desk/list/").content.decode()
    assert 'href="?date=2026-11-22"' in page
    assert 'href="?date=2026-11-24"' in page
    assert "Monday 23 November" in page


@pytest.mark.parametrize(
    "day", ["", "tomorrow", "2026-13-01", "9999-12-31", "0001-01-01", "2026-11-23\x00", "1e9"]
)
def test_a_day_that_is_none_shows_today(day: str, desk: Browser, spa: SpaProfile) -> None:
    answer = desk.get("/desk/list/", {"date": day})
    assert answer.status_code == 200
    assert "Monday 23 November today" in words(answer)


def test_hours_breaks_and_time_off_are_seen(
    desk: Browser, visit: Appointment, mia: Therapist, noor: Therapist
) -> None:
    WorkingHours.objects.filter(therapist=mia).update(
        break_starts=time(12, 30), break_ends=time(13, 15)
    )
    TimeOff.objects.create(therapist=mia, starts_at=at(15), ends_at=at(20), reason="Dentist")
    TimeOff.objects.create(therapist=noor, starts_at=at(0), ends_at=at(0, days=3), reason="Holiday")
    page = tuesday(desk)
    mias = page[page.index("Mia 09:00 – 17:00") :]
    order = ["10:00 – 11:00 Cleo", "12:30 – 13:15 Break", "15:00 – 17:00 Dentist"]
    assert sorted(order, key=mias.index) == order
    assert "Not in: Noor (Holiday)" in page


def test_a_day_without_visits_says_so_and_shows_who_is_in(
    desk: Browser, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    WorkingHours.objects.filter(therapist=mia).update(
        break_starts=time(12, 30), break_ends=time(13, 15)
    )
    page = tuesday(desk)
    assert "0 visits" in page
    assert "Nothing booked yet." in page
    assert "09:00 – 12:30 Free for 210 minutes" in page
    assert "12:30 – 13:15 Break" in page
    assert "Noor 09:00 – 17:00" in page


def test_a_day_with_nobody_in_is_no_day_without_bookings(desk: Browser, mia: Therapist) -> None:
    WorkingHours.objects.all().delete()
    page = tuesday(desk)
    assert "Nobody is in on this day" in page
    assert "Nothing booked yet." not in page


@pytest.mark.parametrize(
    ("day", "heading"),
    [("2026-11-24", "Tuesday 24 November"), ("2027-11-24", "Wednesday 24 November 2027")],
)
def test_the_heading_has_the_year_where_it_is_another(
    day: str, heading: str, desk: Browser, spa: SpaProfile
) -> None:
    page = desk.get("/desk/list/", {"date": day}).content.decode()
    assert f'<h1 class="desk-head__day">{heading}</h1>' in re.sub(r"\s*\n\s*", "", page)


def test_a_closed_spa_says_how_many_visits_are_to_move(
    desk: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room, moss: Room
) -> None:
    TimeOff.objects.create(starts_at=at(0), ends_at=at(0, days=2), reason="Flood")
    assert "to move" not in tuesday(desk)
    TimeOff.objects.all().delete()
    moss.services.add(*fern.services.all())
    book(at(10), therapist=mia)
    book(at(10), therapist=noor, details=OTTO, outcome=Outcome.CLEARANCE)
    gone = book(at(13), therapist=mia)
    Appointment.objects.filter(pk=gone.pk).update(status="cancelled")
    TimeOff.objects.create(starts_at=at(0), ends_at=at(0, days=2), reason="Flood")
    assert "Important: The spa is closed: Flood. 2 visits to move." in tuesday(desk)


@pytest.mark.parametrize(
    ("off_from", "off_until", "said_of_it"),
    [(at(9), at(10), False), (at(10, 45), at(12), True), (at(11), at(12), False)],
)
def test_only_visits_within_the_time_off_are_to_move(
    off_from: datetime, off_until: datetime, said_of_it: bool, desk: Browser, visit: Appointment
) -> None:
    TimeOff.objects.create(starts_at=off_from, ends_at=off_until)
    assert ("The spa is closed. 1 visit to move." in tuesday(desk)) is said_of_it


def test_a_therapist_who_is_off_has_her_visits_to_move_in_her_own_column(
    desk: Browser, visit: Appointment, mia: Therapist, noor: Therapist
) -> None:
    TimeOff.objects.create(therapist=noor, starts_at=at(9), ends_at=at(12), reason="Course")
    assert "to move" not in tuesday(desk)
    TimeOff.objects.create(therapist=mia, starts_at=at(9), ends_at=at(12), reason="Dentist")
    page = tuesday(desk)
    assert "Mia 09:00 – 17:00 Off: Dentist. 1 visit to move." in page
    assert page.count("to move") == 1


def test_what_is_over_is_no_longer_to_move(
    dana: User, visit: Appointment, clock: time_machine.Traveller
) -> None:
    TimeOff.objects.create(starts_at=at(9), ends_at=at(12))
    clock.move_to(at(10, 59))
    assert "1 visit to move" in tuesday(browser_of(dana))
    clock.move_to(at(11))
    assert "to move" not in tuesday(browser_of(dana))


def test_a_hold_is_shown_as_being_booked_until_it_lapses(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    Appointment.objects.filter(pk=visit.pk).update(
        status="held", client=None, hold_expires_at=at(8, 10, days=0)
    )
    assert "Somebody, online" in tuesday(desk)
    assert "Being booked" in tuesday(desk)
    clock.move_to(at(8, 10, days=0))
    assert "Being booked" not in tuesday(desk)


def test_requests_of_all_days_are_counted_on_each(desk: Browser, asked: Appointment) -> None:
    page = words(desk.get("/desk/list/?date=2026-12-24"))
    assert "1 request Decide by today, 10:00" in page


def test_names_are_shown_as_written_and_never_run(
    desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    name = "<script>alert(1)</script> نور 🌿"
    visit = book(at(10), details=actions.Details(name, "x@example.com", ""))
    for url in ("/desk/list/?date=2026-11-24", desk_url("appointment", visit)):
        page = desk.get(url).content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt; نور 🌿" in page
        assert "<script>alert" not in page


@pytest.fixture
def autumn_night(
    desk: Browser,
    book: Book,
    mia: Therapist,
    fern: Room,
    hour: ServiceOption,
    clock: time_machine.Traveller,
) -> Appointment:
    """The night of 25 October 2026 in London: Cleo at 01:30 BST, Otto at 01:15 GMT, both 30 min.

    Looked at from the Saturday before, and Mia works from midnight.
    """
    saturday = datetime(2026, 10, 24, 8, tzinfo=UTC)
    clock.move_to(saturday)
    hour.minutes = 30
    hour.save()
    WorkingHours.objects.filter(therapist=mia).update(starts=time(0))
    book(
        datetime(2026, 10, 25, 1, 15, tzinfo=UTC),
        therapist=mia,
        details=OTTO,
        when=saturday,
    )
    return book(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), therapist=mia, when=saturday)


def test_equal_times_of_a_clock_change_night_are_told_apart(
    dana: User, autumn_night: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(datetime(2026, 10, 25, 0, 15, tzinfo=UTC))
    page = words(browser_of(dana).get("/desk/list/?date=2026-10-25"))
    assert "Next 01:30 BST Cleo to Mia, Fern" in page
    assert "01:15 GMT Otto to Mia, Fern" in page
    first, second = page.index("01:30 BST – 01:00 GMT"), page.index("01:15 GMT – 01:45 GMT")
    assert first < page.index("Cleo", first) < second < page.index("Otto", second)


@pytest.mark.parametrize("count", [1, 50])
def test_the_day_costs_the_same_for_any_number_of_therapists_and_visits(
    count: int, desk: Browser, lymph: Service, hour: ServiceOption
) -> None:
    crowd = crowd_of(lymph, count)
    everybody_has_a_visit(crowd[::2], hour, at(10))
    everybody_has_a_visit(crowd[1::2], hour, at(10), outcome=Outcome.CLEARANCE)
    everybody_has_a_visit(crowd, hour, at(13), name="Otto")
    for therapist, _room in crowd:
        TimeOff.objects.create(therapist=therapist, starts_at=at(10), ends_at=at(16))
    TimeOff.objects.create(starts_at=at(10), ends_at=at(16))
    with CaptureQueriesContext(connection) as queries:
        answer = desk.get("/desk/list/?date=2026-11-24")
    assert words(answer).count("Otto") >= count
    # Session, person and profile; the bar's two; six for the day, three
    # for its gaps and one for the requests.
    assert len(queries) == 15


def test_a_day_without_hours_but_with_a_visit_is_still_shown(
    desk: Browser, visit: Appointment, mia: Therapist
) -> None:
    WorkingHours.objects.all().delete()
    assert (
        "Mia not in today Time Client Treatment and room State Steps 10:00 – 11:00 Cleo"
        in tuesday(desk)
    )


def test_hours_hold_on_their_own_days_only(desk: Browser, mia: Therapist) -> None:
    tuesday_date = at(10).date()
    WorkingHours.objects.filter(therapist=mia).update(valid_until=tuesday_date - timedelta(days=1))
    assert "Not in: Mia" in tuesday(desk)


def test_a_cancelled_visit_stands_struck_out(desk: Browser, visit: Appointment) -> None:
    actions.cancel_appointment(
        appointment=visit, by=actions.CLIENT, spa=SpaProfile.load(), now=at(8, days=0)
    )
    page = desk.get("/desk/list/?date=2026-11-24").content.decode()
    assert 'class="agenda__row agenda__row--off"' in page
    assert CLEO.name in page


def test_the_list_of_one_therapist_shows_her_alone(
    desk: Browser, visit: Appointment, mia: Therapist, noor: Therapist, book: Book
) -> None:
    page = words(desk.get("/desk/list/", {"date": "2026-11-24", "therapist": str(noor.pk)}))
    assert "Everybody Mia Noor" in page
    assert "Cleo" not in page
    answer = desk.get("/desk/list/", {"date": "2026-11-24", "therapist": str(mia.pk)})
    page = words(answer)
    assert "10:00 – 11:00 Cleo" in page
    assert f'<input type="hidden" name="of" value="{mia.pk}">' in answer.content.decode()


@pytest.mark.parametrize("key", ["0", "-1", "mia", "", "9" * 400, "1e3", "\x00", "٣"])
def test_a_therapist_who_is_none_is_everybody(
    key: str, desk: Browser, visit: Appointment, noor: Therapist
) -> None:
    page = words(desk.get("/desk/list/", {"date": "2026-11-24", "therapist": key}))
    assert "Mia 09:00 – 17:00" in page
    assert "Noor 09:00 – 17:00" in page


def test_a_step_leads_back_to_the_list_of_the_same_therapist(
    dana: User,
    visit: Appointment,
    mia: Therapist,
    noor: Therapist,
    clock: time_machine.Traveller,
) -> None:
    clock.move_to(at(9, 55))
    answer = take(browser_of(dana), visit, "arrived", of=mia.pk)
    here = f"#visit-{visit.reference}"
    assert answer["Location"] == f"/desk/list/?date=2026-11-24&therapist={mia.pk}{here}"
    visit.refresh_from_db()
    answer = take(browser_of(dana), visit, "undo", of=noor.pk)
    assert answer["Location"] == f"/desk/list/?date=2026-11-24{here}"


def test_each_row_of_the_list_is_one_of_a_table_with_its_time_as_heading(
    desk: Browser, visit: Appointment
) -> None:
    page = re.sub(r"\s+", " ", desk.get("/desk/list/?date=2026-11-24").content.decode())
    row = page[page.index(f'id="visit-{visit.reference}"') :]
    row = row[: row.index("</tr>")]
    assert '<th class="agenda__time" role="rowheader" scope="row"> 10:00 – 11:00 </th>' in row
    assert row.count('role="cell"') == 4
