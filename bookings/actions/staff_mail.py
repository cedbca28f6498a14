"""Mail to therapists: short notes on late changes, and a sheet of the day for those who want one.

A note remembers what the therapist knew before. Where nothing is different for her by the time it
goes out, it is void: several changes make one note, and what was taken back makes none.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from bookings.actions.events import Actor
from bookings.actions.outbox import is_on_its_way
from bookings.actions.quiet import awake, grace_of, quiet_hours
from bookings.models import Appointment, Message, Therapist
from bookings.models.appointments import UPCOMING
from bookings.models.messages import MessageQuerySet
from bookings.timing import moment_on
from services.models import SpaProfile

Kind = Message.Kind
# The start and end of a visit, in ISO 8601 and UTC.
Span = list[str]


def standing(visit: Appointment) -> dict[int, Span]:
    """Whose visit it is, by the therapist's key, and when; empty where it does not take place."""
    if visit.status not in UPCOMING:
        return {}
    ends = (visit.starts_at, visit.ends_at)
    return {visit.therapist_id: [one.astimezone(UTC).isoformat() for one in ends]}


def note_late_change(
    visit: Appointment,
    *,
    before: Mapping[int, Span],
    by: Actor,
    spa: SpaProfile,
    now: datetime,
    is_new: bool = False,
) -> None:
    """Owe a note to each therapist whose day has changed at short notice.

    ``before`` is the ``standing`` of the visit before the change. Who made the change herself
    gets none. A note that waits already tells of this change too; one on its way may not. About a
    visit that ``is_new`` none waits.
    """
    # Locked: from here on no worker begins to send one of them.
    waiting = [] if is_new else list(_waiting_about(visit).select_for_update())
    if waiting:
        _waiting_about(visit).update(sequence=visit.sequence)
    after = standing(visit)
    concerned = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    soonest = _soonest(before, after, concerned, now)
    late = timedelta(hours=spa.late_change_hours)
    if not spa.therapist_notes or soonest is None or soonest - now > late:
        return
    due_at, at_any_hour = awake(now + grace_of(by), before=soonest, spa=spa)
    told = Therapist.objects.filter(pk__in=concerned, wants_notes=True, active=True)
    if by.user is not None:
        told = told.exclude(user=by.user)
    notes = [
        Message(
            appointment=visit,
            therapist=therapist,
            kind=Kind.THERAPIST_NOTE,
            sequence=visit.sequence,
            known=before.get(therapist.pk, []),
            due_at=due_at,
            at_any_hour=at_any_hour,
        )
        for therapist in told.exclude(email="")
    ]
    _make_room(waiting, notes, now)
    Message.objects.bulk_create(notes, ignore_conflicts=True)


def _waiting_about(visit: Appointment) -> MessageQuerySet:
    return visit.messages.pending().filter(kind=Kind.THERAPIST_NOTE)


def _make_room(waiting: Iterable[Message], notes: Iterable[Message], now: datetime) -> None:
    """Let each of ``notes`` be owed although one to the same therapist is being sent.

    That one may say what was true a moment ago. It is sent once it has gone out all the same.
    """
    to = {note.therapist_id for note in notes}
    for note in waiting:
        if note.therapist_id in to and is_on_its_way(note, now):
            # Its own sequence is kept (as read before the update): the new note takes the latest.
            note.state = Message.State.VOID
            note.save(update_fields=["state", "sequence"])


def _soonest(
    before: Mapping[int, Span], after: Mapping[int, Span], keys: set[int], now: datetime
) -> datetime | None:
    """The nearest start to come, former or new, of the visits of the therapists ``keys``."""
    spans = [one[key] for one in (before, after) for key in keys if key in one]
    starts = [datetime.fromisoformat(span[0]) for span in spans]
    return min((start for start in starts if start > now), default=None)


def owe_sheets(*, now: datetime) -> int:
    """Owe the sheets of the coming day to those who want one and have visits on it.

    From the owners' hour on it is tomorrow's, before it today's, should that be missing still.
    Asked again, it owes nothing twice. Returns how many were owed anew.
    """
    spa = SpaProfile.load()
    if not spa.therapist_sheets:
        return 0
    today = now.astimezone(spa.zone).date()
    is_evening = now >= moment_on(today, spa.sheets_at, spa.zone)
    day = today + timedelta(days=1) if is_evening else today
    visits = Appointment.objects.on(day, spa.zone).filter(status__in=UPCOMING, ends_at__gt=now)
    wanting = Therapist.objects.active().filter(wants_sheet=True).exclude(email="")
    known = Message.objects.filter(kind=Kind.THERAPIST_SHEET, day=day).values("therapist")
    sheets = [
        Message(
            therapist=therapist,
            day=day,
            kind=Kind.THERAPIST_SHEET,
            due_at=quiet_hours(spa).wait_out(now),
        )
        for therapist in wanting.filter(pk__in=visits.values("therapist")).exclude(pk__in=known)
    ]
    return len(Message.objects.bulk_create(sheets, ignore_conflicts=True))


def is_news_to_her(message: Message, *, spa: SpaProfile, now: datetime) -> bool:
    """Whether a note or a sheet still tells its therapist something she wants to know."""
    therapist = message.therapist
    # Who has left since it was owed must not read who comes.
    if therapist is None or not therapist.active or not therapist.email:
        return False
    if message.kind == Kind.THERAPIST_SHEET:
        return therapist.wants_sheet and spa.therapist_sheets and _has_visits(message, spa, now)
    is_now = standing(message.visit).get(therapist.pk, [])
    return therapist.wants_notes and spa.therapist_notes and is_now != message.known


def _has_visits(sheet: Message, spa: SpaProfile, now: datetime) -> bool:
    assert sheet.day is not None
    visits = Appointment.objects.on(sheet.day, spa.zone).filter(therapist=sheet.therapist)
    return visits.filter(status__in=UPCOMING, ends_at__gt=now).exists()
