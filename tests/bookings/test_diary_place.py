"""Dragging in the calendar: the server's answers, refusals and undo."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client as Browser

from bookings import actions
from bookings.models import Appointment, Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.conftest import NOW, OTTO, at
from tests.bookings.staff_pages import browser_of, desk_url, login_of

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]


@pytest.fixture
def desk(spa: SpaProfile, clock: time_machine.Traveller, dana: User) -> Browser:
    """The front desk's browser, on Monday morning."""
    return browser_of(dana)


@pytest.fixture
def both_rooms(fern: Room, moss: Room, lymph: Service) -> list[Room]:
    moss.services.add(lymph)
    return [fern, moss]


def post(browser: Browser, visit: Appointment, sent: Any, name: str = "place") -> Any:
    body = sent if isinstance(sent, str) else json.dumps(sent)
    return browser.post(desk_url(name, visit), body, content_type="application/json")


def wish(visit: Appointment, **changes: Any) -> dict[str, Any]:
    """Where the visit stands, with ``changes``."""
    return {
        "start": f"{visit.starts_at:%Y-%m-%dT%H:%MZ}",
        "therapist": visit.therapist_id,
        "sequence": visit.sequence,
        **changes,
    }


def latest(visit: Appointment) -> Appointment:
    return Appointment.objects.get(pk=visit.pk)


def test_a_visit_is_put_where_it_was_dragged(
    desk: Browser, book: Book, mia: Therapist, noor: Therapist, both_rooms: list[Room]
) -> None:
    visit = book(at(10), therapist=mia)
    answer = post(desk, visit, wish(visit, start="2026-11-24T11:00Z", therapist=noor.pk))
    moved = latest(visit)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "news": "Cleo: moved to Tuesday 24 November, 11:00 with Noor.",
            "reference": visit.reference,
            "sequence": moved.sequence,
            "undo": f"/desk/appointments/{visit.reference}/undo/",
            "more": "A mail goes out in a minute, unless you undo it.",
        },
    )
    assert (moved.starts_at, moved.therapist) == (at(11), noor)


def test_a_visit_is_lengthened_by_its_edge(
    desk: Browser, book: Book, mia: Therapist, both_rooms: list[Room]
) -> None:
    visit = book(at(10), therapist=mia)
    answer = post(desk, visit, wish(visit, minutes=75))
    assert answer.json()["news"] == "Cleo: now until 11:15 with Mia."
    assert latest(visit).ends_at == at(11, 15)


def test_a_visit_changes_its_room_in_the_view_by_room(
    desk: Browser, book: Book, mia: Therapist, both_rooms: list[Room]
) -> None:
    visit = book(at(10), therapist=mia)
    other = next(room for room in both_rooms if room != visit.room)
    answer = post(desk, visit, wish(visit, room=other.pk))
    assert answer.json()["news"] == f"Cleo: now in {other.name}."
    assert latest(visit).room == other


def test_who_is_in_the_way_is_told_by_name_and_time(
    desk: Browser, book: Book, mia: Therapist, noor: Therapist, both_rooms: list[Room]
) -> None:
    visit = book(at(10), therapist=mia)
    book(at(12), therapist=noor, details=OTTO)
    answer = post(desk, visit, wish(visit, start="2026-11-24T12:00Z", therapist=noor.pk))
    told = answer.json()
    assert answer.status_code == 409
    assert "Noor is with Otto until 13:00" in told["message"]
    assert told["rules"] == []
    assert told["nearest"][0] == {"at": "2026-11-24T10:30Z", "words": "10:30"}
    assert latest(visit).starts_at == at(10)


def test_a_broken_rule_is_told_and_a_reason_opens_the_way(
    desk: Browser, book: Book, mia: Therapist, both_rooms: list[Room]
) -> None:
    visit = book(at(10), therapist=mia)
    evening = wish(visit, start="2026-11-24T18:00Z")
    answer = post(desk, visit, evening)
    assert answer.status_code == 409
    (rule,) = answer.json()["rules"]
    assert rule.startswith("Mia works 09:00 – 17:00")
    assert latest(visit).starts_at == at(10)
    answer = post(desk, visit, {**evening, "reason": "Agreed on the phone"})
    assert answer.status_code == 200
    assert latest(visit).starts_at == at(18)
    assert visit.events.get(kind="moved").reason == "Agreed on the phone"


def test_a_stale_view_is_told_what_changed(
    desk: Browser,
    book: Book,
    mia: Therapist,
    noor: Therapist,
    both_rooms: list[Room],
    olive: User,
    spa: SpaProfile,
) -> None:
    visit = book(at(10), therapist=mia)
    actions.reschedule_appointment(
        appointment=latest(visit),
        starts_at=at(13),
        by=actions.staff(olive),
        spa=spa,
        now=NOW,
        therapist=mia,
    )
    answer = post(desk, visit, wish(visit, start="2026-11-24T15:00Z"))
    assert answer.status_code == 409
    message = answer.json()["message"]
    assert "Moved from Tuesday 24 November, 10:00 to Tuesday 24 November, 13:00" in message
    assert "by olive, Monday 23 November, 08:00" in message
    assert latest(visit).starts_at == at(13)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "[]",
        "null",
        '"x"',
        "[" * 100_000,
        "{\x00}",
        {},
        {"start": None, "therapist": None, "sequence": None},
        {"start": "2026-11-24T11:00Z", "therapist": "\x00", "sequence": 0},
        {"start": "2026-11-24T11:00Z", "therapist": 10**30, "sequence": 0},
        {"start": "2026-11-24T11:00Z", "therapist": 1, "sequence": -1},
        {"start": "2026-11-24T11:00Z", "therapist": [1], "sequence": {}},
        {"start": "2026-11-24T11:00Z", "therapist": 1, "sequence": 0, "minutes": 7},
        {"start": "2026-11-24T11:00Z", "therapist": 1, "sequence": 0, "minutes": 100_000},
        {"start": "2026-11-24T11:00Z", "therapist": 1, "sequence": 0, "reason": "x" * 301},
    ],
)
def test_nonsense_is_refused_and_moves_nothing(
    desk: Browser, book: Book, mia: Therapist, both_rooms: list[Room], sent: Any
) -> None:
    visit = book(at(10), therapist=mia)
    assert post(desk, visit, sent).status_code == 400
    assert latest(visit).sequence == visit.sequence


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "9999-12-31T23:59Z"},
        {"start": "0001-01-01T00:00Z"},
        {"start": "tomorrow"},
        {"therapist": 2**31 - 1},
        {"room": 2**31 - 1},
    ],
)
def test_a_place_that_does_not_exist_is_never_free(
    desk: Browser, book: Book, mia: Therapist, both_rooms: list[Room], changes: dict[str, Any]
) -> None:
    visit = book(at(10), therapist=mia)
    answer = post(desk, visit, wish(visit, **changes))
    assert answer.status_code == 409
    assert answer.json()["message"].startswith("Cleo: ")
    assert latest(visit).sequence == visit.sequence


def test_a_change_is_taken_back_and_can_be_taken_back_once(
    desk: Browser, book: Book, mia: Therapist, noor: Therapist, both_rooms: list[Room]
) -> None:
    visit = book(at(10), therapist=mia)
    done = post(desk, visit, wish(visit, start="2026-11-24T11:00Z", therapist=noor.pk)).json()
    answer = post(desk, visit, {"sequence": done["sequence"]}, name="undo")
    assert answer.json()["news"] == (
        "Cleo: taken back, Tuesday 24 November, 10:00 with Mia as before."
    )
    assert answer.json()["undo"] == ""
    assert (latest(visit).starts_at, latest(visit).therapist) == (at(10), mia)
    again = post(desk, visit, {"sequence": done["sequence"]}, name="undo")
    assert again.status_code == 409


def test_a_reason_is_one_line_of_text_that_can_be_kept(
    desk: Browser, book: Book, mia: Therapist, both_rooms: list[Room]
) -> None:
    visit = book(at(10), therapist=mia)
    reason = "Agreed\ud800\r\non the\u202e phone"
    evening = wish(visit, start="2026-11-24T18:00Z", reason=reason)
    assert post(desk, visit, evening).status_code == 200
    assert visit.events.get(kind="moved").reason == "Agreed on the phone"


def test_a_form_without_scripts_takes_back_too(
    desk: Browser, book: Book, mia: Therapist, noor: Therapist, both_rooms: list[Room]
) -> None:
    visit = book(at(10), therapist=mia)
    done = post(desk, visit, wish(visit, start="2026-11-24T11:00Z", therapist=noor.pk)).json()
    answer = desk.post(desk_url("undo", visit), {"sequence": done["sequence"]})
    assert (answer.status_code, answer["Location"]) == (302, desk_url("appointment", visit))
    assert latest(visit).starts_at == at(10)


@pytest.mark.parametrize("name", ["place", "undo"])
def test_nobody_else_moves_visits(
    name: str, book: Book, mia: Therapist, both_rooms: list[Room], clock: object
) -> None:
    visit = book(at(10), therapist=mia)
    sent = wish(visit, start="2026-11-24T11:00Z")
    assert post(browser_of(login_of(mia)), visit, sent, name).status_code == 403
    assert post(browser_of(None), visit, sent, name).status_code == 302
    assert latest(visit).sequence == visit.sequence


@pytest.mark.parametrize("name", ["place", "undo"])
def test_a_page_of_another_site_moves_nothing(
    name: str, book: Book, mia: Therapist, both_rooms: list[Room], dana: User, clock: object
) -> None:
    visit = book(at(10), therapist=mia)
    browser = browser_of(dana, enforce_csrf_checks=True)
    assert post(browser, visit, wish(visit, start="2026-11-24T11:00Z"), name).status_code == 403
    assert latest(visit).sequence == visit.sequence


def test_an_unknown_visit_is_not_found(desk: Browser) -> None:
    answer = desk.post("/desk/appointments/ZZZZZZZZ/place/", "{}", content_type="application/json")
    assert answer.status_code == 404
