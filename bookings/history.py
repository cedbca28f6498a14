"""What happened to an appointment, in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from bookings.actions.events import ASIDE
from bookings.models import Appointment, Event, Room, Therapist
from bookings.words import moment_in_words

STEPS = ("arrived", "started", "completed", "no_show")
# A booking made at once; from the website these follow a hold.
AT_ONCE = ("booked", "requested")


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

    @property
    def is_step(self) -> bool:
        """Whether it is a step of the visit's day."""
        return self.kind in STEPS


def history_of(appointment: Appointment) -> list[Line]:
    """Return the events of ``appointment`` in words, the latest first; three queries."""
    return histories_of([appointment])[appointment.pk]


def histories_of(appointments: Iterable[Appointment]) -> dict[int, list[Line]]:
    """Return the history of each appointment by its key, the latest event first; three queries."""
    lines: dict[int, list[Line]] = {one.pk: [] for one in appointments}
    rows = Event.objects.filter(appointment__in=lines).select_related("actor")
    events = list(rows.order_by("-at", "-pk"))
    therapists = _names(Therapist.objects.all(), events, "therapist")
    rooms = _names(Room.objects.all(), events, "room")
    for event in events:
        what = _what(event, therapists, rooms)
        line = Line(event.at, _by(event), what, event.reason, event.kind)
        lines[event.appointment_id].append(line)
    return lines


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
    if event.kind == "undone":
        return _undone(event, therapists, rooms)
    if event.kind in AT_ONCE and event.changes.get("status", [""])[0] is None:
        return _("Booked at the desk") if event.kind == "booked" else _("Requested at the desk")
    words = {
        "held": _("Chose the time"),
        "hold_ended": _("The time was given back"),
        "booked": _("Booked"),
        "requested": _("Asked for the visit"),
        "granted": _("Granted the request"),
        "declined": _("Declined the request"),
        "cancelled": _("Cancelled"),
        "arrived": _("Marked as arrived"),
        "started": _("Began the treatment"),
        "completed": _("Marked as completed"),
        "no_show": _("Marked as not come"),
        "expected_again": _("Took the last step back"),
        "health_renewed": _("Answered the health check again"),
        "health_affirmed": _("Said that the health check still holds"),
        "health_asked_again": _("Changed the health questions: to be answered again"),
        "health_withdrawn": _("Health check to be talked about"),
        "health_outdated": _("Earlier health answers no longer hold"),
        "health_consent_withdrawn": _("Deleted the health answers: the agreement was withdrawn"),
        "noted": _("Changed the note of the desk"),
        "stranded": _("Changed hours, time off or treatments: the visit has to be moved"),
        "kept": _("Said that the visit stays as it is"),
        "mail_hurried": _("Sent a mail before its moment"),
        "mail_retried": _("Sent a mail once more that had been given up"),
        "mail_repeated": _("Had a mail sent again"),
        "mail_returned": _("A mail came back"),
        "mail_unwanted": _("A mail was called unwanted"),
        "address_trusted": _("Said that the address works"),
        "answers_asked": _("Asked for the missing answers by mail"),
        "aftercare_stopped": _("Wants no more letters after visits"),
        "aftercare_wanted": _("Wants letters after visits again"),
        "links_revoked": _("Made the links in earlier mails useless"),
        "treatment_note_written": _("Wrote the treatment note"),
        "treatment_note_removed": _("Took the treatment note away"),
        "client_merged": _("Came over from another record of the same client"),
        "client_parted": _("Went back to the client’s own record: two records were parted"),
    }
    return words.get(event.kind, event.kind)


def _undone(event: Event, therapists: dict[int, str], rooms: dict[int, str]) -> str:
    before, after = event.changes.get("status", ["", ""])
    if after == "cancelled":
        return _("Took the booking back: cancelled")
    if before == "confirmed" and after == "requested":
        return _("Took the decision back: a request again")
    words = {
        "cancelled": _("Took the cancellation back"),
        "declined": _("Took the decision back: a request again"),
        "arrived": _("Took the arrival back"),
        "completed": _("Took the completion back"),
        "no_show": _("Took back that nobody came"),
        "confirmed": _("Took the last step again"),
    }
    if before:
        return words.get(before, _("Took the last change back"))
    if "started_at" in event.changes:
        return _("Took the beginning of the treatment back")
    return _("Took the last change back. %(what)s") % {"what": _moved(event, therapists, rooms)}


def _moved(event: Event, therapists: dict[int, str], rooms: dict[int, str]) -> str:
    """What changed of time, person, room and length; only the first part begins a sentence."""
    parts: list[tuple[str, str]] = []
    if "starts_at" in event.changes:
        words = _words(*(_moment(value) for value in event.changes["starts_at"]))
        parts.append((_("Moved from %(before)s to %(after)s") % words, ""))
    if "therapist" in event.changes:
        somebody = _("somebody")
        words = _words(*(therapists.get(key, somebody) for key in event.changes["therapist"]))
        begins = _("Moved from %(before)s to %(after)s") % words
        parts.append((begins, _("from %(before)s to %(after)s") % words))
    if "room" in event.changes:
        words = _words(*(rooms.get(key, "?") for key in event.changes["room"]))
        begins = _("Moved from room %(before)s to %(after)s") % words
        parts.append((begins, _("from room %(before)s to %(after)s") % words))
    parts += _length(event)
    if not parts:
        return _("Moved")
    return ", ".join([parts[0][0], *(follows for _begins, follows in parts[1:])])


def _length(event: Event) -> list[tuple[str, str]]:
    parts = []
    if "minutes" in event.changes:
        words = _words(*(str(minutes) for minutes in event.changes["minutes"]))
        begins = _("Changed from %(before)s to %(after)s minutes") % words
        parts.append((begins, _("now %(after)s instead of %(before)s minutes") % words))
    if "price" in event.changes:
        prices = (number_format(Decimal(price), 2) for price in event.changes["price"])
        price = _("the price from %(before)s to %(after)s") % _words(*prices)
        parts.append((price, price))
    return parts


def _words(before: str, after: str) -> dict[str, str]:
    return {"before": before, "after": after}


def _moment(text: str) -> str:
    return moment_in_words(timezone.localtime(datetime.fromisoformat(text)), timezone.localdate())
