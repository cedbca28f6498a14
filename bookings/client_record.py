"""All that the desk knows of one client. Reads only, and never the health answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from phonenumber_field.phonenumber import to_python

from bookings.cards import Badge, Card, shown
from bookings.clients import CAME_OR_COMES
from bookings.duplicates import Pair, duplicates_of
from bookings.models import (
    Appointment,
    Client,
    ClientChange,
    ClientMerge,
    Event,
    Message,
    Therapist,
)
from bookings.models.appointments import UPCOMING
from bookings.models.messages import LOST
from services.models import SpaProfile

Status = Appointment.Status
PAST_SHOWN = 12
HABITS_OF = 100
LINES_SHOWN = 12
FAILED_SHOWN = 5
# One visit with Mia is no habit.
HABIT_FROM = 2


@dataclass(frozen=True, slots=True)
class Line:
    """What was done with the record: when, by whom, and what, in words."""

    at: datetime
    by: str
    what: str
    details: list[str]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many visits were given, missed, and called off within the spa's notice.

    ``past`` counts all that are over or off.
    """

    given: int
    missed: int
    called_off_late: int
    past: int


@dataclass(frozen=True, slots=True)
class Habits:
    """What she usually takes and whom she sees, in words; empty where that cannot be said."""

    treatment: str
    therapist: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict of the latest health check and when it was answered."""

    verdict: Badge
    at: datetime


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """A client at one moment; ``past`` holds the latest of ``counts.past``."""

    client: Client
    counts: Counts
    upcoming: list[Card]
    past: list[Card]
    habits: Habits
    checked: Checked | None
    given_up: list[Message]
    lines: list[Line]
    merges: list[ClientMerge]
    pairs: list[Pair]

    @property
    def earlier(self) -> int:
        """How many past visits are not shown."""
        return self.counts.past - len(self.past)


def client_record(client: Client, *, spa: SpaProfile, now: datetime) -> ClientRecord:
    """Return all that the desk may know of ``client``, in eleven queries, however much it is."""
    hers = shown().booked().filter(client=client)
    ahead = Q(status__in=UPCOMING, ends_at__gt=now)
    past = hers.exclude(ahead).order_by("-starts_at", "-pk")
    merges = list(client.merges.select_related("merged", "by", "undone_by"))
    return ClientRecord(
        client=client,
        counts=_counts(client, ahead, spa=spa),
        upcoming=[Card(one, now) for one in hers.filter(ahead)],
        past=[Card(one, now) for one in past[:PAST_SHOWN]],
        habits=_habits(client),
        checked=_checked(client, now),
        given_up=_given_up(client),
        lines=record_lines(client, merges, LINES_SHOWN),
        merges=[one for one in merges if one.undone_at is None],
        pairs=duplicates_of(client),
    )


def _counts(client: Client, ahead: Q, *, spa: SpaProfile) -> Counts:
    found = (
        Appointment.objects.booked()
        .filter(client=client)
        .aggregate(
            given=Count("pk", filter=Q(status=Status.COMPLETED)),
            missed=Count("pk", filter=Q(status=Status.NO_SHOW)),
            past=Count("pk", filter=~ahead),
        )
    )
    notice = timedelta(hours=spa.cancellation_notice_hours)
    late = Event.objects.filter(
        appointment__client=client,
        appointment__status=Status.CANCELLED,
        kind="cancelled",
        at__gt=F("appointment__starts_at") - notice,
    )
    return Counts(**found, called_off_late=late.values("appointment").distinct().count())


def _habits(client: Client) -> Habits:
    rows = Appointment.objects.filter(client=client, status__in=CAME_OR_COMES)
    latest = rows.order_by("-starts_at").values_list(
        "service__name", "option__minutes", "therapist__name"
    )[:HABITS_OF]
    treatments = Counter((service, minutes) for service, minutes, _name in latest)
    therapists = Counter(name for _service, _minutes, name in latest)
    return Habits(_usual(treatments), _preferred(client, therapists))


def _usual(treatments: "Counter[tuple[str, int]]") -> str:
    if not treatments:
        return ""
    (service, minutes), count = treatments.most_common(1)[0]
    if count < HABIT_FROM:
        return ""
    words = ngettext("%(service)s, %(n)d minute", "%(service)s, %(n)d minutes", minutes)
    return words % {"service": service, "n": minutes}


def _preferred(client: Client, therapists: "Counter[str]") -> str:
    if client.preferred_therapist is not None:
        return client.preferred_therapist.name
    name, count = therapists.most_common(1)[0] if therapists else ("", 0)
    often = count >= HABIT_FROM and 2 * count > therapists.total()
    return _("mostly %(name)s") % {"name": name} if often else ""


def _checked(client: Client, now: datetime) -> Checked | None:
    rows = shown().booked().filter(client=client, health_check__isnull=False)
    latest = rows.order_by("-health_check__given_at", "-starts_at").first()
    if latest is None or latest.health_check is None:
        return None
    verdict = Card(latest, now).verdict
    return Checked(verdict, latest.health_check.given_at) if verdict else None


def _given_up(client: Client) -> list[Message]:
    rows = Message.objects.filter(appointment__client=client, state__in=LOST)
    return list(rows.select_related("appointment").order_by("-due_at", "-pk")[:FAILED_SHOWN])


def record_lines(
    client: Client, merges: Sequence[ClientMerge], most: int | None = None
) -> list[Line]:
    """What was done with the record, the latest first; two queries."""
    changes = list(client.changes.select_related("by")[:most])
    therapists = dict(Therapist.objects.values_list("pk", "name"))
    lines = [_change(one, therapists) for one in changes]
    for one in merges:
        who = {"name": one.merged.name}
        lines.append(Line(one.at, _who(one.by), _("Merged with %(name)s") % who, []))
        if one.undone_at:
            parted = _("Parted from %(name)s again") % who
            lines.append(Line(one.undone_at, _who(one.undone_by), parted, []))
    return sorted(lines, key=lambda line: line.at, reverse=True)[:most]


def _change(change: ClientChange, therapists: dict[int, str]) -> Line:
    details = []
    if change.kind == ClientChange.Kind.CHANGED:
        details = [
            _detail(field, before, after, therapists)
            for field, (before, after) in change.values.items()
        ]
    return Line(change.at, _who(change.by), change.get_kind_display(), details)


def _detail(field: str, before: Any, after: Any, therapists: dict[int, str]) -> str:
    names = {
        "name": _("Name"),
        "email": _("E-mail"),
        "phone": _("Phone"),
        "preferred_therapist_id": _("Preferred therapist"),
        "note": _("Note"),
    }
    words = {"field": names.get(field, field)}
    if field == "note":
        return _("%(field)s rewritten") % words
    if field == "preferred_therapist_id":
        before, after = therapists.get(before, ""), therapists.get(after, "")
    if field == "phone":
        before, after = _number(before), _number(after)
    words |= {"before": before or _("none"), "after": after or _("none")}
    return _("%(field)s: %(before)s → %(after)s") % words


def _number(text: str) -> str:
    number = to_python(text)
    return number.as_international if number else text


def _who(user: Any) -> str:
    return user.get_short_name() or user.get_username() if user else _("somebody")
