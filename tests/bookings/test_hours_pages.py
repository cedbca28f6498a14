"""Owners change the week of a therapist: the grid, the list of visits first, the copies."""

from collections.abc import Callable
from datetime import date, time
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.forms.hours import typed_week
from bookings.models import Appointment, Room, Therapist, TimeOff, WorkingHours
from bookings.queries import hours_of
from bookings.weeks import Shift, Week, periods
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, said, words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
NINE_TO_FIVE = Shift(time(9), time(17))
WEEK = "/admin/bookings/therapist/week/"


@pytest.fixture
def owner(clock: time_machine.Traveller, spa: object, olive: User) -> Browser:
    return browser_of(olive)


def url(therapist: Therapist, more: str = "") -> str:
    return f"/admin/bookings/therapist/{therapist.pk}/hours/{more}"


def seen(therapist: Therapist) -> str:
    return actions.hours_as_seen(hours_of([therapist.pk])[therapist.pk])


def every_day(shift: Shift, *, but: dict[int, tuple[Shift, ...]] | None = None) -> Week:
    return tuple((but or {}).get(weekday, (shift,)) for weekday in range(7))


def grid(therapist: Therapist, week: Week, **more: Any) -> dict[str, Any]:
    """What the grid sends for a week from tomorrow on."""
    return {
        **typed_week(week),
        "first_day": "2026-11-24",
        "last_day": "",
        "seen": seen(therapist),
        **more,
    }


def plan(therapist: Therapist) -> list[tuple[date | None, date | None, Week]]:
    return [
        (one.first, one.last, one.week) for one in periods(hours_of([therapist.pk])[therapist.pk])
    ]


def test_the_page_says_what_holds_now_and_what_comes_next(owner: Browser, mia: Therapist) -> None:
    mia.working_hours.filter(weekday__in=[5, 6]).delete()
    mia.working_hours.filter(weekday=0).update(valid_until=date(2027, 2, 28))
    WorkingHours.objects.create(
        therapist=mia,
        weekday=0,
        starts=time(10),
        ends=time(14),
        break_starts=time(12),
        break_ends=time(12, 30),
        valid_from=date(2027, 3, 1),
    )
    page = words(owner.get(url(mia)))
    assert "Now, until Sunday 28 February 2027 Monday – Friday 09:00 – 17:00" in page
    assert (
        "From Monday 1 March 2027 Monday 10:00 – 14:00, break 12:00 – 12:30 "
        "Tuesday – Friday 09:00 – 17:00"
    ) in page
    form = owner.get(url(mia, "?day=2027-03-05")).context["form"]
    assert form["d0-0-break_starts"].value() == "12:00"
    assert form["first_day"].value() == date(2027, 3, 1)


def test_new_hours_hold_from_the_day_on_and_the_past_stays(owner: Browser, mia: Therapist) -> None:
    lunch = Shift(time(10), time(16), time(12), time(13))
    evening = Shift(time(18), time(20))
    week = every_day(lunch, but={2: (), 4: (NINE_TO_FIVE, evening)})
    answer = owner.post(url(mia), grid(mia, week))
    assert (answer.status_code, answer["Location"]) == (302, url(mia))
    assert said(answer) == ["The hours of Mia are saved."]
    assert plan(mia) == [
        (None, date(2026, 11, 23), every_day(NINE_TO_FIVE)),
        (date(2026, 11, 24), None, week),
    ]
    page = words(owner.get(url(mia)))
    assert "Olive" in page or "olive" in page
    assert (
        "Hours from Tuesday 24 November: Monday – Tuesday 10:00 – 16:00, break 12:00 – 13:00; "
        "Thursday 10:00 – 16:00, break 12:00 – 13:00; "
        "Friday 09:00 – 17:00 and 18:00 – 20:00; "
        "Saturday – Sunday 10:00 – 16:00, break 12:00 – 13:00. "
        "Before: Monday – Sunday 09:00 – 17:00."
    ) in page


def test_a_few_days_of_other_hours_end_where_they_end(owner: Browser, mia: Therapist) -> None:
    short = every_day(Shift(time(9), time(12)))
    owner.post(url(mia), grid(mia, short, first_day="2026-12-21", last_day="2026-12-27"))
    assert plan(mia) == [
        (None, date(2026, 12, 20), every_day(NINE_TO_FIVE)),
        (date(2026, 12, 21), date(2026, 12, 27), short),
        (date(2026, 12, 28), None, every_day(NINE_TO_FIVE)),
    ]


def test_planned_hours_are_taken_back(owner: Browser, mia: Therapist) -> None:
    owner.post(url(mia), grid(mia, every_day(Shift(time(9), time(12))), first_day="2027-03-01"))
    sent = {"step": "drop", "day": "2027-03-01", "seen": seen(mia)}
    answer = owner.post(url(mia), sent)
    assert said(answer)[-1] == "The planned hours of Mia are taken back."
    assert plan(mia) == [(None, None, every_day(NINE_TO_FIVE))]


def test_hours_are_not_taken_back_before_visits_are_listed(
    owner: Browser, mia: Therapist, fern: Room, book: Book
) -> None:
    mia.working_hours.filter(weekday=1).update(valid_from=date(2026, 12, 1))
    visit = book(at(10, days=8), therapist=mia)
    sent = {"step": "drop", "day": "2026-12-01", "seen": seen(mia)}
    answer = owner.post(url(mia), sent)
    assert "1 booked visit would have no place" in words(answer)
    carried = dict(answer.context["carried"])
    assert owner.post(url(mia), {**carried, "edit": "1"})["Location"] == url(mia)
    answer = owner.post(url(mia), {**carried, "agreed": visit.reference})
    assert answer["Location"] == "/desk/to-move/"
    assert plan(mia) == [(None, None, every_day(NINE_TO_FIVE, but={1: ()}))]
    page = words(owner.get(f"/desk/appointments/{visit.reference}/"))
    assert "Hours, time off, treatments or rooms have changed: does it have to be moved?" in page
    for day in ("2026-12-01", "x", "9999-12-31", ""):
        assert owner.post(url(mia), {**sent, "day": day})["Location"] == url(mia)


def test_a_week_in_which_the_clocks_change_counts_the_hours_that_there_are(
    owner: Browser, mia: Therapist
) -> None:
    mia.working_hours.update(starts=time(0), ends=time(3))
    for monday, total in (("2026-10-19", "22"), ("2027-03-22", "20")):
        row = owner.get(f"{WEEK}?date={monday}").context["table"].rows[0]
        assert (row.days[6].stretches, row.total) == (["00:00 – 03:00"], total)


def test_nobody_is_found_where_there_is_nobody(owner: Browser) -> None:
    for key in (0, 999999, 10**30):
        assert owner.get(f"/admin/bookings/therapist/{key}/hours/").status_code == 404
        assert owner.post(f"/admin/bookings/therapist/{key}/hours/copy/").status_code == 404


@pytest.mark.parametrize(
    ("typed", "cell", "mistake"),
    [
        ({"d1-0-ends": "09:00"}, "d1-0-ends", "It must end after it starts."),
        ({"d1-0-ends": "08:00"}, "d1-0-ends", "It must end after it starts."),
        ({"d1-0-ends": ""}, "d1-0-ends", "Please say until when."),
        ({"d1-0-starts": ""}, "d1-0-starts", "Please say from when."),
        (
            {"d1-0-starts": "25:99"},
            "d1-0-starts",
            "We could not read that time. It looks like 10:15.",
        ),
        (
            {"d1-0-starts": "\u202e9\x00"},
            "d1-0-starts",
            "We could not read that time. It looks like 10:15.",
        ),
        ({"d1-0-break_starts": "12:00"}, "d1-0-break_ends", "A break needs an end."),
        ({"d1-0-break_ends": "12:00"}, "d1-0-break_starts", "A break needs a start."),
        (
            {"d1-0-break_starts": "08:00", "d1-0-break_ends": "10:00"},
            "d1-0-break_starts",
            "The break begins before the work does.",
        ),
        (
            {"d1-0-break_starts": "16:00", "d1-0-break_ends": "18:00"},
            "d1-0-break_ends",
            "The break ends after the work does.",
        ),
        (
            {"d1-0-break_starts": "13:00", "d1-0-break_ends": "12:00"},
            "d1-0-break_ends",
            "It must end after it starts.",
        ),
        (
            {"d1-1-starts": "16:00", "d1-1-ends": "19:00"},
            "d1-1-starts",
            "This overlaps with 09:00 – 17:00.",
        ),
        (
            {"first_day": "2026-11-22"},
            "first_day",
            "What is past stays as it was: today is the earliest.",
        ),
        (
            {"first_day": "soon"},
            "first_day",
            "We could not read that day. It looks like 2026-11-24.",
        ),
        (
            {"first_day": "9999-12-31"},
            "first_day",
            "Please choose a day within the next two years.",
        ),
        ({"last_day": "2026-11-01"}, "last_day", "The last day must not lie before the first."),
        ({"last_day": "9999-12-31"}, "last_day", "Please choose a day within the next two years."),
    ],
)
def test_a_mistake_stands_at_its_cell_and_what_was_typed_stays(
    typed: dict[str, str], cell: str, mistake: str, owner: Browser, mia: Therapist
) -> None:
    answer = owner.post(url(mia), grid(mia, every_day(NINE_TO_FIVE), **typed))
    assert answer.status_code == 200
    form = answer.context["form"]
    assert {name: list(errors) for name, errors in form.errors.items()} == {cell: [mistake]}
    for name, value in typed.items():
        assert form[name].value() == value
    assert f'href="#id_{cell}"' in answer.content.decode()
    assert plan(mia) == [(None, None, every_day(NINE_TO_FIVE))]


def test_another_line_and_mondays_hours_come_without_scripts(
    owner: Browser, mia: Therapist
) -> None:
    sent = grid(mia, every_day(NINE_TO_FIVE), **{"d0-0-starts": "07:30", "d3-0-ends": "odd"})
    form = owner.post(url(mia), {**sent, "add": "2"}).context["form"]
    assert [len(day.lines) for day in form.days] == [1, 1, 2, 1, 1, 1, 1]
    assert (form["d0-0-starts"].value(), form["d3-0-ends"].value()) == ("07:30", "odd")
    form = owner.post(url(mia), {**sent, "fill": "1"}).context["form"]
    assert [form[f"d{day}-0-starts"].value() for day in range(7)] == ["07:30"] * 5 + ["09:00"] * 2
    for nonsense in ("7", "-1", "x", "9" * 99):
        assert owner.post(url(mia), {**sent, "add": nonsense}).status_code == 200
    assert plan(mia) == [(None, None, every_day(NINE_TO_FIVE))]


def test_visits_that_lose_their_place_are_listed_before_anything_is_saved(
    owner: Browser, mia: Therapist, fern: Room, book: Book
) -> None:
    visit = book(at(10), therapist=mia)
    book(at(14), therapist=mia, details=OTTO)
    sent = grid(mia, every_day(Shift(time(12), time(17))))
    answer = owner.post(url(mia), sent)
    page = words(answer)
    assert "1 booked visit would have no place" in page
    assert "Tomorrow 10:00 – 11:00" in page
    assert "Outside the hours of Mia." in page
    assert "Otto" not in page
    assert f"/desk/appointments/{visit.reference}/move/?back=to-move" in answer.content.decode()
    assert plan(mia) == [(None, None, every_day(NINE_TO_FIVE))]
    carried = dict(answer.context["carried"])
    assert carried == {name: str(value) for name, value in sent.items()}
    back = owner.post(url(mia), {**carried, "edit": "1"})
    assert back.context["form"]["d0-0-starts"].value() == "12:00"
    answer = owner.post(url(mia), {**carried, "agreed": visit.reference})
    assert (answer.status_code, answer["Location"]) == (302, "/desk/to-move/")
    assert said(answer) == ["The hours of Mia are saved. 1 visit has to be moved."]
    assert "Cleo" in words(owner.get("/desk/to-move/"))


def test_a_visit_booked_after_the_list_was_shown_is_listed_too(
    owner: Browser, mia: Therapist, fern: Room, book: Book
) -> None:
    visit = book(at(10), therapist=mia)
    sent = grid(mia, every_day(Shift(time(12), time(17))), agreed=visit.reference)
    book(at(9, days=2), therapist=mia, details=OTTO)
    page = words(owner.post(url(mia), sent))
    assert "2 booked visits would have no place" in page
    assert plan(mia) == [(None, None, every_day(NINE_TO_FIVE))]


def test_whoever_is_second_is_told_and_keeps_what_was_typed(owner: Browser, mia: Therapist) -> None:
    sent = grid(mia, every_day(Shift(time(10), time(12))))
    mia.working_hours.filter(weekday=0).delete()
    answer = owner.post(url(mia), sent)
    assert "Somebody else changed these hours in the meantime." in words(answer)
    form = answer.context["form"]
    assert form["d0-0-starts"].value() == "10:00"
    assert form["seen"].value() == seen(mia)
    assert mia.working_hours.count() == 6


def test_a_week_is_copied_to_others_after_a_preview(
    owner: Browser, mia: Therapist, noor: Therapist, fern: Room, book: Book
) -> None:
    mia.working_hours.update(starts=time(12))
    visit = book(at(10), therapist=noor)
    form = owner.get(url(mia, "copy/")).context["form"]
    sent = {
        "therapists": [noor.pk],
        "first_day": "2026-11-24",
        "last_day": "2026-11-30",
        "seen": form["seen"].value(),
    }
    answer = owner.post(url(mia, "copy/"), sent)
    page = words(answer)
    assert "Monday – Sunday 12:00 – 17:00 In place of Noor Monday – Sunday 09:00 – 17:00" in page
    assert "1 booked visit would have no place" in page
    assert "From Tuesday 24 November until Monday 30 November" in page
    carried = {**sent, "step": "save", "agreed": visit.reference}
    assert "1 booked visit" in words(owner.post(url(mia, "copy/"), {**carried, "agreed": ""}))
    answer = owner.post(url(mia, "copy/"), carried)
    assert answer["Location"] == "/desk/to-move/"
    assert plan(noor)[1] == (
        date(2026, 11, 24),
        date(2026, 11, 30),
        every_day(Shift(time(12), time(17))),
    )
    again = owner.post(url(mia, "copy/"), carried)
    assert "Somebody else changed these hours in the meantime." in words(again)


@pytest.mark.parametrize("keys", [["x"], ["999999"], ["9" * 40], []])
def test_nobody_else_is_copied_to(keys: list[str], owner: Browser, mia: Therapist) -> None:
    sent = {"therapists": keys, "first_day": "2026-11-24", "seen": "x:y 9:z :"}
    answer = owner.post(url(mia, "copy/"), sent)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == ["therapists"]


def test_the_week_of_everybody_and_how_each_day_is_staffed(
    owner: Browser, mia: Therapist, noor: Therapist
) -> None:
    noor.working_hours.filter(weekday=1).update(
        starts=time(12), ends=time(20), break_starts=time(15), break_ends=time(15, 30)
    )
    TimeOff.objects.create(
        therapist=mia, starts_at=at(0, days=2), ends_at=at(0, days=3), reason="Course"
    )
    TimeOff.objects.create(starts_at=at(0, days=3), ends_at=at(0, days=4), reason="Flood")
    table = owner.get(WEEK).context["table"]
    assert table.monday == date(2026, 11, 23)
    whole = ["09:00 – 17:00"]
    worked = [day.stretches for day in table.rows[0].days]
    assert worked == [whole, whole, [], [], whole, whole, whole]
    assert table.rows[0].days[2].off == ["Course"]
    assert table.rows[1].days[1].stretches == ["12:00 – 15:00", "15:30 – 20:00"]
    tuesday, wednesday, thursday = table.cover[1:4]
    assert (tuesday.people, tuesday.most, tuesday.stretches, tuesday.total) == (
        2,
        2,
        ["09:00 – 20:00"],
        "15½",
    )
    assert [(bar.count, bar.width) for bar in tuesday.bars] == [
        (1, 36),
        (2, 36),
        (1, 6),
        (2, 18),
        (1, 36),
    ]
    assert (wednesday.people, thursday.people, thursday.closed) == (1, 0, ["Flood"])
    assert (table.rows[0].total, table.total) == ("40", "87½")
    assert owner.get(f"{WEEK}?date=2027-03-03").context["table"].monday == date(2027, 3, 1)
    for odd in ("x", "0001-01-01", "9999-12-31"):
        assert owner.get(f"{WEEK}?date={odd}").status_code == 200


def test_the_pages_cost_the_same_for_any_number_of_therapists(
    owner: Browser, mia: Therapist, noor: Therapist, fern: Room, book: Book
) -> None:
    sent = grid(mia, every_day(Shift(time(12), time(17))))
    book(at(10), therapist=mia)
    pages: list[Callable[[], Any]] = [
        lambda: owner.get(WEEK),
        lambda: owner.get(url(mia)),
        lambda: owner.get(url(mia, "copy/")),
        lambda: owner.post(url(mia), sent),
    ]
    first = [_queries(page) for page in pages]
    for number in range(5):
        other = Therapist.objects.create(name=f"Therapist {number}")
        WorkingHours.objects.create(therapist=other, weekday=1, starts=time(9), ends=time(17))
        TimeOff.objects.create(therapist=other, starts_at=at(9), ends_at=at(17))
        book(at(9 + number % 2, days=2 + number), therapist=mia, details=OTTO)
    assert [_queries(page) for page in pages] == first


def _queries(ask: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert ask().status_code == 200
    return len(queries)


def test_only_who_may_change_hours_does(
    mia: Therapist, dana: User, clock: object, spa: object
) -> None:
    dana.is_staff = True
    dana.save()
    for address in (WEEK, url(mia), url(mia, "copy/")):
        assert browser_of(dana).get(address).status_code == 403
