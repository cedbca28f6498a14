"""A change of a time off, signed, so that it can be handed out and taken back later."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.urls import reverse

from bookings.actions import BookingError
from bookings.models import TimeOff
from bookings.views.panel import Undo

SALT = "time-off-undo"


@dataclass(frozen=True)
class Change:
    """How a time off stood before and after; ``None`` where there was none."""

    before: TimeOff | None
    after: TimeOff | None

    @property
    def known(self) -> TimeOff:
        """The time off as it was left, or as it was before it was removed."""
        known = self.after or self.before
        assert known is not None
        return known

    @property
    def signed(self) -> str:
        """The change as text that only this site can have written."""
        return signing.dumps([_plain(self.before), _plain(self.after)], salt=SALT)

    @property
    def undo(self) -> Undo:
        """What the calendar sends to take the change back."""
        return Undo(reverse("bookings:desk_time_off_undo"), {"change": self.signed})

    @classmethod
    def read(cls, sent: Mapping[str, Any]) -> "Change":
        """The change that was handed out; raises ``BookingError`` for anything else."""
        try:
            before, after = signing.loads(str(sent.get("change", "")), salt=SALT)
        except (signing.BadSignature, UnicodeError) as error:
            raise BookingError from error
        return cls(_row(before), _row(after))


def _plain(off: TimeOff | None) -> list[Any] | None:
    if off is None:
        return None
    times = [one.isoformat() for one in (off.starts_at, off.ends_at)]
    return [off.pk, off.therapist_id, *times, off.reason]


def _row(plain: list[Any] | None) -> TimeOff | None:
    if plain is None:
        return None
    key, therapist, starts, ends, reason = plain
    return TimeOff(
        pk=key,
        therapist_id=therapist,
        starts_at=datetime.fromisoformat(starts),
        ends_at=datetime.fromisoformat(ends),
        reason=reason,
    )
