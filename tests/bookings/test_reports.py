"""The figures of a report: exact small examples, and random diaries against a slow oracle."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck as Check
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bookings import actions
from bookings.models import Appointment, Client, Event, Room, Therapist, TimeOff, WorkingHours
from bookings.reports.facts import Facts
from bookings.reports.periods import Period, this_and_last, whole
from bookings.reports.visits import EARLIER, LEADS, People, Tally, Used
from bookings.reports.working import Hour
from services.models import Service, ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, OTTO, at
from tests.bookings.reports_oracle import Slow
from tests.bookings.rows import make_appointment
from tests.bookings.strategies import DAYS

pytestmark = pytest.mark.django_db

LONDON = ZoneInfo("Europe/London")
MONDAY = date(2026, 11, 23)
TUESDAY = MONDAY + timedelta(days=1)
WEEK = Period(MONDAY, MONDAY + timedelta(days=6))
Make = Callable[..., Appointment]


@pytest.fixture
def make(
    hour: ServiceOption, mia: Therapist, noor: Therapist, fern: Room, moss: Room, cleo: Client
) -> Make:
    """Put a visit of Cleo's with Mia in Fern into the diary as it stands, without an action."""

    def _make(starts_at: datetime, status: str = "completed", **values: Any) -> Appointment:
        place = {"option": hour, "therapist": mia, "room": fern, **values}
        named = {name: place.pop(name) for name in ("option", "therapist", "room")}
        return make_appointment(
            named["option"],
            named["therapist"],
            named["room"],
            starts_at,
            **{"client": cleo, "status": status, "hold_expires_at": None, **place},
        )

    return _make


def facts(spa: SpaProfile, period: Period = WEEK, before: Period | None = None) -> Facts:
    return Facts(period, before or period.just_before(), spa)


# --- Periods ------------------------------------------------------------------------------------


def test_a_preset_is_a_whole_unit_and_is_compared_with_the_one_before() -> None:
    today = date(2024, 3, 31)
    assert this_and_last("week", today) == (
        Period(date(2024, 3, 25), date(2024, 3, 31)),
        Period(date(2024, 3, 18), date(2024, 3, 24)),
        Period(date(2024, 3, 11), date(2024, 3, 17)),
    )
    assert this_and_last("month", today) == (
        Period(date(2024, 3, 1), date(2024, 3, 31)),
        Period(date(2024, 2, 1), date(2024, 2, 29)),
        Period(date(2024, 1, 1), date(2024, 1, 31)),
    )
    assert this_and_last("quarter", today) == (
        Period(date(2024, 1, 1), date(2024, 3, 31)),
        Period(date(2023, 10, 1), date(2023, 12, 31)),
        Period(date(2023, 7, 1), date(2023, 9, 30)),
    )
    assert this_and_last("year", today) == (
        Period(date(2024, 1, 1), date(2024, 12, 31)),
        Period(date(2023, 1, 1), date(2023, 12, 31)),
        Period(date(2022, 1, 1), date(2022, 12, 31)),
    )


@pytest.mark.parametrize("unit", ["week", "month", "quarter", "year"])
def test_units_follow_each_other_without_a_gap(unit: str) -> None:
    period = whole(unit, date(2023, 12, 31))
    while period.last.year < 2029:
        following = whole(unit, period.last + timedelta(days=1))
        assert following.first == period.last + timedelta(days=1)
        period = following


def test_a_period_is_half_open_and_knows_the_clock_changes() -> None:
    span = Period(date(2026, 3, 29), date(2026, 3, 29)).span(LONDON)
    assert span.start.astimezone(UTC) == datetime(2026, 3, 29, 0, tzinfo=UTC)
    assert span.end.astimezone(UTC) == datetime(2026, 3, 29, 23, tzinfo=UTC)


def test_own_days_are_compared_with_as_many_before_and_told_in_whole_steps() -> None:
    period = Period(date(2026, 1, 30), date(2026, 9, 2))
    assert period.just_before() == Period(date(2025, 6, 28), date(2026, 1, 29))
    assert period.just_before().days == period.days
    steps = period.steps()
    assert (steps[0], steps[1], steps[-1]) == (
        Period(date(2026, 1, 30), date(2026, 1, 31)),
        Period(date(2026, 2, 1), date(2026, 2, 28)),
        Period(date(2026, 9, 1), date(2026, 9, 2)),
    )


# --- Visits -------------------------------------------------------------------------------------


def test_visits_count_by_what_became_of_them(make: Make, spa: SpaProfile) -> None:
    statuses = (
        "completed completed arrived confirmed requested no_show cancelled declined held expired"
    )
    for n, status in enumerate(statuses.split()):
        lapses = at(7) if status == "held" else None
        make(at(8 + n, days=n % 3), status, price=Decimal(10) + n, hold_expires_at=lapses)
    found = facts(spa)
    assert found.total == Tally(
        kept=3,
        missed=1,
        open=2,
        cancelled=1,
        declined=1,
        worth=Decimal(10 + 11 + 12 + 13 + 14 + 15),
        worth_kept=Decimal(10 + 11 + 12),
    )
    assert (found.total.booked, found.total.called_off) == (6, 2)


def test_a_visit_belongs_to_the_day_on_which_it_starts_here(make: Make, spa: SpaProfile) -> None:
    spa.time_zone = "Asia/Kathmandu"  # 5 hours and 45 minutes ahead
    make(datetime(2026, 11, 22, 18, 14, tzinfo=UTC))
    make(datetime(2026, 11, 22, 18, 15, tzinfo=UTC))
    make(datetime(2026, 11, 23, 18, 14, tzinfo=UTC), therapist=Therapist.objects.get(name="Noor"))
    make(datetime(2026, 11, 23, 18, 15, tzinfo=UTC))
    found = facts(spa, Period(MONDAY, MONDAY))
    assert (found.total.kept, found.tallies.before.kept) == (2, 1)
    assert [(one.first, tally.kept) for one, tally in found.tallies.course.items()] == [(MONDAY, 2)]


def test_visits_by_treatment_by_way_of_booking_and_over_time(
    make: Make, spa: SpaProfile, massage: Service, lymph: Service
) -> None:
    make(at(9), "completed", source="desk")
    make(at(11), "cancelled", source="desk")
    make(at(13, days=3), "no_show", option=massage.options.get(), price=Decimal("65.50"))
    found = facts(spa)
    assert found.tallies.by_service == {
        lymph.pk: Tally(kept=1, cancelled=1, worth=Decimal(75), worth_kept=Decimal(75)),
        massage.pk: Tally(missed=1, worth=Decimal("65.50")),
    }
    assert {name: one.booked for name, one in found.tallies.by_source.items()} == {
        "desk": 1,
        "web": 1,
    }
    assert [
        (one.first.day, tally.booked) for one, tally in found.tallies.course.items() if tally.booked
    ] == [
        (24, 1),
        (26, 1),
    ]
    assert len(found.tallies.course) == 7


def test_months_are_steps_of_a_long_period(make: Make, spa: SpaProfile) -> None:
    make(at(9))
    make(at(9, days=-40))
    found = facts(spa, Period(date(2026, 1, 15), date(2026, 12, 31)))
    assert len(found.tallies.course) == 12
    assert {one.first: tally.kept for one, tally in found.tallies.course.items() if tally.kept} == {
        date(2026, 10, 1): 1,
        date(2026, 11, 1): 1,
    }


def test_a_client_is_new_once(make: Make, spa: SpaProfile) -> None:
    otto = Client.objects.create(name="Otto")
    make(at(9, days=-30), "no_show", client=otto)
    for days in (1, 2, 3):
        make(at(9, days=days), client=otto)
    make(at(9, days=-5))
    make(at(11))
    make(at(11, days=2), "confirmed", client=Client.objects.create(name="Not yet"))
    assert facts(spa).people == (People(new=1, returning=1), People(new=1, returning=0))


def test_merged_clients_are_one_person(
    make: Make, spa: SpaProfile, cleo: Client, dana: User
) -> None:
    twin = Client.objects.create(name="Cleo")
    make(at(9, days=-7), client=twin)
    make(at(9))
    assert facts(spa).people[0] == People(new=1, returning=0)
    actions.merge_clients(kept=cleo, merged=twin, by=actions.staff(dana), now=NOW)
    make(at(11), client=twin)
    assert facts(spa).people == (People(new=0, returning=1), People(new=1, returning=0))


def test_cancellations_by_whom_and_how_late(
    book: Callable[..., Appointment], spa: SpaProfile, mia: Therapist, fern: Room, dana: User
) -> None:
    def cancel(visit: Appointment, by: actions.Actor, now: datetime) -> Appointment:
        return actions.cancel_appointment(appointment=visit, by=by, spa=spa, now=now)

    desk = actions.staff(dana)
    cancel(book(at(10, days=3)), actions.CLIENT, NOW)
    cancel(book(at(10)), desk, at(10, days=0))  # exactly 24 hours before: in time
    cancel(book(at(13), details=OTTO), desk, at(13, 1, days=0))
    again = cancel(book(at(15, days=2)), desk, NOW)
    actions.undo_change(appointment=again, by=desk, spa=spa, now=NOW)
    cancel(Appointment.objects.get(pk=again.pk), actions.CLIENT, NOW)
    found = {(one.by, one.late): one.count for one in facts(spa).cancelled}
    assert found == {("client", False): 2, ("staff", False): 1, ("staff", True): 1}


def test_how_early_people_book(make: Make, spa: SpaProfile) -> None:
    for n, days in enumerate((0, 1, 2, 3, 7, 8, 30, 31, 400)):
        make(at(8 + n), created_at=at(7, days=1 - days))
    make(at(20), "cancelled", created_at=NOW)
    assert facts(spa).leads == {0: 1, 1: 1, 3: 2, 7: 1, 14: 1, 30: 1, EARLIER: 2}


# --- Time ---------------------------------------------------------------------------------------


def test_use_of_time(make: Make, spa: SpaProfile, mia: Therapist, noor: Therapist) -> None:
    fern, moss = Room.objects.order_by("position")
    make(at(9))
    make(at(11), "no_show")
    make(at(13), "cancelled")
    make(at(10), "confirmed", therapist=noor, room=moss)
    WorkingHours.objects.filter(therapist=noor).exclude(weekday=1).delete()
    WorkingHours.objects.filter(therapist=noor).update(
        break_starts=time(12), break_ends=time(12, 30)
    )
    TimeOff.objects.create(therapist=mia, starts_at=at(16), ends_at=at(0, days=3))
    TimeOff.objects.create(starts_at=at(0, days=5), ends_at=at(0, days=7))
    found = facts(spa)
    assert found.work.by_therapist() == {mia.pk: 4 * 480 - 60, noor.pk: 450}
    assert found.work.open_minutes == 4 * 480
    assert found.used_by_therapist == {mia.pk: Used(150, 75), noor.pk: Used(75, 0)}
    assert found.used_by_room == {fern.pk: Used(150, 75), moss.pk: Used(75, 0)}


def test_who_takes_no_appointments_has_no_working_time(
    make: Make, spa: SpaProfile, mia: Therapist, noor: Therapist
) -> None:
    Therapist.objects.filter(pk=noor.pk).update(active=False)
    assert set(facts(spa).work.by_therapist()) == {mia.pk}


def test_hours_that_stay_empty(make: Make, spa: SpaProfile, noor: Therapist) -> None:
    Therapist.objects.filter(pk=noor.pk).update(active=False)
    make(at(9, 30))
    make(at(12), "no_show")
    make(at(16, 30), "confirmed")  # ends after work
    found = facts(spa).hours
    tuesday = {hour: one.empty for (weekday, hour), one in found.items() if weekday == 1}
    assert tuesday == {9: 30, 10: 15, 11: 60, 12: 60, 13: 60, 14: 60, 15: 60, 16: 30}
    assert found[2, 9] == Hour(60, 0)
    assert (1, 17) not in found


@pytest.mark.parametrize(("day", "minutes"), [(date(2026, 3, 29), 180), (date(2026, 10, 25), 300)])
def test_a_night_of_a_clock_change_has_its_real_hours(
    spa: SpaProfile, mia: Therapist, day: date, minutes: int
) -> None:
    WorkingHours.objects.all().delete()
    WorkingHours.objects.create(therapist=mia, weekday=6, starts=time(0), ends=time(4))
    found = facts(spa, Period(day, day))
    assert found.work.by_therapist() == {mia.pk: minutes}
    assert sum(one.worked for one in found.hours.values()) == minutes
    assert found.hours.get((6, 1)) == (None if minutes == 180 else Hour(120, 0))


# --- Random diaries -----------------------------------------------------------------------------

STATUSES = [status for status in Appointment.Status.values if status != "held"]


@st.composite
def diaries(draw: st.DrawFn) -> dict[str, Any]:
    """A few days around a clock change, with what happens in them and some history before."""
    zone, first = draw(st.sampled_from(DAYS))
    quarter = st.integers(0, 95)
    shift = st.tuples(st.integers(0, 6), quarter, quarter).filter(lambda one: one[1] < one[2])
    visit = st.fixed_dictionaries(
        {
            "status": st.sampled_from(STATUSES),
            "day": st.integers(-2, 4),
            "minute": st.integers(0, 287).map(lambda n: 5 * n),
            "length": st.integers(1, 30).map(lambda n: 5 * n),
            "who": st.integers(0, 1),
            "where": st.integers(0, 1),
            "client": st.integers(0, 3),
            "ahead": st.integers(0, 60 * 24 * 40),
            "price": st.integers(0, 9999),
            "source": st.sampled_from(["web", "desk"]),
            "by": st.sampled_from(["client", "staff", "system"]),
        }
    )
    off = st.tuples(st.none() | st.integers(0, 1), st.integers(-100, 800), st.integers(1, 400))
    return {
        "zone": zone,
        "first": first,
        "days": draw(st.integers(1, 3)),
        "shifts": draw(st.lists(st.tuples(st.integers(0, 1), shift), max_size=6)),
        "visits": draw(st.lists(visit, max_size=10)),
        "off": draw(st.lists(off, max_size=2)),
        "merged": draw(st.booleans()),
    }


def write(plan: dict[str, Any], spa: SpaProfile, option: ServiceOption) -> Period:
    """Write the rows of ``plan``; what the database would refuse is left out."""
    spa.time_zone = plan["zone"]
    midnight = datetime.combine(plan["first"], time(0), tzinfo=UTC)
    therapists, rooms = list(Therapist.objects.all()), list(Room.objects.all())
    WorkingHours.objects.all().delete()
    for who, (weekday, first, last) in plan["shifts"]:
        clock = [time(n // 4, n % 4 * 15) for n in (first, last)]
        WorkingHours.objects.create(
            therapist=therapists[who], weekday=weekday, starts=clock[0], ends=clock[1]
        )
    for off_who, start, length in plan["off"]:
        starts = midnight + timedelta(minutes=5 * start)
        TimeOff.objects.create(
            therapist=None if off_who is None else therapists[off_who],
            starts_at=starts,
            ends_at=starts + timedelta(minutes=5 * length),
        )
    clients = [Client.objects.create(name=f"Client {n}") for n in range(4)]
    for one in plan["visits"]:
        starts = midnight + timedelta(days=one["day"], minutes=one["minute"])
        busy = (starts - timedelta(minutes=5), starts + timedelta(minutes=one["length"] + 10))
        taken = Appointment.objects.filter(busy_from__lt=busy[1], busy_until__gt=busy[0])
        if taken.exists():
            continue
        visit = make_appointment(
            option,
            therapists[one["who"]],
            rooms[one["where"]],
            starts,
            client=clients[one["client"]],
            status=one["status"],
            hold_expires_at=None,
            ends_at=starts + timedelta(minutes=one["length"]),
            busy_from=busy[0],
            busy_until=busy[1],
            price=Decimal(one["price"]) / 100,
            source=one["source"],
            created_at=starts - timedelta(minutes=one["ahead"]),
        )
        if one["status"] == "cancelled":
            Event.objects.create(
                appointment=visit,
                at=starts - timedelta(minutes=one["ahead"] // 10),
                actor_kind=one["by"],
                kind="cancelled",
                changes={"status": ["confirmed", "cancelled"]},
            )
    if plan["merged"]:
        Client.objects.filter(pk=clients[1].pk).update(merged_into=clients[0])
    return Period(plan["first"], plan["first"] + timedelta(days=plan["days"] - 1))


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[Check.function_scoped_fixture, Check.too_slow],
)
@given(plan=diaries())
@example(
    # A shift through the repeated hour, a visit in it, and one over the midnight before.
    plan={
        "zone": "Europe/London",
        "first": date(2026, 10, 25),
        "days": 1,
        "shifts": [(0, (6, 0, 20))],
        "visits": [
            {
                "status": "completed",
                "day": day,
                "minute": minute,
                "length": 90,
                "who": 0,
                "where": 0,
                "client": 0,
                "ahead": 100,
                "price": 100,
                "source": "web",
                "by": "client",
            }
            for day, minute in ((-1, 23 * 60 - 30), (0, 60))
        ],
        "off": [],
        "merged": False,
    }
)
def test_figures_are_those_of_the_oracle(
    plan: dict[str, Any],
    spa: SpaProfile,
    hour: ServiceOption,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
) -> None:
    with transaction.atomic():
        compare(write(plan, spa, hour), spa)
        transaction.set_rollback(True)


def compare(period: Period, spa: SpaProfile) -> None:
    found = facts(spa, period)
    slow = Slow(period, spa.zone, timedelta(hours=spa.cancellation_notice_hours))
    before = Slow(period.just_before(), spa.zone, slow.notice)
    assert found.total == Tally(**slow.counts())
    assert found.tallies.before == Tally(**before.counts())
    for source, tally in found.tallies.by_source.items():
        assert tally == Tally(**slow.counts([one for one in slow.within if one.source == source]))
    assert sum((tally for _step, tally in found.tallies.course.items()), Tally()) == found.total
    assert [(one.new, one.returning) for one in found.people] == [slow.people(), before.people()]
    assert {(one.by, one.late): one.count for one in found.cancelled} == slow.cancellations()
    edges = [-1, *LEADS, 10**6]
    leads = slow.leads()
    assert list(found.leads.values()) == [
        sum(leads[days] for days in leads if low < max(days, 0) <= high)
        for low, high in pairwise(edges)
    ]
    for therapist in found.therapists:
        used = found.used_by_therapist.get(therapist.pk, Used())
        assert (used.booked, used.kept) == slow.used(therapist)
    for room in found.rooms:
        used = found.used_by_room.get(room.pk, Used())
        assert (used.booked, used.kept) == slow.used(room)
    worked, anybody = slow.work()
    assert (found.work.by_therapist(), found.work.open_minutes) == (worked, anybody)
    assert {key: (one.worked, one.taken) for key, one in found.hours.items()} == slow.hours()
