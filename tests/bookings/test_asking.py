"""Health answers that are missing, too old or to be redone: who is asked for them by mail, when."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import actions, delivery, messages
from bookings.actions import owing
from bookings.models import Appointment, Client, HealthCheck, Message, Room, Therapist
from services.models import Service, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import NOW, OTTO, at, make_check
from tests.bookings.staff_pages import browser_of

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]


@pytest.fixture
def stale(book_again: Book, spa: SpaProfile, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's visit on Friday at 10:00, with answers of last summer."""
    visit = book_again(at(10, days=4))
    HealthCheck.objects.update(affirmed_at=NOW - timedelta(days=120))
    visit = Appointment.objects.get(pk=visit.pk)
    owing.owe_later(visit, spa=spa, now=NOW)
    return visit


def questions(visit: Appointment) -> list[tuple[datetime, str]]:
    rows = visit.messages.filter(kind="waiting_for_answer").order_by("pk")
    return list(rows.values_list("due_at", "state"))


def test_a_visit_with_answers_of_last_summer_owes_the_question(stale: Appointment) -> None:
    assert questions(stale) == [(at(10, days=2), "pending")]


def test_a_visit_whose_answers_hold_owes_none(book: Book, mia: Therapist, fern: Room) -> None:
    assert questions(book(at(10, days=4))) == []


def test_answers_that_will_be_too_old_by_then_are_asked_for(
    book: Book, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    spa.health_check_valid_days = 7
    spa.save()
    assert questions(book(at(10, days=4))) == []
    assert questions(book(at(10, days=20))) == [(at(10, days=18), "pending")]


def test_the_letter_leads_to_the_questions_and_says_nothing_about_health_outside(
    stale: Appointment, spa: SpaProfile
) -> None:
    mail = messages.compose(
        stale.messages.get(kind="waiting_for_answer"), spa=spa, now=NOW
    ).message()
    assert mail[
        "Subject"
    ] == "A few questions before your visit, Friday 27 November, 10:15".replace("10:15", "10:00")
    assert "/health/" in mail.as_string()


def test_who_answers_is_not_asked(stale: Appointment, lymph: Service) -> None:
    check = make_check(lymph, NOW)
    actions.renew_health_check(
        appointment=stale, check=check, by=actions.CLIENT, now=NOW + timedelta(minutes=1)
    )
    assert questions(stale) == [(at(10, days=2), "void")]


def test_who_says_stop_is_talked_to_and_not_written_to(
    book: Book, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    withdrawn = actions.withdraw_health_check(appointment=visit, by=actions.CLIENT, now=NOW)
    owing.owe_later(withdrawn, spa=spa, now=NOW)
    assert questions(visit) == []


def test_new_questions_are_put_to_those_who_have_answered_the_old_ones(
    book: Book, lymph: Service, olive: User, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    later = NOW + timedelta(hours=1)
    counts = []
    for day in (5, 6):
        with CaptureQueriesContext(connection) as queries:
            actions.ask_again(versions={lymph.pk: "others"}, by=actions.staff(olive), now=later)
        counts.append(len(queries))
        HealthCheck.objects.update(asked_again_at=None)
        book(at(12, days=day), details=OTTO)
    assert questions(visit)[0] == (at(10, days=2), "pending")
    assert counts[0] == counts[1]


def test_a_move_takes_the_question_along(stale: Appointment, spa: SpaProfile, dana: User) -> None:
    actions.reschedule_appointment(
        appointment=stale, starts_at=at(12, days=7), by=actions.staff(dana), spa=spa, now=NOW
    )
    assert questions(stale) == [(at(10, days=2), "void"), (at(12, days=5), "pending")]


# --- The desk's button ------------------------------------------------------------------------


def ask(visit: Appointment, user: User) -> str:
    address = f"/desk/appointments/{visit.reference}/ask/"
    return browser_of(user).post(address, follow=True).content.decode()


@pytest.fixture
def _monday(clock: object) -> None:
    """The pages look at the clock of the process."""


@pytest.mark.usefixtures("_monday")
def test_the_desk_sends_the_questions_at_once_and_again_when_they_were_lost(
    stale: Appointment, dana: User
) -> None:
    page = browser_of(dana).get(f"/desk/appointments/{stale.reference}/").content.decode()
    assert "Send the health questions by mail" in page
    assert "The questions are on their way by mail." in ask(stale, dana)
    (first,) = Message.objects.filter(kind="waiting_for_answer")
    assert (first.at_any_hour, first.due_at < NOW + timedelta(minutes=1)) == (True, True)
    delivery.deliver_due(now=NOW + timedelta(minutes=1))
    assert [state for _due, state in questions(stale)] == ["sent"]
    ask(stale, dana)
    assert [state for _due, state in questions(stale)] == ["sent", "pending"]
    kinds = list(stale.events.values_list("kind", flat=True))
    assert kinds.count("answers_asked") == 2


@pytest.mark.usefixtures("_monday")
def test_nothing_is_asked_where_nothing_is_missing_or_mail_does_not_arrive(
    book: Book, stale: Appointment, dana: User, mia: Therapist, fern: Room
) -> None:
    answered = book(at(14, days=4), details=OTTO)
    assert "The health check has been answered." in ask(answered, dana)
    assert "Send the health questions" not in ask(answered, dana)
    Client.objects.update(email="")
    assert "Mail does not reach this client." in ask(stale, dana)
    Appointment.objects.update(status="cancelled")
    assert "This visit no longer takes answers by mail." in ask(stale, dana)
    assert questions(answered) == []


def test_a_request_for_a_clearance_waits_for_a_person_and_is_not_asked_again(
    book: Book, mia: Therapist, fern: Room
) -> None:
    request = book(at(10, days=4), outcome=Outcome.CLEARANCE)
    assert questions(request) == []
