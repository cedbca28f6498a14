"""The demo's mail: as if it had gone out over the weeks, with some that did not arrive."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils.translation import gettext as _

from bookings import messages
from bookings.actions.bounces import Return, note_return
from bookings.copies import copy_of
from bookings.models import Appointment, MailCopy, Message, VisitLink
from bookings.models.messages import MessageQuerySet
from services.models import SpaProfile

REMINDERS_TO_SEND = 3
COPIES = 12


def deliver(*, until: datetime, kinds: Iterable[str]) -> None:
    """Stand in for the mail server: weeks of old mail must not go out on the first start."""
    clients = Appointment.objects.filter(pk=OuterRef("appointment")).values("client__email")
    due = Message.objects.pending().filter(due_at__lte=until, kind__in=list(kinds))
    due.filter(therapist=None).update(sent_to=Subquery(clients[:1]))
    due.update(state=Message.State.SENT, sent_at=F("due_at") + timedelta(seconds=4), attempts=1)


def thank_nobody_who_stayed_away() -> None:
    """Void the letters after visits that did not take place."""
    letters = Message.objects.filter(kind=Message.Kind.AFTERCARE, state=Message.State.SENT)
    letters.filter(appointment__status__in=["no_show", "confirmed"]).update(
        state=Message.State.VOID, sent_at=None
    )


def lose_some(*, now: datetime) -> None:
    """Two confirmations were refused, and two mails came back: one for good, one for a while."""
    sent = _sent(Message.Kind.CONFIRMATION, now).order_by("appointment__starts_at", "pk")
    chosen = list(sent.select_related("appointment__client")[3:19:4])
    for message in chosen[:2]:
        message.state, message.sent_at, message.sent_to = Message.State.FAILED, None, ""
        message.last_error = _("The message was refused (%(code)s).") % {"code": 554}
        message.save()
    for message, for_good in zip(chosen[2:], (True, False), strict=False):
        reason = _("Nobody can be reached there.") if for_good else _("The mailbox is full.")
        at = (message.sent_at or now) + timedelta(minutes=2)
        note_return(Return(message.sent_to, at=at, reason=reason, for_good=for_good), now=now)


def leave_reminders_to_send(*, now: datetime) -> None:
    """The newest reminders go out when the worker starts, so that a trial has some to read."""
    newest = _sent(Message.Kind.REMINDER, now).order_by("-due_at")
    keys = list(newest.values_list("pk", flat=True)[:REMINDERS_TO_SEND])
    Message.objects.filter(pk__in=keys).update(
        state=Message.State.PENDING, sent_at=None, sent_to="", attempts=0
    )


@transaction.atomic
def keep_copies(*, spa: SpaProfile) -> None:
    """Keep copies of what came back and of the latest mails, to be read at the desk."""
    rows = Message.objects.filter(
        state__in=[Message.State.BOUNCED, Message.State.SENT], therapist=None
    ).select_related("appointment__client", "appointment__service", "appointment__therapist")
    for message in rows.order_by("state", "-sent_at")[:COPIES]:
        assert message.sent_at is not None
        mail = messages.compose(message, spa=spa, now=message.sent_at)
        MailCopy.objects.create(message=message, kept_at=message.sent_at, content=copy_of(mail))
    # Their links went to nobody.
    VisitLink.objects.filter(appointment__messages__copy__isnull=False).update(
        revoked_at=F("created_at")
    )


def _sent(kind: str, now: datetime) -> MessageQuerySet:
    return Message.objects.filter(
        state=Message.State.SENT,
        kind=kind,
        appointment__status=Appointment.Status.CONFIRMED,
        appointment__starts_at__gt=now,
    )
