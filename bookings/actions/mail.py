"""Sending a message at once, once more, or again; and how long copies are kept."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from bookings.actions import bounces, outbox, owing
from bookings.actions.errors import BookingError
from bookings.actions.events import Actor, record
from bookings.models import Appointment, BadAddress, MailCopy, Message
from bookings.models.messages import TIMED, MessageQuerySet

State = Message.State

# Long enough for every question about a visit; a copy says when somebody came, and for what.
COPIES_KEPT = timedelta(days=90)


class MailRefused(BookingError):
    """A message cannot be sent, for the reason in ``words``."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words

    @property
    def message(self) -> str:
        return self.words


@transaction.atomic
def hurry_message(*, message: Message, by: Actor, now: datetime) -> Message:
    """Send a waiting message now instead of at its moment. Raises ``MailRefused``."""
    latest = _locked(message)
    if latest.state != State.PENDING or outbox.is_on_its_way(latest, now):
        raise MailRefused(_("It is being sent already, or has been sent. Nothing was changed."))
    _check(latest, now)
    _release(latest, "mail_hurried", by=by, now=now)
    return latest


@transaction.atomic
def retry_message(*, message: Message, by: Actor, now: datetime) -> Message:
    """Send a message that was given up once more. Raises ``MailRefused``."""
    latest = _locked(message)
    if latest.state != State.FAILED:
        raise MailRefused(_("It is being tried again already. Nothing was changed."))
    _check(latest, now)
    _none_waiting(latest)
    _release(latest, "mail_retried", by=by, now=now)
    return latest


@transaction.atomic
def repeat_message(*, message: Message, by: Actor, now: datetime) -> Message:
    """Send what was sent before again, as a message of its own. Raises ``MailRefused``.

    A mailbox would hide a second mail under the Message-ID of the first.
    """
    latest = _locked(message)
    if latest.state not in (State.SENT, State.BOUNCED):
        raise MailRefused(_("It has not been sent yet. Nothing was changed."))
    _check(latest, now)
    _none_waiting(latest)
    return _repeat(latest, by=by, now=now)


@transaction.atomic
def send_news_again(*, appointment: Appointment, by: Actor, now: datetime) -> Message:
    """Send the client what holds of her visit once more, whatever became of it before.

    Raises ``MailRefused`` where there is nothing to be told, or nobody to tell.
    """
    locked = Appointment.objects.select_for_update(no_key=True).get(pk=appointment.pk)
    latest = news_about(locked).first()
    if latest is None:
        raise MailRefused(_("There is nothing to be sent about this visit any more."))
    _check(latest, now)
    if latest.state == State.PENDING:
        if not outbox.is_on_its_way(latest, now):
            _release(latest, "mail_hurried", by=by, now=now)
        return latest
    if latest.state == State.FAILED:
        _release(latest, "mail_retried", by=by, now=now)
        return latest
    return _repeat(latest, by=by, now=now)


def news_about(appointment: Appointment) -> MessageQuerySet:
    """The news for the client that hold of ``appointment`` as it is, the latest first."""
    kinds = [kind for kind, states in owing.TELLS_OF.items() if appointment.status in states]
    news = appointment.messages.to_client().filter(kind__in=kinds)
    news = news.exclude(kind__in=TIMED).exclude(state=State.VOID)
    return news.select_related("appointment__client").order_by("-sequence", "-pk")


@transaction.atomic
def trust_address(*, address: str, appointment: Appointment, by: Actor, now: datetime) -> None:
    """Write to an address again from which mail came back: its owner says that it works."""
    deleted, _rows = BadAddress.objects.filter(address=address.lower()).delete()
    if deleted:
        record(appointment, "address_trusted", by=by, now=now)


def purge_mail(*, now: datetime) -> int:
    """Forget copies of mail sent long ago, and bad addresses that nobody has; returns how many."""
    copies = MailCopy.objects.filter(kept_at__lt=now - COPIES_KEPT).delete()[0]
    return copies + bounces.forget_unused_addresses()


def may_send(message: Message, *, now: datetime) -> bool:
    """Whether the kind of ``message`` still fits its visit: it is put together when it is sent."""
    if message.appointment is None or message.therapist_id is not None:
        return False
    fits = message.appointment.status in owing.TELLS_OF[message.kind]
    return fits and owing.is_in_time(message, now)


def _locked(message: Message) -> Message:
    """The latest row of ``message`` with its visit; the visit's row is locked before it."""
    if message.appointment is not None:
        Appointment.objects.select_for_update(no_key=True).get(pk=message.appointment.pk)
    rows = Message.objects.select_related("appointment__client").select_for_update(
        of=("self",), no_key=True
    )
    return rows.get(pk=message.pk)


def _check(message: Message, now: datetime) -> None:
    if not message.address:
        raise MailRefused(_("There is no e-mail address. Please enter one first."))
    if not may_send(message, now=now):
        raise MailRefused(_("It no longer tells of the visit as it is, so it is not sent."))
    if bounces.comes_back(message.address):
        raise MailRefused(
            _("Mail to %(address)s comes back. Please correct the address first.")
            % {"address": message.address}
        )


def _none_waiting(message: Message) -> None:
    same = message.visit.messages.pending().filter(
        kind=message.kind, lead_hours=message.lead_hours, therapist=None
    )
    if same.exists():
        raise MailRefused(_("One of the same kind is waiting already. Nothing was changed."))


def _release(message: Message, kind: str, *, by: Actor, now: datetime) -> None:
    message.state, message.due_at, message.last_error = State.PENDING, now, ""
    message.attempts, message.claimed_until, message.at_any_hour = 0, None, True
    message.again = _next_again(message)
    message.sequence = message.visit.sequence
    message.save()
    _told(message, kind, by=by, now=now)


def _repeat(message: Message, *, by: Actor, now: datetime) -> Message:
    visit = message.visit
    repeated = Message.objects.create(
        appointment=visit,
        kind=message.kind,
        lead_hours=message.lead_hours,
        sequence=visit.sequence,
        again=max(1, _next_again(message, is_new=True)),
        due_at=now,
        at_any_hour=True,
    )
    _told(repeated, "mail_repeated", by=by, now=now)
    return repeated


def _next_again(message: Message, *, is_new: bool = False) -> int:
    """The number that no other mail of this kind about the present state of the visit has."""
    visit = message.visit
    same = visit.messages.filter(
        kind=message.kind, lead_hours=message.lead_hours, sequence=visit.sequence, therapist=None
    )
    others = same if is_new else same.exclude(pk=message.pk)
    highest = others.aggregate(highest=Max("again"))["highest"]
    return 0 if highest is None else highest + 1


def _told(message: Message, kind: str, *, by: Actor, now: datetime) -> None:
    record(message.visit, kind, by=by, now=now, changes={"mail": (None, message.kind)})
    outbox.nudge()
