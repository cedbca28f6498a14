"""Appointments, the record of their changes, and the links to their visit pages."""

import hashlib
import secrets
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.models.diary import Room
from bookings.models.fields import EncryptedTextField
from bookings.models.health import HealthCheck
from bookings.models.people import Client, Therapist
from services.models import Service, ServiceOption

# No I, L, O, U, 0 or 1: a reference is read out on the phone.
REFERENCE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

BLOCKING = ("held", "requested", "confirmed", "arrived")
LONGEST = timedelta(days=1)
UPCOMING = ("requested", "confirmed", "arrived")


def new_reference() -> str:
    """Return a fresh reference such as ``K7QF2M9D``: for people to say, not a secret."""
    return "".join(secrets.choice(REFERENCE_ALPHABET) for _unused in range(8))


def _busy_range() -> Func:
    return Func(
        F("busy_from"),
        F("busy_until"),
        function="TSTZRANGE",
        output_field=DateTimeRangeField(),
    )


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def blocking(self, now: datetime) -> "AppointmentQuerySet":
        """Those that keep others from their time; a lapsed hold does not."""
        return self.filter(status__in=BLOCKING).exclude(
            status=Appointment.Status.HELD, hold_expires_at__lte=now
        )

    def lapsed_holds(self, now: datetime) -> "AppointmentQuerySet":
        """Holds whose minutes have run out."""
        return self.filter(status=Appointment.Status.HELD, hold_expires_at__lte=now)

    def booked(self) -> "AppointmentQuerySet":
        """Those that a client has completed booking, whatever came of them."""
        return self.exclude(status__in=[Appointment.Status.HELD, Appointment.Status.EXPIRED])

    def on(self, day: date, zone: ZoneInfo) -> "AppointmentQuerySet":
        """Those that start on ``day`` by the clocks of ``zone``."""
        midnight = datetime.combine(day, time.min, tzinfo=zone)
        next_midnight = datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
        return self.filter(starts_at__gte=midnight, starts_at__lt=next_midnight)

    def for_therapist(self, therapist: Therapist) -> "AppointmentQuerySet":
        """Those of one therapist."""
        return self.filter(therapist=therapist)

    def busy_between(self, start: datetime, end: datetime) -> "AppointmentQuerySet":
        """Those whose busy time, buffers included, touches the half-open ``start``–``end``."""
        # No appointment is longer than a day: the lower bound lets one index serve.
        return self.filter(busy_from__lt=end, busy_from__gt=start - LONGEST, busy_until__gt=start)


class Appointment(models.Model):
    """One treatment of one client by one therapist in one room."""

    class Status(models.TextChoices):
        HELD = "held", _("Held")
        REQUESTED = "requested", _("Requested")
        CONFIRMED = "confirmed", _("Confirmed")
        ARRIVED = "arrived", _("Arrived")
        COMPLETED = "completed", _("Completed")
        DECLINED = "declined", _("Declined")
        CANCELLED = "cancelled", _("Cancelled")
        NO_SHOW = "no_show", _("Did not come")
        EXPIRED = "expired", _("Hold ran out")

    class Source(models.TextChoices):
        WEB = "web", _("Website")
        DESK = "desk", _("Front desk")
        IMPORTED = "imported", _("Brought in from a file")

    reference = models.CharField(_("reference"), max_length=12, unique=True, editable=False)
    client = models.ForeignKey(
        Client,
        verbose_name=_("client"),
        on_delete=models.PROTECT,
        related_name="appointments",
        null=True,
        blank=True,
    )
    service = models.ForeignKey(
        Service, verbose_name=_("treatment"), on_delete=models.PROTECT, related_name="appointments"
    )
    option = models.ForeignKey(
        ServiceOption, verbose_name=_("length"), on_delete=models.PROTECT, related_name="+"
    )
    therapist = models.ForeignKey(
        Therapist,
        verbose_name=_("therapist"),
        on_delete=models.PROTECT,
        related_name="appointments",
    )
    room = models.ForeignKey(
        Room, verbose_name=_("room"), on_delete=models.PROTECT, related_name="appointments"
    )
    health_check = models.ForeignKey(
        HealthCheck,
        verbose_name=_("health check"),
        on_delete=models.SET_NULL,
        related_name="appointments",
        null=True,
        blank=True,
    )
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    busy_from = models.DateTimeField(_("busy from"))
    busy_until = models.DateTimeField(_("busy until"))
    status = models.CharField(_("status"), max_length=10, choices=Status)
    hold_expires_at = models.DateTimeField(_("held until"), null=True, blank=True)
    # A keyed hash of the address, for as long as the time is held: see bookings.limits.
    held_by = models.CharField(
        _("held by"), max_length=64, blank=True, default="", db_default="", editable=False
    )
    price = models.DecimalField(_("price"), max_digits=8, decimal_places=2)
    source = models.CharField(_("booked by"), max_length=10, choices=Source, default=Source.WEB)
    client_note = EncryptedTextField(_("note from the client"), blank=True, default="")
    staff_note = EncryptedTextField(_("note of the desk"), blank=True, default="")
    arrived_at = models.DateTimeField(_("arrived"), null=True, blank=True)
    started_at = models.DateTimeField(_("treatment began"), null=True, blank=True)
    sequence = models.PositiveIntegerField(
        _("sequence"), default=0, help_text=_("Rises with every change of time or status.")
    )
    created_at = models.DateTimeField(_("created"))

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")
        ordering = ["starts_at", "pk"]
        constraints = [
            ExclusionConstraint(
                name="appointment_therapist_no_overlap",
                expressions=[("therapist", RangeOperators.EQUAL), (_busy_range(), "&&")],
                condition=Q(status__in=BLOCKING),
            ),
            ExclusionConstraint(
                name="appointment_room_no_overlap",
                expressions=[("room", RangeOperators.EQUAL), (_busy_range(), "&&")],
                condition=Q(status__in=BLOCKING),
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="appointment_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(busy_from__lte=F("starts_at"), busy_until__gte=F("ends_at")),
                name="appointment_buffers_surround_visit",
            ),
            models.CheckConstraint(
                condition=Q(busy_until__lte=F("busy_from") + LONGEST),
                name="appointment_fits_in_a_day",
            ),
            models.CheckConstraint(
                condition=~Q(status="held") | Q(hold_expires_at__isnull=False),
                name="appointment_hold_expires",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["held", "expired"]) | Q(client__isnull=False),
                name="appointment_booked_has_client",
            ),
        ]
        indexes = [
            # What the reports ask of each visit stands in it: they read it alone, not the rows.
            models.Index(
                fields=["starts_at"],
                include=[
                    "id",
                    "status",
                    "source",
                    "price",
                    "service",
                    "therapist",
                    "room",
                    "busy_from",
                    "busy_until",
                    "created_at",
                ],
                name="appointment_by_start_whole",
            ),
            models.Index(
                fields=["client", "starts_at"],
                condition=Q(status__in=["arrived", "completed"]),
                name="appointment_kept_by_client",
            ),
            models.Index(
                fields=["busy_from"],
                condition=Q(status__in=BLOCKING),
                name="appointment_blocking_by_start",
            ),
            models.Index(
                fields=["starts_at"],
                condition=Q(status="requested"),
                name="appointment_requests_by_start",
            ),
            models.Index(
                fields=["hold_expires_at"],
                condition=Q(status="held"),
                name="appointment_lapsing_holds",
            ),
            models.Index(
                fields=["held_by"],
                condition=Q(status="held") & ~Q(held_by=""),
                name="appointment_holds_by_address",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def blocks(self, now: datetime) -> bool:
        """Whether it keeps others from its time; a lapsed hold does not."""
        has_lapsed = self.hold_expires_at is not None and self.hold_expires_at <= now
        return self.status in BLOCKING and not (
            self.status == Appointment.Status.HELD and has_lapsed
        )

    @property
    def is_upcoming(self) -> bool:
        """Whether the visit is still to come or under way by its status."""
        return self.status in UPCOMING

    @property
    def minutes(self) -> int:
        """How long the visit itself lasts; the desk may make it another length than its option."""
        return (self.ends_at - self.starts_at) // timedelta(minutes=1)

    @property
    def starts_local(self) -> datetime:
        """The start in the spa's zone, as pages and messages show it."""
        return timezone.localtime(self.starts_at)

    @property
    def ends_local(self) -> datetime:
        """The end in the spa's zone."""
        return timezone.localtime(self.ends_at)


class Event(models.Model):
    """Who changed what on which appointment, from what to what."""

    class ActorKind(models.TextChoices):
        CLIENT = "client", _("Client")
        STAFF = "staff", _("Staff")
        SYSTEM = "system", _("System")

    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(_("at"))
    actor_kind = models.CharField(_("by"), max_length=10, choices=ActorKind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    kind = models.CharField(_("what"), max_length=30)
    changes = models.JSONField(_("changes"), default=dict)
    # Asked why she cancels, an ill person may well say it.
    reason = EncryptedTextField(_("reason"), blank=True, default="")

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"


class VisitLinkQuerySet(models.QuerySet["VisitLink"]):
    def opened_by(self, token: str) -> "VisitLinkQuerySet":
        """The live link, if any, that ``token`` opens."""
        return self.filter(token_hash=VisitLink.hash(token), revoked_at=None)


class VisitLink(models.Model):
    """A client's key to one visit page. Only the hash of the key is kept."""

    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="links")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = VisitLinkQuerySet.as_manager()

    def __str__(self) -> str:
        return _("Visit link %(pk)s") % {"pk": self.pk}

    @staticmethod
    def hash(token: str) -> str:
        """Return the SHA-256 of ``token`` in hex; the token itself carries 192 random bits."""
        return hashlib.sha256(token.encode()).hexdigest()
