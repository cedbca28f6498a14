"""Hours are changed while clients book: a visit is listed, or it is refused; none slips through."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from time import sleep
from typing import Any

import pytest
from django.contrib.auth.models import User

from bookings import actions
from bookings.actions import hours
from bookings.models import Appointment, HealthCheck, Room, Therapist
from bookings.queries import hours_of
from bookings.weeks import NO_WEEK
from services.models import ServiceOption, SpaProfile
from tests.bookings.conftest import at
from tests.bookings.race.harness import at_once, deadlocks, no_locks, tally, tell

pytestmark = [
    pytest.mark.race,
    pytest.mark.xdist_group("race"),
    pytest.mark.django_db(transaction=True),
]
ROUNDS = 8


@pytest.fixture
def play(
    hour: ServiceOption,
    check: HealthCheck,
    spa: SpaProfile,
    now: datetime,
    mia: Therapist,
    fern: Room,
    olive: User,
) -> Callable[[], tuple[Counter[str], int]]:
    """Play the rounds; returns what came of them and how many visits slipped through."""

    def book(days: int) -> Appointment:
        wish: dict[str, Any] = {
            "service": hour.service,
            "option": hour,
            "starts_at": at(10, days=days),
        }
        hold = actions.hold_time(**wish, health_check=check, spa=spa, now=now)
        cleo = actions.Details("Cleo", "cleo@example.com", "")
        return actions.confirm_appointment(
            hold=hold, details=cleo, health_check=check, spa=spa, now=now
        )

    def take_the_day_off(days: int, seen: str) -> Any:
        # Later in each round: some come first, some second.
        sleep(0.02 * (days - 2))
        day = at(0, days=days).date()
        return actions.change_hours(
            weeks={mia.pk: NO_WEEK},
            first_day=day,
            last_day=day,
            seen={mia.pk: seen},
            agreed=set(),
            by=actions.staff(olive),
            spa=spa,
            now=now,
        )

    def play() -> tuple[Counter[str], int]:
        results: list[Any] = []
        slipped = 0
        for days in range(2, 2 + ROUNDS):
            seen = actions.hours_as_seen(hours_of([mia.pk])[mia.pk])
            booked, changed = at_once([partial(book, days), partial(take_the_day_off, days, seen)])
            results += [booked, changed]
            slipped += isinstance(booked, Appointment) and isinstance(changed, dict)
        return tally(results), slipped

    return play


def test_a_booking_at_the_same_moment_is_listed_or_refused(
    play: Callable[[], tuple[Counter[str], int]],
) -> None:
    broken_before = deadlocks()
    outcomes, slipped = play()
    tell(f"hours changed while a client books: {dict(outcomes)}")
    assert slipped == 0
    assert set(outcomes) <= {"Appointment", "VisitsStranded", "dict", "TimeTaken", "HoldLost"}
    assert outcomes["Appointment"] == outcomes["VisitsStranded"]
    assert sum(outcomes.values()) == 2 * ROUNDS
    assert deadlocks() == broken_before


def test_control_without_locks_visits_slip_through(
    play: Callable[[], tuple[Counter[str], int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hours, "lock_diary", lambda **_keys: None)
    with no_locks(monkeypatch):
        outcomes, slipped = play()
    tell(f"the same without locks: {dict(outcomes)}, {slipped} slipped through")
    assert slipped > 0
