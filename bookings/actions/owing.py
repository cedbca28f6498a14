"""What the spa owes to whom and when: rows written in the transaction of the change.

News tell of a change. What is ``TIMED`` is owed with them and has a moment of its own. Whatever
has become untrue is void, here or when it is about to be sent. ``outbox`` sends it all.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q

from bookings.actions.asking import lacks_answers, open_questions
from bookings.actions.bounces import is_unwanted
from bookings.actions.events import Actor
from bookings.actions.outbox import is_on_its_way, nudge
from bookings.actions.quiet import MAIL_GRACE, awake, grace_of, quiet_hours
from bookings.actions.staff_mail import is_news_to_her
from bookings.models import Appointment, Event, Message
from bookings.models.appointments import AppointmentQuerySet
from bookings.models.health import HEALTH_ANSWERS
from bookings.models.messages import TIMED, TO_THERAPISTS
from bookings.timing import (
    REST,
    TO_ACT,
    aftercare_moment,
    clearance_moments,
    decision_due,
    preparation_moment,
    reminder_moments,
)
from services.models import SpaProfile

Kind = Message.Kind
Status = Appointment.Status

# A message is true as long as its appointment is in one of these.
TELLS_OF: dict[str, set[str]] = {
    Kind.CONFIRMATION: {Status.CONFIRMED, Status.ARRIVED},
    Kind.REQUEST_RECEIVED: {Status.REQUESTED},
    Kind.CLEARANCE_NEEDED: {Status.REQUESTED},
    Kind.CLEARANCE_EXPIRING: {Status.REQUESTED},
    Kind.GRANTED: {Status.CONFIRMED, Status.ARRIVED},
    Kind.DECLINED: {Status.DECLINED},
    Kind.CHANGED: {Status.REQUESTED, Status.CONFIRMED, Status.ARRIVED},
    Kind.CANCELLED: {Status.CANCELLED},
    Kind.REMINDER: {Status.CONFIRMED},
    Kind.PREPARATION: {Status.CONFIRMED},
    Kind.WAITING_FOR_ANSWER: {Status.REQUESTED, Status.CONFIRMED},
    Kind.AFTERCARE: {Status.ARRIVED, Status.COMPLETED},
}
FIRST_NEWS: dict[str, str] = {
    Status.CONFIRMED: Kind.CONFIRMATION,
    Status.REQUESTED: Kind.REQUEST_RECEIVED,
}
NEVER_TOO_LATE = {Kind.DECLINED, Kind.CANCELLED}
# Later than this after the visit nobody wants to hear how to rest.
AFTERCARE_LASTS = timedelta(days=1)
# What makes a message the same message (the constraint message_once_per_change).
ONCE = ["appointment", "kind", "lead_hours", "sequence", "therapist", "day", "again"]
# How often a letter looks whether the desk has said by now that its visit took place.
LOOK_AGAIN = timedelta(minutes=30)

# What comes back with an undo is still of use this long after its moment.
LATE_REMINDER = timedelta(hours=1)


def owe(
    appointment: Appointment,
    kind: str,
    *,
    due_at: datetime,
    lead_hours: int = 0,
    at_any_hour: bool = False,
) -> None:
    """Owe the client one message, unless it is owed already; without an address nothing is."""
    _write(_owed(appointment, kind, due_at=due_at, lead_hours=lead_hours, at_any_hour=at_any_hour))


def _owed(
    appointment: Appointment,
    kind: str,
    *,
    due_at: datetime,
    lead_hours: int = 0,
    at_any_hour: bool = False,
) -> list[Message]:
    assert appointment.client is not None
    if not appointment.client.email:
        return []
    owed = Message(
        appointment=appointment,
        kind=kind,
        lead_hours=lead_hours,
        sequence=appointment.sequence,
        due_at=due_at,
        at_any_hour=at_any_hour,
    )
    return [owed]


def _write(owed: list[Message]) -> None:
    # Only the very same message is passed over: another that still waits would be a fault here.
    Message.objects.bulk_create(
        owed, update_conflicts=True, update_fields=["kind"], unique_fields=ONCE
    )


def tell(appointment: Appointment, kind: str, *, by: Actor, spa: SpaProfile, now: datetime) -> None:
    """Owe the news of a change: at once what the client did herself, after a while the staff's.

    The staff's wait out the quiet hours as well, unless the visit is too near for that.
    """
    _write(_news(appointment, kind, by=by, spa=spa, now=now))


def tell_of_new(
    appointment: Appointment,
    kind: str,
    *,
    by: Actor,
    spa: SpaProfile,
    now: datetime,
    is_first: bool | None = None,
) -> None:
    """Owe the first news of a new visit and all that follows (see ``owe_later``), in one go.

    ``is_first`` tells whether it is its client's first, where that is known.
    """
    first = None if is_first is None else {appointment.pk} if is_first else set()
    later = timed([appointment], spa, now, first=first)
    _write(_news(appointment, kind, by=by, spa=spa, now=now) + later)


def _news(
    appointment: Appointment, kind: str, *, by: Actor, spa: SpaProfile, now: datetime
) -> list[Message]:
    if by.kind != Event.ActorKind.STAFF:
        nudge()
        return _owed(appointment, kind, due_at=now, at_any_hour=True)
    due_at, at_any_hour = awake(now + grace_of(by), before=appointment.starts_at, spa=spa)
    return _owed(appointment, kind, due_at=due_at, at_any_hour=at_any_hour)


def owe_later(appointment: Appointment, *, spa: SpaProfile, now: datetime) -> None:
    """Owe what has a moment of its own, as far as that is still to come.

    A visit booked inside a lead time gets no reminder for it: the confirmation has just said so.
    """
    Message.objects.bulk_create(timed([appointment], spa, now), ignore_conflicts=True)


def catch_up(visits: Iterable[int], *, now: datetime) -> None:
    """Owe what was not owed for want of an address, for those of ``visits`` (keys) to come.

    Each such visit gets its first news, unless there were some, and what follows. Five queries,
    and one for the spa.
    """
    keys = Appointment.objects.filter(pk__in=list(visits), starts_at__gt=now).order_by("pk")
    found = keys.filter(status__in=FIRST_NEWS).select_related("client", "service", "health_check")
    rows = list(found.defer(*HEALTH_ANSWERS).select_for_update(of=("self",), no_key=True))
    if not rows:
        return
    spa = SpaProfile.load()
    # What was void for want of an address has told nothing.
    told = Message.objects.news().filter(appointment__in=rows).exclude(state=Message.State.VOID)
    known = set(told.values_list("appointment_id", flat=True))
    owed_at = quiet_hours(spa).wait_out(now + MAIL_GRACE)
    _revive([visit.pk for visit in rows if visit.pk not in known], due_at=owed_at)
    owed = [
        Message(
            appointment=visit,
            kind=FIRST_NEWS[visit.status],
            sequence=visit.sequence,
            due_at=owed_at,
        )
        for visit in rows
        if visit.pk not in known
    ]
    # What is owed already stays as it is.
    Message.objects.bulk_create([*owed, *timed(rows, spa, now)], ignore_conflicts=True)


def _revive(visits: list[int], *, due_at: datetime) -> None:
    """Owe the first news of ``visits`` (keys) again that became void; they cannot be owed anew.

    A claim stays: what a worker is sending meanwhile must not be sent by another.
    """
    void = Message.objects.news().filter(appointment__in=visits, state=Message.State.VOID)
    void = void.filter(kind__in=FIRST_NEWS.values(), again=0, sequence=F("appointment__sequence"))
    void.update(state=Message.State.PENDING, due_at=due_at, at_any_hour=False)


def catch_up_questions(visits: AppointmentQuerySet, *, now: datetime) -> None:
    """Owe the questions that ``visits`` have to answer anew; four queries for any number."""
    asked = visits.select_related("client", "health_check").defer(*HEALTH_ANSWERS)
    rows = list(asked.exclude(client__email=""))
    owed = open_questions(rows, spa=SpaProfile.load(), now=now) if rows else []
    Message.objects.bulk_create(owed, ignore_conflicts=True)


def drop_waiting(appointment: Appointment) -> None:
    """Void what the client has not been sent yet; it speaks of a state that is gone."""
    appointment.messages.pending().to_client().update(state=Message.State.VOID)


def carry_over(appointment: Appointment, *, now: datetime) -> None:
    """Owe news that have not been sent yet anew, for a change that has no mail of its own.

    They tell of the visit as it is when they are sent. What a worker is just sending stays as it
    is: owed anew it would come twice.
    """
    # Locked: from here on no worker begins to send one of them.
    waiting = list(appointment.messages.pending().news().select_for_update())
    begun = [message.pk for message in waiting if is_on_its_way(message, now)]
    to_client = appointment.messages.pending().to_client()
    to_client.filter(pk__in=begun).update(sequence=appointment.sequence)
    to_client.exclude(pk__in=begun).update(state=Message.State.VOID)
    for message in waiting:
        if message.pk not in begun:
            _owe_again(appointment, message)


def take_back(
    appointment: Appointment, *, correction: str, by: Actor, spa: SpaProfile, now: datetime
) -> None:
    """Undo what the last change owed; ``appointment`` has the sequence after the undo.

    What has not gone out is void, and what it had made void is owed again. Where the wrong news
    may have gone out, ``correction`` is owed instead of older news.
    """
    wrong = appointment.sequence - 1
    # Locked: from here on no worker begins to send one of them.
    sent_by_now = appointment.messages.to_client().select_for_update().filter(sequence=wrong)
    told = any(
        message.state == Message.State.SENT or is_on_its_way(message, now)
        for message in sent_by_now
    )
    drop_waiting(appointment)
    voided = appointment.messages.to_client().filter(sequence=wrong - 1, state=Message.State.VOID)
    for message in voided.order_by("pk"):
        if message.kind in TIMED and message.due_at > now - LATE_REMINDER:
            _owe_again(appointment, message)
        if message.kind not in TIMED and not told:
            _owe_again(appointment, message)
    if told:
        tell(appointment, correction, by=by, spa=spa, now=now)


def follow(appointment: Appointment) -> None:
    """Let what has not been sent yet tell of the latest sequence: its news still stand."""
    appointment.messages.pending().update(sequence=appointment.sequence)


def ask_no_more(appointment: Appointment) -> None:
    """Void what asks for answers that have just been given."""
    appointment.messages.pending().filter(kind=Kind.WAITING_FOR_ANSWER).update(
        state=Message.State.VOID
    )


def is_still_true(message: Message, *, now: datetime) -> bool:
    """Whether the message tells of its appointment as it is, to somebody who can be written to."""
    if message.kind in TO_THERAPISTS:
        return is_news_to_her(message, spa=SpaProfile.load(), now=now)
    visit = message.visit
    return (
        message.sequence == visit.sequence
        and (visit.status in TELLS_OF[message.kind] or _awaits_the_desk(message))
        and is_in_time(message, now)
        and bool(message.address)
        and _is_of_use(message, now)
    )


def _awaits_the_desk(message: Message) -> bool:
    """Whether it thanks for a visit of which nobody has said yet whether it took place."""
    return message.kind == Kind.AFTERCARE and message.visit.status == Status.CONFIRMED


def is_in_time(message: Message, now: datetime) -> bool:
    """Whether it is not too late to send it."""
    if message.kind == Kind.AFTERCARE:
        return now < message.visit.ends_at + AFTERCARE_LASTS
    if message.kind in (Kind.CLEARANCE_NEEDED, Kind.CLEARANCE_EXPIRING):
        return now < _call_by(message.visit, now)
    return message.kind in NEVER_TOO_LATE or now < message.visit.starts_at


def _call_by(visit: Appointment, now: datetime) -> datetime:
    """The moment by which a letter about an open request asks its client to call."""
    return decision_due(
        visit.starts_at,
        asked_at=visit.created_at or now,
        notice_hours=SpaProfile.load().cancellation_notice_hours,
    )


def _is_of_use(message: Message, now: datetime) -> bool:
    visit = message.visit
    if message.kind == Kind.REMINDER:
        return message.at_any_hour or not _is_overtaken(message, now)
    if message.kind == Kind.PREPARATION:
        return _is_wanted(message) and visit.pk in first_visits([visit])
    if message.kind == Kind.AFTERCARE:
        wanted = visit.client is not None and visit.client.aftercare_stopped_at is None
        return (
            wanted
            and _is_wanted(message)
            and not _has_thanked(message)
            and not is_unwanted(message.address)
        )
    if message.kind == Kind.WAITING_FOR_ANSWER:
        return lacks_answers(visit, spa=SpaProfile.load())
    return True


def _is_wanted(letter: Message) -> bool:
    """Whether there is something to say, and the owners want it said unless the desk asks."""
    service = letter.visit.service
    if letter.kind == Kind.PREPARATION:
        words, switch = service.preparation, "preparation_letters"
    else:
        words, switch = service.aftercare, "aftercare_letters"
    return bool(words) and (letter.at_any_hour or getattr(SpaProfile.load(), switch))


def _has_thanked(letter: Message) -> bool:
    """Whether the visit had its letter, be it before a step back; the desk may repeat it."""
    thanked = letter.visit.messages.filter(kind=Kind.AFTERCARE, state=Message.State.SENT)
    return letter.again == 0 and thanked.exclude(pk=letter.pk).exists()


def _is_overtaken(reminder: Message, now: datetime) -> bool:
    """Whether another letter about the same visit has just said it, or a nearer one will.

    After a night without a worker the latest of them is enough.
    """
    same = Message.objects.to_client().filter(
        appointment=reminder.visit.pk, sequence=reminder.sequence
    )
    nearer = Q(state=Message.State.PENDING, kind=Kind.REMINDER, due_at__lt=now + REST)
    nearer &= Q(lead_hours__lt=reminder.lead_hours)
    sent = Q(state=Message.State.SENT, sent_at__gt=now - REST)
    # A question is no reminder.
    sent &= ~Q(kind=Kind.WAITING_FOR_ANSWER)
    if same.exclude(pk=reminder.pk).filter(nearer | sent).exists():
        return True
    prepares = same.pending().filter(kind=Kind.PREPARATION, due_at__lt=now + REST).first()
    return prepares is not None and _is_of_use(prepares, now)


def held_back_until(message: Message, *, spa: SpaProfile, now: datetime) -> datetime | None:
    """When to look at ``message`` again where it has to wait; ``None`` where it may go.

    It waits for the end of the quiet hours, or for the desk.
    """
    if _awaits_the_desk(message):
        return now + LOOK_AGAIN
    stretch = None if message.at_any_hour else quiet_hours(spa).around(now)
    if stretch is None:
        return None
    is_news = message.kind not in TIMED and message.appointment is not None
    if is_news and stretch[1] > message.visit.starts_at - TO_ACT:
        return None
    return stretch[1]


def visits_that_count() -> AppointmentQuerySet:
    """Those after which another visit is not a client's first."""
    counted = [Status.REQUESTED, Status.CONFIRMED, Status.ARRIVED, Status.COMPLETED]
    return Appointment.objects.filter(status__in=counted)


def first_visits(visits: Iterable[Appointment]) -> set[int]:
    """The keys of those before which their client had no other visit; one query."""
    earlier = visits_that_count().filter(
        client=OuterRef("client"), starts_at__lt=OuterRef("starts_at")
    )
    rows = Appointment.objects.filter(pk__in=[one.pk for one in visits])
    return set(rows.filter(~Exists(earlier)).values_list("pk", flat=True))


def _owe_again(appointment: Appointment, message: Message) -> None:
    owe(
        appointment,
        message.kind,
        due_at=message.due_at,
        lead_hours=message.lead_hours,
        at_any_hour=message.at_any_hour,
    )


def timed(
    visits: list[Appointment], spa: SpaProfile, now: datetime, *, first: set[int] | None = None
) -> list[Message]:
    """What is owed later for each of ``visits``; three queries at most.

    ``first`` holds the keys of those that are their client's first, where that is known.
    """
    written_to = [one for one in visits if one.client is not None and one.client.email]
    prepares = [one for one in written_to if spa.preparation_letters and one.service.preparation]
    if first is None and prepares:
        first = first_visits(prepares)
    prepared = {one.pk for one in prepares} & (first or set())
    owed: list[Message] = []
    for visit in written_to:
        if visit.status == Status.CONFIRMED:
            owed += _before_and_after(visit, spa, now, is_first=visit.pk in prepared)
        if visit.status == Status.REQUESTED:
            owed += _until_decided(visit, spa, now)
    return owed + open_questions(written_to, spa=spa, now=now)


def _before_and_after(
    visit: Appointment, spa: SpaProfile, now: datetime, *, is_first: bool
) -> list[Message]:
    quiet = quiet_hours(spa)
    starts_at = visit.starts_at
    reminders = reminder_moments(starts_at, spa.reminder_lead_hours, quiet=quiet, now=now)
    owed = []
    prepare_at = (
        preparation_moment(starts_at, spa.preparation_at, quiet=quiet, now=now)
        if is_first
        else None
    )
    if prepare_at is not None:
        owed.append(_message(visit, Kind.PREPARATION, prepare_at))
    for lead, due_at in reminders.items():
        # On one day one letter: how to prepare says when and where as well.
        if prepare_at is None or not _same_day(due_at, prepare_at, spa):
            owed.append(_message(visit, Kind.REMINDER, due_at, lead_hours=lead))
    wanted = visit.client is not None and visit.client.aftercare_stopped_at is None
    if spa.aftercare_letters and visit.service.aftercare and wanted:
        due_at = aftercare_moment(visit.ends_at, spa.aftercare_at, quiet=quiet)
        owed.append(_message(visit, Kind.AFTERCARE, due_at))
    return owed


def _until_decided(visit: Appointment, spa: SpaProfile, now: datetime) -> list[Message]:
    decide_by = decision_due(
        visit.starts_at, asked_at=now, notice_hours=spa.cancellation_notice_hours
    )
    ask, warn = clearance_moments(
        decide_by,
        after=spa.clearance_after_hours,
        lead=spa.clearance_lead_hours,
        quiet=quiet_hours(spa),
        now=now,
    )
    moments = [(Kind.CLEARANCE_NEEDED, ask), (Kind.CLEARANCE_EXPIRING, warn)]
    return [_message(visit, kind, due_at) for kind, due_at in moments if due_at is not None]


def _message(visit: Appointment, kind: str, due_at: datetime, *, lead_hours: int = 0) -> Message:
    return Message(
        appointment=visit,
        kind=kind,
        lead_hours=lead_hours,
        sequence=visit.sequence,
        due_at=due_at,
    )


def _same_day(one: datetime, other: datetime, spa: SpaProfile) -> bool:
    return one.astimezone(spa.zone).date() == other.astimezone(spa.zone).date()
