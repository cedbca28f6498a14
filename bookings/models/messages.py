"""The outbox: every message that the spa owes to somebody."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.models.appointments import Appointment


class MessageQuerySet(models.QuerySet["Message"]):
    def pending(self) -> "MessageQuerySet":
        """Those still to be sent."""
        return self.filter(state=Message.State.PENDING)

    def due(self, now: datetime) -> "MessageQuerySet":
        """Those to be sent by ``now`` that nobody is sending at this moment."""
        return (
            self.pending()
            .filter(due_at__lte=now)
            .filter(Q(claimed_until=None) | Q(claimed_until__lte=now))
        )


class Message(models.Model):
    """One e-mail about one appointment, from the moment it is owed until it is sent."""

    class Kind(models.TextChoices):
        CONFIRMATION = "confirmation", _("Confirmation")
        REQUEST_RECEIVED = "request_received", _("Request received")
        GRANTED = "granted", _("Request granted")
        DECLINED = "declined", _("Request declined")
        CHANGED = "changed", _("Visit moved")
        CANCELLED = "cancelled", _("Visit cancelled")
        REMINDER = "reminder", _("Reminder")

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Given up")
        VOID = "void", _("No longer needed")

    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="messages")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    lead_hours = models.PositiveSmallIntegerField(
        _("hours before the visit"), default=0, help_text=_("For reminders.")
    )
    sequence = models.PositiveIntegerField(
        _("sequence"), help_text=_("The appointment's sequence that the message tells of.")
    )
    due_at = models.DateTimeField(_("due"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    claimed_until = models.DateTimeField(_("being sent until"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["due_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["appointment", "kind", "lead_hours", "sequence"],
                name="message_once_per_change",
            ),
            models.UniqueConstraint(
                fields=["appointment", "kind", "lead_hours"],
                condition=Q(state="pending"),
                name="message_one_waiting_per_kind",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(state="pending"), name="message_waiting_by_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"
