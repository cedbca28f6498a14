"""What a process remembers of menu and diary is what the database says, whoever wrote to it."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Appointment, Client, Room, Therapist, TimeOff
from bookings.queries import Offer, offer
from services import memory
from services.models import ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, at
from tests.bookings.rows import make_appointment

BookAt = Callable[[datetime], Appointment]

pytestmark = pytest.mark.django_db(transaction=True)

DAYS = 5
LONG_AGO = "UPDATE services_change SET at = at - interval '25 hours'"


def _offer(spa: SpaProfile, option: ServiceOption, now: datetime = NOW) -> Offer:
    return offer(
        service=option.service,
        option=option,
        first_day=NOW.date(),
        last_day=NOW.date() + timedelta(days=DAYS),
        now=now,
        spa=spa,
    )


@pytest.fixture
def book_at(
    hour: ServiceOption, mia: Therapist, fern: Room, cleo: Client
) -> Callable[[datetime], Appointment]:
    def _book(starts_at: datetime) -> Appointment:
        return make_appointment(
            hour, mia, fern, starts_at, client=cleo, status="confirmed", hold_expires_at=None
        )

    return _book


def _facts(found: Offer) -> tuple[Any, ...]:
    return found.therapists, found.starts, found.room_starts, found.at_work


def _elsewhere(write: Callable[[], object]) -> None:
    """Write on another connection, as another process would."""

    def run() -> None:
        try:
            write()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@dataclass(frozen=True)
class _Hands:
    """Somebody who changes the diary at random, past all actions: forms, hands, plain SQL."""

    rows: Random
    option: ServiceOption
    people: list[Therapist]
    rooms: list[Room]
    client: Client

    def change_something(self) -> None:
        """Make one change; one that the constraints refuse makes none."""
        ways = [self._book, self._book, self._move, self._end, self._delete, self._off]
        with suppress(IntegrityError), transaction.atomic():
            self.rows.choice([*ways, self._shorten, self._retire])()

    def _place(self) -> dict[str, Any]:
        starts_at = at(0, days=0) + timedelta(minutes=self.rows.randrange(0, DAYS * 24 * 60, 7))
        held = self.rows.random() < 0.3
        return {
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=60),
            "busy_from": starts_at - timedelta(minutes=15),
            "busy_until": starts_at + timedelta(minutes=self.rows.choice([60, 75, 77])),
            "status": "held" if held else self.rows.choice(["requested", "confirmed", "expired"]),
            "hold_expires_at": NOW + timedelta(minutes=self.rows.choice([-5, 5])) if held else None,
        }

    def _someone(self) -> QuerySet[Appointment]:
        keys = list(Appointment.objects.order_by("pk").values_list("pk", flat=True))
        return Appointment.objects.filter(pk=self.rows.choice(keys or [0]))

    def _book(self) -> None:
        place = self._place()
        who, where = self.rows.choice(self.people), self.rows.choice(self.rooms)
        make_appointment(
            self.option, who, where, place.pop("starts_at"), client=self.client, **place
        )

    def _move(self) -> None:
        self._someone().update(
            therapist=self.rows.choice(self.people),
            room=self.rows.choice(self.rooms),
            **self._place(),
        )

    def _end(self) -> None:
        self._someone().update(status="cancelled")

    def _delete(self) -> None:
        self._someone().delete()

    def _off(self) -> None:
        place = self._place()
        TimeOff.objects.create(
            therapist=self.rows.choice([None, *self.people]),
            starts_at=place["starts_at"],
            ends_at=place["ends_at"],
        )

    def _shorten(self) -> None:
        _execute("UPDATE bookings_appointment SET busy_until = ends_at WHERE id % 3 = 0")

    def _retire(self) -> None:
        here = self.rows.random() < 0.7
        Therapist.objects.filter(pk=self.people[0].pk).update(active=here)


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_what_is_remembered_is_what_would_be_read_whatever_others_write(
    spa: SpaProfile,
    hour: ServiceOption,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    cleo: Client,
) -> None:
    elm = Room.objects.create(name="Elm")
    elm.services.add(hour.service)
    rows = Random(7)
    hands = _Hands(rows, hour, [mia, noor], [fern, elm], cleo)
    for _step in range(60):
        for _change in range(rows.choice([0, 1, 1, 3])):
            _elsewhere(hands.change_something)
        now = NOW + timedelta(minutes=rows.choice([0, 0, 4, 6]))
        with memory.within_request():
            remembered = _offer(spa, hour, now)
        assert _facts(remembered) == _facts(_offer(spa, hour, now))
    assert Appointment.objects.count() > 10


def test_a_second_look_costs_one_statement_however_much_is_booked(
    spa: SpaProfile, hour: ServiceOption, mia: Therapist, fern: Room
) -> None:
    with memory.within_request():
        _offer(spa, hour)
    with memory.within_request(), CaptureQueriesContext(connection) as queries:
        _offer(spa, hour)
    assert len(queries) == 1


def test_a_change_of_one_visit_reads_that_place_alone(
    spa: SpaProfile,
    hour: ServiceOption,
    mia: Therapist,
    fern: Room,
    book_at: Callable[[datetime], Appointment],
) -> None:
    with memory.within_request():
        _offer(spa, hour)
    _elsewhere(lambda: book_at(at(10)))
    with memory.within_request(), CaptureQueriesContext(connection) as queries:
        found = _offer(spa, hour)
    assert at(10) not in found.times()
    reads = [one["sql"] for one in queries if "bookings_appointment" in one["sql"]]
    assert len(reads) == 1
    assert f'"therapist_id" = {mia.pk}' in reads[0]


def test_a_new_day_lets_go_of_what_was_kept_of_the_last(
    clock: time_machine.Traveller, spa: SpaProfile, hour: ServiceOption, mia: Therapist, fern: Room
) -> None:
    def kept() -> int:
        with memory.within_request():
            _offer(spa, hour, timezone.now())
        return len(memory._kept)

    first = kept()
    clock.shift(timedelta(days=1))
    assert kept() == first


def test_what_is_taken_back_was_never_remembered(
    spa: SpaProfile,
    hour: ServiceOption,
    mia: Therapist,
    fern: Room,
    book_at: Callable[[datetime], Appointment],
) -> None:
    with memory.within_request(), transaction.atomic():
        book_at(at(10))
        assert at(10) not in _offer(spa, hour).times()
        transaction.set_rollback(True)
    with memory.within_request():
        assert at(10) in _offer(spa, hour).times()


def test_a_transaction_sees_its_own_writes_and_those_of_others(
    spa: SpaProfile,
    hour: ServiceOption,
    mia: Therapist,
    fern: Room,
    book_at: Callable[[datetime], Appointment],
) -> None:
    with memory.within_request():
        _offer(spa, hour)
        with transaction.atomic():
            book_at(at(10))
            assert at(10) not in _offer(spa, hour).times()
            _elsewhere(lambda: book_at(at(14)))
            memory.look_again()
            assert at(14) not in _offer(spa, hour).times()
        assert at(14) not in _offer(spa, hour).times()


def test_ones_own_change_of_the_menu_is_seen_at_once(spa: SpaProfile) -> None:
    with memory.within_request():
        assert SpaProfile.load().name == spa.name
        SpaProfile.objects.update(name="Elm Spa")
        assert SpaProfile.load().name == "Elm Spa"


def test_outside_a_request_everything_is_read(spa: SpaProfile) -> None:
    with memory.within_request():
        SpaProfile.load()
    with CaptureQueriesContext(connection) as queries:
        SpaProfile.load()
    assert "services_spaprofile" in queries[0]["sql"]


def test_who_changes_a_remembered_row_changes_her_own_copy(spa: SpaProfile) -> None:
    with memory.within_request():
        SpaProfile.load().name = "Elm Spa"
        assert SpaProfile.load().name == spa.name


def test_every_watched_table_writes_into_the_journal_and_no_other() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger t JOIN pg_proc p ON"
            " p.oid = t.tgfoid WHERE p.proname ~ '_(changed|emptied)$' AND NOT tgisinternal"
        )
        tables = {table for (table,) in cursor.fetchall()}
    assert tables == set(memory.WATCHED)


def test_what_many_change_at_once_is_read_anew(
    spa: SpaProfile,
    hour: ServiceOption,
    mia: Therapist,
    fern: Room,
    book_at: Callable[[datetime], Appointment],
) -> None:
    with memory.within_request():
        _offer(spa, hour)

    def write() -> None:
        # Six hundred lines of another topic, and then one of the diary.
        for _line in range(600):
            _execute("INSERT INTO services_change (topic) VALUES ('menu')")
        book_at(at(10))

    _elsewhere(write)
    with memory.within_request():
        assert at(10) not in _offer(spa, hour).times()


def _topics() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT topic FROM services_change ORDER BY id")
        return [topic for (topic,) in cursor.fetchall()]


def test_old_lines_of_the_journal_go_and_leave_one_behind(spa: SpaProfile) -> None:
    _execute("DELETE FROM services_change")
    for name in ("Elm Spa", "Fern Spa"):
        SpaProfile.objects.update(name=name)
    _execute(LONG_AGO)
    SpaProfile.objects.update(name="Moss Spa")
    memory.purge_journal()
    assert _topics() == ["menu", "purged"]
    _execute(LONG_AGO)
    memory.purge_journal()
    assert _topics() == ["purged"]


def test_who_slept_while_lines_went_forgets_everything(spa: SpaProfile) -> None:
    """A machine that is put to sleep over a weekend; no clock of its own tells it how long."""
    with memory.within_request():
        assert SpaProfile.load().name == spa.name
    SpaProfile.objects.update(name="Elm Spa")
    _execute(LONG_AGO)
    memory.purge_journal()
    with memory.within_request():
        assert SpaProfile.load().name == "Elm Spa"
    with memory.within_request(), CaptureQueriesContext(connection) as queries:
        SpaProfile.load()
    assert len(queries) == 1


def test_a_journal_that_was_put_back_from_a_backup_is_another_one(spa: SpaProfile) -> None:
    """On the same server and under the same names, without a trigger: as pg_restore does it."""
    _execute("CREATE TABLE backup AS SELECT * FROM services_spaprofile")
    SpaProfile.objects.update(name="Elm Spa")
    with memory.within_request():
        assert SpaProfile.load().name == "Elm Spa"
    _execute(
        "SET session_replication_role = replica;"
        " UPDATE services_spaprofile SET name = backup.name FROM backup;"
        " SET session_replication_role = origin;"
        " ALTER TABLE services_change RENAME TO former;"
        " CREATE TABLE services_change (LIKE former INCLUDING ALL)"
    )
    try:
        with memory.within_request():
            assert SpaProfile.load().name == spa.name
    finally:
        _execute("DROP TABLE services_change, backup; ALTER TABLE former RENAME TO services_change")


def test_nobody_waits_for_a_thread_that_waits_for_the_database(
    spa: SpaProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PATIENCE", 0.01)
    reading, done = threading.Event(), threading.Event()

    def slow() -> None:
        def read() -> int:
            reading.set()
            return int(done.wait(20))

        with memory.within_request():
            memory.remembered("slow", read)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    reading.wait(20)
    waits = _waits(monkeypatch)
    for _request in range(2):
        with memory.within_request():
            assert SpaProfile.load().name == spa.name
            assert memory.remembered("quick", lambda: 1) == 1
            assert memory.remembered("quicker", lambda: 2) == 2
    # Once a request: it may ask for much while the database is slow.
    assert waits == [0.01, 0, 0] * 2
    assert thread.is_alive()
    done.set()
    thread.join()


def _waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each reading that follows is ready to wait for another thread's."""
    waits: list[float] = []

    class Told:
        def __init__(self, lock: Any) -> None:
            self.lock = lock

        def acquire(self, timeout: float) -> bool:
            waits.append(timeout)
            return bool(self.lock.acquire(timeout=timeout))

        def release(self) -> None:
            self.lock.release()

    monkeypatch.setattr(memory, "_lock", Told(memory._lock))
    return waits


def test_a_server_that_crashed_and_recovered_by_itself_is_another_one(spa: SpaProfile) -> None:
    """It gives out once more the numbers of transactions that had been rolled back."""
    with connection.cursor() as cursor:
        # A crash loses the statistics; it does not change when the server was started.
        cursor.execute("SELECT stats_reset::text FROM pg_stat_bgwriter")
        (begun,) = cursor.fetchone()
    assert begun in memory._ask().journal


def test_rows_that_are_put_back_one_table_at_a_time_are_told(
    spa: SpaProfile, hour: ServiceOption, mia: Therapist, fern: Room, book_at: BookAt
) -> None:
    """pg_restore names every table in full and looks for none by itself."""
    visit = book_at(at(10))
    _execute("DELETE FROM services_change")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema = cursor.fetchone()[0]
    with transaction.atomic():
        _execute("SET LOCAL search_path = ''")
        _execute(f"UPDATE {schema}.services_spaprofile SET name = 'Elm Spa'")
        _execute(f"DELETE FROM {schema}.bookings_appointment WHERE id = {visit.pk}")
    assert _topics() == ["menu", "diary"]
