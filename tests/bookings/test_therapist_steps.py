"""The steps of her own visits, and that she is ready for the next one."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client as Browser

from bookings import actions
from bookings.models import Appointment, Event, Room, Therapist
from services.models import SpaProfile
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, login_of, said, status_of, words
from tests.bookings.therapist_pages import latest, look, own_url, press

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
READY = "/therapist/ready/"
STALE = "Cleo: This visit was changed by somebody else. Nothing was changed; please look again."


@pytest.fixture(autouse=True)
def _tuesday_ten(clock: time_machine.Traveller) -> None:
    """Let every test begin when Cleo's time has come."""
    clock.move_to(at(10, 2), tick=False)


@pytest.fixture
def as_mia(mias_login: User) -> Browser:
    return browser_of(mias_login)


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    return book_again(at(10), therapist=mia)


def told(answer: Any) -> str:
    """The latest news after ``answer``."""
    return said(answer)[-1]


def ready_of(therapist: Therapist) -> object:
    return Therapist.objects.get(pk=therapist.pk).ready_since


def test_she_takes_a_visit_through_its_day(
    as_mia: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    assert told(press(as_mia, visit, "arrived")) == "Cleo is here."
    clock.move_to(at(10, 5), tick=False)
    assert told(press(as_mia, latest(visit), "started")) == "The treatment of Cleo has begun."
    clock.move_to(at(11), tick=False)
    answer = press(as_mia, latest(visit), "completed")
    assert told(answer) == "The visit of Cleo is completed."
    assert answer["Location"] == "/therapist/"
    done = latest(visit)
    assert (done.status, done.arrived_at, done.started_at) == ("completed", at(10, 2), at(10, 5))
    kinds = list(Event.objects.filter(actor__username="mia").values_list("kind", flat=True))
    assert kinds == ["arrived", "started", "completed"]


def test_who_was_not_marked_as_here_can_be_treated_at_once(
    as_mia: Browser, visit: Appointment
) -> None:
    press(as_mia, visit, "started")
    begun = latest(visit)
    assert (begun.status, begun.arrived_at, begun.started_at) == ("arrived", at(10, 2), at(10, 2))


def test_each_step_can_be_taken_back(as_mia: Browser, visit: Appointment) -> None:
    for step in ("arrived", "started", "completed"):
        press(as_mia, latest(visit), step)
    news = [told(press(as_mia, latest(visit), "undo")) for _step in range(3)]
    assert news == [
        "Taken back: the treatment of Cleo goes on.",
        "Taken back: Cleo is here, and the treatment has not begun.",
        "Taken back: Cleo is expected again.",
    ]
    assert status_of(visit) == "confirmed"


def test_a_begun_treatment_goes_back_to_waiting(as_mia: Browser, visit: Appointment) -> None:
    press(as_mia, visit, "arrived")
    press(as_mia, latest(visit), "started")
    news = told(press(as_mia, latest(visit), "undo"))
    assert news == "Taken back: Cleo is here, and the treatment has not begun."
    waiting = latest(visit)
    assert (waiting.status, waiting.arrived_at, waiting.started_at) == ("arrived", at(10, 2), None)


def test_a_step_of_another_day_is_offered_no_more(
    as_mia: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    press(as_mia, visit, "completed")
    page = own_url("visit", visit)
    assert "Take back" in words(as_mia.get(page))
    clock.move_to(at(0, 1, days=2), tick=False)
    assert "Take back" not in words(as_mia.get(page))


def test_taking_back_leaves_what_the_desk_has_changed(
    as_mia: Browser, visit: Appointment, moss: Room, spa: SpaProfile, dana: User, mia: Therapist
) -> None:
    moss.services.add(visit.service)
    actions.reschedule_appointment(
        appointment=visit,
        starts_at=at(12),
        therapist=mia,
        room=moss,
        by=actions.staff(dana),
        spa=spa,
        now=at(10, 2),
    )
    press(as_mia, latest(visit), "undo")
    assert (latest(visit).starts_at, latest(visit).room) == (at(12), moss)


def test_a_stale_page_is_told_and_changes_nothing(as_mia: Browser, visit: Appointment) -> None:
    press(as_mia, visit, "arrived")
    assert told(press(as_mia, visit, "completed")) == STALE
    assert status_of(visit) == "arrived"


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"step": "no_show"},
        {"step": "cancelled"},
        {"step": "arrived\x00"},
        {"step": "x" * 10_000},
        {"step": "arrived", "sequence": "one"},
        {"step": "arrived", "sequence": "-1"},
        {"step": "arrived", "sequence": "9" * 400},
    ],
)
def test_a_foolish_step_changes_nothing(
    sent: dict[str, str], as_mia: Browser, visit: Appointment
) -> None:
    answer = as_mia.post(own_url("step", visit), sent)
    assert answer.status_code == 302
    assert status_of(visit) == "confirmed"


@pytest.mark.parametrize("step", ["arrived", "started", "completed", "undo"])
def test_nobody_takes_the_steps_of_anothers_visit(
    step: str, visit: Appointment, noor: Therapist, dana: User, olive: User, mia: Therapist
) -> None:
    for user in (login_of(noor), dana, olive):
        assert press(browser_of(user), visit, step).status_code == 403
    assert press(browser_of(None), visit, step)["Location"] == "/accounts/login/"
    assert status_of(visit) == "confirmed"


def test_a_step_is_answered_with_her_days_alone_on_a_phone(
    as_mia: Browser, visit: Appointment
) -> None:
    headers = {"HX-Request": "true", "HX-Target": "own-days"}
    sent = {"step": "arrived", "sequence": visit.sequence}
    answer = as_mia.post(own_url("step", visit), sent, headers=headers, follow=True)
    page = answer.content.decode()
    assert "<html" not in page
    assert 'hx-swap-oob="innerHTML:#own-news"' in page
    assert "Done: Cleo is here." in words(answer)
    # What was said once is no part of what a phone compares.
    assert look(as_mia, answer["ETag"]).status_code == 304


def test_a_step_on_the_page_of_the_visit_leads_back_there(
    as_mia: Browser, visit: Appointment
) -> None:
    answer = press(as_mia, visit, "arrived", back="visit")
    assert answer["Location"] == own_url("visit", visit)


def test_finished_and_ready_is_one_tap(
    as_mia: Browser, visit: Appointment, mia: Therapist, clock: time_machine.Traveller
) -> None:
    press(as_mia, visit, "started")
    clock.move_to(at(11), tick=False)
    sent = {"wish": "ready", "finished": visit.reference, "sequence": latest(visit).sequence}
    answer = as_mia.post(READY, sent, follow=True)
    assert "Done: The visit of Cleo is completed." in words(answer)
    assert "The desk sees that you are ready, since 11:00." in words(answer)
    assert (status_of(visit), ready_of(mia)) == ("completed", at(11))


def test_ready_without_a_treatment_and_not_yet_after_all(
    as_mia: Browser, mia: Therapist, spa: SpaProfile
) -> None:
    assert told(as_mia.post(READY, {"wish": "ready"})) == "The desk has been told."
    assert ready_of(mia) == at(10, 2)
    as_mia.post(READY, {"wish": "not_yet"})
    assert ready_of(mia) is None


def test_a_stale_finish_is_told_and_nothing_is_said_to_the_desk(
    as_mia: Browser, visit: Appointment, mia: Therapist
) -> None:
    press(as_mia, visit, "started")
    sent = {"wish": "ready", "finished": visit.reference, "sequence": visit.sequence}
    assert told(as_mia.post(READY, sent)) == STALE
    assert (status_of(visit), ready_of(mia)) == ("arrived", None)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 302),
        ({"wish": "holiday"}, 302),
        ({"wish": "ready", "finished": "AAAAAAAA"}, 404),
        ({"wish": "ready", "finished": "\x00"}, 302),
        ({"wish": "ready", "finished": "x" * 10_000}, 302),
    ],
)
def test_a_foolish_wish_changes_nothing(
    sent: dict[str, str], status: int, as_mia: Browser, mia: Therapist, spa: SpaProfile
) -> None:
    assert as_mia.post(READY, sent).status_code == status
    assert ready_of(mia) is None


def test_she_cannot_finish_anothers_treatment(
    as_mia: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    visit = book(at(10), therapist=noor, details=OTTO)
    sent = {"wish": "ready", "finished": visit.reference, "sequence": visit.sequence}
    assert as_mia.post(READY, sent).status_code == 403
    assert (status_of(visit), ready_of(mia)) == ("confirmed", None)


def test_the_desk_and_owners_are_not_ready_for_anybody(
    dana: User, olive: User, mia: Therapist
) -> None:
    assert browser_of(dana).post(READY, {"wish": "ready"}).status_code == 403
    assert browser_of(olive).post(READY, {"wish": "ready"})["Location"] == "/desk/"
    assert ready_of(mia) is None


def test_being_ready_ends_with_the_next_client_and_comes_back_with_the_step(
    as_mia: Browser, visit: Appointment, mia: Therapist, clock: time_machine.Traveller
) -> None:
    as_mia.post(READY, {"wish": "ready"})
    assert "ready, since 10:02." in words(as_mia.get("/therapist/"))
    clock.move_to(at(10, 4), tick=False)
    press(as_mia, visit, "arrived")
    assert "ready, since" not in words(as_mia.get("/therapist/"))
    press(as_mia, latest(visit), "undo")
    assert "ready, since 10:02." in words(as_mia.get("/therapist/"))


def test_the_desk_sees_who_is_ready_until_her_next_client_comes(
    as_mia: Browser, visit: Appointment, dana: User, clock: time_machine.Traveller
) -> None:
    as_mia.post(READY, {"wish": "ready"})
    as_dana = browser_of(dana)
    assert "Ready: Mia since 10:02" in words(as_dana.get("/desk/strip/"))
    clock.move_to(at(10, 4), tick=False)
    press(as_mia, visit, "arrived")
    assert "Ready:" not in words(as_dana.get("/desk/strip/"))


def test_being_ready_outlasts_a_client_who_was_here_before_until_she_is_treated(
    as_mia: Browser, visit: Appointment, mia: Therapist, clock: time_machine.Traveller
) -> None:
    press(as_mia, visit, "arrived")
    clock.move_to(at(10, 4), tick=False)
    as_mia.post(READY, {"wish": "ready"})
    assert "ready, since 10:04." in words(as_mia.get("/therapist/"))
    clock.move_to(at(10, 5), tick=False)
    press(as_mia, latest(visit), "started")
    assert "ready, since" not in words(as_mia.get("/therapist/"))


def test_being_ready_ends_with_the_day(
    as_mia: Browser, mia: Therapist, spa: SpaProfile, clock: time_machine.Traveller
) -> None:
    as_mia.post(READY, {"wish": "ready"})
    clock.move_to(at(0, 1, days=2), tick=False)
    assert "ready, since" not in words(as_mia.get("/therapist/"))


@pytest.mark.parametrize("name", ["step", "note"])
def test_looking_at_an_address_that_changes_something_does_nothing(
    name: str, as_mia: Browser, visit: Appointment
) -> None:
    assert as_mia.get(own_url(name, visit)).status_code == 405
    assert as_mia.get(READY).status_code == 405
