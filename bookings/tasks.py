"""Background work, one line each."""

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from bookings import actions, delivery


@shared_task
def deliver_due() -> int:
    """Send every message that is due."""
    return delivery.deliver_due(now=timezone.now())


@shared_task
def expire_holds() -> int:
    """End the holds whose minutes have run out."""
    return actions.expire_holds(now=timezone.now())


@shared_task
def purge() -> int:
    """Forget what nobody needs any more: unused health checks, ended holds, old sessions."""
    call_command("clearsessions")
    return actions.purge_health_checks(now=timezone.now()) + actions.purge_expired(
        now=timezone.now()
    )
