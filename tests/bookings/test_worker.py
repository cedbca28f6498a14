"""The whole way of a message: a real worker, beat, Valkey, PostgreSQL and mail server."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from datetime import time as clock
from pathlib import Path

import psutil
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core.cache import cache
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from bookings import actions, delivery
from bookings.models import Appointment, HealthCheck, Message, Room, Therapist
from bookings.models.messages import LEASE
from services.models import Service, ServiceOption, SpaProfile
from tests.bookings.conftest import make_check
from tests.bookings.faults import behave, refuse_address
from tests.conftest import BASE_DIR, MailServer, wait_for_worker, worker_environment

NOON = clock(12)

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]

Book = Callable[..., Appointment]


@pytest.fixture
def ten(spa: SpaProfile) -> datetime:
    """Ten o'clock four days from now: the worker goes by the true time."""
    today = timezone.now().astimezone(spa.zone)
    return today.replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=4)


@pytest.fixture
def visit(book: Book, mia: Therapist, fern: Room, ten: datetime) -> Appointment:
    """A visit booked just now."""
    return book(ten, when=timezone.now())


def subjects(smtp: MailServer) -> list[str]:
    return [str(mail["Subject"]).split(":")[0] for mail in smtp.messages]


def test_book_move_be_reminded_cancel(
    celery_worker: subprocess.Popen[bytes],
    smtp: MailServer,
    visit: Appointment,
    spa: SpaProfile,
    ten: datetime,
) -> None:
    smtp.wait_for(1)
    visit = actions.reschedule_appointment(
        appointment=visit,
        starts_at=ten + timedelta(days=1),
        by=actions.CLIENT,
        spa=spa,
        now=timezone.now(),
    )
    smtp.wait_for(2)
    two_days_before = visit.starts_at - timedelta(hours=48)
    assert delivery.deliver_due(now=two_days_before - timedelta(hours=24)) == 0
    assert delivery.deliver_due(now=two_days_before) == 1
    assert delivery.deliver_due(now=two_days_before + timedelta(hours=1)) == 0
    actions.cancel_appointment(appointment=visit, by=actions.CLIENT, spa=spa, now=timezone.now())
    smtp.wait_for(4)
    assert delivery.deliver_due(now=visit.starts_at - timedelta(hours=1)) == 0
    assert subjects(smtp) == ["Booked", "Moved", "Reminder", "Cancelled"]
    assert len({mail["Message-ID"] for mail in smtp.messages}) == 4


def test_a_worker_killed_while_sending_loses_nothing(
    celery_worker: subprocess.Popen[bytes],
    smtp: MailServer,
    book: Book,
    mia: Therapist,
    fern: Room,
    ten: datetime,
) -> None:
    keep, busy = smtp.handle_DATA, asyncio.Event()

    async def stall(server: SMTP, session: Session, envelope: Envelope) -> str:
        busy.set()
        await asyncio.sleep(60)
        return "451 Too late"

    behave(smtp, handle_DATA=stall)
    visit = book(ten, when=timezone.now())
    wait_until(busy.is_set)
    kill_all_of(celery_worker)
    behave(smtp, handle_DATA=keep)

    assert smtp.messages == []
    confirmation = visit.messages.get(kind="confirmation")
    assert (confirmation.state, confirmation.attempts) == ("pending", 1)
    now = timezone.now()
    assert delivery.deliver_due(now=now) == 0
    assert delivery.deliver_due(now=now + LEASE) == 1
    assert subjects(smtp) == ["Booked"]


def test_beat_and_worker_send_a_reminder_once_when_its_time_comes(
    hurried_worker: subprocess.Popen[bytes], smtp: MailServer, visit: Appointment
) -> None:
    # The clock of the worker is the real one: this is tried at night too.
    SpaProfile.objects.update(quiet_from=NOON, quiet_until=NOON)
    smtp.wait_for(1)
    news = Message.objects.filter(kind="confirmation", state="sent")
    # A reminder that comes on the heels of the news is none: let these be of the morning.
    wait_until(lambda: bool(news.update(sent_at=timezone.now() - timedelta(hours=3))))
    reminders = Message.objects.filter(kind="reminder", lead_hours=48)
    # Nothing nudges a worker here: beat alone finds it.
    reminders.update(due_at=timezone.now() + timedelta(seconds=2))
    smtp.wait_for(2)
    assert reminders.get().due_at <= timezone.now()
    time.sleep(2.5)
    assert subjects(smtp) == ["Booked", "Reminder"]


def test_a_broker_that_forgets_everything_loses_nothing(
    smtp: MailServer, visit: Appointment
) -> None:
    # The nudge lies in Valkey and no worker runs; now Valkey is emptied.
    cache.clear()
    assert delivery.deliver_due(now=timezone.now()) == 1
    assert subjects(smtp) == ["Booked"]


BOOK_WITHOUT_BROKER = """
import time, django; django.setup()
from django.utils import timezone
from bookings import actions
from bookings.models import Appointment, HealthCheck
from services.models import SpaProfile
begun = time.monotonic()
visit = actions.confirm_appointment(
    hold=Appointment.objects.get(),
    details=actions.Details(name="Cleo", email="cleo@example.com", phone="+442079460001"),
    health_check=HealthCheck.objects.get(),
    spa=SpaProfile.load(),
    now=timezone.now(),
)
print(visit.status, time.monotonic() - begun < 2)
"""


def test_a_broker_that_is_down_neither_stops_nor_slows_a_booking(
    smtp: MailServer,
    spa: SpaProfile,
    lymph: Service,
    hour: ServiceOption,
    mia: Therapist,
    fern: Room,
    ten: datetime,
) -> None:
    check: HealthCheck = make_check(lymph, timezone.now())
    hold = actions.hold_time(
        service=lymph,
        option=hour,
        starts_at=ten,
        health_check=check,
        spa=spa,
        now=timezone.now(),
    )
    booking = subprocess.run(
        [sys.executable, "-c", BOOK_WITHOUT_BROKER],
        cwd=BASE_DIR,
        env={**worker_environment(smtp), "REDIS_URL": "redis://127.0.0.1:1/0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert booking.stdout == "confirmed True\n", booking.stderr
    assert "Error 111 connecting to 127.0.0.1:1" in booking.stderr
    hold.refresh_from_db()
    assert hold.status == "confirmed"
    assert delivery.deliver_due(now=timezone.now()) == 1
    assert subjects(smtp) == ["Booked"]


@pytest.fixture
def hurried_worker(
    transactional_db: None, smtp: MailServer, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker with a beat that sweeps every second."""
    command = [sys.executable, "-m", "celery", "-A", "spa", "worker", "--concurrency=1", "--beat"]
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [*command, "--schedule", str(tmp_path / "beat"), "--without-gossip"],
            cwd=BASE_DIR,
            env={
                **worker_environment(smtp),
                "DJANGO_SETTINGS_MODULE": "tests.bookings.hurried_settings",
            },
            stdout=log,
            stderr=log,
        )
    yield worker
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=20)


def kill_all_of(worker: subprocess.Popen[bytes]) -> None:
    """Kill the worker and its pool at once, as a power cut would."""
    main = psutil.Process(worker.pid)
    for process in [main, *main.children(recursive=True)]:
        process.kill()
    worker.wait(timeout=10)


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "It did not come to that"
        time.sleep(0.05)


def test_the_id_of_a_request_stands_in_the_lines_of_the_task_that_it_starts(
    book: Book, mia: Therapist, fern: Room, ten: datetime, smtp: MailServer, tmp_path: Path
) -> None:
    refuse_address(smtp, "cleo@example.com", "550 5.1.1 cleo@example.com: Cleo is unknown")
    path, request = tmp_path / "json.log", "8b0f3c6a2d7e4f519a0c1b2d3e4f5a6b"
    command = [sys.executable, "-m", "celery", "--app=spa", "--quiet", "worker", "--concurrency=1"]
    with path.open("wb") as output:
        worker = subprocess.Popen(
            [*command, "--without-gossip", "--without-mingle"],
            cwd=BASE_DIR,
            env={**worker_environment(smtp), "LOG_FORMAT": "json"},
            stdout=output,
            stderr=output,
        )
    try:
        wait_for_worker(worker, path)
        with bound_contextvars(request_id=request):
            book(ten, when=timezone.now())
        wait_until(lambda: "not sent" in path.read_text())
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=20)
    said = path.read_text()
    told = [json.loads(line) for line in said.splitlines() if "not sent" in line]
    assert [(line["request_id"], line["task"]) for line in told] == [
        (request, "bookings.tasks.deliver_due")
    ]
    assert "cleo" not in said.lower()
