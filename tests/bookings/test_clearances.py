"""The requests that wait: the most pressing first, and until when each is to be decided."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.clearances import decide_by, waiting_requests
from bookings.models import Appointment, Event, Room, Therapist
from services.models import SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, desk_url, words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]


@pytest.fixture(autouse=True)
def _monday_morning(clock: time_machine.Traveller) -> None:
    """Let every test begin on the cast's Monday at eight."""


@pytest.fixture
def desk(dana: User) -> Browser:
    return browser_of(dana)


@pytest.fixture
def ask(book: Book, mia: Therapist, fern: Room) -> Book:
    """Ask for a visit that needs a doctor's consent."""

    def _ask(starts_at: datetime, **more: object) -> Appointment:
        return book(starts_at, therapist=mia, outcome=Outcome.CLEARANCE, **more)

    return _ask


def queue(desk: Browser) -> str:
    return words(desk.get("/desk/clearances/"))


@pytest.mark.parametrize(
    ("starts_at", "asked_at", "expected"),
    [
        (at(10, days=3), at(8, days=0), at(10, days=2)),
        (at(10), at(7, 59, days=0), at(10, days=0)),
        (at(10), at(8, 30, days=0), at(10, 30, days=0)),
        (at(10), at(9, days=1), at(10)),
        (at(10), at(8, days=1), at(10)),
        (at(10), at(7, 30, days=1), at(9, 30)),
    ],
)
def test_a_request_is_decided_before_the_notice_or_within_two_hours_but_before_the_visit(
    starts_at: datetime, asked_at: datetime, expected: datetime, spa: SpaProfile
) -> None:
    assert decide_by(starts_at, asked_at=asked_at, spa=spa) == expected


def test_a_request_says_who_when_how_long_it_waits_and_until_when(desk: Browser, ask: Book) -> None:
    ask(at(10, days=3), when=at(5, days=0))
    assert (
        "Decide by Wednesday 25 November, 10:00 Cleo asked 3 hours ago Thursday 26 November, "
        "10:00 – 11:00 Lymphatic drainage massage with Mia Decide Cleo" in queue(desk)
    )


def test_the_most_pressing_request_leads(desk: Browser, ask: Book) -> None:
    ask(at(10, days=5))
    # Asked just now for tomorrow: it has until ten, the one of Thursday until Wednesday.
    ask(at(9, days=1), details=OTTO)
    page = queue(desk)
    assert page.index("Decide by today, 10:00 Otto") < page.index("Cleo asked")


def test_a_request_without_an_answer_in_time_is_overdue_in_words(
    desk: Browser, ask: Book, clock: time_machine.Traveller
) -> None:
    ask(at(15))
    clock.move_to(at(18, days=0))
    assert "Overdue by 3 hours Cleo" in queue(desk)


def test_how_long_it_waits_counts_from_the_last_time_it_was_asked(
    ask: Book, spa: SpaProfile, now: datetime
) -> None:
    visit = ask(at(10, days=3), when=now - timedelta(days=2))
    Event.objects.create(
        appointment=visit, kind="requested", at=now - timedelta(hours=5), actor_kind="client"
    )
    first = waiting_requests(spa=spa, now=now).first
    assert first is not None
    assert (first.asked_at, first.waited) == (now - timedelta(hours=5), "5\xa0hours")


def test_a_request_whose_time_has_passed_is_to_be_closed(
    dana: User, ask: Book, clock: time_machine.Traveller
) -> None:
    visit = ask(at(10))
    clock.move_to(at(10))
    desk = browser_of(dana)
    page = queue(desk)
    assert "Nobody is waiting" in page
    assert "Never decided, and over" in page
    assert "The time has passed Cleo" in page
    assert desk_url("cancel", visit) in desk.get("/desk/clearances/").content.decode()


def test_a_request_without_a_check_asks_to_talk_first(
    desk: Browser, ask: Book, now: datetime
) -> None:
    visit = ask(at(10))
    assert "talk to the client first" not in queue(desk)
    actions.withdraw_health_check(appointment=visit, by=actions.CLIENT, now=now)
    assert "Health check missing: talk to the client first." in queue(desk)


def test_the_client_is_reached_with_one_tap(desk: Browser, ask: Book) -> None:
    ask(at(10))
    page = desk.get("/desk/clearances/").content.decode()
    assert 'href="tel:+44-20-7946-0001"' in page
    assert 'href="mailto:cleo@example.com"' in page


def test_nobody_waiting_is_said_kindly(desk: Browser, ask: Book) -> None:
    Appointment.objects.filter(pk=ask(at(10)).pk).update(status="confirmed")
    assert "Nobody is waiting" in queue(desk)
    assert "Cleo" not in queue(desk)


def test_the_bar_counts_the_requests(desk: Browser, ask: Book, spa: SpaProfile) -> None:
    assert "desk-bar__count" not in desk.get("/desk/list/").content.decode()
    ask(at(10))
    assert "Requests 1 waiting" in words(desk.get("/desk/list/"))


def test_in_the_drawer_the_queue_is_a_fragment_whose_links_stay_there(
    desk: Browser, ask: Book
) -> None:
    visit = ask(at(10))
    answer = desk.get(
        "/desk/clearances/", headers={"HX-Request": "true", "HX-Target": "panel-body"}
    )
    page = answer.content.decode()
    assert "<html" not in page
    assert '<h2 id="panel-title" tabindex="-1">Requests</h2>' in page
    assert 'hx-boost="true" hx-target="#panel-body"' in page
    assert f'href="{desk_url("decide", visit)}"' in page
    assert "hx-boost" not in desk.get("/desk/clearances/").content.decode()


@pytest.mark.parametrize("count", [1, 3, 8])
def test_the_queue_costs_the_same_for_any_number_of_requests(
    count: int, desk: Browser, ask: Book
) -> None:
    for number in range(count):
        ask(at(10, days=number + 1))
    with CaptureQueriesContext(connection) as queries:
        answer = desk.get("/desk/clearances/")
    assert words(answer).count("Lymphatic drainage massage with Mia") == count
    # Session, person and profile; the requests; the bar's two counts.
    assert len(queries) == 6
    statements = " ".join(query["sql"] for query in queries)
    for column in ("answers", "findings", "review_note"):
        assert f'"bookings_healthcheck"."{column}"' not in statements
