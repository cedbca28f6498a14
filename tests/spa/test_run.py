"""make run: everything starts, says where it is, and is gone after Ctrl-C."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psycopg2
import pytest

from spa import embedded
from tests.spa.commands import (
    BASE_DIR,
    newcomers_environment,
    processes_of,
    run,
    wait_until,
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Tell whether an address answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def test_taken_port_is_refused_with_another_to_try(var: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = run("-m", "spa.run", env=newcomers_environment(var, PORT=str(port)))
    assert (refused.returncode, refused.stderr) == (
        1,
        f"Port {port} is taken by another program: stop it, or choose another port, "
        f"for example PORT={port + 1} make run.\n",
    )
    assert processes_of(var) == []


def test_second_copy_is_told_where_the_first_is(var: Path) -> None:
    lock = embedded.open_lock(var / "run.lock")
    assert embedded.try_lock(lock, fcntl.LOCK_EX)
    os.write(lock, b"http://localhost:8000")
    refused = run("-m", "spa.run", env=newcomers_environment(var, PORT=str(free_port())))
    os.close(lock)
    assert (refused.returncode, refused.stderr) == (
        1,
        "The spa is already running at http://localhost:8000: use that one, "
        "or stop it with Ctrl-C where it was started.\n",
    )


@pytest.mark.parametrize("text", ["web", "0", "70000"])
def test_port_that_is_no_port_is_refused(var: Path, text: str) -> None:
    refused = run("-m", "spa.run", env=newcomers_environment(var, PORT=text))
    assert (refused.returncode, refused.stderr) == (
        1,
        f"PORT is {text!r}, but must be a number from 1 to 65535.\n",
    )


# ``make run`` up to the start of the servers; then it says what it goes by.
UP_TO_THE_SERVERS = """
import sys
from spa import embedded, run
def start():
    from django.conf import settings
    raise embedded.EmbeddedError(f"{run.port()} {settings.VAR_DIR} {settings.SITE_URL}")
embedded.start = start
sys.exit(run.main())
"""


@pytest.mark.parametrize(
    ("line", "site_url"),
    [
        ("SITE_URL=https://spa.example", "https://spa.example"),
        ("SITE_URL=", "http://localhost:{port}"),
        ("", "http://localhost:{port}"),
    ],
)
def test_port_folder_and_address_of_dot_env_hold_for_the_run(
    tmp_path: Path, var: Path, line: str, site_url: str
) -> None:
    # All that the settings import.
    for folder in ("spa", "services"):
        shutil.copytree(BASE_DIR / folder, tmp_path / folder)
    port = free_port()
    (tmp_path / ".env").write_text(f"PORT={port}\nSPA_VAR_DIR={var}\n{line}\n")
    environment = newcomers_environment(var)
    for name in ("PORT", "SPA_VAR_DIR", "SITE_URL"):
        environment.pop(name, None)
    stopped = run("-c", UP_TO_THE_SERVERS, env=environment, cwd=tmp_path)
    assert stopped.stderr == f"{port} {var} {site_url.format(port=port)}\n"
    assert (var / "run.lock").read_text() == f"http://localhost:{port}"


class RunningSpa:
    """``make run``, from its start until it has stopped."""

    def __init__(self, var: Path) -> None:
        self.url = f"http://localhost:{(port := free_port())}"
        self.log = var / "run.log"
        self.terminal, inside = os.openpty()
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "spa.run"],
                cwd=BASE_DIR,
                env=newcomers_environment(var, PORT=str(port)),
                stdin=inside,
                stdout=output,
                stderr=output,
                # Tests under nohup must not let the spa outlive its terminal.
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            )
        os.close(inside)
        wait_until(lambda: self._ready() or self.process.poll() is not None, seconds=120)
        assert self.process.poll() is None, self.printed()

    def _ready(self) -> bool:
        return answers(f"{self.url}/readyz") and "beat started" in self.printed()

    def printed(self) -> str:
        return self.log.read_text()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=40)
        os.close(self.terminal)

    def close_terminal(self) -> None:
        os.close(self.terminal)
        self.process.wait(timeout=40)


@pytest.mark.worker
def test_spa_runs_says_where_and_stops_whole_however_it_is_stopped(var: Path) -> None:
    first = RunningSpa(var)
    printed = first.printed()
    logins = (var / "demo-logins.txt").read_text().strip()
    assert f"The spa        {first.url}/\n" in printed
    assert f"Mail it sent   {first.url}/demo/mail/\n" in printed
    assert all(line in printed for line in logins.splitlines())
    assert answers(f"{first.url}/")
    assert answers(f"{first.url}/demo/mail/")
    visits = count_visits(var)
    assert visits > 0
    first.signal(signal.SIGINT)
    assert processes_of(var) == []

    # The second run finds the demo week of the first.
    second = RunningSpa(var)
    assert count_visits(var) == visits
    second.close_terminal()
    assert processes_of(var) == []

    third = RunningSpa(var)
    third.signal(signal.SIGKILL)
    wait_until(lambda: processes_of(var) == [])


def count_visits(var: Path) -> int:
    """Count the appointments in the database of a running spa."""
    data = var / "servers" / "postgres" / "data"
    connection = psycopg2.connect(host=str(data), user="postgres", dbname="spa")
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bookings_appointment")
        (count,) = cursor.fetchone() or (0,)
    connection.close()
    return int(count)
