"""Who did it, and the record of what was done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User

from bookings.models import Appointment, Event

# Events that leave the visit itself, and so its sequence, as it was: the change before them is
# still the latest.
ASIDE = (
    "address_trusted",
    "aftercare_stopped",
    "aftercare_wanted",
    "answers_asked",
    "client_merged",
    "client_parted",
    "health_affirmed",
    "health_asked_again",
    "health_outdated",
    "links_revoked",
    "mail_hurried",
    "mail_repeated",
    "mail_retried",
    "mail_returned",
    "mail_unwanted",
    "kept",
    "noted",
    "stranded",
    "treatment_note_removed",
    "treatment_note_written",
)


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts: a client by her link, a member of staff, or the system itself."""

    kind: str
    user: Any = None


CLIENT = Actor(Event.ActorKind.CLIENT)
SYSTEM = Actor(Event.ActorKind.SYSTEM)


def staff(user: User) -> Actor:
    """The member of staff who is logged in."""
    return Actor(Event.ActorKind.STAFF, user)


def record(
    appointment: Appointment,
    kind: str,
    *,
    by: Actor,
    now: datetime,
    changes: Mapping[str, tuple[Any, Any]] | None = None,
    reason: str = "",
) -> Event:
    """Write one event; ``changes`` maps a field to its value before and after.

    What stayed as it was is left out.
    """
    plain = {
        name: [_plain(old), _plain(new)]
        for name, (old, new) in (changes or {}).items()
        if old != new
    }
    return Event.objects.create(
        appointment=appointment,
        at=now,
        actor_kind=by.kind,
        actor=by.user,
        kind=kind,
        changes=plain,
        reason=reason[:300],
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value if isinstance(value, str | int | bool | None) else str(value)
