"""Free stretches that could still be filled."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from bookings.availability import runs, set_bits
from bookings.day import desk_day
from bookings.models import Room, Therapist, TimeOff, WorkingHours
from services.models import Service, ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, at
from tests.bookings.rows import make_appointment

pytestmark = pytest.mark.django_db

TUESDAY = at(0).date()


def gaps(spa: SpaProfile, *, day: date = TUESDAY, now: datetime = NOW) -> list[tuple[str, ...]]:
    """Who, from, until, and the first start, by the spa's clocks."""
    return [
        (gap.therapist.name, *(f"{one:%H:%M}" for one in times(gap)))
        for column in desk_day(day, spa=spa, now=now).columns
        for gap in column.gaps
    ]


def times(gap: Any) -> tuple[datetime, datetime, datetime]:
    return gap.starts_at, gap.ends_at, gap.first_start


def test_a_free_day_is_one_gap(spa: SpaProfile, mia: Therapist, fern: Room) -> None:
    assert gaps(spa) == [("Mia", "09:00", "17:00", "09:00")]


def test_visits_with_their_buffers_breaks_and_time_off_leave_the_rest(
    spa: SpaProfile, mia: Therapist, fern: Room, hour: ServiceOption
) -> None:
    WorkingHours.objects.update(break_starts=time(12, 30), break_ends=time(13))
    TimeOff.objects.create(therapist=mia, starts_at=at(15, 30), ends_at=at(20))
    make_appointment(hour, mia, fern, at(10))
    # Ten until eleven and a quarter of an hour of tidying; each hour needs as much again.
    assert gaps(spa) == [
        ("Mia", "11:15", "12:30", "11:15"),
        ("Mia", "13:00", "15:30", "13:00"),
    ]


def test_a_gap_too_short_for_the_shortest_treatment_is_none(
    spa: SpaProfile, mia: Therapist, fern: Room, hour: ServiceOption
) -> None:
    WorkingHours.objects.update(ends=time(10, 10))
    assert gaps(spa) == []
    ServiceOption.objects.filter(pk=hour.pk).update(minutes=55)
    assert gaps(spa) == [("Mia", "09:00", "10:10", "09:00")]


@pytest.mark.parametrize("change", ["unpublished", "no length", "not hers", "no room"])
def test_only_what_she_could_give_counts(
    change: str, spa: SpaProfile, mia: Therapist, fern: Room, lymph: Service
) -> None:
    mia.services.set([lymph])
    assert len(gaps(spa)) == 1
    if change == "unpublished":
        Service.objects.filter(pk=lymph.pk).update(status="draft")
    elif change == "no length":
        lymph.options.update(active=False)
    elif change == "not hers":
        mia.services.clear()
    else:
        Room.objects.update(active=False)
    assert gaps(spa) == []


def test_where_every_room_is_taken_nobody_has_a_gap(
    spa: SpaProfile, mia: Therapist, noor: Therapist, fern: Room, hour: ServiceOption
) -> None:
    WorkingHours.objects.filter(therapist=noor).update(starts=time(10), ends=time(12, 30))
    make_appointment(hour, mia, fern, at(10))
    assert gaps(spa) == [
        ("Mia", "11:15", "17:00", "11:15"),
        ("Noor", "10:00", "12:30", "11:15"),
    ]


def test_the_time_before_the_visit_is_needed_too(
    spa: SpaProfile, mia: Therapist, fern: Room, lymph: Service
) -> None:
    Service.objects.update(buffer_before_minutes=10)
    assert gaps(spa) == [("Mia", "09:00", "17:00", "09:10")]


def test_today_begins_now_and_yesterday_is_over(
    spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    assert gaps(spa, now=at(13, 2)) == [("Mia", "13:05", "17:00", "13:05")]
    assert gaps(spa, now=at(8, days=2)) == []


def test_cancelled_visits_leave_their_time_and_holds_keep_it(
    spa: SpaProfile, mia: Therapist, fern: Room, hour: ServiceOption, cleo: Any
) -> None:
    make_appointment(hour, mia, fern, at(10), status="cancelled", client=cleo)
    assert gaps(spa) == [("Mia", "09:00", "17:00", "09:00")]
    make_appointment(hour, mia, fern, at(10))
    assert gaps(spa) == [("Mia", "11:15", "17:00", "11:15")]


def test_a_gap_over_a_clock_change_is_as_long_as_it_is(
    spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    WorkingHours.objects.update(starts=time(0), ends=time(3))
    night = datetime(2026, 10, 24, 8, tzinfo=UTC)
    day = desk_day(date(2026, 10, 25), spa=spa, now=night)
    assert [gap.minutes for column in day.columns for gap in column.gaps] == [240]


def test_runs_are_found_for_any_bits() -> None:
    for bits in range(1 << 10):
        found = [cell for first, last in runs(bits) for cell in range(first, last)]
        assert found == list(set_bits(bits))
    assert list(runs(0b1110110)) == [(1, 3), (4, 7)]
