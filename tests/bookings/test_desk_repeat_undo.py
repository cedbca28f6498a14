"""Taking a series back: all of it at once, but nothing that has changed since."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from bookings import actions
from bookings.models import Appointment, Message, Therapist
from services.models import SpaProfile
from tests.bookings.conftest import NOW, OTTO, at
from tests.bookings.staff_pages import browser_of, desk_url, login_of, said

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("spa", "clock", "mia", "noor", "fern"),
]

PANEL = {"HX-Request": "true", "HX-Target": "panel-body"}
WANTED = {f"line{n}-wanted": "on" for n in (1, 2, 3)}


@pytest.fixture
def desk(dana: User) -> Browser:
    return browser_of(dana)


@pytest.fixture
def visit(book_again: Callable[..., Appointment], mia: Therapist) -> Appointment:
    """Cleo's visit with Mia on Tuesday 24 November at ten."""
    return book_again(at(10), therapist=mia)


def repeat(desk: Browser, visit: Appointment, **more: Any) -> Any:
    """Book the same time for the three weeks that follow."""
    sent = {"nonce": "n" * 16, "weeks": "1", "times": "3", "seen": visit.health_check_id}
    sent |= {"unchanged": "on", "tell": "on", "do": "book", **WANTED}
    return desk.post(desk_url("repeat", visit), sent, **more)


def news(answer: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer["HX-Trigger"])["diary-changed"]
    return told


def later(visit: Appointment) -> list[Appointment]:
    return list(Appointment.objects.booked().exclude(pk=visit.pk).order_by("starts_at"))


def statuses(visit: Appointment) -> list[str]:
    return [one.status for one in later(visit)]


def test_the_news_of_a_series_takes_all_of_it_back_without_a_mail(
    desk: Browser, visit: Appointment
) -> None:
    told = news(repeat(desk, visit, headers=PANEL))
    assert told["news"] == "3 visits booked."
    series = later(visit)
    assert told["undo"] == desk_url("repeat_undo", visit)
    answer = desk.post(told["undo"], told["sent"], content_type="application/json")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "news": "Cleo: 3 visits taken back.",
            "undo": "",
            "changes": [[one.reference, 2] for one in series],
        },
    )
    assert statuses(visit) == ["cancelled"] * 3
    assert Appointment.objects.get(pk=visit.pk).status == "confirmed"
    mails = Message.objects.filter(appointment__in=series)
    assert {mail.state for mail in mails} == {"void"}


def test_what_has_changed_since_stays(
    desk: Browser, visit: Appointment, dana: User, spa: SpaProfile
) -> None:
    told = news(repeat(desk, visit, headers=PANEL))
    actions.reschedule_appointment(
        appointment=later(visit)[0],
        starts_at=at(14, days=8),
        by=actions.staff(dana),
        spa=spa,
        now=NOW,
    )
    answer = desk.post(told["undo"], told["sent"], content_type="application/json")
    assert answer.json()["news"] == ("Cleo: 2 of 3 taken back. 1 has changed since and stays.")
    assert statuses(visit) == ["confirmed", "cancelled", "cancelled"]
    again = desk.post(told["undo"], told["sent"], content_type="application/json")
    assert (again.status_code, again.json()) == (
        409,
        {"message": "Cleo: nothing was taken back, the visits have changed since."},
    )


def test_a_page_without_scripts_takes_a_series_back_too(desk: Browser, visit: Appointment) -> None:
    page = repeat(desk, visit).content.decode()
    assert "Take all 3 back" in page
    references = " ".join(one.reference for one in later(visit))
    assert f'<input type="hidden" name="visits" value="{references}">' in page
    answer = desk.post(desk_url("repeat_undo", visit), {"visits": references}, follow=True)
    assert said(answer) == ["Cleo: 3 visits taken back."]
    assert statuses(visit) == ["cancelled"] * 3


@pytest.mark.parametrize(
    "sent",
    [
        "{}",
        "[]",
        '{"visits": 7}',
        '{"visits": ["A"]}',
        '{"visits": "\\u0000"}',
        '{"visits": "x"}',
    ],
)
def test_what_names_no_visit_takes_nothing_back(
    desk: Browser, visit: Appointment, sent: str
) -> None:
    repeat(desk, visit)
    answer = desk.post(desk_url("repeat_undo", visit), sent, content_type="application/json")
    assert answer.status_code == 409
    assert statuses(visit) == ["confirmed"] * 3


def test_a_series_leaves_the_visits_of_others_alone(
    desk: Browser, visit: Appointment, book: Callable[..., Appointment], noor: Therapist
) -> None:
    ottos = book(at(13), therapist=noor, details=OTTO)
    answer = desk.post(
        desk_url("repeat_undo", visit), {"visits": ottos.reference}, content_type="application/json"
    )
    assert answer.status_code == 409
    assert Appointment.objects.get(pk=ottos.pk).status == "confirmed"


def test_a_therapist_takes_no_series_back(
    desk: Browser, visit: Appointment, mia: Therapist
) -> None:
    told = news(repeat(desk, visit, headers=PANEL))
    answer = browser_of(login_of(mia)).post(told["undo"], told["sent"])
    assert answer.status_code == 403
    assert statuses(visit) == ["confirmed"] * 3
