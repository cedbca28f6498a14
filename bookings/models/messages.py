"""The outbox: every message that the spa owes to somebody."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce, Upper
from django.utils.translation import gettext_lazy as _

from bookings.models.appointments import Appointment
from bookings.models.people import Therapist

# How long a worker has to send what it has claimed; then the message is free for another.
LEASE = timedelta(minutes=4)
TO_THERAPISTS = ("therapist_note", "therapist_sheet")
# Owed with the news of a visit, and sent when their moment comes.
TIMED = (
    "reminder",
    "preparation",
    "aftercare",
    "clearance_needed",
    "clearance_expiring",
    "waiting_for_answer",
)


# They did not arrive.
LOST = ("failed", "bounced")


class MessageQuerySet(models.QuerySet["Message"]):
    def pending(self) -> "MessageQuerySet":
        """Those still to be sent."""
        return self.filter(state=Message.State.PENDING)

    def to_client(self) -> "MessageQuerySet":
        """Those that the client gets; the others go to therapists."""
        return self.filter(therapist=None)

    def news(self) -> "MessageQuerySet":
        """What tells the client of a change; the rest waits for a moment of its own."""
        return self.to_client().exclude(kind__in=TIMED)

    def lost(self) -> "MessageQuerySet":
        """Those that did not arrive, and that no later one about the same visit made up for."""
        # What the client got is no news to the therapist, nor the other way round.
        later = Message.objects.alias(to=Coalesce("therapist_id", 0)).filter(
            appointment=OuterRef("appointment"),
            to=Coalesce(OuterRef("therapist_id"), 0),
            state=Message.State.SENT,
            sent_at__gt=Coalesce(OuterRef("sent_at"), OuterRef("due_at")),
        )
        return self.filter(state__in=LOST).exclude(Exists(later))

    def due(self, now: datetime) -> "MessageQuerySet":
        """Those to be sent by ``now`` that nobody is sending at this moment."""
        # A claim beyond a lease's length was made by a clock that has been put back since.
        free = Q(claimed_until=None) | Q(claimed_until__lte=now) | Q(claimed_until__gt=now + LEASE)
        return self.pending().filter(due_at__lte=now).filter(free)


class Message(models.Model):
    """One e-mail from the moment it is owed until it is sent.

    It goes to the client of the appointment or, where there is a ``therapist``, to that therapist.
    A daily sheet is about a ``day`` and no appointment.
    """

    class Kind(models.TextChoices):
        CONFIRMATION = "confirmation", _("Confirmation")
        REQUEST_RECEIVED = "request_received", _("Request received")
        CLEARANCE_NEEDED = "clearance_needed", _("Request still open")
        CLEARANCE_EXPIRING = "clearance_expiring", _("Request about to run out")
        GRANTED = "granted", _("Request granted")
        DECLINED = "declined", _("Request declined")
        CHANGED = "changed", _("Visit moved")
        CANCELLED = "cancelled", _("Visit cancelled")
        REMINDER = "reminder", _("Reminder")
        PREPARATION = "preparation", _("How to prepare")
        WAITING_FOR_ANSWER = "waiting_for_answer", _("Waiting for an answer")
        AFTERCARE = "aftercare", _("After the visit")
        THERAPIST_NOTE = "therapist_note", _("Note to the therapist")
        THERAPIST_SHEET = "therapist_sheet", _("Day sheet of a therapist")

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Given up")
        BOUNCED = "bounced", _("Came back")
        VOID = "void", _("No longer needed")

    appointment = models.ForeignKey(
        Appointment, on_delete=models.CASCADE, related_name="messages", null=True, blank=True
    )
    therapist = models.ForeignKey(
        Therapist,
        verbose_name=_("to the therapist"),
        on_delete=models.CASCADE,
        related_name="messages",
        null=True,
        blank=True,
    )
    day = models.DateField(_("day"), null=True, blank=True, help_text=_("Of a day sheet."))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    lead_hours = models.PositiveSmallIntegerField(
        _("hours before the visit"), default=0, help_text=_("For reminders.")
    )
    sequence = models.PositiveIntegerField(
        _("sequence"),
        default=0,
        help_text=_("The appointment's sequence that the message tells of."),
    )
    due_at = models.DateTimeField(_("due"))
    at_any_hour = models.BooleanField(
        _("also in the quiet hours"),
        default=False,
        help_text=_("It answers what the client has just done, or cannot wait."),
    )
    known = models.JSONField(
        _("known before"),
        default=list,
        blank=True,
        help_text=_("To a therapist: start and end of the visit before, empty where she had none."),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    claimed_until = models.DateTimeField(_("being sent until"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    sent_to = models.EmailField(_("sent to"), blank=True)
    again = models.PositiveSmallIntegerField(
        _("sent again"), default=0, help_text=_("Counts what was asked for once more.")
    )
    answer = models.CharField(
        _("answer"),
        max_length=200,
        blank=True,
        db_index=True,
        help_text=_("What the mail server said when it took it, or the provider’s key of it."),
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["due_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "appointment",
                    "kind",
                    "lead_hours",
                    "sequence",
                    "therapist",
                    "day",
                    "again",
                ],
                nulls_distinct=False,
                name="message_once_per_change",
            ),
            models.UniqueConstraint(
                fields=["appointment", "kind", "lead_hours", "therapist", "day"],
                condition=Q(state="pending"),
                nulls_distinct=False,
                name="message_one_waiting_per_kind",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="therapist_sheet",
                    appointment__isnull=True,
                    therapist__isnull=False,
                    day__isnull=False,
                )
                | Q(
                    kind="therapist_note",
                    appointment__isnull=False,
                    therapist__isnull=False,
                    day__isnull=True,
                )
                | Q(
                    ~Q(kind__in=["therapist_note", "therapist_sheet"]),
                    appointment__isnull=False,
                    therapist__isnull=True,
                    day__isnull=True,
                ),
                name="message_goes_to_one_person_about_one_thing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(state="pending"), name="message_waiting_by_due"
            ),
            models.Index(
                fields=["appointment"],
                condition=Q(state__in=["failed", "bounced"]),
                name="message_lost_by_visit",
            ),
            models.Index(Upper("sent_to"), name="message_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"

    @property
    def visit(self) -> Appointment:
        """The appointment that it is about; a day sheet has none."""
        assert self.appointment is not None
        return self.appointment

    @property
    def address(self) -> str:
        """The e-mail address of the one who gets it; empty where there is none."""
        if self.therapist is not None:
            return self.therapist.email
        client = self.visit.client
        return client.email if client is not None else ""
