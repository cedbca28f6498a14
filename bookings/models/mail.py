"""What became of mail: the copies of what was sent, and addresses from which mail comes back."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bookings.models.fields import PackedJSONField
from bookings.models.messages import Message


class MailCopy(models.Model):
    """One message as it was sent, without the keys that were in its links.

    ``content`` holds ``headers`` (pairs), ``text``, ``html`` and ``files`` (name, type and text;
    copies of before have no text).
    """

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="copy")
    kept_at = models.DateTimeField(_("kept since"), db_index=True)
    content = PackedJSONField(_("content"))

    class Meta:
        verbose_name = _("copy of a message")
        verbose_name_plural = _("copies of messages")

    def __str__(self) -> str:
        return _("Copy %(pk)s") % {"pk": self.pk}


class BadAddress(models.Model):
    """An e-mail address, in lower case, from which mail comes back or a complaint came.

    It speaks of the address: whoever gets another one is written to again.
    """

    class Trouble(models.TextChoices):
        BOUNCED = "bounced", _("Mail comes back")
        COMPLAINED = "complained", _("Called our mail unwanted")

    address = models.EmailField(_("address"), unique=True)
    trouble = models.CharField(_("trouble"), max_length=10, choices=Trouble)
    since = models.DateTimeField(_("since"))
    reason = models.CharField(_("reason"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("address in trouble")
        verbose_name_plural = _("addresses in trouble")

    def __str__(self) -> str:
        return _("Address %(pk)s") % {"pk": self.pk}
