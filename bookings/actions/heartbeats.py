"""Signs of life of worker and beat."""

import logging
from datetime import datetime

from django.db import DatabaseError, close_old_connections

from bookings.models import Heartbeat

log = logging.getLogger(__name__)


def note_heartbeat(*, of: str, now: datetime) -> None:
    """Note that a worker or a beat is at work; one statement."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(of=of, at=now)],
        update_conflicts=True,
        unique_fields=["of"],
        update_fields=["at"],
    )


def note_beat(*, now: datetime) -> None:
    """Note that beat has sent a sweep; without the database it goes on all the same."""
    try:
        close_old_connections()
        note_heartbeat(of=Heartbeat.Of.BEAT, now=now)
    except DatabaseError as error:
        log.warning("The beat could not be noted: %s", type(error).__name__)
