"""The same visit again and again: each date as it stands, and exactly what was booked."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings import actions
from bookings.desk_offer import rhythm, same_time_later
from bookings.models import Appointment, Message, Room, Therapist, TimeOff, WorkingHours
from bookings.series import series_of
from bookings.views.times import start_value
from services.models import Contraindication, Service, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, login_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("spa", "clock", "mia", "noor", "fern"),
]

PANEL = {"HX-Request": "true", "HX-Target": "panel-body"}


@pytest.fixture
def desk(dana: User) -> Browser:
    return browser_of(dana)


@pytest.fixture
def visit(book_again: Callable[..., Appointment], mia: Therapist) -> Appointment:
    """Cleo's visit with Mia on Tuesday 24 November at ten."""
    return book_again(at(10), therapist=mia)


def url(visit: Appointment) -> str:
    return reverse("bookings:desk_repeat", args=[visit.reference])


def lines(page: Any) -> list[tuple[str, str]]:
    found = page.context["series"].lines
    return [(f"{line.starts_at:%d %b %H:%M}", line.state) for line in found]


def send(desk: Browser, visit: Appointment, **sent: Any) -> Any:
    """Press "Book these dates"; as the page shows it, nothing has changed."""
    form = {
        "nonce": "n" * 16,
        "weeks": "1",
        "times": "3",
        "seen": visit.health_check_id,
        "unchanged": "on",
        "do": "book",
        **sent,
    }
    return desk.post(url(visit), form, headers=PANEL)


def later(visit: Appointment) -> list[datetime]:
    rows = Appointment.objects.booked().exclude(pk=visit.pk).order_by("starts_at")
    return list(rows.values_list("starts_at", flat=True))


def test_it_begins_with_the_clients_own_rhythm(
    desk: Browser, visit: Appointment, book: Callable[..., Appointment], mia: Therapist
) -> None:
    book(at(10, days=15), therapist=mia)
    page = desk.get(url(visit))
    assert (page.context["how"]["weeks"].value(), page.context["how"]["times"].value()) == (2, 4)


def test_each_date_says_how_it_stands(
    desk: Browser,
    visit: Appointment,
    book: Callable[..., Appointment],
    mia: Therapist,
    spa: SpaProfile,
) -> None:
    book(at(10, 30, days=8), therapist=mia, details=OTTO)
    TimeOff.objects.create(therapist=mia, starts_at=at(0, days=15), ends_at=at(0, days=16))
    page = desk.get(url(visit), {"weeks": "1", "times": "10"})
    assert lines(page) == [
        ("01 Dec 10:00", "taken"),
        ("08 Dec 10:00", "unusual"),
        ("15 Dec 10:00", "free"),
        ("22 Dec 10:00", "free"),
        ("29 Dec 10:00", "free"),
        ("05 Jan 10:00", "free"),
        ("12 Jan 10:00", "free"),
        ("19 Jan 10:00", "free"),
        ("26 Jan 10:00", "too far"),
        ("02 Feb 10:00", "too far"),
    ]
    text = page.content.decode()
    assert "taken: Otto 10:30 – 11:30 with Mia, Fern" in text
    taken = page.context["rows"][0]
    assert [f"{at:%H:%M}" for _value, at, _chosen in taken.choices] == ["09:00", "09:15", "11:45"]
    assert [row.is_wanted for row in page.context["rows"]][:4] == [False, False, True, True]


def test_a_date_on_which_she_has_another_visit_says_so_and_needs_a_reason(
    desk: Browser,
    visit: Appointment,
    book: Callable[..., Appointment],
    noor: Therapist,
    fern: Room,
    lymph: Service,
) -> None:
    Room.objects.create(name="Sage").services.add(lymph)
    book(at(10, 30, days=8), therapist=noor)
    page = desk.get(url(visit), {"weeks": "1", "times": "2"})
    assert lines(page) == [("01 Dec 10:00", "twice"), ("08 Dec 10:00", "free")]
    text = page.content.decode()
    assert "Cleo has a visit then, 10:30 – 11:30 with Noor: needs a reason" in text
    row = page.context["rows"][0]
    assert [f"{at:%H:%M}" for _value, at, _chosen in row.choices] == [
        "10:00",
        "09:00",
        "09:15",
        "09:30",
    ]
    assert not row.is_wanted
    send(desk, visit, **{"times": "2", "line1-wanted": "on"})
    assert later(visit) == [at(10, 30, days=8)]
    send(desk, visit, **{"times": "2", "line1-wanted": "on", "reason": "Both.", "nonce": "m" * 16})
    assert later(visit) == [at(10, days=8), at(10, 30, days=8)]


def test_each_date_is_as_long_as_the_visit_itself(
    desk: Browser, visit: Appointment, book: Callable[..., Appointment], mia: Therapist,
    dana: User, spa: SpaProfile,
) -> None:  # fmt: skip
    visit = actions.reschedule_appointment(
        appointment=visit, starts_at=visit.starts_at, minutes=75, by=actions.staff(dana), spa=spa,
        now=at(8, days=0),
    )  # fmt: skip
    # In the way of a visit of 75 minutes, not of an hour.
    book(at(11, 15, days=8), therapist=mia, details=OTTO)
    page = desk.get(url(visit), {"weeks": "1", "times": "2"})
    assert lines(page) == [("01 Dec 10:00", "taken"), ("08 Dec 10:00", "free")]
    send(desk, visit, **{"times": "2", "line2-wanted": "on"})
    assert [one.minutes for one in Appointment.objects.booked().order_by("starts_at")][-1] == 75


def test_a_visit_of_long_ago_is_repeated_from_now_on(
    dana: User, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(12, days=22))
    page = browser_of(dana).get(url(visit), {"weeks": "1", "times": "2"})
    assert lines(page) == [("22 Dec 10:00", "free"), ("29 Dec 10:00", "free")]


def test_answers_too_old_by_then_say_from_when_to_ask_again(
    desk: Browser, visit: Appointment, spa: SpaProfile
) -> None:
    SpaProfile.objects.update(health_check_valid_days=20)
    page = desk.get(url(visit), {"weeks": "1", "times": "3"})
    assert lines(page)[1:] == [("08 Dec 10:00", "free"), ("15 Dec 10:00", "stale")]
    assert "Ask again from Wednesday 25 November on" in page.content.decode()
    assert 'name="line3-wanted"' not in page.content.decode()


def test_the_wanted_dates_are_booked_and_no_others(desk: Browser, visit: Appointment) -> None:
    answer = send(desk, visit, **{"line1-wanted": "on", "line3-wanted": "on"})
    assert later(visit) == [at(10, days=8), at(10, days=22)]
    assert [one.starts_at for one in answer.context["booked"]] == later(visit)
    assert "2 visits booked." in answer["HX-Trigger"]


def test_one_date_that_is_lost_costs_no_other(
    desk: Browser, visit: Appointment, book: Callable[..., Appointment], mia: Therapist
) -> None:
    book(at(10, 30, days=8), therapist=mia, details=OTTO)
    wanted = {"line1-wanted": "on", "line1-start": start_value(at(10, days=8))}
    answer = send(desk, visit, **wanted, **{"line2-wanted": "on"})
    assert [one.starts_at for one in answer.context["booked"]] == [at(10, days=15)]
    assert "Mia is with Otto from 10:30" in answer.content.decode()


def test_a_nearest_time_can_be_taken_instead(
    desk: Browser, visit: Appointment, book: Callable[..., Appointment], mia: Therapist
) -> None:
    book(at(10, 30, days=8), therapist=mia, details=OTTO)
    wanted = {"line1-wanted": "on", "line1-start": start_value(at(11, 45, days=8))}
    send(desk, visit, **wanted)
    assert at(11, 45, days=8) in later(visit)


def test_an_unusual_date_needs_a_reason(desk: Browser, visit: Appointment, mia: Therapist) -> None:
    TimeOff.objects.create(therapist=mia, starts_at=at(0, days=8), ends_at=at(0, days=9))
    answer = send(desk, visit, **{"line1-wanted": "on"})
    assert later(visit) == []
    assert "Mia is off" in answer.content.decode()
    reason = {"reason": "Mia comes in for it", "nonce": "m" * 16}
    send(desk, visit, **{"line1-wanted": "on", "line2-wanted": "on"}, **reason)
    first, second = Appointment.objects.booked().exclude(pk=visit.pk).order_by("starts_at")
    assert first.events.get(kind="booked").reason == "Mia comes in for it"
    assert second.events.get(kind="booked").reason == ""


def test_nothing_is_booked_before_somebody_has_asked(desk: Browser, visit: Appointment) -> None:
    for sent in ({"unchanged": ""}, {"seen": "0"}, {"seen": "x"}):
        page = send(desk, visit, **{"line1-wanted": "on"}, **sent)
        assert page.context["rows"][0].is_wanted
    assert later(visit) == []


def test_no_date_chosen_is_said(desk: Browser, visit: Appointment) -> None:
    page = send(desk, visit)
    assert "Please choose at least one date." in page.content.decode()


def test_sent_twice_each_date_is_booked_once(desk: Browser, visit: Appointment) -> None:
    wanted = {"line1-wanted": "on", "line2-wanted": "on"}
    first, second = send(desk, visit, **wanted), send(desk, visit, **wanted)
    assert len(later(visit)) == 2
    assert [one.pk for one in second.context["booked"]] == [
        one.pk for one in first.context["booked"]
    ]


def test_each_visit_has_its_own_confirmation_or_none(desk: Browser, visit: Appointment) -> None:
    send(desk, visit, **{"line1-wanted": "on", "tell": "on"})
    send(desk, visit, **{"line2-wanted": "on", "nonce": "m" * 16})
    owed = Message.objects.filter(kind="confirmation").exclude(appointment=visit)
    assert [one.visit.starts_at for one in owed] == [at(10, days=8)]


def test_a_clearance_makes_each_a_request(
    desk: Browser, book: Callable[..., Appointment], mia: Therapist
) -> None:
    visit = book(at(12), therapist=mia, outcome=Outcome.CLEARANCE)
    send(desk, visit, **{"line1-wanted": "on"})
    again = Appointment.objects.get(starts_at=at(12, days=8))
    assert again.status == "requested"


def test_without_answers_that_fit_the_next_visit_is_booked_first(
    desk: Browser, visit: Appointment
) -> None:
    Contraindication.objects.filter(slug="asthma").update(question="asthma or a cough")
    page = send(desk, visit, **{"line1-wanted": "on"})
    assert later(visit) == []
    assert f"/desk/book/?again={visit.reference}" in page.content.decode()


def test_a_treatment_that_left_the_menu_is_not_repeated(
    desk: Browser, visit: Appointment, lymph: Service
) -> None:
    Service.objects.filter(pk=lymph.pk).update(status=Service.Status.DRAFT)
    send(desk, visit, **{"line1-wanted": "on"})
    assert later(visit) == []


@pytest.mark.parametrize("weeks", ["0", "9", "x", "", "-1", "\x00", "99999999999999999999"])
def test_a_foolish_rhythm_is_explained(desk: Browser, visit: Appointment, weeks: str) -> None:
    page = desk.get(url(visit), {"weeks": weeks, "times": "3"})
    assert page.status_code == 200
    assert "rows" not in page.context
    assert send(desk, visit, weeks=weeks, **{"line1-wanted": "on"}).status_code == 200
    assert later(visit) == []


@pytest.mark.parametrize("times", ["0", "21", "x", "", "-1", "1e3", "9" * 400])
def test_a_foolish_number_is_explained(desk: Browser, visit: Appointment, times: str) -> None:
    page = desk.get(url(visit), {"weeks": "1", "times": times})
    assert "rows" not in page.context
    assert "from 1 to 20" in page.content.decode()


@pytest.mark.parametrize(
    "start", ["x", "\x00", "9999-12-31T23:59Z", "0001-01-01T00:00Z", "z" * 9999]
)
def test_a_foolish_start_books_the_date_itself(
    desk: Browser, visit: Appointment, start: str
) -> None:
    send(desk, visit, **{"line1-wanted": "on", "line1-start": start})
    assert later(visit) == [at(10, days=8)]


def test_only_the_desk_and_owners_may(
    desk: Browser, visit: Appointment, mia: Therapist, olive: User
) -> None:
    assert browser_of(olive).get(url(visit)).status_code == 200
    assert browser_of(login_of(mia)).get(url(visit)).status_code == 403
    assert browser_of(None).get(url(visit)).status_code == 302
    assert desk.get("/desk/appointments/22222222/repeat/").status_code == 404


def test_twenty_dates_cost_what_two_cost_and_fifty_therapists_what_two_cost(
    desk: Browser, visit: Appointment, lymph: Service, book: Callable[..., Appointment],
    mia: Therapist,
) -> None:  # fmt: skip
    def queries(times: int) -> int:
        with CaptureQueriesContext(connection) as found:
            desk.get(url(visit), {"weeks": "1", "times": str(times)})
        return len(found)

    few = queries(2)
    for number in range(48):
        therapist = Therapist.objects.create(name=f"T{number:02}", position=9)
        therapist.services.add(lymph)
        WorkingHours.objects.create(therapist=therapist, weekday=1, starts=time(9), ends=time(17))
    for days in (8, 15, 22):
        book(at(10, days=days), therapist=mia, details=OTTO)
    assert queries(20) == few


def test_the_wall_clock_stays_across_a_clock_change(
    visit: Appointment, spa: SpaProfile, now: datetime
) -> None:
    found = series_of(visit, weeks=8, times=3, spa=spa, now=now)
    zone = ZoneInfo("Europe/London")
    walls = [f"{line.starts_at.astimezone(zone):%a %d %b %H:%M}" for line in found.lines]
    assert walls == ["Tue 19 Jan 10:00", "Tue 16 Mar 10:00", "Tue 11 May 10:00"]
    assert found.lines[2].starts_at == datetime(2027, 5, 11, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        # A week later the clock skips 01:30: told by the clock before, it is an hour later.
        (datetime(2027, 3, 21, 1, 30, tzinfo=UTC), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        # A week later the clock shows 01:30 twice: the first one.
        (datetime(2027, 10, 24, 0, 30, tzinfo=UTC), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_skipped_time_comes_later_and_of_a_doubled_one_the_first(
    spa: SpaProfile, start: datetime, expected: datetime
) -> None:
    assert same_time_later(start, 1, spa=spa) == expected


def test_the_rhythm_is_that_of_the_latest_visits_and_never_in_the_past(
    visit: Appointment,
    book: Callable[..., Appointment],
    mia: Therapist,
    spa: SpaProfile,
    clock: time_machine.Traveller,
) -> None:
    client = visit.client
    assert client is not None
    for days in (22, 43):
        book(at(10, days=days), therapist=mia)
    found = rhythm(client, visit.service, spa=spa, now=at(12, days=60))
    assert found is not None
    assert (found.weeks, found.next) == (3, at(10, days=64))
    found = rhythm(client, visit.service, spa=spa, now=at(12, days=70))
    assert found is not None
    assert found.next == at(10, days=85)


def test_a_room_for_nobody_else_is_still_found(
    desk: Browser, visit: Appointment, lymph: Service, book: Callable[..., Appointment],
    noor: Therapist,
) -> None:  # fmt: skip
    # Noor takes the only room: Mia is free, and the visit has no place all the same.
    book(at(10, days=8), therapist=noor, details=OTTO)
    page = desk.get(url(visit), {"weeks": "1", "times": "1"})
    assert lines(page) == [("01 Dec 10:00", "taken")]
    Room.objects.create(name="Lily").services.add(lymph)
    page = desk.get(url(visit), {"weeks": "1", "times": "1"})
    assert lines(page) == [("01 Dec 10:00", "free")]
