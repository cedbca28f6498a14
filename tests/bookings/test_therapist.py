"""The therapist's own days and the health checks of those who come to her."""

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
from bookings.models import (
    Appointment,
    HealthCheck,
    HealthReading,
    Room,
    Therapist,
    TimeOff,
    WorkingHours,
)
from services.models import SpaProfile
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, login_of, words
from tests.bookings.therapist_pages import latest, look, with_asthma

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]


@pytest.fixture(autouse=True)
def _monday_morning(clock: time_machine.Traveller) -> None:
    """Let every test begin on the cast's Monday at eight."""


@pytest.fixture
def as_mia(mias_login: User) -> Browser:
    return browser_of(mias_login)


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's visit on Tuesday at ten with Mia; she has asthma and said so."""
    return with_asthma(book_again(at(10), therapist=mia))


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
    assert "Today Monday 23 November, Mia" in page
    assert "Tuesday 24 November no visits yet" in page
    assert "Wednesday 25 November 1 visit, from 10:00" in page


def test_the_list_says_the_verdict_and_no_answer(as_mia: Browser, visit: Appointment) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = words(as_mia.get("/therapist/?date=2026-11-24"))
    assert "Adapt Open the health check before you begin." in page
    assert "inhaler" not in page
    assert "neck" not in page
    for told in ('"answers"', '"findings"'):
        assert all(told not in query["sql"] for query in queries)
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
    assert "Each reading of a health check or a note is recorded." in page


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


def test_answers_that_are_too_old_for_the_day_still_say_what_to_leave_out(
    as_mia: Browser, visit: Appointment, now: datetime
) -> None:
    with_asthma(visit)
    HealthCheck.objects.update(affirmed_at=now - timedelta(days=100))
    page = words(as_mia.get(page_of(visit)))
    assert "Important: No valid health check. Please talk before you begin." in page
    assert "Leave out neck" in page
    assert "Mild, I carry my inhaler." in page


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
    assert "00:30 – 01:30 BST Break" in page
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
    # Session, person, profile; three for the days, and who is known to her.
    assert len(queries) == 7


@pytest.mark.parametrize("day", ["", "soon", "9999-12-31", "2026-11-24\x00"])
def test_a_day_that_is_none_shows_today(day: str, as_mia: Browser, spa: SpaProfile) -> None:
    assert "Today Monday 23 November, Mia" in words(as_mia.get("/therapist/", {"date": day}))


@pytest.mark.parametrize("count", [1, 3])
def test_today_costs_the_same_for_any_number_of_visits_with_areas(
    count: int, as_mia: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    for number in range(count):
        with_asthma(book(at(10 + 2 * number, days=0), therapist=mia))
    as_mia.get("/therapist/")
    with CaptureQueriesContext(connection) as queries:
        page = words(as_mia.get("/therapist/"))
    assert page.count("Leave out: neck") == count
    # The areas, and which of them are logged already.
    assert len(queries) == 9


def test_who_comes_next_stands_on_top_with_what_to_leave_out(
    as_mia: Browser, book: Book, mia: Therapist, fern: Room, clock: time_machine.Traveller
) -> None:
    with_asthma(book(at(10, days=0), therapist=mia))
    book(at(14, days=0), therapist=mia, details=OTTO)
    clock.move_to(at(9, 48, days=0), tick=False)
    page = words(as_mia.get("/therapist/"))
    assert (
        "In 12 minutes Cleo 10:00 – 11:00 , Lymphatic drainage massage, room Fern "
        "First visit to the spa Leave out: neck" in page
    )
    assert "Then 14:00: Otto, Lymphatic drainage massage" in page


@pytest.mark.parametrize(
    ("moment", "lead"),
    [
        (at(8, 0, days=0), "At 10:00 Cleo"),
        (at(8, 31, days=0), "In 89 minutes Cleo"),
        (at(9, 59, days=0), "In 1 minute Cleo"),
        (at(10, 0, days=0), "Now Cleo"),
        (at(10, 7, days=0), "Expected 7 minutes ago Cleo"),
        (at(11, 1, days=0), "Nobody else comes today"),
    ],
)
def test_the_lead_says_when_as_one_says_it(
    moment: datetime,
    lead: str,
    as_mia: Browser,
    book: Book,
    mia: Therapist,
    fern: Room,
    clock: time_machine.Traveller,
) -> None:
    book(at(10, days=0), therapist=mia)
    clock.move_to(moment, tick=False)
    assert lead in words(as_mia.get("/therapist/"))


def test_she_sees_who_is_here_and_who_is_treated(
    as_mia: Browser, book: Book, mia: Therapist, fern: Room, clock: time_machine.Traveller
) -> None:
    visit = book(at(10, days=0), therapist=mia)
    clock.move_to(at(9, 55, days=0))
    actions.mark_arrived(appointment=visit, by=actions.SYSTEM, now=at(9, 52, days=0))
    assert "Here since 09:52 Cleo" in words(as_mia.get("/therapist/"))
    actions.start_treatment(appointment=latest(visit), by=actions.SYSTEM, now=at(9, 56, days=0))
    assert "In treatment since 09:56 Cleo" in words(as_mia.get("/therapist/"))


def test_areas_of_today_are_logged_once_a_day_for_each_visit(
    as_mia: Browser, book: Book, mia: Therapist, fern: Room, clock: time_machine.Traveller
) -> None:
    today = with_asthma(book(at(10, days=0), therapist=mia))
    tomorrow = with_asthma(book(at(10), therapist=mia))
    for _look in range(3):
        as_mia.get("/therapist/")
    assert list(HealthReading.objects.values_list("appointment", "health_check", "user")) == [
        (today.pk, today.health_check_id, mia.user_id)
    ]
    clock.move_to(at(8))
    as_mia.get("/therapist/")
    as_mia.get("/therapist/")
    assert list(HealthReading.objects.order_by("pk").values_list("appointment", flat=True)) == [
        today.pk,
        tomorrow.pk,
    ]


def test_new_answers_are_logged_anew(
    as_mia: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = with_asthma(book(at(10, days=0), therapist=mia))
    as_mia.get("/therapist/")
    renewed = with_asthma(latest(visit))
    as_mia.get("/therapist/")
    logged = HealthReading.objects.order_by("pk").values_list("health_check", flat=True)
    assert list(logged) == [visit.health_check_id, renewed.health_check_id]


@pytest.mark.parametrize("status", ["requested", "completed", "cancelled", "declined", "no_show"])
def test_areas_are_shown_of_those_alone_who_are_to_come(
    status: str, as_mia: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    with_asthma(book(at(10, days=0), therapist=mia))
    Appointment.objects.update(status=status)
    assert "neck" not in words(as_mia.get("/therapist/"))
    assert HealthReading.objects.count() == 0


def test_a_visit_given_to_another_shows_nothing_to_the_first(
    as_mia: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room, spa: SpaProfile
) -> None:
    visit = with_asthma(book(at(10, days=0), therapist=mia))
    actions.reschedule_appointment(
        appointment=visit,
        starts_at=at(10, days=0),
        therapist=noor,
        by=actions.SYSTEM,
        spa=spa,
        now=at(8, days=0),
    )
    assert "Cleo" not in words(as_mia.get("/therapist/"))
    assert "Leave out: neck" in words(browser_of(login_of(noor)).get("/therapist/"))
    assert HealthReading.objects.get().user.username == "noor"


def test_she_sees_how_well_she_knows_a_client(
    as_mia: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room, spa: SpaProfile
) -> None:
    earlier = [
        book(at(10, days=days), therapist=who) for days, who in ((3, mia), (4, mia), (5, noor))
    ]
    book(at(10, days=0), therapist=mia)
    book(at(14, days=0), therapist=mia, details=OTTO)
    days_ago = {visit.pk: days for visit, days in zip(earlier, (-20, -10, -5), strict=True)}
    for pk, days in days_ago.items():
        Appointment.objects.filter(pk=pk).update(
            status="completed",
            starts_at=at(10, days=days),
            ends_at=at(11, days=days),
            busy_from=at(10, days=days),
            busy_until=at(11, days=days),
        )
    assert mia.user is not None
    actions.write_treatment_note(
        appointment=latest(earlier[0]),
        text="Calm.",
        seen=None,
        by=actions.staff(mia.user),
        now=at(8, days=0),
    )
    page = words(as_mia.get("/therapist/"))
    assert "2 visits with you before, your last note: Tuesday 3 November" in page
    assert "Otto Lymphatic drainage massage, room Fern First visit to the spa" in page


def test_a_client_of_others_is_new_to_her(
    as_mia: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    book(at(10, days=5), therapist=noor)
    Appointment.objects.update(
        status="completed",
        starts_at=at(10, days=-5),
        ends_at=at(11, days=-5),
        busy_from=at(10, days=-5),
        busy_until=at(11, days=-5),
    )
    book(at(10, days=0), therapist=mia)
    assert "First visit with you, 1 with others" in words(as_mia.get("/therapist/"))


def test_free_time_and_pauses_stand_between_the_visits(
    as_mia: Browser, book: Book, mia: Therapist, fern: Room, clock: time_machine.Traveller
) -> None:
    book(at(10, days=0), therapist=mia)
    book(at(11, 30, days=0), therapist=mia, details=OTTO)
    WorkingHours.objects.update(break_starts=time(13), break_ends=time(14))
    TimeOff.objects.create(
        therapist=mia, starts_at=at(15, days=0), ends_at=at(18, days=0), reason="Dentist"
    )
    clock.move_to(at(9, days=0), tick=False)
    page = words(as_mia.get("/therapist/"))
    day = page[page.index("Your hours: 09:00 – 17:00") :]
    found = re.findall(r"(\d\d:\d\d) – (\d\d:\d\d) (free|Break|Dentist|Cleo|Otto)", day)
    # From 11:15 to 11:30 is a breath, not a gap.
    assert found[:6] == [
        ("09:00", "10:00", "free"),
        ("10:00", "11:00", "Cleo"),
        ("11:30", "12:30", "Otto"),
        ("13:00", "14:00", "Break"),
        ("14:00", "15:00", "free"),
        ("15:00", "17:00", "Dentist"),
    ]


def test_a_day_off_says_who_comes_next(
    as_mia: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    WorkingHours.objects.filter(weekday=0).delete()
    book(at(10, days=2), therapist=mia)
    page = words(as_mia.get("/therapist/"))
    assert "A day off Next: Wednesday 25 November, 10:00, Cleo, Lymphatic drainage massage" in page
    assert "ready for the next one" not in page


def test_a_phone_is_told_only_what_has_changed(
    as_mia: Browser, book: Book, mia: Therapist, fern: Room, clock: time_machine.Traveller
) -> None:
    visit = book(at(14, days=0), therapist=mia)
    first = look(as_mia)
    assert (first.status_code, first["Cache-Control"]) == (200, "private, no-store")
    assert "<html" not in first.content.decode()
    clock.shift(5)
    assert look(as_mia, first["ETag"]).status_code == 304
    actions.mark_arrived(appointment=visit, by=actions.SYSTEM, now=at(8, 1, days=0))
    news = look(as_mia, first["ETag"])
    assert news.status_code == 200
    assert "Here since 08:01 Cleo" in words(news)
    assert look(as_mia, news["ETag"]).status_code == 304


def test_the_page_and_its_fragment_bear_one_version(
    as_mia: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    book(at(14, days=0), therapist=mia)
    page = as_mia.get("/therapist/").content.decode()
    version = re.search(r'data-version="(\w+)"', page)
    assert version is not None
    assert look(as_mia, f'"{version[1]}"').status_code == 304


def test_nobody_looks_without_a_login(visit: Appointment, noor: Therapist) -> None:
    answer = look(browser_of(None))
    assert answer["Location"].startswith("/accounts/login/")
    assert "Cleo" not in words(look(browser_of(login_of(noor))))
