"""What happened to an appointment, in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.actions.events import ASIDE
from bookings.models import Appointment, Event, Room, Therapist
from bookings.words import moment_in_words


@dataclass(frozen=True, slots=True)
class Line:
    """One event: when, by whom, what, and the reason given."""

    at: datetime
    by: str
    what: str
    reason: str
    kind: str

    @property
    def is_change(self) -> bool:
        """Whether a page from before it is stale."""
        return self.kind not in ASIDE


def history_of(appointment: Appointment) -> list[Line]:
    """Return the events of ``appointment`` in words, the latest first; three queries."""
    events = list(appointment.events.select_related("actor").order_by("-at", "-pk"))
    therapists = _names(Therapist.objects.all(), events, "therapist")
    rooms = _names(Room.objects.all(), events, "room")
    return [
        Line(event.at, _by(event), _what(event, therapists, rooms), event.reason, event.kind)
        for event in events
    ]


def _names(rows: Any, events: Iterable[Event], field: str) -> dict[int, str]:
    keys = {pk for event in events for pk in event.changes.get(field, []) if pk is not None}
    return dict(rows.filter(pk__in=keys).values_list("pk", "name"))


def _by(event: Event) -> str:
    if event.actor is not None:
        return event.actor.get_short_name() or event.actor.get_username()
    kinds = {"client": _("the client"), "staff": _("the desk"), "system": _("the system")}
    return kinds.get(event.actor_kind, event.actor_kind)


def _what(event: Event, therapists: dict[int, str], rooms: dict[int, str]) -> str:
    if event.kind == "moved":
        return _moved(event, therapists, rooms)
    words = {
        "held": _("Chose the time"),
        "hold_ended": _("The time was given back"),
        "booked": _("Booked"),
        "requested": _("Asked for the visit"),
        "granted": _("Granted the request"),
        "declined": _("Declined the request"),
        "cancelled": _("Cancelled"),
        "arrived": _("Marked as arrived"),
        "completed": _("Marked as completed"),
        "no_show": _("Marked as not come"),
        "expected_again": _("Took the last step back"),
        "health_renewed": _("Answered the health check again"),
        "health_affirmed": _("Said that the health check still holds"),
        "health_withdrawn": _("Health check to be talked about"),
        "links_revoked": _("Made the links in earlier mails useless"),
        "treatment_note_written": _("Wrote the treatment note"),
        "treatment_note_removed": _("Took the treatment note away"),
        "client_merged": _("Came over from another record of the same client"),
        "client_parted": _("Went back to the client’s own record: two records were parted"),
    }
    return words.get(event.kind, event.kind)


def _moved(event: Event, therapists: dict[int, str], rooms: dict[int, str]) -> str:
    parts = []
    before, after = event.changes.get("starts_at", [None, None])
    if before != after and before and after:
        parts.append(
            _("Moved from %(before)s to %(after)s")
            % {"before": _moment(before), "after": _moment(after)}
        )
    for field, names, words in (
        ("therapist", therapists, _("from %(before)s to %(after)s")),
        ("room", rooms, _("from room %(before)s to %(after)s")),
    ):
        before, after = event.changes.get(field, [None, None])
        if before != after:
            unknown = _("somebody") if field == "therapist" else "?"
            parts.append(
                words % {"before": names.get(before, unknown), "after": names.get(after, unknown)}
            )
    return ", ".join(parts) or _("Moved")


def _moment(text: str) -> str:
    return moment_in_words(timezone.localtime(datetime.fromisoformat(text)), timezone.localdate())
