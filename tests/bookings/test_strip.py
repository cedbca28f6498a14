"""What the desk must know right now."""

import json
from collections.abc import Callable

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import Appointment, Room, Therapist
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import OTTO, at
from tests.bookings.crowd import crowd_of, everybody_has_a_visit
from tests.bookings.staff_pages import browser_of, desk_url, status_of, words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]


@pytest.fixture(autouse=True)
def _monday_morning(clock: time_machine.Traveller) -> None:
    """Let every test begin on the cast's Monday at eight."""


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's visit on Tuesday at ten with Mia."""
    return book_again(at(10), therapist=mia)


def strip(who: User, **asked: str) -> str:
    # A session does not last from Monday to Tuesday.
    return words(browser_of(who).get("/desk/strip/", asked))


def test_who_comes_within_three_hours_is_next(
    dana: User, visit: Appointment, book: Book, clock: time_machine.Traveller
) -> None:
    book(at(14), details=OTTO)
    clock.move_to(at(6, 59))
    assert "Next" not in strip(dana)
    clock.move_to(at(7))
    page = strip(dana)
    assert "Next 10:00 Cleo to Mia, Fern Arrived Cleo" in page
    assert "Otto" not in page


def test_who_is_late_is_so_by_minutes_until_the_visit_is_over(
    dana: User, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(10, 12))
    assert "10:00 12 min late Cleo" in strip(dana)
    clock.move_to(at(11))
    page = strip(dana)
    assert "min late" not in page
    assert "1 over but still open" in page


def test_who_is_here_waits_and_then_is_in_treatment(
    dana: User, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 50))
    Appointment.objects.filter(pk=visit.pk).update(status="arrived", arrived_at=at(9, 50))
    assert "Here Cleo waits for Mia, 10:00" in strip(dana)
    Appointment.objects.filter(pk=visit.pk).update(started_at=at(10))
    clock.move_to(at(10, 5))
    assert "Here Cleo with Mia until 11:00" in strip(dana)


def test_therapists_who_are_ready_today_are_named(
    dana: User, mia: Therapist, noor: Therapist
) -> None:
    Therapist.objects.filter(pk=mia.pk).update(ready_since=at(7, 45, days=0))
    Therapist.objects.filter(pk=noor.pk).update(ready_since=at(16, days=-1))
    page = strip(dana)
    assert "Ready: Mia since 07:45" in page
    assert "Noor since" not in page


def test_requests_are_counted_with_the_first_deadline(
    dana: User, book: Book, mia: Therapist, fern: Room
) -> None:
    assert "request" not in strip(dana)
    book(at(10, days=3), therapist=mia, outcome=Outcome.CLEARANCE)
    book(at(10), therapist=mia, outcome=Outcome.CLEARANCE, details=OTTO)
    assert "2 requests Decide by today, 10:00" in strip(dana)


def test_what_is_free_today_is_said_by_therapist(
    dana: User, mia: Therapist, noor: Therapist, fern: Room, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(12, 1))
    page = strip(dana)
    assert "Free today" in page
    assert page.index("Mia 12:05 – 17:00") < page.index("Noor 12:05 – 17:00")


def test_a_free_stretch_begins_with_the_start_that_is_booked(
    dana: User, mia: Therapist, fern: Room, clock: time_machine.Traveller
) -> None:
    Service.objects.update(buffer_before_minutes=5)
    clock.move_to(at(12, 1))
    assert "Mia 12:10 – 17:00" in strip(dana)


def test_another_day_tells_its_numbers_and_what_is_free(dana: User, visit: Appointment) -> None:
    page = strip(dana, date="2026-11-24")
    assert "1 visit" in page
    assert "Next" not in page
    assert "Mia 11:15 – 17:00" in page


@pytest.mark.parametrize("day", ["99999", "2026-13-01", "\x00", "-1", "9" * 5000])
def test_a_day_that_is_none_is_today(day: str, dana: User, spa: SpaProfile) -> None:
    answer = browser_of(dana).get("/desk/strip/", {"date": day})
    assert answer.status_code == 200
    assert 'data-day="2026-11-23"' in answer.content.decode()


def test_after_a_step_the_strip_says_what_was_done_to_the_calendar(
    dana: User, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    sent = {"step": "arrived", "sequence": visit.sequence, "back": "strip"}
    answer = browser_of(dana).post(desk_url("step", visit), sent, follow=True)
    assert status_of(visit) == "arrived"
    assert answer.redirect_chain[-1][0].startswith("/desk/strip/?date=2026-11-24")
    told = json.loads(answer["HX-Trigger"])["diary-changed"]
    assert told == {
        "news": "Cleo is here.",
        "close": False,
        "reference": visit.reference,
        "undo": desk_url("undo", visit),
        "sequence": visit.sequence + 1,
    }
    assert "Cleo is here." not in words(answer)


def test_a_step_that_was_refused_is_told_in_the_strip(
    dana: User, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    sent = {"step": "arrived", "sequence": "0", "back": "strip"}
    answer = browser_of(dana).post(desk_url("step", visit), sent, follow=True)
    assert status_of(visit) == "confirmed"
    assert "This visit was changed by somebody else. Nothing was changed" in words(answer)
    assert "HX-Trigger" not in answer


def test_the_words_for_another_page_wait_for_it(dana: User, visit: Appointment) -> None:
    desk = browser_of(dana)
    sent = {"step": "arrived", "sequence": "0", "back": "day"}
    desk.post(desk_url("step", visit), sent)
    assert "Nothing was changed" not in words(desk.get("/desk/strip/"))
    assert "Nothing was changed" in words(desk.get("/desk/list/?date=2026-11-24"))


@pytest.mark.parametrize("count", [1, 50])
def test_the_strip_costs_the_same_for_any_number_of_therapists(
    count: int,
    dana: User,
    lymph: Service,
    hour: ServiceOption,
    clock: time_machine.Traveller,
) -> None:
    crowd = crowd_of(lymph, count)
    for status, start in (("confirmed", at(10)), ("requested", at(13)), ("arrived", at(8))):
        everybody_has_a_visit(crowd, hour, start, status=status)
    clock.move_to(at(9))
    desk = browser_of(dana)
    with CaptureQueriesContext(connection) as queries:
        page = words(desk.get("/desk/strip/"))
    assert f"{3 * count} visit" in page
    # Session, person and profile; six for the day, three for its gaps, one for requests.
    assert len(queries) == 13


@pytest.mark.parametrize("reference", ["22222222", "\x00", "x" * 5000, ""])
def test_a_visit_that_is_none_is_not_offered_for_undo(
    reference: str, dana: User, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    desk = browser_of(dana)
    desk.post(
        desk_url("step", visit), {"step": "arrived", "sequence": visit.sequence, "back": "strip"}
    )
    answer = desk.get("/desk/strip/", {"visit": reference})
    assert answer.status_code == 200
    assert json.loads(answer["HX-Trigger"])["diary-changed"] == {
        "news": "Cleo is here.",
        "close": False,
    }
