"""Many at once on one diary, and what came of it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time
from threading import Barrier
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection

from bookings import actions
from bookings.actions import booking, placing
from bookings.models import Appointment, HealthCheck, Room, Therapist, WorkingHours
from bookings.models.appointments import BLOCKING
from services.models import ServiceOption, SpaProfile
from tests.bookings.conftest import at

OVERLAPS = """
    SELECT count(*)
    FROM bookings_appointment one
    JOIN bookings_appointment other
      ON one.id < other.id
     AND (one.therapist_id = other.therapist_id OR one.room_id = other.room_id)
     AND one.busy_from < other.busy_until
     AND other.busy_from < one.busy_until
    WHERE one.status = ANY(%(blocking)s) AND other.status = ANY(%(blocking)s)
"""


SOMEBODY_WAITS = """
    SELECT EXISTS (
        SELECT FROM pg_locks WHERE NOT granted AND pid IN (
            SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
            WHERE datname = current_database()
        )
    )
"""


def wait_for_a_lock() -> None:
    """Return as soon as another connection to this test's own database waits for a lock."""
    until = monotonic() + 20
    with connection.cursor() as cursor:
        while monotonic() < until:
            cursor.execute(SOMEBODY_WAITS)
            if cursor.fetchone() == (True,):
                return
            sleep(0.01)
    pytest.fail("Nobody waits for a lock.")


def at_once(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run every job in a thread with a connection of its own, all let go at one moment.

    Returns what each returned, or the exception that it raised.
    """
    gate = Barrier(len(jobs), timeout=30)

    def run(job: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            gate.wait()
            return job()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def tally(results: Sequence[Any]) -> Counter[str]:
    """Count the results by the name of their class."""
    return Counter(type(result).__name__ for result in results)


def tell(figures: str) -> None:
    """Show figures beside the test's name, where pytest is run with ``-s``."""
    print(f"\n{figures}")  # noqa: T201


def overlaps() -> int:
    """How many pairs of blocking appointments share a therapist or a room and a moment."""
    return int(_value(OVERLAPS, {"blocking": list(BLOCKING)}))


def deadlocks() -> int:
    """How many deadlocks PostgreSQL has broken in this database so far."""
    return int(
        _value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()", {})
    )


def _value(sql: str, values: dict[str, Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


@dataclass(frozen=True)
class Rush:
    """Fifty clients, say, who all want the same time."""

    option: ServiceOption
    check: HealthCheck
    spa: SpaProfile
    now: datetime
    prepare: Callable[[], None] = lambda: None

    def rounds(self, *, clients: int, count: int) -> list[list[Any]]:
        """Return the results of ``count`` rounds, each for a time of its own."""
        times = [at(9 + 2 * (n % 4), days=2 + n // 4) for n in range(count)]
        return [
            at_once([self._client(n, starts_at) for n in range(clients)]) for starts_at in times
        ]

    def _client(self, number: int, starts_at: datetime) -> Callable[[], Appointment]:
        def book() -> Appointment:
            self.prepare()
            hold = actions.hold_time(
                service=self.option.service,
                option=self.option,
                starts_at=starts_at,
                health_check=self.check,
                spa=self.spa,
                now=self.now,
            )
            details = actions.Details(f"Client {number}", f"client{number}@example.com", "")
            return actions.confirm_appointment(
                hold=hold, details=details, health_check=self.check, spa=self.spa, now=self.now
            )

        return book


@contextmanager
def no_locks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the actions neither lock the diary nor ask again whether a time is free."""
    with monkeypatch.context() as patch:
        patch.setattr(placing, "_take_locks", lambda *_places, **_more: True)
        for module in (placing, booking):
            patch.setattr(module, "clear_way", lambda _wish, _place: True)
        yield


@contextmanager
def no_constraints() -> Iterator[None]:
    """Take the exclusion constraints away; afterwards empty the diary and put them back."""
    constraints = [
        one for one in Appointment._meta.constraints if one.name in placing.OVERLAP_CONSTRAINTS
    ]
    with connection.schema_editor() as editor:
        for constraint in constraints:
            editor.remove_constraint(Appointment, constraint)
    try:
        yield
    finally:
        Appointment.objects.all().delete()
        with connection.schema_editor() as editor:
            for constraint in constraints:
                editor.add_constraint(Appointment, constraint)


def staff_up(option: ServiceOption, *, therapists: int, rooms: int) -> list[Therapist]:
    """Return that many new therapists who work every day from 9 to 17; add that many rooms."""
    for number in range(rooms):
        room = Room.objects.create(name=f"Room {number}", position=number)
        room.services.add(option.service)
    return [_therapist(number, option) for number in range(therapists)]


def _therapist(number: int, option: ServiceOption) -> Therapist:
    therapist = Therapist.objects.create(name=f"Therapist {number}", position=number)
    therapist.services.add(option.service)
    for weekday in range(7):
        WorkingHours.objects.create(
            therapist=therapist, weekday=weekday, starts=time(9), ends=time(17)
        )
    return therapist
