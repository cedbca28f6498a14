"""What a client told about her health, and who read it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bookings.models.fields import EncryptedJSONField, EncryptedTextField
from services.models import Service
from services.screening import Severity

# As seen from a visit. Most pages never need them; what is not loaded cannot be shown.
HEALTH_ANSWERS = (
    "health_check__answers",
    "health_check__findings",
    "health_check__review_note",
)


class HealthCheck(models.Model):
    """A passing health check for one treatment; stop and urgent outcomes are never stored."""

    class Outcome(models.TextChoices):
        CLEARANCE = "clearance", _("Needs a doctor's consent")
        ADAPT = "adapt", _("Adapt")
        CLEAR = "clear", _("Clear")

    class Review(models.TextChoices):
        OPEN = "", _("Not reviewed")
        GRANTED = "granted", _("Clearance accepted")
        DECLINED = "declined", _("Clearance declined")

    service = models.ForeignKey(Service, verbose_name=_("treatment"), on_delete=models.PROTECT)
    outcome = models.CharField(_("verdict"), max_length=10, choices=Outcome)
    answers = EncryptedJSONField(
        _("answers"), help_text=_("By question: reply, follow-up and details.")
    )
    findings = EncryptedJSONField(
        _("findings"), help_text=_("What applies, with severity, advice and areas to avoid.")
    )
    questions_version = models.CharField(_("version of the questions"), max_length=16)
    consent_version = models.CharField(_("version of the consent"), max_length=20)
    given_at = models.DateTimeField(_("answered"))
    affirmed_at = models.DateTimeField(
        _("last said to be unchanged"), help_text=_("When answered, or when confirmed again.")
    )
    asked_again_at = models.DateTimeField(
        _("to be asked again since"),
        null=True,
        blank=True,
        help_text=_("Set where the questions have changed since: the verdict no longer counts."),
    )
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("asked and entered by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty where the client answered it herself."),
    )
    review = models.CharField(_("review"), max_length=10, choices=Review, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("reviewed by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    reviewed_at = models.DateTimeField(_("reviewed"), null=True, blank=True)
    review_note = EncryptedTextField(_("review note"), blank=True, default="")

    class Meta:
        verbose_name = _("health check")
        verbose_name_plural = _("health checks")

    def __str__(self) -> str:
        return _("Health check %(pk)s") % {"pk": self.pk}

    @property
    def areas(self) -> list[str]:
        """Areas to avoid (keys of ``Contraindication.Area``), each once, the strictest first."""
        return list(dict.fromkeys(area for finding in self.findings for area in finding["areas"]))

    def findings_at(self, severity: Severity) -> list[dict[str, Any]]:
        """What applies at exactly this severity: slug, name, why, advice and areas of each."""
        return [one for one in self.findings if one["severity"] == severity.value]


class HealthReading(models.Model):
    """One look of one person at the health check of one visit, or at its treatment note.

    It outlives the answers: they may be given anew and the old ones forgotten. Without a health
    check it is a reading of the note, or of answers that are gone.
    """

    appointment = models.ForeignKey(
        "bookings.Appointment", on_delete=models.CASCADE, related_name="health_readings"
    )
    health_check = models.ForeignKey(
        HealthCheck, on_delete=models.SET_NULL, related_name="readings", null=True
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("reading of a health check")
        verbose_name_plural = _("readings of health checks")
        ordering = ["-at"]

    def __str__(self) -> str:
        return _("Reading %(pk)s") % {"pk": self.pk}


class TreatmentNote(models.Model):
    """What the therapist noted after a treatment; for the treating therapists and owners alone."""

    appointment = models.OneToOneField(
        "bookings.Appointment", on_delete=models.CASCADE, related_name="treatment_note"
    )
    text = EncryptedTextField(_("treatment note"))
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(_("last changed"))

    class Meta:
        verbose_name = _("treatment note")
        verbose_name_plural = _("treatment notes")

    def __str__(self) -> str:
        return _("Treatment note %(pk)s") % {"pk": self.pk}
