"""Signs of life of the processes that nobody sees."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """When a kind of process last showed that it works; any number of them share one row.

    Kept in PostgreSQL and not in Valkey: it must still tell when the broker was emptied, which is
    when somebody wants to know.
    """

    class Of(models.TextChoices):
        WORKER = "worker", _("Worker")
        BEAT = "beat", _("Timetable")

    of = models.CharField(_("of"), max_length=10, choices=Of, primary_key=True)
    at = models.DateTimeField(_("last sign of life"))

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.get_of_display()
