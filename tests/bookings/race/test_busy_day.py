"""A storm of holds, confirms, moves and cancels over a small spa."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from bookings import actions
from bookings.models import Appointment, Event, HealthCheck, Message, Therapist
from services.models import ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, at
from tests.bookings.race.harness import at_once, deadlocks, overlaps, staff_up, tell

pytestmark = [
    pytest.mark.race,
    pytest.mark.xdist_group("race"),
    pytest.mark.django_db(transaction=True),
]

WORKERS = 16
STEPS_EACH = 125
TIMES = [at(9, days=day) + n * timedelta(minutes=15) for day in range(3, 7) for n in range(28)]
ENDED = {"cancelled", "expired"}


@dataclass
class Storm:
    """What sixteen workers do, and what came of each step.

    ``holds`` and ``visits`` are shared on purpose: workers confirm, move and cancel one
    another's appointments, and act on copies that are out of date.
    """

    option: ServiceOption
    check: HealthCheck
    spa: SpaProfile
    therapists: list[Therapist]
    holds: list[Appointment] = field(default_factory=list)
    visits: list[Appointment] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    unhandled: list[str] = field(default_factory=list)

    def worker(self, number: int) -> Callable[[], None]:
        chance = random.Random(number)

        def work() -> None:
            for step in range(STEPS_EACH):
                self._step(chance, NOW + step * timedelta(seconds=20))

        return work

    def _step(self, chance: random.Random, now: datetime) -> None:
        acts = [self._hold, self._confirm, self._move, self._cancel, self._sweep]
        act = chance.choices(acts, weights=[34, 26, 26, 13, 1])[0]
        name = act.__name__.strip("_")
        try:
            self.outcomes.append(f"{name}: {act(chance, now)}")
        except actions.BookingError as refused:
            self.outcomes.append(f"{name}: {type(refused).__name__}")
        except Exception as error:
            self.outcomes.append(f"{name}: unhandled")
            self.unhandled.append(f"{name}: {error!r}")

    def _hold(self, chance: random.Random, now: datetime) -> str:
        hold = actions.hold_time(
            service=self.option.service,
            option=self.option,
            starts_at=chance.choice(TIMES),
            health_check=self.check,
            spa=self.spa,
            now=now,
            therapist=chance.choice([None, None, *self.therapists]),
            replacing=chance.choice([None, *self.holds[-5:]]),
        )
        self.holds.append(hold)
        return "done"

    def _confirm(self, chance: random.Random, now: datetime) -> str:
        if not self.holds:
            return "nothing to do"
        hold = chance.choice(self.holds[-40:])
        details = actions.Details(hold.reference, f"{hold.reference}@example.com", "")
        visit = actions.confirm_appointment(
            hold=hold, details=details, health_check=self.check, spa=self.spa, now=now
        )
        self.visits.append(visit)
        return "done"

    def _move(self, chance: random.Random, now: datetime) -> str:
        if not self.visits:
            return "nothing to do"
        visit = self._seen(chance)
        moved = actions.reschedule_appointment(
            appointment=visit,
            starts_at=chance.choice(TIMES),
            by=chance.choice([actions.CLIENT, actions.SYSTEM]),
            spa=self.spa,
            now=now,
            therapist=chance.choice([None, *self.therapists]),
        )
        self.visits.append(moved)
        return "done"

    def _cancel(self, chance: random.Random, now: datetime) -> str:
        if not self.visits:
            return "nothing to do"
        visit = self._seen(chance)
        actions.cancel_appointment(appointment=visit, by=actions.CLIENT, spa=self.spa, now=now)
        return "done"

    def _sweep(self, chance: random.Random, now: datetime) -> str:
        actions.expire_holds(now=now)
        return "done"

    def _seen(self, chance: random.Random) -> Appointment:
        """A visit as some page showed it: mostly as it is, sometimes as it was."""
        visit = chance.choice(self.visits)
        return Appointment.objects.get(pk=visit.pk) if chance.random() < 0.7 else visit


def test_two_thousand_steps_leave_no_overlap_no_deadlock_and_no_error(
    hour: ServiceOption, check: HealthCheck, spa: SpaProfile
) -> None:
    storm = Storm(hour, check, spa, staff_up(hour, therapists=6, rooms=4))
    broken_before = deadlocks()
    ended = at_once([storm.worker(number) for number in range(WORKERS)])
    outcomes = Counter(storm.outcomes)
    tell("\n".join(f"{count:5} {outcome}" for outcome, count in sorted(outcomes.items())))

    assert ended == [None] * WORKERS
    assert storm.unhandled == []
    assert sum(outcomes.values()) == 2000
    assert overlaps() == 0
    assert deadlocks() == broken_before
    # The storm was one: every kind of step went well and was lost to somebody else, often.
    assert {name for name, count in outcomes.items() if count >= 10} >= {
        "hold: done",
        "hold: TimeTaken",
        "confirm: done",
        "confirm: TimeTaken",
        "move: done",
        "move: TimeTaken",
        "move: ChangedMeanwhile",
        "cancel: done",
    }


def test_after_a_storm_the_record_agrees_with_the_diary(
    hour: ServiceOption, check: HealthCheck, spa: SpaProfile
) -> None:
    storm = Storm(hour, check, spa, staff_up(hour, therapists=2, rooms=2))
    at_once([storm.worker(number) for number in range(4)])
    assert storm.unhandled == []
    for appointment in Appointment.objects.prefetch_related("events"):
        changes = [event.changes for event in appointment.events.order_by("pk")]
        statuses = [change["status"] for change in changes if "status" in change]
        starts = [change["starts_at"] for change in changes if "starts_at" in change]
        assert _chain(statuses, first="held") == appointment.status
        assert _chain(starts, first=None) in (None, appointment.starts_at.isoformat())
    assert _twice_waiting() == []
    stale = Message.objects.pending().exclude(kind="cancelled")
    assert not stale.filter(appointment__status__in=ENDED).exists()
    assert Event.objects.filter(kind="booked").count() == len({one.pk for one in storm.visits})


def _chain(changes: list[list[str]], *, first: str | None) -> str | None:
    """Follow changes from what to what; each must begin where the one before ended."""
    value = first
    for before, after in changes:
        assert value in (before, None)
        value = after
    return value


def _twice_waiting() -> list[int]:
    rows = Message.objects.pending().values_list("appointment_id", "kind", "lead_hours")
    return [key for (key, *_rest), count in Counter(rows).items() if count > 1]
