"""What the spa owes to whom: rows written in the transaction of the change they tell of."""

from datetime import datetime, timedelta
from functools import partial

from celery import current_app
from django.db import transaction

from bookings.models import Appointment, Message
from services.models import SpaProfile


def owe(
    appointment: Appointment, kind: str, *, due_at: datetime, lead_hours: int = 0
) -> Message | None:
    """Owe the client one message; without an address nothing is owed."""
    assert appointment.client is not None
    if not appointment.client.email:
        return None
    message, _created = Message.objects.get_or_create(
        appointment=appointment,
        kind=kind,
        lead_hours=lead_hours,
        sequence=appointment.sequence,
        defaults={"due_at": due_at},
    )
    return message


def owe_reminders(appointment: Appointment, *, spa: SpaProfile, now: datetime) -> None:
    """Owe the reminders whose moment is still to come.

    A visit booked inside a lead time gets no reminder for it: the confirmation has just said so.
    """
    for lead in spa.reminder_lead_hours:
        due_at = appointment.starts_at - timedelta(hours=lead)
        if due_at > now:
            owe(appointment, Message.Kind.REMINDER, due_at=due_at, lead_hours=lead)


def drop_waiting(appointment: Appointment) -> None:
    """Void what has not been sent yet; it speaks of a state that is gone."""
    appointment.messages.pending().update(state=Message.State.VOID)


def nudge() -> None:
    """Ask a worker to deliver as soon as this transaction is committed.

    The sweep sends everything within a minute all the same, so a broker that does not answer
    costs promptness and never the booking.
    """
    transaction.on_commit(
        partial(current_app.send_task, "bookings.tasks.deliver_due", retry=False), robust=True
    )
