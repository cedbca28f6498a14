"""How logins begin: the very first one, and the invitations to all others."""

import hashlib
from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


def hash_of(key: str) -> str:
    """Return the SHA-256 of ``key`` in hex; the keys themselves carry 192 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def live(self, now: datetime) -> "InvitationQuerySet":
        """Those whose link still opens."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=now)

    def opened_by(self, key: str) -> "InvitationQuerySet":
        """The invitation, if any, to which ``key`` belongs, whether it still opens or not."""
        return self.filter(key_hash=hash_of(key))


class Invitation(models.Model):
    """A link that lets somebody new into her login once. Only the hash of its key is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations"
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    key_hash = models.CharField(max_length=64, unique=True)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-sent_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_one_open_per_login",
            ),
        ]

    def __str__(self) -> str:
        return _("Invitation %(pk)s") % {"pk": self.pk}


class FirstStart(models.Model):
    """The set-up of a new spa; there is at most one row. Only the hash of its key is kept."""

    key_hash = models.CharField(max_length=64)
    steps_done = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("first start")
        verbose_name_plural = _("first start")
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="first_start_is_one_row"),
        ]

    def __str__(self) -> str:
        return str(_("First start"))
