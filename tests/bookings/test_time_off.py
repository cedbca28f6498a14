"""Blocking a time at the desk, and what stands in its way."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.models import Appointment, Room, Therapist, TimeOff
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import OTTO, at
from tests.bookings.rows import make_appointment
from tests.bookings.staff_pages import browser_of, desk_url, login_of, said, words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
NEW = "/desk/time-off/new/"
REMOVE = {"step": "remove", "seen": "2026-11-24T09:00 2026-11-24T12:00 Dentist"}
UNDO = "/desk/time-off/undo/"
IN_DRAWER = {"HX-Request": "true", "HX-Target": "panel-body"}


@pytest.fixture(autouse=True)
def _monday_morning(clock: time_machine.Traveller) -> None:
    """Let every test begin on the cast's Monday at eight."""


@pytest.fixture
def desk(dana: User, spa: SpaProfile) -> Browser:
    return browser_of(dana)


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's visit on Tuesday at ten with Mia."""
    return book_again(at(10), therapist=mia)


@pytest.fixture
def dentist(mia: Therapist) -> TimeOff:
    """Mia is off on Tuesday from nine to twelve."""
    return TimeOff.objects.create(therapist=mia, starts_at=at(9), ends_at=at(12), reason="Dentist")


def page_of(off: TimeOff) -> str:
    return reverse("bookings:desk_time_off", args=[off.pk])


def sent(who: Any, **more: Any) -> dict[str, Any]:
    """A form for Tuesday from ten, one hour, for ``who``."""
    return {
        "therapist": who.pk if isinstance(who, Therapist) else who,
        "first_day": "2026-11-24",
        "first_time": "10:00",
        "length": "60",
        **more,
    }


def spans() -> list[tuple[Any, datetime, datetime]]:
    return list(TimeOff.objects.order_by("pk").values_list("therapist", "starts_at", "ends_at"))


@pytest.mark.parametrize(
    ("length", "more", "starts_at", "ends_at"),
    [
        ("30", {}, at(10), at(10, 30)),
        ("60", {}, at(10), at(11)),
        ("rest", {}, at(10), at(0, days=2)),
        ("day", {"first_time": ""}, at(0), at(0, days=2)),
        ("days", {"last_day": "2026-11-26"}, at(0), at(0, days=4)),
        ("until", {"last_day": "2026-11-25", "last_time": "12:15"}, at(10), at(12, 15, days=2)),
    ],
)
def test_a_time_is_blocked_for_each_length(
    length: str,
    more: dict[str, str],
    starts_at: datetime,
    ends_at: datetime,
    desk: Browser,
    mia: Therapist,
) -> None:
    answer = desk.post(NEW, sent(mia, length=length, **more))
    assert answer["Location"] == "/desk/list/?date=2026-11-24"
    assert spans() == [(mia.pk, starts_at, ends_at)]


def test_the_whole_spa_is_closed(desk: Browser, mia: Therapist) -> None:
    answer = desk.post(NEW, sent("spa", length="day", reason="Flood"))
    assert said(answer) == ["The whole spa: no appointments Tuesday 24 November."]
    assert spans() == [(None, at(0), at(0, days=2))]


def test_days_are_those_of_the_spa_on_a_clock_change_too(
    dana: User, mia: Therapist, spa: SpaProfile, clock: time_machine.Traveller
) -> None:
    clock.move_to(datetime(2026, 10, 20, 8, tzinfo=UTC))
    desk = browser_of(dana)
    desk.post(NEW, sent(mia, first_day="2026-10-25", length="day"))
    # London's clocks show 01:30 twice in that night: until its end is meant.
    twice = {"first_day": "2026-10-25", "first_time": "01:30", "last_time": "01:30"}
    desk.post(NEW, sent(mia, **twice, length="until", last_day="2026-10-25"))
    assert spans() == [
        (mia.pk, datetime(2026, 10, 24, 23, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC)),
        (
            mia.pk,
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        ),
    ]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"therapist": ""}, "Please say for whom."),
        ({"therapist": "999999"}, "Please choose a therapist, or the whole spa."),
        ({"therapist": "\x00"}, "Please choose a therapist, or the whole spa."),
        ({"first_day": ""}, "Please choose a day."),
        ({"first_day": "99999"}, "We could not read that day. It looks like 2026-11-24."),
        ({"first_day": "9999-12-31"}, "Please choose a day within the next two years."),
        ({"first_day": "0001-01-01"}, "Please choose a day within the next two years."),
        ({"first_time": ""}, "Please say from what time."),
        ({"first_time": "25:61"}, "We could not read that time. It looks like 10:15."),
        ({"length": ""}, "Please say how long."),
        ({"length": "forever"}, "Select a valid choice."),
        ({"length": "days"}, "Please choose the last day."),
        ({"length": "until", "last_day": "2026-11-24"}, "Please say until what time."),
        (
            {"length": "until", "last_day": "2026-11-24", "last_time": "10:00"},
            "It must end after it starts.",
        ),
        ({"length": "days", "last_day": "2026-11-23"}, "It must end after it starts."),
        ({"first_day": "2026-11-23", "first_time": "06:30"}, "That time is over already."),
        ({"reason": "🌿" * 121}, "Please keep it under 120 characters."),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_lost(
    wrong: dict[str, str], complaint: str, desk: Browser, mia: Therapist
) -> None:
    answer = desk.post(NEW, sent(mia, **{"reason": "Course", **wrong}))
    assert answer.status_code == 200
    page = words(answer)
    assert complaint in page
    assert "Please look at this again" in page
    assert wrong.get("reason", "Course") in answer.content.decode()
    assert spans() == []


def test_a_field_that_is_not_asked_for_cannot_be_wrong(desk: Browser, mia: Therapist) -> None:
    desk.post(NEW, sent(mia, last_day="soon", last_time="later"))
    assert spans() == [(mia.pk, at(10), at(11))]


def test_an_inactive_therapist_is_not_blocked(desk: Browser, mia: Therapist) -> None:
    Therapist.objects.update(active=False)
    assert "Please choose a therapist" in words(desk.post(NEW, sent(mia)))
    assert spans() == []


def test_visits_in_the_way_are_listed_before_anything_is_saved(
    desk: Browser, visit: Appointment, mia: Therapist
) -> None:
    answer = desk.post(NEW, sent(mia))
    page = words(answer)
    assert "1 visit is in the way Tuesday 24 November, 10:00 – 11:00 Cleo" in page
    assert "Block the time; 1 visit stays until you move it" in page
    # Only that button passes over the visits: Enter in a field, or another time, does not.
    assert f'name="seen" value="{visit.reference} "' in answer.content.decode()
    assert 'type="hidden" name="seen"' not in answer.content.decode()
    assert desk_url("move", visit) in answer.content.decode()
    assert desk_url("cancel", visit) in answer.content.decode()
    assert spans() == []


def test_the_time_is_blocked_all_the_same_and_leads_to_what_is_left_to_do(
    desk: Browser, visit: Appointment, mia: Therapist
) -> None:
    answer = desk.post(NEW, sent(mia, seen=f"{visit.reference} "))
    off = TimeOff.objects.get()
    assert answer["Location"] == page_of(off)
    assert said(answer) == [
        "Mia: no new appointments Tuesday 24 November, 10:00 – 11:00. "
        "1 visit stays until you move it."
    ]
    assert "1 visit is still in the way" in words(desk.get(page_of(off)))
    Appointment.objects.filter(pk=visit.pk).update(status="cancelled")
    assert "No visit is in the way." in words(desk.get(page_of(off)))


def test_a_visit_that_came_in_after_the_list_is_listed_first(
    desk: Browser, visit: Appointment, book: Book, mia: Therapist
) -> None:
    book(at(13), details=OTTO, therapist=mia)
    page = words(desk.post(NEW, sent(mia, length="rest", seen=visit.reference)))
    assert "2 visits are in the way" in page
    assert spans() == []


@pytest.mark.parametrize("seen", ["' OR 1=1 --", "AAAAAAAA", "x" * 30_000, "\x00"])
def test_visits_that_were_never_listed_are_not_passed_over(
    seen: str, desk: Browser, visit: Appointment, mia: Therapist
) -> None:
    assert desk.post(NEW, sent(mia, seen=seen)).status_code == 200
    assert spans() == []


def test_only_what_is_to_come_of_the_one_who_is_off_is_in_the_way(
    desk: Browser,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    hour: ServiceOption,
    cleo: Any,
) -> None:
    for number, status in enumerate(["requested", "cancelled", "completed", "no_show"]):
        make_appointment(hour, mia, fern, at(9 + 2 * number), status=status, client=cleo)
    make_appointment(hour, noor, moss, at(10), status="confirmed", client=cleo)
    assert "1 visit is in the way" in words(desk.post(NEW, sent(mia, length="day")))
    assert "2 visits are in the way" in words(desk.post(NEW, sent("spa", length="day")))


def test_a_hold_is_named_and_is_no_reason_to_wait(
    desk: Browser, mia: Therapist, fern: Room, hour: ServiceOption
) -> None:
    make_appointment(hour, mia, fern, at(10), hold_expires_at=at(8, 7, days=0))
    answer = desk.post(NEW, sent(mia))
    off = TimeOff.objects.get()
    assert answer["Location"] == "/desk/list/?date=2026-11-24"
    assert (
        "Somebody is booking online: Tuesday 24 November, 10:00 – 11:00 with Mia, "
        "held until 08:07." in words(desk.get(page_of(off)))
    )


def test_the_address_fills_the_form_in(desk: Browser, mia: Therapist) -> None:
    asked = {"therapist": str(mia.pk), "start": "2026-11-24T10:15Z", "end": "2026-11-24T12:00Z"}
    page = desk.get(NEW, asked).content.decode()
    for field in (
        f'<option value="{mia.pk}" selected>',
        'value="2026-11-24"',
        'value="10:15"',
        'value="12:00"',
    ):
        assert field in page
    assert 'value="until"' in page[: page.index("checked")].rsplit("<input", 1)[1]


@pytest.mark.parametrize("hostile", ["9999-12-31T23:59Z", "soon", "\x00", "-1", "9" * 5000])
def test_an_address_that_says_nothing_fills_nothing_in(
    hostile: str, desk: Browser, mia: Therapist
) -> None:
    asked = {"therapist": hostile, "start": hostile, "end": hostile, "date": hostile}
    answer = desk.get(NEW, asked)
    assert answer.status_code == 200
    assert 'value="2026-11-23"' in answer.content.decode()


def test_a_time_off_says_who_when_and_why(desk: Browser, dentist: TimeOff) -> None:
    page = words(desk.get(page_of(dentist)))
    assert "Mia is off Tuesday 24 November, 09:00 – 12:00 Dentist" in page


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "expected"),
    [
        (at(0), at(0, days=2), "Tuesday 24 November"),
        (at(0), at(0, days=3), "Tuesday 24 November – Wednesday 25 November"),
        (at(15), at(0, days=2), "Tuesday 24 November, from 15:00"),
        (at(15), at(12, days=2), "Tuesday 24 November, 15:00 – Wednesday 25 November, 12:00"),
    ],
)
def test_its_days_are_told_as_people_say_them(
    starts_at: datetime, ends_at: datetime, expected: str, desk: Browser, dentist: TimeOff
) -> None:
    TimeOff.objects.update(starts_at=starts_at, ends_at=ends_at)
    assert f"Mia is off {expected} Dentist" in words(desk.get(page_of(dentist)))


def change(desk: Browser, off: TimeOff, **more: str) -> Any:
    seen = desk.get(page_of(off)).content.decode()
    token = seen.split('name="seen" value="')[1].split('"')[0]
    until = {"first_day": "2026-11-24", "first_time": "09:00", "length": "until"}
    ends = {"last_day": "2026-11-24", "last_time": "13:00", "reason": "Dentist"}
    return desk.post(page_of(off), {**until, **ends, "seen": token, **more})


def test_a_time_off_is_changed(desk: Browser, dentist: TimeOff) -> None:
    answer = change(desk, dentist, reason="Dentist, again")
    assert said(answer) == ["Mia: no appointments Tuesday 24 November, 09:00 – 13:00."]
    dentist.refresh_from_db()
    assert (dentist.starts_at, dentist.ends_at, dentist.reason) == (
        at(9),
        at(13),
        "Dentist, again",
    )


def test_a_change_on_a_stale_page_is_refused_with_the_news(desk: Browser, dentist: TimeOff) -> None:
    TimeOff.objects.update(ends_at=at(15))
    answer = change(desk, dentist, seen="2026-11-24T09:00 2026-11-24T12:00 Dentist")
    assert (
        "Somebody else changed this in the meantime. Nothing was changed; it is now: "
        "Tuesday 24 November, 09:00 – 15:00." in words(answer)
    )
    dentist.refresh_from_db()
    assert dentist.ends_at == at(15)


def test_a_wrong_change_keeps_what_was_typed(desk: Browser, dentist: TimeOff) -> None:
    answer = change(desk, dentist, last_time="08:00", reason="Long course")
    assert "It must end after it starts." in words(answer)
    assert "Long course" in answer.content.decode()
    dentist.refresh_from_db()
    assert dentist.ends_at == at(12)


def test_a_time_off_is_removed(desk: Browser, dentist: TimeOff) -> None:
    answer = desk.post(page_of(dentist), REMOVE)
    assert said(answer) == ["Mia: open for booking again, Tuesday 24 November, 09:00 – 12:00."]
    assert spans() == []
    assert desk.get(page_of(dentist)).status_code == 404
    assert desk.post(page_of(dentist), REMOVE).status_code == 404


def test_a_removal_on_a_stale_page_is_refused_with_the_news(
    desk: Browser, dentist: TimeOff
) -> None:
    TimeOff.objects.update(ends_at=at(15))
    for sent_too in (REMOVE, {"step": "remove"}):
        assert "it is now: Tuesday 24 November, 09:00 – 15:00." in words(
            desk.post(page_of(dentist), sent_too)
        )
    assert TimeOff.objects.get().ends_at == at(15)


def undo_told(answer: Any) -> dict[str, Any]:
    """What the calendar sends to take back what ``answer`` tells of."""
    told: dict[str, Any] = json.loads(answer["HX-Trigger"])["diary-changed"]
    assert told["undo"] == UNDO
    sent: dict[str, Any] = told["sent"]
    return sent


def take_back(desk: Browser, change: dict[str, Any]) -> Any:
    return desk.post(UNDO, json.dumps(change), content_type="application/json")


def rows() -> list[dict[str, Any]]:
    return [dict(row) for row in TimeOff.objects.order_by("pk").values()]


def test_a_blocked_time_is_opened_again(desk: Browser, mia: Therapist, visit: Appointment) -> None:
    blocked = desk.post(NEW, sent(mia, seen=visit.reference), headers=IN_DRAWER)
    Appointment.objects.filter(pk=visit.pk).update(sequence=7)
    answer = take_back(desk, undo_told(blocked))
    assert answer.json() == {
        "news": "Mia: open for booking again, Tuesday 24 November, 10:00 – 11:00.",
        "undo": "",
    }
    assert rows() == []


def test_a_change_is_taken_back(desk: Browser, dentist: TimeOff) -> None:
    before = rows()
    sent_too = {"first_day": "2026-11-25", "length": "day", "first_time": "", "reason": "Away"}
    answer = desk.post(page_of(dentist), {**REMOVE, "step": "", **sent_too}, headers=IN_DRAWER)
    assert rows() != before
    news = take_back(desk, undo_told(answer)).json()["news"]
    assert news == "Mia: no appointments Tuesday 24 November, 09:00 – 12:00."
    assert rows() == before


def test_a_removed_time_off_comes_back_once(desk: Browser, dentist: TimeOff) -> None:
    before = rows()
    change = undo_told(desk.post(page_of(dentist), REMOVE, headers=IN_DRAWER))
    assert rows() == []
    assert take_back(desk, change).status_code == 200
    assert rows() == before
    again = take_back(desk, change)
    assert (again.status_code, again.json()) == (
        409,
        {"message": "This time off was changed again in the meantime. Nothing was taken back."},
    )
    assert rows() == before


@pytest.mark.parametrize("meanwhile", ["changed", "removed"])
def test_what_has_changed_since_is_not_taken_back(
    meanwhile: str, desk: Browser, mia: Therapist
) -> None:
    change = undo_told(desk.post(NEW, sent(mia), headers=IN_DRAWER))
    if meanwhile == "changed":
        TimeOff.objects.update(reason="Ill")
    else:
        TimeOff.objects.all().delete()
    before = rows()
    assert take_back(desk, change).status_code == 409
    assert rows() == before


def test_a_page_without_scripts_offers_the_undo_too(desk: Browser, dentist: TimeOff) -> None:
    page = desk.post(page_of(dentist), REMOVE, follow=True).content.decode()
    assert f'method="post" action="{UNDO}"' in page
    change = page.split('name="change" value="')[1].split('"')[0]
    answer = desk.post(UNDO, {"change": change})
    assert answer["Location"] == "/desk/list/?date=2026-11-24"
    assert said(answer) == ["Mia: no appointments Tuesday 24 November, 09:00 – 12:00."]
    assert spans() == [(dentist.therapist_id, at(9), at(12))]
    assert said(desk.post(UNDO, {"change": change}))[-1].endswith("Nothing was taken back.")


@pytest.mark.parametrize("change", ["", "x", "W251bGwsbnVsbF0:1:x", "\ud800", 7, None, [1]])
def test_an_undo_that_was_not_handed_out_does_nothing(
    change: Any, desk: Browser, dentist: TimeOff
) -> None:
    assert take_back(desk, {"change": change}).status_code == 409
    assert desk.post(UNDO).status_code == 302
    assert desk.get(UNDO).status_code == 405
    assert len(rows()) == 1


def test_looking_removes_nothing(desk: Browser, dentist: TimeOff) -> None:
    desk.get(page_of(dentist), REMOVE)
    assert TimeOff.objects.count() == 1


def test_in_the_drawer_blocking_closes_it_and_tells_the_calendar(
    desk: Browser, mia: Therapist
) -> None:
    assert "<html" not in desk.get(NEW, headers=IN_DRAWER).content.decode()
    answer = desk.post(NEW, sent(mia), headers=IN_DRAWER)
    assert answer.status_code == 200
    assert '"close": true' in answer["HX-Trigger"]
    assert "Mia: no appointments Tuesday 24 November" in answer["HX-Trigger"]


def test_in_the_drawer_visits_left_over_are_shown_at_once(
    desk: Browser, visit: Appointment, mia: Therapist
) -> None:
    answer = desk.post(NEW, sent(mia, seen=visit.reference), headers=IN_DRAWER)
    assert '"close": false' in answer["HX-Trigger"]
    page = answer.content.decode()
    assert "<html" not in page
    assert "1 visit is still in the way" in page


def test_the_list_leads_to_a_time_off_and_to_blocking_one(
    desk: Browser, dentist: TimeOff, fern: Room
) -> None:
    page = desk.get("/desk/list/?date=2026-11-24").content.decode()
    assert f'href="{page_of(dentist)}"' in page
    assert f'href="{NEW}?date=2026-11-24"' in page


def test_names_and_reasons_are_shown_as_written(desk: Browser, dentist: TimeOff) -> None:
    TimeOff.objects.update(reason='<script>alert("x")</script> نور')
    page = desk.get(page_of(dentist)).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("count", [1, 12])
def test_what_is_in_the_way_costs_the_same_for_any_number(
    count: int, desk: Browser, lymph: Service, hour: ServiceOption, cleo: Any
) -> None:
    for number in range(count):
        therapist = Therapist.objects.create(name=f"Therapist {number}", position=number)
        room = Room.objects.create(name=f"Room {number}")
        make_appointment(hour, therapist, room, at(10), status="confirmed", client=cleo)
    with CaptureQueriesContext(connection) as queries:
        page = words(desk.post(NEW, sent("spa", length="day")))
    assert page.count("Lymphatic drainage massage with Therapist") == count
    # Session, person and profile; the therapists, what is in the way, the
    # bar's two counts.
    assert len(queries) == 7
    statements = " ".join(query["sql"] for query in queries)
    assert '"bookings_healthcheck"."answers"' not in statements


def test_whoever_may_not_work_at_the_desk_blocks_nothing(
    mia: Therapist, noor: Therapist, dentist: TimeOff
) -> None:
    for user, status in ((login_of(mia), 403), (None, 302)):
        browser = browser_of(user)
        assert browser.post(NEW, sent(mia)).status_code == status
        assert browser.post(page_of(dentist), REMOVE).status_code == status
        assert browser.get(page_of(dentist)).status_code == status
        assert browser.post(UNDO).status_code == status
    assert TimeOff.objects.count() == 1


def test_a_request_in_the_way_is_listed_too(
    desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia, outcome=Outcome.CLEARANCE)
    page = words(desk.post(NEW, sent(mia, first_time="10:30", length="30")))
    assert "1 visit is in the way" in page
