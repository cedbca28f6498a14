"""The spa as it runs in production, on the servers of this test."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import get_finders

from tests.conftest import BASE_DIR, database_url
from tests.spa.commands import OWN, PRODUCTION, wait_until

METRICS_KEY = "a-key-for-the-figures"


def environment(var: Path, **extra: str) -> dict[str, str]:
    """Return the variables of a production on this test's database and Valkey."""
    rest = {name: value for name, value in os.environ.items() if name not in OWN}
    return {
        **rest,
        "SPA_VAR_DIR": str(var),
        **PRODUCTION,
        "DATABASE_URL": database_url(),
        "REDIS_URL": os.environ["REDIS_URL"],
        "EMAIL_URL": "smtp://127.0.0.1:1",
        "METRICS_KEY": METRICS_KEY,
        **extra,
    }


def collect_names(var: Path) -> None:
    """Let the pages find their static files; collecting them takes longer than most tests."""
    names = [name for finder in get_finders() for name, _storage in finder.list([])]
    manifest = {"version": "1.1", "hash": "", "paths": {name: name for name in names}}
    (var / "static").mkdir()
    (var / "static" / "staticfiles.json").write_text(json.dumps(manifest))


class Server:
    """gunicorn with the flags of the deployment, and what it writes."""

    def __init__(self, var: Path, **extra: str) -> None:
        collect_names(var)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = var / "server.log"
        flags = ["--config=deploy/gunicorn.conf.py", "spa.wsgi"]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *flags],
                cwd=BASE_DIR,
                env=environment(var, BIND=f"127.0.0.1:{port}", **extra),
                stdout=output,
                stderr=output,
            )

    def ask(
        self, path: str, data: bytes | None = None, /, **headers: str
    ) -> tuple[int, str, "Message[str, str]"]:
        """Ask as the proxy does; returns status, body and headers."""
        sent = {"Host": "spa.example", "X-Forwarded-Proto": "https", **headers}
        request = urllib.request.Request(self.url + path, data=data, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers

    def is_up(self) -> bool:
        try:
            return self.ask("/healthz")[0] == 200
        except OSError:
            assert self.process.poll() is None, self.log.read_text()
            return False

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged; fails where a line is no JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def running(var: Path, **extra: str) -> Iterator[Server]:
    """Run the web server of production until the end of the block."""
    server = Server(var, **extra)
    try:
        wait_until(server.is_up, seconds=60)
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=40)
