"""A storm of clients and staff over a small spa: book, move, lengthen, cancel, undo."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F

from bookings import actions
from bookings.models import Appointment, Client, Event, HealthCheck, Message, Therapist
from services.models import ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, at, make_check
from tests.bookings.race.harness import at_once, deadlocks, overlaps, staff_up, tell

pytestmark = [
    pytest.mark.race,
    pytest.mark.xdist_group("race"),
    pytest.mark.django_db(transaction=True),
]

MINUTE = timedelta(minutes=1)
WORKERS = 16
STEPS_EACH = 125
TIMES = [at(9, days=day) + n * timedelta(minutes=15) for day in range(3, 7) for n in range(28)]
LATE = [at(18, days=day) for day in range(3, 7)]
REASONS = ["", "", "It has to be."]
ENDED = {"cancelled", "expired"}


@dataclass
class Storm:
    """What sixteen workers do, and what came of each step: clients and the desk in turn.

    ``holds`` and ``visits`` are shared on purpose: workers confirm, move and cancel one
    another's appointments, and act on copies that are out of date.
    """

    option: ServiceOption
    check: HealthCheck
    walk_in_check: HealthCheck
    spa: SpaProfile
    therapists: list[Therapist]
    desk: actions.Actor
    walk_in: Client
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
        acts = {
            self._hold: 24,
            self._confirm: 18,
            self._book: 14,
            self._move: 16,
            self._resize: 12,
            self._cancel: 7,
            self._undo: 10,
            self._sweep: 1,
        }
        act = chance.choices(list(acts), weights=list(acts.values()))[0]
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

    def _book(self, chance: random.Random, now: datetime) -> str:
        visit = actions.book_at_desk(
            client=self.walk_in,
            service=self.option.service,
            option=self.option,
            starts_at=chance.choice(chance.choice([TIMES, TIMES, TIMES, LATE]))
            + chance.choice([0, 0, 5]) * MINUTE,
            health_check=self.walk_in_check,
            spa=self.spa,
            by=self.desk,
            now=now,
            therapist=chance.choice([None, *self.therapists]),
            reason=chance.choice(REASONS),
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
            by=chance.choice([actions.CLIENT, self.desk]),
            spa=self.spa,
            now=now,
            therapist=chance.choice([None, *self.therapists]),
            reason=chance.choice(REASONS),
        )
        self.visits.append(moved)
        return "done"

    def _resize(self, chance: random.Random, now: datetime) -> str:
        if not self.visits:
            return "nothing to do"
        visit = self._seen(chance)
        resized = actions.reschedule_appointment(
            appointment=visit,
            starts_at=visit.starts_at,
            by=self.desk,
            spa=self.spa,
            now=now,
            therapist=visit.therapist,
            minutes=chance.choice([45, 90, 120, 180]),
            reason=chance.choice(REASONS),
        )
        self.visits.append(resized)
        return "done"

    def _undo(self, chance: random.Random, now: datetime) -> str:
        if not self.visits:
            return "nothing to do"
        visit = self._seen(chance)
        actions.undo_change(appointment=visit, by=self.desk, spa=self.spa, now=now)
        return "done"

    def _cancel(self, chance: random.Random, now: datetime) -> str:
        if not self.visits:
            return "nothing to do"
        visit = self._seen(chance)
        by = chance.choice([actions.CLIENT, self.desk])
        actions.cancel_appointment(appointment=visit, by=by, spa=self.spa, now=now)
        return "done"

    def _sweep(self, chance: random.Random, now: datetime) -> str:
        actions.expire_holds(now=now)
        return "done"

    def _seen(self, chance: random.Random) -> Appointment:
        """A visit as some page showed it: mostly as it is, sometimes as it was."""
        visit = chance.choice(self.visits)
        return Appointment.objects.get(pk=visit.pk) if chance.random() < 0.7 else visit


@pytest.fixture
def storm(
    hour: ServiceOption, check: HealthCheck, spa: SpaProfile, dana: User
) -> Callable[..., Storm]:
    def _storm(*, therapists: int, rooms: int) -> Storm:
        return Storm(
            option=hour,
            check=check,
            walk_in_check=make_check(hour.service, NOW),
            spa=spa,
            therapists=staff_up(hour, therapists=therapists, rooms=rooms),
            desk=actions.staff(dana),
            walk_in=Client.objects.create(name="Wanda", email="wanda@example.com"),
        )

    return _storm


def test_two_thousand_steps_leave_no_overlap_no_deadlock_and_no_error(
    storm: Callable[..., Storm],
) -> None:
    over = storm(therapists=6, rooms=4)
    broken_before = deadlocks()
    ended = at_once([over.worker(number) for number in range(WORKERS)])
    outcomes = Counter(over.outcomes)
    tell("\n".join(f"{count:5} {outcome}" for outcome, count in sorted(outcomes.items())))

    assert ended == [None] * WORKERS
    assert over.unhandled == []
    assert sum(outcomes.values()) == 2000
    assert overlaps() == 0
    assert deadlocks() == broken_before
    # The storm was one: every kind of step went well and was lost to somebody else, often.
    assert {name for name, count in outcomes.items() if count >= 5} >= {
        "hold: done",
        "hold: TimeTaken",
        "confirm: done",
        "confirm: TimeTaken",
        "move: done",
        "move: TimeTaken",
        "move: ChangedMeanwhile",
        "cancel: done",
        "book: done",
        "book: InTheWay",
        "book: ReasonNeeded",
        "resize: done",
        "resize: InTheWay",
        "undo: done",
        "undo: NoLongerPossible",
    }


def test_after_a_storm_the_record_agrees_with_the_diary(storm: Callable[..., Storm]) -> None:
    over = storm(therapists=2, rooms=2)
    at_once([over.worker(number) for number in range(4)])
    assert over.unhandled == []
    for appointment in Appointment.objects.prefetch_related("events"):
        changes = [event.changes for event in appointment.events.order_by("pk")]
        statuses = [change["status"] for change in changes if "status" in change]
        starts = [change["starts_at"] for change in changes if "starts_at" in change]
        lengths = [change["minutes"] for change in changes if "minutes" in change]
        first = "held" if appointment.source == "web" else None
        assert _chain(statuses, first=first) == appointment.status
        assert _chain(lengths, first=None) in (None, appointment.minutes)
        assert _chain(starts, first=None) in (None, appointment.starts_at.isoformat())
    assert _twice_waiting() == []
    stale = Message.objects.pending().exclude(kind="cancelled")
    assert not stale.filter(appointment__status__in=ENDED).exists()
    behind = Message.objects.pending().exclude(sequence=F("appointment__sequence"))
    assert not behind.exists()
    assert Event.objects.filter(kind="booked").count() == len({one.pk for one in over.visits})


def _chain(changes: list[list[Any]], *, first: str | None) -> Any:
    """Follow changes from what to what; each must begin where the one before ended."""
    value: Any = first
    for before, after in changes:
        assert value in (before, None)
        value = after
    return value


def _twice_waiting() -> list[int]:
    rows = Message.objects.pending().values_list("appointment_id", "kind", "lead_hours")
    return [key for (key, *_rest), count in Counter(rows).items() if count > 1]
