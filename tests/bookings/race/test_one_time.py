"""Many clients want one time; and the controls that show what keeps them apart."""

from collections import Counter
from datetime import datetime

import pytest
from django.db import connection

from bookings.models import Appointment, Event, HealthCheck, Room, Therapist
from services.models import ServiceOption, SpaProfile
from tests.bookings.race.harness import (
    Rush,
    deadlocks,
    no_constraints,
    no_locks,
    overlaps,
    staff_up,
    tally,
    tell,
)

pytestmark = [
    pytest.mark.race,
    pytest.mark.xdist_group("race"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def rush(hour: ServiceOption, check: HealthCheck, spa: SpaProfile, now: datetime) -> Rush:
    return Rush(hour, check, spa, now)


def test_of_fifty_clients_for_one_time_exactly_one_books_it(
    rush: Rush, mia: Therapist, fern: Room
) -> None:
    broken_before = deadlocks()
    rounds = rush.rounds(clients=50, count=10)
    assert [tally(results) for results in rounds] == [
        Counter(Appointment=1, TimeTaken=49) for _round in rounds
    ]
    assert (Appointment.objects.count(), overlaps()) == (10, 0)
    assert Event.objects.filter(kind="booked").count() == 10
    assert deadlocks() == broken_before


def test_every_free_place_is_given_before_a_client_is_refused(
    rush: Rush, hour: ServiceOption
) -> None:
    staff_up(hour, therapists=3, rooms=4)
    rounds = rush.rounds(clients=12, count=3)
    assert [tally(results) for results in rounds] == [
        Counter(Appointment=3, TimeTaken=9) for _round in rounds
    ]
    assert overlaps() == 0


def test_control_without_locks_and_constraints_a_time_is_booked_twice(
    rush: Rush, mia: Therapist, fern: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with no_locks(monkeypatch), no_constraints():
        rounds = rush.rounds(clients=50, count=3)
        booked = [tally(results)["Appointment"] for results in rounds]
        tell(f"without locks and constraints, booked per round: {booked}; overlaps: {overlaps()}")
        assert max(booked) > 1
        assert overlaps() > 0


def test_the_constraints_alone_have_the_last_word(
    rush: Rush, mia: Therapist, fern: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = Rush(rush.option, rush.check, rush.spa, rush.now, prepare=_break_deadlocks_soon)
    with no_locks(monkeypatch):
        rounds = hurried.rounds(clients=25, count=6)
    outcomes = sum((tally(results) for results in rounds), Counter())
    tell(f"constraints without locks: {dict(outcomes)}")
    assert overlaps() == 0
    assert max(tally(results)["Appointment"] for results in rounds) == 1
    # Right but rough: what the locks are for.
    assert set(outcomes) <= {"Appointment", "TimeTaken", "OperationalError"}


def _break_deadlocks_soon() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET deadlock_timeout = '20ms'")
