"""What therapists are told by mail: the time, the room, and who comes by first name and initial.

Mail is no room for health, and no place for the name of a treatment: all that is on their page.
"""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.actions.staff_mail import standing
from bookings.models import Appointment, Client, Message
from bookings.models.appointments import UPCOMING
from bookings.words import clock_time, span_in_words
from services.models import SpaProfile

Fact = tuple[str, str]


def initials(client: Client | None) -> str:
    """Cleo B.: as much of a name as tells two people of one day apart."""
    words = client.name.split() if client is not None else []
    if not words:
        return _("Somebody")
    return words[0] if len(words) == 1 else f"{words[0]} {words[-1][0]}."


def day_facts(sheet: Message, *, spa: SpaProfile) -> list[Fact]:
    """The visits of the sheet's day: when, and who comes into which room; two queries."""
    assert sheet.day is not None
    visits = Appointment.objects.on(sheet.day, spa.zone).filter(
        therapist=sheet.therapist, status__in=UPCOMING
    )
    rows = visits.select_related("client", "room").order_by("starts_at")
    return [(_hours(one.starts_local, one.ends_local), _who_and_where(one)) for one in rows]


def change_facts(note: Message, *, now: datetime) -> list[Fact]:
    """What was and what is now of the visit that ``note`` tells its therapist of."""
    visit, today = note.visit, timezone.localdate(now)
    before, after = _span(note.known), _span(_now_hers(note))
    facts = []
    if before:
        facts.append((_("Before"), span_in_words(*before, today)))
    facts.append((_("Now"), span_in_words(*after, today) if after else _gone(visit)))
    if after:
        facts.append((_("Room"), visit.room.name))
    return [*facts, (_("Who"), initials(visit.client)), (_("Reference"), visit.reference)]


def news_in_a_word(note: Message) -> str:
    """New, moved, or no longer in her day."""
    if not note.known:
        return _("A visit is new in your day.")
    if not _now_hers(note):
        return _("A visit is no longer in your day.")
    return _("A visit in your day has moved.")


def moment_for_her(note: Message) -> datetime:
    """The start that matters to the therapist: of the visit, or of the time she has back."""
    span = _now_hers(note) or note.known
    return datetime.fromisoformat(span[0]) if span else note.visit.starts_at


def _now_hers(note: Message) -> Sequence[str]:
    return standing(note.visit).get(note.therapist_id or 0, [])


def _span(known: Sequence[str]) -> tuple[datetime, datetime] | None:
    if not known:
        return None
    starts, ends = (timezone.localtime(datetime.fromisoformat(one)) for one in known)
    return starts, ends


def _gone(visit: Appointment) -> str:
    return _("With somebody else") if visit.status in UPCOMING else _("Cancelled")


def _hours(starts: datetime, ends: datetime) -> str:
    return f"{clock_time(starts)} – {clock_time(ends)}"


def _who_and_where(visit: Appointment) -> str:
    words = {"who": initials(visit.client), "room": visit.room.name}
    if visit.status == Appointment.Status.REQUESTED:
        return _("%(who)s, %(room)s (not confirmed yet)") % words
    return _("%(who)s, %(room)s") % words
