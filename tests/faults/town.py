"""A whole spa as in production, each part of which can fail: web server, worker, beat, servers."""

import contextlib
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from cryptography.fernet import Fernet

from bench.front.clients import Visitor
from spa.keeper import Postgres
from tests.faults.house import BASE_DIR, House, kill_all_of
from tests.spa.production import collect_names

HOST = "127.0.0.1"


class Town(House):
    """The house of the messages, and the web server in front of it."""

    def __init__(self, folder: Path, **limits: str) -> None:
        super().__init__(folder)
        self.limits = limits
        self.keys = {"SECRET_KEY": "k7!" * 25, "HEALTH_KEYS": Fernet.generate_key().decode()}
        (folder / "var").mkdir()
        collect_names(folder / "var")
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        self.menu: dict[str, Any] = {}

    def open(self) -> None:
        """Write the spa and let everything run."""
        self.menu = json.loads(self.run("-m", "tests.faults.town_seed").stdout)
        self.web = self._serve()
        self.start_helpers()
        visitor = Visitor(0, [self.port])
        self.wait_until(lambda: answers(visitor, "/policies/") == 200)

    def start_helpers(self) -> None:
        """Start the worker and beat."""
        self.workers = [self._start_worker(0)]
        schedule = str(self.folder / "beat0")
        self.beats = [self._start("beat0", "beat", "--schedule", schedule, "--pidfile=")]

    def kill_helpers(self) -> None:
        """Kill the worker and beat at once, by SIGKILL."""
        for process in [*self.beats, *self.workers]:
            kill_all_of(process)

    def kill_a_web_worker(self) -> None:
        """Kill one of the processes that answer requests, whatever it is doing, by SIGKILL."""
        with contextlib.suppress(psutil.NoSuchProcess, IndexError):
            random.choice(psutil.Process(self.web.pid).children()).kill()

    def run(self, *arguments: str, fails: bool = False) -> "subprocess.CompletedProcess[str]":
        """Run Python to its end, on the town's servers."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=BASE_DIR,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert fails or done.returncode == 0, done.stdout + done.stderr
        return done

    @contextlib.contextmanager
    def empty_server(self) -> Iterator[str]:
        """Run another PostgreSQL in which nothing is; its address."""
        (self.folder / "elsewhere").mkdir()
        server = Postgres(self.folder / "elsewhere", throwaway=False)
        try:
            yield server.start()
        finally:
            server.stop()

    def close(self) -> None:
        """Stop everything."""
        if hasattr(self, "web"):
            kill_all_of(self.web)
        super().close()

    def _serve(self) -> "subprocess.Popen[bytes]":
        gunicorn = ("-m", "gunicorn", "--config=deploy/gunicorn.conf.py", "spa.wsgi")
        return self._run("web", sys.executable, *gunicorn)

    def _environment(self) -> dict[str, str]:
        return {
            **super()._environment(),
            **self.keys,
            **self.limits,
            "ALLOWED_HOSTS": HOST,
            "SITE_URL": f"https://{HOST}",
            "BIND": f"{HOST}:{self.port}",
            "WEB_CONCURRENCY": "2",
        }


def answers(visitor: Visitor, path: str) -> int:
    """The status of a page; 0 where nobody answers."""
    try:
        return visitor.ask(path).status
    except OSError:
        return 0


@contextlib.contextmanager
def open_town(**limits: str) -> Iterator[Town]:
    """Run a town; its folder with the logs goes where all went well."""
    folder = Path(tempfile.mkdtemp(prefix="spa-town-", dir="/tmp"))
    town = Town(folder, **limits)
    try:
        town.open()
        yield town
    finally:
        town.close()
    shutil.rmtree(folder, ignore_errors=True)
