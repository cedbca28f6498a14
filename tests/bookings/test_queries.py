"""What the database's rows come to: offers, scarce rooms, whom a client saw before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck as Check
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.models import Appointment, Client, Room, Therapist, TimeOff, WorkingHours
from bookings.queries import Offer, last_bookable_day, offer, rooms_scarce_last, seen_before
from services.models import Service, ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, OTTO, at
from tests.bookings.random_spas import build, horizon, midnight_after, spas
from tests.bookings.rows import make_appointment
from tests.bookings.strategies import LENGTHS

pytestmark = pytest.mark.django_db

TODAY = NOW.date()


# --- One spa, exact answers -------------------------------------------------------------------


def by_day(found: Offer) -> dict[date, list[datetime]]:
    """The possible starts under each local day of the grid, full days too."""
    days: dict[date, list[datetime]] = {day: [] for day in found.grid.days}
    for one in found.times():
        days[one.date()].append(one)
    return days


@pytest.fixture
def ask(
    spa: SpaProfile, lymph: Service, hour: ServiceOption, now: datetime
) -> Callable[..., Offer]:
    """Ask for the lead treatment from ``first`` to ``last`` days after today."""

    def _ask(first: int = 1, last: int | None = None, **wish: Any) -> Offer:
        return offer(
            **{
                "service": lymph,
                "option": hour,
                "first_day": TODAY + timedelta(days=first),
                "last_day": TODAY + timedelta(days=first if last is None else last),
                "now": now,
                "spa": spa,
                **wish,
            }
        )

    return _ask


def clock(times: list[datetime]) -> list[str]:
    return [f"{one:%H:%M}" for one in times]


def every_quarter(first: str, last: str) -> list[str]:
    start, end = datetime.strptime(first, "%H:%M"), datetime.strptime(last, "%H:%M")  # noqa: DTZ007
    count = (end - start) // timedelta(minutes=15) + 1
    return [f"{start + n * timedelta(minutes=15):%H:%M}" for n in range(count)]


def test_a_free_day_is_offered_from_opening_to_the_last_visit_with_its_tidying(
    ask: Callable[..., Offer], mia: Therapist, fern: Room
) -> None:
    assert clock(ask().times()) == every_quarter("09:00", "15:45")


def test_todays_offer_begins_after_the_notice(
    ask: Callable[..., Offer], mia: Therapist, fern: Room
) -> None:
    assert clock(ask(0).times())[0] == "10:00"
    assert clock(ask(0, now=NOW + timedelta(seconds=1)).times())[0] == "10:15"
    assert clock(ask(0, earliest=NOW + timedelta(hours=4)).times())[0] == "12:00"


def test_the_horizon_is_the_last_day_on_offer(
    ask: Callable[..., Offer], mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    days = by_day(ask(58, 70))
    assert list(days) == [TODAY + timedelta(days=58 + n) for n in range(3)]
    assert all(days.values())
    assert last_bookable_day(spa, NOW) == TODAY + timedelta(days=60)


def test_the_horizon_counts_days_by_the_clock_of_the_spa(spa: SpaProfile) -> None:
    spa.time_zone = "Pacific/Auckland"
    assert last_bookable_day(spa, NOW.replace(hour=12)) == TODAY + timedelta(days=61)


def test_days_before_today_are_not_on_offer(
    ask: Callable[..., Offer], mia: Therapist, fern: Room
) -> None:
    assert min(by_day(ask(-9, 1))) == TODAY
    assert ask(-9, 1).therapists_at(at(10, days=-1)) == []


def test_full_days_stand_in_the_list_without_times(
    ask: Callable[..., Offer], mia: Therapist, fern: Room
) -> None:
    TimeOff.objects.create(starts_at=at(0, days=2), ends_at=at(0, days=3))
    days = by_day(ask(1, 3))
    assert [len(times) for times in days.values()] == [28, 0, 28]


def test_time_off_of_one_leaves_the_other(
    ask: Callable[..., Offer], mia: Therapist, noor: Therapist, fern: Room
) -> None:
    TimeOff.objects.create(therapist=mia, starts_at=at(0), ends_at=at(12))
    assert clock(ask().times(mia))[0] == "12:00"
    assert clock(ask().times(noor))[0] == "09:00"
    assert ask().therapists_at(at(9)) == [noor]


def test_a_live_hold_takes_its_time_and_a_lapsed_one_does_not(
    ask: Callable[..., Offer], mia: Therapist, fern: Room, hour: ServiceOption
) -> None:
    lapses = NOW + timedelta(minutes=10)
    make_appointment(hour, mia, fern, at(9), hold_expires_at=lapses)
    assert clock(ask().times())[0] == "10:15"
    assert clock(ask(now=lapses - timedelta(seconds=1)).times())[0] == "10:15"
    assert clock(ask(now=lapses).times())[0] == "09:00"


@pytest.mark.parametrize(
    ("status", "first"),
    [
        ("requested", "10:15"),
        ("confirmed", "10:15"),
        ("arrived", "10:15"),
        ("completed", "09:00"),
        ("declined", "09:00"),
        ("cancelled", "09:00"),
        ("no_show", "09:00"),
        ("expired", "09:00"),
    ],
)
def test_only_blocking_states_take_time(
    status: str,
    first: str,
    ask: Callable[..., Offer],
    mia: Therapist,
    fern: Room,
    hour: ServiceOption,
    cleo: Client,
) -> None:
    make_appointment(hour, mia, fern, at(9), status=status, client=cleo)
    assert clock(ask().times())[0] == first


def test_an_appointment_that_is_moved_does_not_stand_in_its_own_way(
    ask: Callable[..., Offer], book: Callable[..., Appointment], mia: Therapist, fern: Room
) -> None:
    visit = book(at(10))
    assert "10:15" not in clock(ask().times())
    assert "10:15" in clock(ask(ignoring=visit).times())


def test_a_room_taken_by_another_treatment_is_not_offered(
    ask: Callable[..., Offer],
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    massage: Service,
) -> None:
    make_appointment(massage.options.get(), noor, fern, at(9))
    assert clock(ask().times(mia))[0] == "10:15"


BETWEEN = ["10:15", "12:45", "15:15", "15:30", "15:45"]


def test_every_visit_in_a_room_counts(
    ask: Callable[..., Offer], mia: Therapist, noor: Therapist, fern: Room, hour: ServiceOption
) -> None:
    for starts_at in (at(9), at(11, 30), at(14)):
        make_appointment(hour, noor, fern, starts_at)
    assert clock(ask().times(mia)) == BETWEEN


def test_every_visit_of_a_therapist_counts(
    ask: Callable[..., Offer], mia: Therapist, fern: Room, moss: Room, hour: ServiceOption
) -> None:
    for starts_at in (at(9), at(11, 30), at(14)):
        make_appointment(hour, mia, moss, starts_at)
    assert clock(ask().times(mia)) == BETWEEN


def test_a_therapist_elsewhere_in_the_house_is_not_offered(
    ask: Callable[..., Offer], mia: Therapist, fern: Room, moss: Room, massage: Service
) -> None:
    make_appointment(massage.options.get(), mia, moss, at(9))
    assert clock(ask().times(mia))[0] == "10:15"
    assert fern.pk in ask().rooms_at(at(9))


def test_who_is_inactive_or_untrained_and_rooms_out_of_use_are_not_offered(
    ask: Callable[..., Offer], mia: Therapist, noor: Therapist, fern: Room, moss: Room
) -> None:
    Therapist.objects.filter(pk=mia.pk).update(active=False)
    noor.services.clear()
    assert (ask().times(), ask().therapists) == ([], [])
    noor.services.set(fern.services.all())
    assert ask().therapists_at(at(9)) == [noor]
    assert ask().rooms_at(at(9)) == [fern.pk]
    Room.objects.filter(pk=fern.pk).update(active=False)
    assert ask().times() == []


def test_a_therapist_who_does_not_give_the_treatment_has_no_times(
    ask: Callable[..., Offer], mia: Therapist, noor: Therapist, fern: Room
) -> None:
    noor.services.clear()
    assert ask(therapist=noor).times() == []
    assert ask().times(noor) == []


def test_busy_cells_count_one_local_day(
    ask: Callable[..., Offer], book: Callable[..., Appointment], mia: Therapist, fern: Room
) -> None:
    book(at(10, days=2))
    found = ask(1, 3)
    assert [found.busy_cells(mia, day) for day in found.grid.days] == [0, 15, 0]


def test_a_moment_beside_the_grid_has_neither_therapist_nor_room(
    ask: Callable[..., Offer], mia: Therapist, fern: Room
) -> None:
    found = ask()
    for moment in (at(10, 1), at(10, days=400), at(10, days=-400)):
        assert (found.therapists_at(moment), found.rooms_at(moment)) == ([], [])


# --- Flat cost --------------------------------------------------------------------------------


def queries_of(ask: Callable[..., Offer], **wish: Any) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        ask(**wish)
    return len(queries)


def test_an_offer_costs_four_queries_however_big_the_spa(
    ask: Callable[..., Offer], mia: Therapist, fern: Room, moss: Room, hour: ServiceOption
) -> None:
    assert queries_of(ask) == 4
    assert queries_of(ask, last=28) == 4
    more = Therapist.objects.bulk_create([Therapist(name=f"Therapist {n}") for n in range(11)])
    for therapist in more:
        therapist.services.add(hour.service)
        WorkingHours.objects.create(therapist=therapist, weekday=0, starts=time(9), ends=time(17))
    TimeOff.objects.create(therapist=more[0], starts_at=at(9), ends_at=at(12))
    assert len(ask().therapists) == 12
    assert queries_of(ask, last=28) == 4
    for n in range(100):
        make_appointment(hour, mia, moss, at(9 + 2 * (n % 4), days=1 + n // 4))
    assert queries_of(ask, last=28) == 4
    assert queries_of(ask, last=28, therapist=mia) == 4


def test_choosing_a_room_costs_the_same_for_one_and_for_three(
    fern: Room, moss: Room, massage: Service
) -> None:
    def queries(rooms: list[Room]) -> int:
        with CaptureQueriesContext(connection) as captured:
            rooms_scarce_last([room.pk for room in rooms])
        return len(captured)

    sage = Room.objects.create(name="Sage")
    sage.services.add(massage)
    assert queries([fern]) == queries([fern, moss, sage]) == 1


# --- Scarce rooms and familiar faces ----------------------------------------------------------


def test_the_room_that_only_suits_common_treatments_is_given_first(fern: Room, moss: Room) -> None:
    assert rooms_scarce_last([fern.pk, moss.pk]) == [moss, fern]


def test_a_room_with_fewer_uses_is_given_first_where_none_is_scarce(
    fern: Room, moss: Room, lymph: Service, massage: Service
) -> None:
    moss.services.set([lymph, massage])
    sage = Room.objects.create(name="Sage")
    sage.services.set([massage])
    assert rooms_scarce_last([fern.pk, moss.pk, sage.pk]) == [sage, fern, moss]


def test_a_room_out_of_use_makes_the_others_scarcer(
    fern: Room, moss: Room, lymph: Service, massage: Service
) -> None:
    sage = Room.objects.create(name="Sage", active=False)
    sage.services.set([lymph])
    assert rooms_scarce_last([fern.pk, moss.pk]) == [moss, fern]
    Room.objects.filter(pk=sage.pk).update(active=True)
    # Now two rooms suit either treatment: Moss is kept free no longer for want of uses.
    assert rooms_scarce_last([sage.pk, fern.pk, moss.pk]) == [moss, sage, fern]


def test_a_draft_treatment_keeps_no_room_scarce(fern: Room, moss: Room, lymph: Service) -> None:
    draft = Service.objects.create(
        category=lymph.category, slug="draft", name="Draft", summary="Not yet."
    )
    moss.services.add(draft)
    assert rooms_scarce_last([fern.pk, moss.pk]) == [moss, fern]


def test_the_therapist_whom_a_client_saw_last_is_remembered(
    book: Callable[..., Appointment], mia: Therapist, noor: Therapist, fern: Room, now: datetime
) -> None:
    cleo = book(at(10), therapist=mia).client
    assert cleo is not None
    assert seen_before(cleo) == mia
    later = book(at(10, days=2), therapist=noor)
    assert (later.client, seen_before(cleo)) == (cleo, noor)
    Therapist.objects.filter(pk=noor.pk).update(active=False)
    assert seen_before(cleo) == mia
    Appointment.objects.filter(therapist=mia).update(status="cancelled")
    assert seen_before(cleo) is None
    otto = book(at(12), details=OTTO).client
    assert otto is not None
    assert (seen_before(otto), seen_before(cleo)) == (mia, None)


# --- Random spas in the database --------------------------------------------------------------


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[Check.function_scoped_fixture, Check.too_slow],
)
@given(plan=spas())
def test_an_offer_is_what_the_oracle_makes_of_the_same_rows(
    plan: dict[str, Any], spa: SpaProfile
) -> None:
    with transaction.atomic():
        _compare(plan, spa)
        transaction.set_rollback(True)


def _compare(plan: dict[str, Any], spa: SpaProfile) -> None:
    built = build(plan, spa)
    now, option = plan["now"], built.option
    found = offer(
        service=option.service,
        option=option,
        first_day=plan["first_day"],
        last_day=plan["last_day"],
        now=now,
        spa=spa,
    )
    world = replace(
        built.world,
        first_day=found.grid.first_day,
        last_day=found.grid.last_day,
        earliest=now + timedelta(hours=plan["notice"]),
        latest=midnight_after(horizon(plan), plan["zone"]),
    )
    expected = world.starts()
    offered = {one.pk: in_utc(found.times(one)) for one in found.therapists}
    assert offered == expected
    everything = sorted({one for times in expected.values() for one in times})
    assert in_utc(found.times()) == everything
    assert in_utc([one for times in by_day(found).values() for one in times]) == everything
    for start in everything[:2]:
        assert set(found.rooms_at(start)) == world.rooms_at(start)
        assert [one.pk for one in found.therapists_at(start)] == [
            one.pk for one in found.therapists if start in expected[one.pk]
        ]


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[Check.function_scoped_fixture, Check.too_slow],
)
@given(plan=spas(), minutes=LENGTHS, anytime=st.booleans(), room=st.none() | st.integers(0, 2))
def test_an_offer_to_the_staff_is_what_the_oracle_makes_of_its_freedom(
    plan: dict[str, Any], minutes: int, anytime: bool, room: int | None, spa: SpaProfile
) -> None:
    with transaction.atomic():
        _compare_freedom(plan, spa, minutes=minutes, anytime=anytime, room=room)
        transaction.set_rollback(True)


def _compare_freedom(
    plan: dict[str, Any], spa: SpaProfile, *, minutes: int, anytime: bool, room: int | None
) -> None:
    built = build(plan, spa)
    now, option, zone = plan["now"], built.option, ZoneInfo(plan["zone"])
    chosen = None if room is None else built.rooms[room % len(built.rooms)]
    found = offer(
        service=option.service,
        option=option,
        first_day=plan["first_day"],
        last_day=plan["last_day"],
        now=now,
        spa=spa,
        room=chosen,
        minutes=minutes,
        step_minutes=5,
        anytime=anytime,
    )
    today = now.astimezone(zone).date()
    last = today + timedelta(days=731) if anytime else horizon(plan)
    midnight = datetime.combine(today, time(0), tzinfo=zone)
    world = replace(
        built.world,
        first_day=found.grid.first_day,
        last_day=found.grid.last_day,
        visit=minutes,
        step=5,
        rooms=[one for one in built.world.rooms if chosen is None or one == chosen.pk],
        earliest=midnight if anytime else now + timedelta(hours=plan["notice"]),
        latest=midnight_after(last, plan["zone"]),
        around_the_clock=anytime,
    )
    offered = {one.pk: in_utc(found.times(one)) for one in found.therapists}
    assert offered == world.starts()


def in_utc(times: list[datetime]) -> list[datetime]:
    """The same moments; two zones' times in a repeated hour are never equal to Python."""
    return [one.astimezone(UTC) for one in times]
