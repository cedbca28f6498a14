"""What a client was written about her visit, or still will be, in words. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.actions import may_send
from bookings.models import Appointment, Message
from bookings.models.messages import LOST
from bookings.words import clock_time, moment_in_words

State = Message.State
WAYS: dict[str, str] = {State.FAILED: "retry", State.BOUNCED: "repeat", State.SENT: "repeat"}


@dataclass(frozen=True, slots=True)
class Mail:
    """One message at the moment ``now``."""

    message: Message
    now: datetime

    @property
    def what(self) -> str:
        """Confirmation; or Reminder, 3 hours before."""
        kind, hours = self.message.get_kind_display(), self.message.lead_hours
        if not hours:
            return kind
        before = ngettext("%(hours)d hour before", "%(hours)d hours before", hours)
        return _("%(kind)s, %(before)s") % {"kind": kind, "before": before % {"hours": hours}}

    @property
    def state(self) -> str:
        """Whether it waits, went out, was given up, or is no longer needed, and when and why."""
        message = self.message
        if message.state == State.SENT and message.sent_at:
            return _("sent %(when)s") % {"when": self._when(message.sent_at)}
        if message.state == State.BOUNCED:
            return _("came back: %(reason)s Please ring.") % {"reason": message.last_error}
        if message.state == State.FAILED:
            return _("given up: %(reason)s Please ring.") % {"reason": message.last_error}
        if message.state == State.VOID:
            return _("no longer needed")
        if message.last_error:
            words = _("not gone yet: %(reason)s Next try %(when)s.")
            return words % {"reason": message.last_error, "when": self._when(message.due_at)}
        if message.due_at <= self.now:
            return _("goes out at any moment")
        return _("waits until %(when)s") % {"when": self._when(message.due_at)}

    @property
    def look(self) -> str:
        """The state as a class: pending, sent, failed, bounced or void."""
        return self.message.state

    @property
    def sentence(self) -> str:
        """The state as a sentence of its own."""
        return self.state[:1].upper() + self.state[1:]

    @property
    def way(self) -> str:
        """How it can be sent: hurry, retry, repeat, or not (empty)."""
        message = self.message
        if not may_send(message, now=self.now) or not message.address:
            return ""
        if message.state == State.PENDING:
            return "hurry" if message.due_at > self.now else ""
        return WAYS.get(message.state, "")

    @property
    def address(self) -> str:
        """Where it went, or where it would go now."""
        return self.message.sent_to or self.message.address

    @property
    def is_void(self) -> bool:
        """Whether it speaks of what is gone and was never sent."""
        return self.message.state == State.VOID

    @property
    def was_lost(self) -> bool:
        """Whether it could not be delivered, or came back."""
        return self.message.state in LOST

    @property
    def is_reminder_to_come(self) -> bool:
        """Whether it is a reminder that waits for its moment."""
        waits = self.message.state == State.PENDING and self.message.due_at > self.now
        return waits and self.message.kind == Message.Kind.REMINDER

    def _when(self, at: datetime) -> str:
        local, today = timezone.localtime(at), timezone.localtime(self.now).date()
        return clock_time(local) if local.date() == today else moment_in_words(local, today)


@dataclass(frozen=True, slots=True)
class Post:
    """All messages of one visit, the latest first, and the reminder that comes next."""

    mails: list[Mail]
    gone: list[Mail]
    next_reminder: Mail | None


def post_of(appointment: Appointment, *, now: datetime) -> Post:
    """Return the messages of ``appointment``, those that were never sent apart; one query."""
    rows = appointment.messages.select_related("therapist")
    found = [Mail(one, now) for one in rows.order_by("-due_at", "-pk")]
    reminders = [one for one in found if one.is_reminder_to_come]
    return Post(
        mails=[one for one in found if not one.is_void],
        gone=[one for one in found if one.is_void],
        next_reminder=min(reminders, key=lambda one: one.message.due_at, default=None),
    )
