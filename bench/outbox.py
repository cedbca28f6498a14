"""How fast Celery workers empty the outbox into a mail server on the same machine.

Beside them a bare loop: the same mails, ready-made, over one line to the same server, with the
standard library's own ``sendmail``. The server is aiosmtpd, in a process of its own, and it says
when it took the first mail and the last. It takes one command at a time, as aiosmtpd does; behind a
second door it offers to take several at once, as most servers do that people use. All take turns,
so that whatever else runs meets them alike. The worker that ``make run`` and the deployment start
has two processes; how the rate grows is shown by workers of one process each.
"""

import json
import os
import signal
import smtplib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from bench.harness import Figure, _ticks
from bookings import messages
from bookings.actions.outbox import call_a_worker
from bookings.models import Message
from services.models import SpaProfile
from spa import celery_app
from tests.faults import seed

MESSAGES, WARM, ROUNDS = 600, 60, 3
SERVER = """
import json, logging, sys, time
from aiosmtpd.controller import Controller
logging.disable(logging.CRITICAL)
taken = []
class Keep:
    async def handle_DATA(self, server, session, envelope):
        taken.append(time.monotonic())
        return "250 Kept"
class KeepAtOnce(Keep):
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]
Controller(Keep(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
Controller(KeepAtOnce(), hostname="127.0.0.1", port=int(sys.argv[2])).start()
for _line in sys.stdin:
    print(json.dumps([len(taken), taken[0], taken[-1]]), flush=True)
    taken.clear()
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Mails per second, and the processor's milliseconds for each mail, by who needed them."""

    rate: float
    used: dict[str, float]


@dataclass(frozen=True, slots=True)
class Server:
    """The mail server, and what it has taken since it was last asked."""

    process: subprocess.Popen[str]
    port: int
    at_once: int
    """The port at which it takes several commands at once."""

    def rate(self) -> float:
        """Mails per second between the first and the last that were taken."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("tell\n")
        self.process.stdin.flush()
        count, first, last = json.loads(self.process.stdout.readline())
        return (count - 1) / (last - first)


def measure() -> list[Figure]:
    """Measure the bare loop, then each set of workers, some times each."""
    seed.fill(MESSAGES)
    runs: dict[str, list[Run]] = {}
    with _mail_server() as server:
        mails = _ready_made()
        sets = {
            "one worker": (1, 2, server.port),
            "one worker, commands at once": (1, 2, server.at_once),
            "one process": (1, 1, server.port),
            "two processes": (2, 1, server.port),
        }
        for _round in range(ROUNDS):
            runs.setdefault("bare loop", []).append(_bare_loop(mails, server))
            for name, (workers, processes, port) in sets.items():
                runs.setdefault(name, []).append(_emptied(server, workers, processes, port))
    rates = {name: statistics.median(one.rate for one in found) for name, found in runs.items()}
    return [
        Figure("size of a mail", statistics.mean(len(mail) for _to, mail in mails), "bytes"),
        *(Figure(name, rate, "mails/s") for name, rate in rates.items()),
        *_processor_times(runs),
        Figure("bare loop ÷ one worker", rates["bare loop"] / rates["one worker"], "times", 2),
        Figure(
            "one process ÷ two processes", rates["one process"] / rates["two processes"], "times", 1
        ),
    ]


def _processor_times(runs: dict[str, list[Run]]) -> Iterator[Figure]:
    """Where the processor's time goes, for one mail of the bare loop and one of a worker."""
    for name in ("bare loop", "one worker", "one worker, commands at once"):
        for side in runs[name][0].used:
            used = statistics.median(one.used[side] for one in runs[name])
            yield Figure(f"processor, {name}: {side}", used, "ms/mail")


@contextmanager
def _mail_server() -> Iterator[Server]:
    ports = [_free_port(), _free_port()]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, *map(str, ports)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for port in ports:
            _wait_for(port)
        yield Server(process, *ports)
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return


def _ready_made() -> list[tuple[str, bytes]]:
    spa, now = SpaProfile.load(), timezone.now()
    found = Message.objects.select_related(
        "appointment__client", "appointment__service", "appointment__therapist"
    )
    mails = [(one.address, messages.compose(one, spa=spa, now=now)) for one in found]
    return [(to, mail.as_wire()) for to, mail in mails]


def _bare_loop(mails: list[tuple[str, bytes]], server: Server) -> Run:
    used, begun = _Used({"mail server": [server.process.pid]}), time.process_time()
    with smtplib.SMTP("127.0.0.1", server.port) as line:
        for to, mail in mails:
            line.sendmail(settings.DEFAULT_FROM_EMAIL, [to], mail)
    own = (time.process_time() - begun) / MESSAGES * 1000
    return Run(server.rate(), {**used.a_mail(), "loop": own})


def _emptied(server: Server, workers: int, processes: int, port: int) -> Run:
    _nothing_due()
    with ExitStack() as running:
        started = [
            running.enter_context(_worker(number, processes, port)) for number in range(workers)
        ]
        _wait_until(lambda: len(celery_app.control.ping(timeout=0.5)) == workers)
        _make_due(WARM)
        server.rate()
        _nothing_due()
        used = _Used(
            {"mail server": [server.process.pid], "worker": started, "database": [_postmaster()]}
        )
        _make_due(MESSAGES)
        return Run(server.rate(), used.a_mail())


class _Used:
    """The processor time of processes and their children from now on."""

    def __init__(self, sides: dict[str, list[int]]) -> None:
        self._sides = sides
        self._before = self._now()

    def a_mail(self) -> dict[str, float]:
        """The milliseconds of each side for one of ``MESSAGES``."""
        ticks = os.sysconf("SC_CLK_TCK") * MESSAGES / 1000
        return {side: (now - self._before[side]) / ticks for side, now in self._now().items()}

    def _now(self) -> dict[str, int]:
        return {side: sum(map(_family_ticks, pids)) for side, pids in self._sides.items()}


def _postmaster() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


@contextmanager
def _worker(number: int, processes: int, port: int) -> Iterator[int]:
    """A Celery worker as the deployment starts it; its process id."""
    command = [sys.executable, "-m", "celery", "--app=spa", "--quiet", "worker"]
    options = [f"--concurrency={processes}", f"--hostname=bench{number}@%h", "--loglevel=ERROR"]
    process = subprocess.Popen(
        [*command, *options],
        env={**os.environ, "EMAIL_URL": f"smtp://127.0.0.1:{port}"},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _family_ticks(pid: int) -> int:
    """The processor time of a process and its children, those that have ended included."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ended = sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]))
    return ended + sum(_ticks(Path(f"/proc/{one}/stat")) for one in [pid, *children])


def _nothing_due() -> None:
    Message.objects.update(
        state=Message.State.PENDING,
        attempts=0,
        claimed_until=None,
        due_at=timezone.now() + timedelta(days=1),
    )


def _make_due(count: int) -> None:
    """Make ``count`` messages due, as all were new, and wait until they are sent."""
    _nothing_due()
    first = Message.objects.order_by("pk").values("pk")[:count]
    Message.objects.filter(pk__in=first).update(due_at=timezone.now())
    call_a_worker()
    _wait_until(lambda: not Message.objects.due(timezone.now() + timedelta(minutes=9)).exists())
    left = Message.objects.exclude(state=Message.State.SENT).count()
    assert left == Message.objects.count() - count


def _wait_until(holds: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "It takes too long."
        time.sleep(0.1)
