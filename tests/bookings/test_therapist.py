"""The therapist's own days and the health checks of those who come to her."""

from collections.abc import Callable
from datetime import UTC, datetime, time

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.models import Appointment, HealthReading, Room, Therapist, WorkingHours
from services.models import SpaProfile
from services.screening import Answer, Reply, screen
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, login_of
from tests.bookings.test_desk import words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]


@pytest.fixture(autouse=True)
def _monday_morning(clock: time_machine.Traveller) -> None:
    """Let every test begin on the cast's Monday at eight."""


@pytest.fixture
def as_mia(mia: Therapist) -> Browser:
    return browser_of(login_of(mia))


@pytest.fixture
def visit(book: Book, mia: Therapist, fern: Room, spa: SpaProfile, now: datetime) -> Appointment:
    """Cleo's visit on Tuesday at ten with Mia; she has asthma and said so."""
    visit = book(at(10), therapist=mia)
    rules = [row.rule() for row in visit.service.contraindications.all()]
    answers = {rule.slug: Answer(Reply.NO) for rule in rules}
    answers["asthma"] = Answer(Reply.YES, detail="Mild, I carry my inhaler.")
    check = actions.record_health_check(
        service=visit.service,
        answers=answers,
        verdict=screen(answers=answers, rules=rules),
        rules=rules,
        spa=spa,
        now=now,
    )
    return actions.renew_health_check(appointment=visit, check=check, by=actions.CLIENT, now=now)


def page_of(visit: Appointment) -> str:
    return f"/therapist/visits/{visit.reference}/"


def test_she_sees_her_own_visits_only(
    as_mia: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia)
    book(at(13), therapist=noor, details=OTTO)
    page = words(as_mia.get("/therapist/?date=2026-11-24"))
    assert "Cleo" in page
    assert "Otto" not in page


def test_the_next_days_stand_below(as_mia: Browser, book: Book, mia: Therapist, fern: Room) -> None:
    book(at(10, days=2), therapist=mia)
    page = words(as_mia.get("/therapist/"))
    assert "Mia, today Monday 23 November" in page
    assert "Tuesday 24 November no visits yet" in page
    assert "Wednesday 25 November 1 visit" in page


def test_the_list_says_the_verdict_and_no_answer(as_mia: Browser, visit: Appointment) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = words(as_mia.get("/therapist/?date=2026-11-24"))
    assert "Confirmed Adapt" in page
    assert "inhaler" not in page
    assert all('"answers"' not in query["sql"] for query in queries)
    assert HealthReading.objects.count() == 0


def test_she_reads_areas_answers_and_details(as_mia: Browser, visit: Appointment) -> None:
    page = words(as_mia.get(page_of(visit)))
    assert "Leave out neck" in page
    assert (
        "Asthma Adapt: the therapist adjusts the session Leave out: neck "
        "Mild, I carry my inhaler. What we tell the client Ask us." in page
    )
    assert "Asthma yes Mild, I carry my inhaler." in page
    assert "Fever no" in page
    assert "Your reading is recorded." in page


def test_each_reading_is_recorded(
    as_mia: Browser, visit: Appointment, olive: User, clock: time_machine.Traveller
) -> None:
    clock.move_to(datetime(2026, 11, 23, 8, 30, tzinfo=UTC), tick=False)
    as_mia.get(page_of(visit))
    as_mia.get(page_of(visit))
    browser_of(olive).get(page_of(visit))
    assert list(
        HealthReading.objects.order_by("pk").values_list("user__username", "health_check", "at")
    ) == [
        ("mia", visit.health_check_id, at(8, 30, days=0)),
        ("mia", visit.health_check_id, at(8, 30, days=0)),
        ("olive", visit.health_check_id, at(8, 30, days=0)),
    ]


def test_a_refused_reading_is_neither_shown_nor_recorded(
    visit: Appointment, noor: Therapist, dana: User
) -> None:
    for user in (login_of(noor), dana):
        answer = browser_of(user).get(page_of(visit))
        assert answer.status_code == 403
        assert "inhaler" not in answer.content.decode()
    assert HealthReading.objects.count() == 0


def test_reading_moves_with_the_visit(
    as_mia: Browser, visit: Appointment, noor: Therapist, spa: SpaProfile, now: datetime
) -> None:
    actions.reschedule_appointment(
        appointment=visit,
        starts_at=at(14),
        therapist=noor,
        by=actions.SYSTEM,
        spa=spa,
        now=now,
    )
    assert as_mia.get(page_of(visit)).status_code == 403
    assert browser_of(login_of(noor)).get(page_of(visit)).status_code == 200


def test_owners_see_who_has_read(as_mia: Browser, visit: Appointment, olive: User) -> None:
    as_mia.get(page_of(visit))
    page = words(browser_of(olive).get(page_of(visit)))
    assert "Who has read it" in page
    assert "Mia Monday 23 November, 08:00" in page
    assert "Who has read it" not in words(as_mia.get(page_of(visit)))


def test_without_a_check_she_talks_before_she_begins(
    as_mia: Browser, visit: Appointment, now: datetime
) -> None:
    actions.withdraw_health_check(appointment=visit, by=actions.CLIENT, now=now)
    for url in ("/therapist/?date=2026-11-24", page_of(visit)):
        page = words(as_mia.get(url))
        assert "Important: No valid health check. Please talk before you begin." in page
        assert "please call" not in page
        assert "Read the health check" not in page
    assert HealthReading.objects.count() == 0


def test_a_past_visit_without_a_check_says_so(as_mia: Browser, visit: Appointment) -> None:
    Appointment.objects.filter(pk=visit.pk).update(health_check=None, status="completed")
    page = words(as_mia.get(page_of(visit)))
    assert "There is no health check for this visit." in page
    assert "Please talk before you begin." not in page


def test_owners_see_who_read_answers_that_were_taken_back(
    as_mia: Browser, visit: Appointment, olive: User, now: datetime
) -> None:
    as_mia.get(page_of(visit))
    actions.withdraw_health_check(appointment=visit, by=actions.CLIENT, now=now)
    page = words(browser_of(olive).get(page_of(visit)))
    assert "Who has read it Mia Monday 23 November, 08:00" in page
    assert "olive" not in page[page.index("Who has read it") :]


def test_equal_times_of_a_clock_change_night_are_told_apart(
    as_mia: Browser,
    book: Book,
    mia: Therapist,
    fern: Room,
    clock: time_machine.Traveller,
) -> None:
    saturday = datetime(2026, 10, 24, 8, tzinfo=UTC)
    clock.move_to(saturday)
    WorkingHours.objects.filter(therapist=mia).update(
        starts=time(0), break_starts=time(0, 30), break_ends=time(1, 30)
    )
    book(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), therapist=mia, when=saturday)
    page = words(as_mia.get("/therapist/?date=2026-10-25"))
    assert "Break 00:30 – 01:30 BST" in page
    assert "01:30 GMT – 02:30 Cleo" in page


def test_answers_to_a_question_that_is_gone_are_still_readable(
    as_mia: Browser, visit: Appointment
) -> None:
    visit.service.contraindications.all().delete()
    assert "asthma yes Mild, I carry my inhaler." in words(as_mia.get(page_of(visit)))


def test_the_note_on_the_decision_is_hers_to_read(
    as_mia: Browser, visit: Appointment, dana: User, spa: SpaProfile, now: datetime
) -> None:
    Appointment.objects.filter(pk=visit.pk).update(status="requested")
    actions.decide_request(
        appointment=Appointment.objects.get(pk=visit.pk),
        granted=True,
        by=actions.staff(dana),
        spa=spa,
        now=now,
        note="Letter seen.",
    )
    assert "Note on the decision, dana, Monday 23 November, 08:00 Letter seen." in words(
        as_mia.get(page_of(visit))
    )


@pytest.mark.parametrize("count", [1, 3, 12])
def test_her_days_cost_the_same_for_any_number_of_visits(
    count: int, as_mia: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    for number in range(count):
        book(at(9 + number % 2 * 2, days=1 + number // 2), therapist=mia)
    with CaptureQueriesContext(connection) as queries:
        page = words(as_mia.get("/therapist/?date=2026-11-24"))
    assert page.count("Cleo") >= count
    # Session, user, profile, groups, therapist (twice: for the bar too); three for the days.
    assert len(queries) == 9


@pytest.mark.parametrize("day", ["", "soon", "9999-12-31", "2026-11-24\x00"])
def test_a_day_that_is_none_shows_today(day: str, as_mia: Browser, spa: SpaProfile) -> None:
    assert "Mia, today" in words(as_mia.get("/therapist/", {"date": day}))
