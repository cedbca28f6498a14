"""Background work, one line each."""

from celery import shared_task
from celery.signals import after_task_publish, beat_embedded_init, beat_init
from django.core.management import call_command
from django.utils import timezone

from bookings import actions, delivery
from bookings.actions.heartbeats import note_beat
from bookings.actions.importing import purge_drafts
from bookings.queries import database_now
from services import memory


@shared_task
def deliver_due() -> int:
    """Send every message that is due."""
    return delivery.deliver_due(now=database_now())


@shared_task
def expire_holds() -> int:
    """End the holds whose minutes have run out."""
    return actions.expire_holds(now=timezone.now())


@shared_task
def owe_sheets() -> int:
    """Owe the day sheets of the therapists who want one."""
    return actions.owe_sheets(now=timezone.now())


@shared_task
def purge() -> int:
    """Forget what nobody needs any more: health checks, ended holds, sessions, copies of mail."""
    call_command("clearsessions")
    memory.purge_journal()
    now = timezone.now()
    forgotten = actions.purge_health_checks(now=now) + actions.purge_expired(now=now)
    return forgotten + actions.purge_mail(now=now) + purge_drafts(now=now)


@shared_task(time_limit=3000)
def backup() -> None:
    """Take the nightly backup."""
    call_command("backup")


def _note_beat(**_sent: object) -> None:
    note_beat(now=timezone.now())


@beat_init.connect
@beat_embedded_init.connect
def _show_life_of_beat(**_beat: object) -> None:
    """In beat's own process each sweep that it sends shows that it lives."""
    after_task_publish.connect(_note_beat, sender=deliver_due.name)
