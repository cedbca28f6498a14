"""Who treats and who is treated."""

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Concat, Upper
from django.utils.translation import gettext_lazy as _

from bookings.models.fields import EncryptedJSONField, EncryptedTextField, PhoneField
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
    wants_notes = models.BooleanField(
        _("mail on late changes"), default=True, help_text=_("Needs an e-mail address.")
    )
    wants_sheet = models.BooleanField(
        _("day sheet by mail"), default=False, help_text=_("On the evening before.")
    )
    ready_since = models.DateTimeField(
        _("ready for the next one since"), null=True, blank=True, editable=False
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    objects = TherapistQuerySet.as_manager()

    class Meta:
        verbose_name = _("therapist")
        verbose_name_plural = _("therapists")
        ordering = ["position", "name", "pk"]

    def __str__(self) -> str:
        return self.name


class ClientQuerySet(models.QuerySet["Client"]):
    def known(self) -> "ClientQuerySet":
        """Those who were not erased."""
        return self.filter(erased_at=None)

    def current(self) -> "ClientQuerySet":
        """Those who stand for themselves: neither erased nor merged into another record."""
        return self.known().filter(merged_into=None)


class Client(models.Model):
    """Somebody who comes for treatments; there is no account."""

    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail"), blank=True)
    phone: Any = PhoneField(_("phone"), blank=True)
    preferred_therapist = models.ForeignKey(
        Therapist,
        verbose_name=_("preferred therapist"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    # The desk is asked to write nothing about health here; people do it all the same.
    note = EncryptedTextField(_("note of the desk"), blank=True, default="")
    merged_into = models.ForeignKey(
        "self",
        verbose_name=_("merged into"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged_records",
    )
    aftercare_stopped_at = models.DateTimeField(
        _("wants no letter after visits since"), null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(_("known since"), auto_now_add=True)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True, editable=False)
    # diary_plain() of the migrations: lower case, without accents.
    search_text = models.GeneratedField(
        expression=Func(
            Concat(
                F("name"),
                Value(" "),
                F("email"),
                Value(" "),
                F("phone"),
                output_field=models.TextField(),
            ),
            function="diary_plain",
        ),
        output_field=models.TextField(),
        db_persist=True,
    )

    objects = ClientQuerySet.as_manager()

    class Meta:
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        ordering = ["name", "pk"]
        indexes = [
            models.Index(Upper("email"), name="client_by_email"),
            GinIndex(OpClass(F("search_text"), "gin_trgm_ops"), name="client_by_search_text"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(merged_into=None) | ~Q(merged_into=F("pk")),
                name="client_not_merged_into_itself",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ClientChange(models.Model):
    """Who entered or changed the record of a client, and what stood there before and after."""

    class Kind(models.TextChoices):
        ADDED = "added", _("Added")
        CHANGED = "changed", _("Changed")
        COPIED = "copied", _("Copied for the client")
        FORGOT = "forgot", _("Health answers deleted: the agreement was withdrawn")
        ERASED = "erased", _("Erased")

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(_("what"), max_length=10, choices=Kind)
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    values = EncryptedJSONField(
        _("values"), default=dict, help_text=_("By field: before and after.")
    )

    class Meta:
        verbose_name = _("change of a client")
        verbose_name_plural = _("changes of clients")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return _("Change %(pk)s") % {"pk": self.pk}


class ClientMerge(models.Model):
    """Two records of one person made into one; holds all that is needed to part them again."""

    kept = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="merges")
    merged = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    appointments = models.JSONField(
        default=list, help_text=_("Keys of the appointments that changed their client.")
    )
    filled = EncryptedJSONField(
        default=dict, help_text=_("What the kept record took over: field, before and after.")
    )
    undone_at = models.DateTimeField(_("taken back"), null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        verbose_name = _("merge of clients")
        verbose_name_plural = _("merges of clients")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["merged"],
                condition=Q(undone_at=None),
                name="client_merged_once_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return _("Merge %(pk)s") % {"pk": self.pk}


class NotTheSame(models.Model):
    """Two records that look like one person's and are not; ``one`` is the earlier of them."""

    one = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("two different people")
        verbose_name_plural = _("different people")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["one", "other"], name="not_the_same_once"),
            models.CheckConstraint(
                condition=Q(one__lt=F("other")), name="not_the_same_earlier_first"
            ),
        ]

    def __str__(self) -> str:
        return _("Different people %(pk)s") % {"pk": self.pk}


class CalendarFeedQuerySet(models.QuerySet["CalendarFeed"]):
    def opened_by(self, token: str) -> "CalendarFeedQuerySet":
        """The live feed, if any, that ``token`` opens."""
        return self.filter(token_hash=CalendarFeed.hash(token), revoked_at=None)


class CalendarFeed(models.Model):
    """A therapist's private calendar address. Only the hash of its key is kept."""

    therapist = models.ForeignKey(Therapist, on_delete=models.CASCADE, related_name="feeds")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    last_read_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    version = models.CharField(
        max_length=64, blank=True, help_text=_("Of the file that was handed out last.")
    )
    changed_at = models.DateTimeField(null=True, blank=True)

    objects = CalendarFeedQuerySet.as_manager()

    class Meta:
        verbose_name = _("calendar feed")
        verbose_name_plural = _("calendar feeds")

    def __str__(self) -> str:
        return _("Calendar feed %(pk)s") % {"pk": self.pk}

    @staticmethod
    def hash(token: str) -> str:
        """Return the SHA-256 of ``token`` in hex; the token itself carries 192 random bits."""
        return hashlib.sha256(token.encode()).hexdigest()
