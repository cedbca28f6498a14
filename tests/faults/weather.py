"""Bad weather while people browse and book, and what each kind of it did to them.

Clients do what the page tells them: they send the same form again after a while. So each of them
comes to an end, and the diary can be compared with what they were told.
"""

import itertools
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path

import psycopg2

from bench.front.clients import HOLD, VALUE, Answer, Visitor
from tests.bookings.client_pages import CLEO, DETAILS, HEALTH, TIMES
from tests.faults.town import Town

# Of 60 minutes and 15 for tidying; on the clocks of London, where the town lies, or an hour later.
STARTS = ((9, 30), (10, 45), (12, 0), (13, 15), (14, 30))
PAUSE = 0.2
PHONE = "tel:+44-20-7946-0018"
PAGES = ("/", "/services/", TIMES, "/policies/")
# More bookings than this after the weather show that all is well again.
ENOUGH = 3


@dataclass
class Report:
    """What one kind of weather did: answers by status, and seconds."""

    weather: str
    statuses: Counter[int] = field(default_factory=Counter)
    silent: int = 0
    chose_again: int = 0
    phoneless: int = 0
    booked: int = 0
    booked_meanwhile: int = 0
    slowest: float = 0.0
    recovery: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.weather}: {dict(self.statuses)}, {self.silent} without an answer, "
            f"{self.chose_again} had to choose another time, "
            f"{self.phoneless} of them without the number, {self.booked} booked "
            f"({self.booked_meanwhile} meanwhile), slowest {self.slowest:.2f} s, "
            f"well again after {self.recovery:.2f} s {self.figures}"
        )


class Crowd:
    """People who browse and book until told to stop."""

    def __init__(self, town: Town, *, browsers: int, bookers: int) -> None:
        self.town = town
        self.booked: set[str] = set()
        self.report = Report("")
        self.failures: list[str] = []
        self.confirming = 0
        self._wishes = self._free_places()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._numbers = itertools.count(1)
        work = [self._browse] * browsers + [self._book_on] * bookers
        self._threads = [threading.Thread(target=one, daemon=True) for one in work]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=60)
        assert not self.failures, self.failures

    def more_are_booked(self, count: int = ENOUGH) -> Callable[[], bool]:
        """Whether from now on ``count`` more people have booked."""
        wanted = len(self.booked) + count
        return lambda: len(self.booked) >= wanted or bool(self.failures)

    def _free_places(self) -> Iterator[tuple[datetime, int]]:
        day = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        for ahead in range(2, 55):
            for hour, minute in STARTS:
                start = (day + timedelta(days=ahead)).replace(hour=hour, minute=minute)
                for therapist in self.town.menu["therapists"]:
                    yield start, therapist

    def _browse(self) -> None:
        visitor = Visitor(0, [self.town.port])
        for path in itertools.cycle(PAGES):
            if self._over.is_set():
                return
            self._ask(visitor, path)
            time.sleep(PAUSE)

    def _book_on(self) -> None:
        try:
            while not self._over.is_set():
                with self._lock:
                    start, therapist = next(self._wishes)
                    number = next(self._numbers)
                self._book(Visitor(number, [self.town.port]), start, therapist)
        except Exception as error:
            self.failures.append(repr(error))

    def _book(self, visitor: Visitor, start: datetime, therapist: int) -> None:
        """Book one visit; whatever fails on the way is sent again."""
        wish = {"start": f"{start:%Y-%m-%dT%H:%MZ}", "therapist": str(therapist)}
        checked = {"none_left": "on", "consent": "on", "version": self.town.menu["version"]}
        self._insist(visitor, TIMES, wish, leads_to=HEALTH)
        held = self._insist(visitor, HEALTH, checked, leads_to="/book/")
        if held.location != DETAILS:
            # What held the time was killed before it could answer: she is shown the nearest others.
            assert "gone=" in held.location, held
            self.report.chose_again += 1
            return
        page = self._insist(visitor, DETAILS)
        hold = HOLD.search(page.text)
        assert hold is not None, page.text[:2000]
        found = VALUE.search(hold[0])
        assert found is not None
        name = {"name": f"Cleo {visitor.number}", "email": f"cleo{visitor.number}@example.com"}
        sent = {**CLEO, **name, "hold": found[1]}
        with self._confirmation():
            self._insist(visitor, DETAILS, sent, leads_to="/visit/")
        self.booked.add(found[1])

    @contextmanager
    def _confirmation(self) -> Iterator[None]:
        with self._lock:
            self.confirming += 1
        yield
        with self._lock:
            self.confirming -= 1

    def _insist(
        self,
        visitor: Visitor,
        path: str,
        sent: dict[str, str] | None = None,
        *,
        leads_to: str = "",
    ) -> Answer:
        """Ask until there is an answer; it must lead on."""
        while True:
            answer = self._ask(visitor, path, sent)
            if answer is not None and answer.status != 503:
                assert answer.status == (302 if leads_to else 200), f"{path}: {answer}"
                assert answer.location.startswith(leads_to), f"{path}: {answer}"
                return answer
            time.sleep(PAUSE)

    def _ask(
        self, visitor: Visitor, path: str, sent: dict[str, str] | None = None
    ) -> Answer | None:
        begun = time.monotonic()
        try:
            answer = visitor.ask(path, sent)
        except (OSError, HTTPException):
            self.report.silent += 1
            return None
        report = self.report
        report.slowest = max(report.slowest, time.monotonic() - begun)
        report.statuses[answer.status] += 1
        if answer.status >= 500 and PHONE not in answer.text:
            report.phoneless += 1
        return answer


def database_away(crowd: Crowd, *, seconds: float) -> None:
    """PostgreSQL is stopped for a while."""
    crowd.town.postgres.stop()
    time.sleep(seconds)
    crowd.town.postgres.start()


def valkey_away(crowd: Crowd, *, seconds: float) -> None:
    """Valkey is stopped; booking goes on."""
    crowd.town.valkey.stop()
    is_enough = crowd.more_are_booked()
    time.sleep(seconds)
    crowd.town.wait_until(is_enough, 60)
    crowd.town.valkey.start()


def helpers_killed(crowd: Crowd, *, seconds: float) -> None:
    """Worker and beat are killed, and started again after a while."""
    crowd.town.kill_helpers()
    is_enough = crowd.more_are_booked()
    time.sleep(seconds)
    crowd.town.wait_until(is_enough, 60)
    crowd.town.start_helpers()


def web_workers_killed(crowd: Crowd, *, seconds: float) -> None:
    """Those that answer requests are killed, one a second, while somebody's booking is written."""
    ends_at = time.monotonic() + seconds
    kills = 0
    while time.monotonic() < ends_at:
        crowd.town.wait_until(lambda: crowd.confirming > 0, 60)
        time.sleep(random.uniform(0, 0.03))
        crowd.town.kill_a_web_worker()
        kills += 1
        time.sleep(1)
    crowd.report.figures["kills"] = kills


def diary_locked(crowd: Crowd, *, seconds: float) -> None:
    """Somebody locks the table of the visits, as a careless change of it would."""
    with _locked(crowd.town):
        time.sleep(seconds)
        # Each of two processes has four threads, and each of those one line to the database.
        crowd.report.figures["sessions"] = crowd.town.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        )


@contextmanager
def _locked(town: Town) -> Iterator[None]:
    connection = psycopg2.connect(town.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE bookings_appointment IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        connection.close()


def backup_amid(crowd: Crowd, *, seconds: float) -> None:
    """A backup is taken, and restored into an empty server."""
    folder = crowd.town.folder / "backups"
    begun = time.monotonic()
    crowd.town.run("manage.py", "backup", str(folder))
    crowd.report.figures["backup"] = time.monotonic() - begun
    with crowd.town.empty_server() as elsewhere:
        drill = crowd.town.run("manage.py", "restore_drill", str(folder), f"--into={elsewhere}")
    told = drill.stdout
    found = re.search(r"restored and looked through in ([\d.]+) s", told)
    assert found is not None, told
    crowd.report.figures["restored"] = float(found[1])


Weather = Callable[..., None]
ALL: tuple[Weather, ...] = (
    database_away,
    valkey_away,
    helpers_killed,
    web_workers_killed,
    diary_locked,
    backup_amid,
)


def let_it_rain(crowd: Crowd, weather: Weather, *, seconds: float) -> Report:
    """Let one kind of weather pass over the crowd, and wait until people book as before."""
    crowd.town.wait_until(crowd.more_are_booked(), 60)
    report = crowd.report = Report(weather.__name__.replace("_", " "))
    before = len(crowd.booked)
    weather(crowd, seconds=seconds)
    report.booked_meanwhile = len(crowd.booked) - before
    over = time.monotonic()
    crowd.town.wait_until(crowd.more_are_booked(1), 60)
    report.recovery = time.monotonic() - over
    crowd.town.wait_until(crowd.more_are_booked(), 60)
    report.booked = len(crowd.booked) - before
    return report


@dataclass(frozen=True, slots=True)
class Balance:
    """The diary beside what people were told, once everybody has come to an end."""

    told: int
    visits: int
    halves: int
    unsent: int
    faults: str


def balance(town: Town, booked: set[str], *, patience: float = 60) -> Balance:
    """Wait until every confirmation is out, and count."""
    unsent = "SELECT count(*) FROM bookings_message WHERE kind = 'confirmation' AND state <> 'sent'"
    town.wait_until(lambda: town.ask(unsent) == 0, patience)
    visits = "SELECT count(*) FROM bookings_appointment WHERE status = 'confirmed'"
    whole = (
        f"{visits} AND health_check_id IS NOT NULL AND client_id IS NOT NULL"
        " AND 1 = (SELECT count(*) FROM bookings_event e WHERE e.appointment_id ="
        " bookings_appointment.id AND e.kind = 'booked')"
        " AND 1 = (SELECT count(*) FROM bookings_message m WHERE m.appointment_id ="
        " bookings_appointment.id AND m.kind = 'confirmation')"
    )
    known = ", ".join(f"'{one}'" for one in booked) or "''"
    checked = town.run("manage.py", "check_diary", fails=True)
    return Balance(
        told=town.ask(f"{visits} AND reference IN ({known})"),
        visits=town.ask(visits),
        halves=town.ask(visits) - town.ask(whole),
        unsent=town.ask(unsent),
        faults=checked.stdout + checked.stderr if checked.returncode else "",
    )


def logged(town: Town, name: str) -> str:
    """What one process has written."""
    return Path(town.folder / f"{name}.log").read_text()
