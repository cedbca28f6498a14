"""How fast Celery workers empty the outbox into a mail server on the same machine.

Beside them a bare loop: the same mails, ready-made, over one line to the same server. That is
aiosmtpd, in a process of its own, and it says when it took the first mail and the last. All take
turns, so that whatever else runs meets them alike. The worker that ``make run`` and the deployment
start has two processes; how the rate grows is shown by workers of one process each.
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
Controller(Keep(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
for _line in sys.stdin:
    print(json.dumps([len(taken), taken[0], taken[-1]]), flush=True)
    taken.clear()
"""


@dataclass(frozen=True, slots=True)
class Server:
    """The mail server, and what it has taken since it was last asked."""

    process: subprocess.Popen[str]
    port: int

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
    rates: dict[str, list[float]] = {}
    cpu = []
    sets = {"one worker": (1, 2), "one process": (1, 1), "two processes": (2, 1)}
    with _mail_server() as server:
        mails = _ready_made()
        for _round in range(ROUNDS):
            _bare_loop(mails, server.port)
            rates.setdefault("bare loop", []).append(server.rate())
            for name, (workers, processes) in sets.items():
                rate, used = _emptied(server, workers, processes)
                rates.setdefault(name, []).append(rate)
                cpu.append(used)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    return [
        Figure("size of a mail", statistics.mean(len(mail) for _to, mail in mails), "bytes"),
        *(Figure(name, rate, "mails/s") for name, rate in medians.items()),
        Figure("processor time of a worker for one mail", statistics.median(cpu), "ms"),
        Figure("bare loop ÷ one worker", medians["bare loop"] / medians["one worker"], "times", 2),
        Figure(
            "one process ÷ two processes",
            medians["one process"] / medians["two processes"],
            "times",
            1,
        ),
    ]


@contextmanager
def _mail_server() -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for(port)
        yield Server(process, port)
    finally:
        process.kill()
        process.wait()


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


def _bare_loop(mails: list[tuple[str, bytes]], port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as line:
        for to, mail in mails:
            line.sendmail(settings.DEFAULT_FROM_EMAIL, [to], mail)


def _emptied(server: Server, workers: int, processes: int) -> tuple[float, float]:
    """Return mails per second, and the processor's milliseconds for each in the workers."""
    _nothing_due()
    with ExitStack() as running:
        started = [
            running.enter_context(_worker(number, processes, server.port))
            for number in range(workers)
        ]
        _wait_until(lambda: len(celery_app.control.ping(timeout=0.5)) == workers)
        _make_due(WARM)
        server.rate()
        before = sum(map(_family_ticks, started))
        _make_due(MESSAGES)
        used = sum(map(_family_ticks, started)) - before
    return server.rate(), used / os.sysconf("SC_CLK_TCK") / MESSAGES * 1000


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
    """The processor time of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_ticks(Path(f"/proc/{one}/stat")) for one in [pid, *children])


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
