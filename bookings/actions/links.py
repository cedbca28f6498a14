"""Links to visit pages."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from bookings.actions.events import Actor, record
from bookings.models import Appointment, VisitLink

TOKEN_BYTES = 24


def new_token() -> str:
    """Return a fresh key, which opens nothing yet."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def issue_visit_link(appointment: Appointment) -> str:
    """Return a fresh key to the visit page of ``appointment``; only its hash is kept.

    Each message and each finished booking carries a key of its own.
    """
    [token] = issue_visit_links([appointment])
    return token


def issue_visit_links(appointments: Sequence[Appointment]) -> list[str]:
    """Return a fresh key to the visit page of each of ``appointments``; one query."""
    tokens = [secrets.token_urlsafe(TOKEN_BYTES) for _visit in appointments]
    VisitLink.objects.bulk_create(
        VisitLink(appointment=visit, token_hash=VisitLink.hash(token))
        for visit, token in zip(appointments, tokens, strict=True)
    )
    return tokens


@transaction.atomic
def revoke_visit_links(*, appointment: Appointment, by: Actor, now: datetime) -> None:
    """Make every key to the visit page of ``appointment`` useless; later messages bring new."""
    if appointment.links.filter(revoked_at=None).update(revoked_at=now):
        record(appointment, "links_revoked", by=by, now=now)
