"""How fast one worker, and several, empty the outbox into a mail server on the same machine.

Beside it a bare loop: the same mails, ready-made, over one line to the same server. That is
aiosmtpd, in a process of its own. Both take turns, so that whatever else runs meets both alike.
"""

import json
import os
import smtplib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from bench.harness import Figure
from bookings import messages
from bookings.models import Message
from services.models import SpaProfile
from tests.faults import seed

MESSAGES, ROUNDS = 150, 3
SERVER = """
import logging, sys, time
from aiosmtpd.controller import Controller
logging.disable(logging.CRITICAL)
class Keep:
    async def handle_DATA(self, server, session, envelope):
        return "250 Kept"
Controller(Keep(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
time.sleep(3600)
"""
# One round in one process, as in a Celery worker with --concurrency=1. It warms up with a few
# messages, waits for the word, and says when it began and ended: the clock is the machine's own,
# so that of several workers the first beginning and the last end count, and no start or exit.
WORKER = """
import json, sys, time
import django; django.setup()
from datetime import timedelta
from bookings import delivery
from bookings.queries import database_now
delivery.deliver_due(now=database_now() - timedelta(hours=1))
print("ready", flush=True); sys.stdin.readline()
begun, cpu = time.monotonic(), time.process_time()
sent = delivery.deliver_due(now=database_now())
print(json.dumps([sent, begun, time.monotonic(), time.process_time() - cpu]))
"""


def measure() -> list[Figure]:
    """Measure the bare loop, then one, two and three workers, some times each."""
    seed.fill(MESSAGES)
    with _mail_server() as port:
        mails = _ready_made()
        bare, ones, twos, threes, cpu = [], [], [], [], []
        for _round in range(ROUNDS):
            bare.append(_bare_loop(mails, port))
            for workers, into in ((1, ones), (2, twos), (3, threes)):
                rate, used = _workers(workers, port)
                into.append(rate)
                cpu.append(used)
    one, loop = statistics.median(ones), statistics.median(bare)
    return [
        Figure("size of a mail", statistics.mean(len(mail) for _to, mail in mails), "bytes"),
        Figure("bare loop", loop, "mails/s"),
        Figure("one worker", one, "mails/s"),
        Figure("two workers", statistics.median(twos), "mails/s"),
        Figure("three workers", statistics.median(threes), "mails/s"),
        Figure("processor time of a worker for one mail", statistics.median(cpu), "ms"),
        Figure("bare loop ÷ one worker", loop / one, "times", 2),
        Figure("one worker ÷ two workers", one / statistics.median(twos), "times", 1),
    ]


@contextmanager
def _mail_server() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port)])
    try:
        _wait_for(port)
        yield port
    finally:
        server.kill()
        server.wait()


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
    return [(to, mail.message().as_bytes(linesep="\r\n")) for to, mail in mails]


def _bare_loop(mails: list[tuple[str, bytes]], port: int) -> float:
    with smtplib.SMTP("127.0.0.1", port) as line:
        begun = time.monotonic()
        for to, mail in mails:
            line.sendmail(settings.DEFAULT_FROM_EMAIL, [to], mail)
        return len(mails) / (time.monotonic() - begun)


def _workers(count: int, port: int) -> tuple[float, float]:
    """Return mails per second, and the processor's milliseconds for each in a worker."""
    _make_due()
    environment = {**os.environ, "EMAIL_URL": f"smtp://127.0.0.1:{port}"}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _worker in range(count)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    left = Message.objects.pending().count()
    answers = [json.loads(worker.communicate()[0]) for worker in _told(workers)]
    sent, begun, ended, cpu = zip(*answers, strict=True)
    assert sum(sent) == left
    return left / (max(ended) - min(begun)), sum(cpu) / left * 1000


def _told(workers: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """Let all begin at once."""
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return workers


def _make_due() -> None:
    now = timezone.now()
    Message.objects.update(state=Message.State.PENDING, attempts=0, claimed_until=None, due_at=now)
    # A few are due long since, so that each worker has something to warm up with.
    last = Message.objects.aggregate(Max("pk"))["pk__max"]
    Message.objects.filter(pk__gt=last - 9).update(due_at=now - timedelta(hours=2))
