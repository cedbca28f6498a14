"""Background work: a real worker takes tasks, and a broker that is down holds nobody up."""

import smtplib
import subprocess
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.conf import settings

from spa import celery_app
from tests.conftest import MailServer
from tests.spa.commands import newcomers_environment, run, wait_until


@pytest.mark.worker
def test_worker_runs_every_task_of_the_timetable(
    celery_worker: subprocess.Popen[bytes],
) -> None:
    names = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    for name in names:
        celery_app.send_task(name)

    def done() -> dict[str, int]:
        stats = celery_app.control.inspect(timeout=1).stats() or {}
        totals: dict[str, int] = next(iter(stats.values()))["total"] if stats else {}
        return totals

    wait_until(lambda: done() == dict.fromkeys(names, 1))


def test_broker_that_is_down_is_noticed_at_once(var: Path) -> None:
    script = (
        "import time, django; django.setup()\n"
        "from kombu.exceptions import OperationalError\n"
        "from spa import celery_app\n"
        "begun = time.monotonic()\n"
        "try: celery_app.send_task('bookings.tasks.deliver_due', retry=False)\n"
        "except OperationalError: print('down', time.monotonic() - begun < 1)"
    )
    environment = newcomers_environment(
        var, DJANGO_SETTINGS_MODULE="spa.settings", REDIS_URL="redis://127.0.0.1:1/0"
    )
    assert run("-c", script, env=environment).stdout == "down True\n"


def test_mail_server_keeps_what_it_takes_and_may_refuse(smtp: MailServer) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Hello", "a@example.com", "b@example.com"
    message.set_content("Come in ✓")
    with smtplib.SMTP("127.0.0.1", smtp.port) as client:
        client.send_message(message)
        smtp.refuse = True
        with pytest.raises(smtplib.SMTPDataError):
            client.send_message(message)
    (kept,) = smtp.wait_for(1)
    assert (kept["Subject"], kept.get_content().strip()) == ("Hello", "Come in ✓")
