"""What was done to a visit, in the same words wherever it was done."""

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.models import Appointment
from bookings.words import clock_time, moment_in_words


def changed(before: Appointment, after: Appointment) -> str:
    """Cleo: moved to Tuesday 24 November, 11:00 with Noor, 90 minutes long."""
    parts = _parts(before, after)
    if not parts:
        return _("%(name)s: everything stays as it was.") % {"name": after.client}
    return _("%(name)s: %(parts)s.") % {"name": after.client, "parts": ", ".join(parts)}


def cancelled(visit: Appointment) -> str:
    """Cleo: cancelled, Tuesday 24 November, 11:00 with Noor is free again."""
    return _("%(name)s: cancelled, %(when)s with %(therapist)s is free again.") % _named(visit)


def booked(visit: Appointment) -> str:
    """Cleo: booked for Tuesday 24 November, 11:00 with Noor; or asked for it."""
    if visit.status == Appointment.Status.REQUESTED:
        words = _("%(name)s: asked for %(when)s with %(therapist)s; a clearance is needed.")
    else:
        words = _("%(name)s: booked for %(when)s with %(therapist)s.")
    return words % _named(visit)


def mail_about(visit: Appointment) -> str:
    """Whether the client will hear of what was just done.

    Empty where she has no address, or is in the house.
    """
    if visit.status == Appointment.Status.ARRIVED or visit.client is None or not visit.client.email:
        return ""
    if visit.messages.pending().news().exists():
        return _("A mail goes out in a minute, unless you undo it.")
    return _("No mail goes out.")


def _parts(before: Appointment, after: Appointment) -> list[str]:
    words = {**_named(after), "until": clock_time(after.ends_local), "room": after.room}
    moved = before.starts_at != after.starts_at or before.therapist_id != after.therapist_id
    resized = before.minutes != after.minutes
    new_room = before.room_id != after.room_id
    parts = []
    if moved:
        parts.append(_("moved to %(when)s with %(therapist)s") % words)
    if moved and resized:
        long = ngettext("%(minutes)d minute long", "%(minutes)d minutes long", after.minutes)
        parts.append(long % {"minutes": after.minutes})
    elif resized:
        parts.append(_("now until %(until)s with %(therapist)s") % words)
    if new_room:
        parts.append((_("in %(room)s") if parts else _("now in %(room)s")) % words)
    return parts


def _named(visit: Appointment) -> dict[str, object]:
    return {
        "name": visit.client,
        "when": moment_in_words(visit.starts_local, timezone.localdate()),
        "therapist": visit.therapist,
    }
