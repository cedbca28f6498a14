"""Links to visit pages."""

import secrets
from datetime import datetime

from django.db import transaction

from bookings.actions.events import Actor, record
from bookings.models import Appointment, VisitLink

TOKEN_BYTES = 24


def issue_visit_link(appointment: Appointment) -> str:
    """Return a fresh key to the visit page of ``appointment``; only its hash is kept.

    Each message and each finished booking carries a key of its own.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    VisitLink.objects.create(appointment=appointment, token_hash=VisitLink.hash(token))
    return token


@transaction.atomic
def revoke_visit_links(*, appointment: Appointment, by: Actor, now: datetime) -> None:
    """Make every key to the visit page of ``appointment`` useless; later messages bring new."""
    appointment.links.filter(revoked_at=None).update(revoked_at=now)
    record(appointment, "links_revoked", by=by, now=now)
