"""Links to visit pages."""

import secrets
from datetime import datetime

from bookings.models import Appointment, VisitLink

TOKEN_BYTES = 24


def issue_visit_link(appointment: Appointment) -> str:
    """Return a fresh key to the visit page of ``appointment``; only its hash is kept.

    Each message and each finished booking carries a key of its own.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    VisitLink.objects.create(appointment=appointment, token_hash=VisitLink.hash(token))
    return token


def revoke_visit_links(*, appointment: Appointment, now: datetime) -> None:
    """Make every key to the visit page of ``appointment`` useless."""
    appointment.links.filter(revoked_at=None).update(revoked_at=now)
