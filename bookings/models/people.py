"""Who treats and who is treated."""

from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from bookings.models.fields import PhoneField
from services.models import Service


class TherapistQuerySet(models.QuerySet["Therapist"]):
    def active(self) -> "TherapistQuerySet":
        """Those who take appointments now."""
        return self.filter(active=True)

    def giving(self, service: Service) -> "TherapistQuerySet":
        """Those who are trained in ``service``."""
        return self.filter(services=service)


class Therapist(models.Model):
    """Somebody who gives treatments; a login is optional."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("login"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="therapist",
    )
    name = models.CharField(_("name"), max_length=80)
    introduction = models.CharField(_("introduction"), max_length=300, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    services = models.ManyToManyField(
        Service, verbose_name=_("treatments given"), related_name="therapists", blank=True
    )
    colour = models.CharField(
        _("colour"),
        max_length=7,
        default="#5b7f6b",
        validators=[RegexValidator(r"^#[0-9a-f]{6}$", _("Use six digits, such as #5b7f6b."))],
    )
    active = models.BooleanField(_("takes appointments"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    objects = TherapistQuerySet.as_manager()

    class Meta:
        verbose_name = _("therapist")
        verbose_name_plural = _("therapists")
        ordering = ["position", "name", "pk"]

    def __str__(self) -> str:
        return self.name


class Client(models.Model):
    """Somebody who comes for treatments; there is no account."""

    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail"), blank=True)
    phone: Any = PhoneField(_("phone"), blank=True)
    created_at = models.DateTimeField(_("known since"), auto_now_add=True)

    class Meta:
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        ordering = ["name", "pk"]
        indexes = [
            models.Index(Upper("email"), name="client_by_email"),
        ]

    def __str__(self) -> str:
        return self.name
