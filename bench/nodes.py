"""Two web nodes and three workers on one PostgreSQL and one Valkey, and what each of them takes.

Many clients book one time at one moment, and each of their requests meets the other node: one
client wins, the others are told kindly, and each message is sent once. The control is the same
without locks and constraints.
"""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as clock
from pathlib import Path

import psutil
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from bench.front import site
from bench.front.clients import BOOKED, REFUSED, Visitor, rush
from bench.harness import Figure, cpu_seconds
from bookings import delivery
from bookings.models import Appointment, Message, Room, Therapist
from bookings.queries import database_now, rules_for
from bookings.views.times import start_value
from services.models import Service, ServiceOption, SpaProfile
from services.screening import questions_version
from spa import celery_app
from tests.bookings.client_pages import SLUG
from tests.bookings.race.harness import deadlocks, no_constraints, overlaps, staff_up
from tests.faults.sink import Sink

NODES, WORKERS = 2, 3
CLIENTS, ROUNDS, CONTROLS = 24, 10, 3
PLACES = 3
MEGABYTE = 1_000_000
NOTHING_DUE = 50


@dataclass
class House:
    """What runs: the ports of the web nodes, all processes, and the mail server."""

    sink: Sink
    ports: list[int] = field(default_factory=list)
    webs: list[psutil.Process] = field(default_factory=list)
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    beat: "subprocess.Popen[bytes] | None" = None


def measure() -> list[Figure]:
    """Race over both nodes, count what came of it, and weigh the processes."""
    spa, option = _spa()
    figures = _empty_spa()
    with _house() as house:
        figures += _weights(house)
        figures += _race(house, option, spa)
    figures += _control(option, spa)
    return figures


def _spa() -> tuple[SpaProfile, ServiceOption]:
    """The real menu, and a treatment that one therapist gives in one room."""
    call_command("load_content", verbosity=0)
    spa = SpaProfile.load()
    # Messages are counted at any hour.
    spa.quiet_from = spa.quiet_until = clock(0)
    spa.save()
    option = Service.objects.get(slug=SLUG).options.filter(active=True)[0]
    staff_up(option, therapists=1, rooms=1)
    # The others are numbered from the start.
    Therapist.objects.update(name="Mia")
    Room.objects.update(name="Fern")
    return spa, option


def _empty_spa() -> list[Figure]:
    """What a spa takes before its first visit."""
    size = _one("SELECT pg_database_size(current_database())")
    relations = _one("SELECT count(*) FROM pg_class WHERE relfilenode <> 0 OR relkind = 'r'")
    sweeps = cpu_seconds(
        lambda: [delivery.deliver_due(now=database_now()) for _sweep in range(NOTHING_DUE)]
    )
    return [
        Figure("database of an empty spa", size / MEGABYTE, "MB"),
        Figure("tables and indexes of a spa", relations, "relations"),
        Figure("core time of a sweep with nothing due", sweeps / NOTHING_DUE * 1000, "ms"),
    ]


@contextmanager
def _house() -> Iterator[House]:
    environment = site.production()
    call_command("collectstatic", interactive=False, verbosity=0)
    with ExitStack() as open_until_done:
        sink = Sink()
        open_until_done.callback(sink.stop)
        house = House(sink)
        environment["EMAIL_URL"] = f"smtp://127.0.0.1:{sink.port}"
        for _node in range(NODES):
            port = site.free_port()
            serving = site.served(port, environment=environment)
            house.webs.append(psutil.Process(open_until_done.enter_context(serving)))
            house.ports.append(port)
        for number in range(WORKERS):
            options = ["worker", "--concurrency=1", "-n", f"w{number}@%h"]
            house.workers.append(_celery(open_until_done, environment, *options))
        beat = ["beat", "--schedule", str(Path(environment["SPA_VAR_DIR"], "beat"))]
        house.beat = _celery(open_until_done, environment, *beat)
        _until(lambda: len(celery_app.control.ping(timeout=1)) == WORKERS)
        yield house


def _celery(
    until: ExitStack, environment: dict[str, str], *options: str
) -> "subprocess.Popen[bytes]":
    with Path(environment["SPA_VAR_DIR"], "celery.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "spa", *options],
            cwd=site.BASE_DIR,
            env=environment,
            stdout=log,
            stderr=log,
        )
    until.callback(_end, process)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(timeout=60)


def _weights(house: House) -> list[Figure]:
    """Memory, with what processes share counted once; and connections, once all have served."""
    visitors = [Visitor(number, house.ports) for number in range(CLIENTS)]
    for visitor in visitors:
        visitor.ask("/")
    assert house.beat is not None
    workers = [psutil.Process(worker.pid) for worker in house.workers]
    return [
        Figure("memory of a web node", _megabytes(house.webs) / NODES, "MB"),
        Figure("memory of a worker", _megabytes(workers) / WORKERS, "MB"),
        Figure("memory of beat", _megabytes([psutil.Process(house.beat.pid)]), "MB"),
    ]


def _megabytes(mains: Sequence[psutil.Process]) -> float:
    every = [one for main in mains for one in [main, *main.children(recursive=True)]]
    return sum(one.memory_full_info().pss for one in every) / MEGABYTE


def _race(house: House, option: ServiceOption, spa: SpaProfile) -> list[Figure]:
    broken_before = deadlocks()
    one_place = [_round(house.ports, option, spa, number) for number in range(ROUNDS)]
    staff_up(option, therapists=PLACES - 1, rooms=PLACES - 1)
    three = [_round(house.ports, option, spa, ROUNDS + number) for number in range(ROUNDS)]
    connections = _one(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    outcomes = sum([*one_place, *three], Counter())
    strange = {way: count for way, count in outcomes.items() if way not in (BOOKED, REFUSED)}
    print(f"one place: {one_place}\n{PLACES} places: {three}", file=sys.stderr)
    return [
        Figure("clients who booked", outcomes[BOOKED], "clients"),
        Figure("clients who were told that the time is gone", outcomes[REFUSED], "clients"),
        Figure("clients with another answer", sum(strange.values()), "clients", 1),
        Figure("one place: rounds without one winner", _without(one_place, 1), "rounds", 1),
        Figure("three places: rounds without three", _without(three, PLACES), "rounds", 1),
        Figure("visits that overlap", overlaps(), "pairs", 1),
        Figure("deadlocks", deadlocks() - broken_before, "deadlocks", 1),
        *_messages(house.sink, outcomes[BOOKED]),
        Figure("workers without a task", WORKERS - _busy_workers(), "workers", 1),
        Figure("connections of all nodes and workers", connections, "connections"),
    ]


def _round(ports: Sequence[int], option: ServiceOption, spa: SpaProfile, number: int) -> Counter:
    visitors = [Visitor(number * CLIENTS + one, ports) for one in range(CLIENTS)]
    version = f"{questions_version(rules_for(option.service))} {spa.health_consent_version}"
    answers = {"none_left": "on", "consent": "on", "version": version}
    return rush(visitors, start=start_value(_hour(number, spa)), answers=answers)


def _hour(number: int, spa: SpaProfile) -> datetime:
    """A time of its own for each round: three a day, from the day after tomorrow."""
    day = timezone.now().astimezone(spa.zone).date() + timedelta(days=2 + number // 3)
    return datetime.combine(day, clock(11 + 2 * (number % 3)), spa.zone)


def _without(rounds: Sequence[Counter[str]], winners: int) -> int:
    return sum(one[BOOKED] != winners or one[REFUSED] != CLIENTS - winners for one in rounds)


def _messages(sink: Sink, booked: int) -> list[Figure]:
    """Wait until all is sent that is due."""
    confirmations = Message.objects.filter(kind=Message.Kind.CONFIRMATION)
    _until(lambda: not Message.objects.filter(state="pending", due_at__lte=timezone.now()).exists())
    sent = confirmations.filter(state=Message.State.SENT).count()
    twice = sum(count - 1 for count in sink.taken.values())
    return [
        Figure("confirmations sent", sent, "messages"),
        Figure("confirmations missing", booked - sent, "messages", 1),
        Figure("messages sent twice", twice, "messages", 1),
        Figure("messages at the mail server, not counted as sent", _unknown(sink), "messages", 1),
    ]


def _unknown(sink: Sink) -> int:
    return len(sink.taken) - Message.objects.filter(state=Message.State.SENT).count()


def _busy_workers() -> int:
    stats = celery_app.control.inspect(timeout=5).stats() or {}
    return sum(bool(sum(one["total"].values())) for one in stats.values())


def _control(option: ServiceOption, spa: SpaProfile) -> list[Figure]:
    """The same race where neither locks nor constraints keep two bookings apart."""
    environment = site.production()
    Appointment.objects.all().delete()
    ports = [site.free_port() for _node in range(NODES)]
    with ExitStack() as open_until_done:
        for port in ports:
            unlocked = site.served(
                port, environment=environment, application="bench.front.unlocked"
            )
            open_until_done.enter_context(unlocked)
        with no_constraints():
            rounds = [_round(ports, option, spa, 2 * ROUNDS + number) for number in range(CONTROLS)]
            found = overlaps()
    print(f"control: {rounds}", file=sys.stderr)
    if not found:
        raise RuntimeError("Without locks and constraints nothing overlapped: no proof of them.")
    return [
        Figure(
            "control without locks and constraints: visits that overlap",
            found,
            "pairs",
            1,
            "at least",
        )
    ]


def _until(holds: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("It did not come to that.")
        time.sleep(0.2)


def _one(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
