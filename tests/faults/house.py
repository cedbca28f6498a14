"""A whole house of its own: PostgreSQL, Valkey, mail server, three workers and two beats."""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import redis

from spa.keeper import Postgres, Valkey
from tests.faults.sink import Sink

BASE_DIR = Path(__file__).resolve().parent.parent.parent
WORKERS, BEATS = 3, 2
CELERY = [sys.executable, "-m", "celery", "-A", "tests.faults.app"]


class House:
    """Everything that delivery needs, each part of which can be made to fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("postgres", "valkey"):
            (folder / name).mkdir()
        self.clock = folder / "clock"
        self.set_clock(ahead=0)
        self.postgres = Postgres(folder / "postgres", throwaway=False)
        self.valkey = Valkey(folder / "valkey", throwaway=False)
        self.database_url = self.postgres.start()
        self.redis_url = self.valkey.start()
        self.sink = Sink()
        self.workers: list[subprocess.Popen[bytes]] = []
        self.beats: list[subprocess.Popen[bytes]] = []

    def fill(self, count: int) -> None:
        """Write ``count`` visits with a confirmation each."""
        subprocess.run(
            [sys.executable, "-m", "tests.faults.seed", str(count)],
            cwd=BASE_DIR,
            env=self._environment(),
            check=True,
        )

    def staff(self) -> None:
        """Start the workers and the beats, and wait until they work."""
        self.workers = [self._start_worker(number) for number in range(WORKERS)]
        self.beats = [
            self._start(f"beat{number}", "beat", "--schedule", str(self.folder / f"beat{number}"))
            for number in range(BEATS)
        ]
        self.wait_until(lambda: self.ask("SELECT count(*) FROM bookings_heartbeat") == 2)

    def close(self) -> None:
        """Stop everything."""
        for process in [*self.beats, *self.workers]:
            kill_all_of(process)
        self.sink.stop()
        self.valkey.stop()
        self.postgres.stop()

    def set_clock(self, *, ahead: float) -> None:
        """Put the clock of every worker forward by so many seconds."""
        unfinished = self.clock.with_suffix(".unfinished")
        unfinished.write_text(str(ahead))
        unfinished.rename(self.clock)

    def make_due(self) -> int:
        """Owe every message anew; returns how many there are."""
        self.ask(
            "UPDATE bookings_message SET state = 'pending', attempts = 0, claimed_until = NULL,"
            " last_error = '', sent_at = NULL, answer = '', due_at = now() RETURNING 1"
        )
        self.sink.taken.clear()
        return int(self.ask("SELECT count(*) FROM bookings_message"))

    def waiting(self) -> int:
        """How many messages are not settled yet."""
        return int(self.ask("SELECT count(*) FROM bookings_message WHERE state = 'pending'"))

    def states(self) -> dict[str, int]:
        """How many messages there are by state."""
        with self._database() as cursor:
            cursor.execute("SELECT state, count(*) FROM bookings_message GROUP BY state")
            return dict(cursor.fetchall())

    def ask(self, query: str) -> Any:
        """Return the first value that the database answers."""
        with self._database() as cursor:
            cursor.execute(query)
            row = cursor.fetchone()
            return row[0] if row else None

    def kill_somebody(self) -> None:
        """Kill what is sending in one worker, or one time in five the whole worker, by SIGKILL."""
        number = random.randrange(WORKERS)
        worker = self.workers[number]
        children = psutil.Process(worker.pid).children() if worker.poll() is None else []
        if children and random.random() < 0.8:
            with contextlib.suppress(psutil.NoSuchProcess):
                random.choice(children).kill()
            return
        kill_all_of(worker)
        self.workers[number] = self._start_worker(number)

    def empty_broker(self) -> None:
        """Let Valkey forget everything."""
        redis.Redis.from_url(self.redis_url).flushall()

    def wait_until(self, holds: Callable[[], bool], seconds: float = 600) -> None:
        """Return as soon as ``holds``; fail where it does not come to that."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"It did not come to that; see {self.folder}"
            time.sleep(0.02)

    @contextlib.contextmanager
    def _database(self) -> Iterator[Any]:
        connection = psycopg2.connect(self.database_url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def _start_worker(self, number: int) -> subprocess.Popen[bytes]:
        options = ["--concurrency=1", "--without-gossip", "--without-mingle"]
        return self._start(f"worker{number}", "worker", "-n", f"w{number}@%h", *options)

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return self._run(name, *CELERY, *arguments)

    def _run(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Begin a command of the project; what it says goes to the log of that name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=BASE_DIR,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "spa.settings",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.sink.port}",
            "SPA_VAR_DIR": str(self.folder / "var"),
            "CLOCK_FILE": str(self.clock),
            "SECRET_KEY": "",
        }


def kill_all_of(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children at once, as a power cut would."""
    if process.poll() is None:
        main = psutil.Process(process.pid)
        for one in [main, *main.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait(timeout=10)


@contextlib.contextmanager
def open_house(count: int) -> Iterator[House]:
    """Run a house with ``count`` messages; its folder with the logs goes where all went well."""
    folder = Path(tempfile.mkdtemp(prefix="spa-faults-", dir="/tmp"))
    house = House(folder)
    try:
        house.fill(count)
        house.staff()
        yield house
    finally:
        house.close()
    shutil.rmtree(folder, ignore_errors=True)
