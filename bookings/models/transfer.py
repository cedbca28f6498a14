"""Files that an owner brings in."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bookings.models.fields import EncryptedTextField


class ImportDraft(models.Model):
    """A file between its upload and the word to bring it in; forgotten after a day.

    It names people, so it is kept encrypted in the database and never as a file.
    """

    class Kind(models.TextChoices):
        CLIENTS = "clients", _("Clients")
        VISITS = "visits", _("Visits")

    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=120)
    text = EncryptedTextField()
    send_mail = models.BooleanField(default=False)
    against_rules = models.BooleanField(default=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("file to bring in")
        verbose_name_plural = _("files to bring in")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name
