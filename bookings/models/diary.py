"""Where and when: rooms, working hours and time off."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings.models.people import Therapist
from bookings.words import days_in_words
from services.models import Service


class Room(models.Model):
    """A treatment room."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    services = models.ManyToManyField(
        Service, verbose_name=_("suits"), related_name="rooms", blank=True
    )
    active = models.BooleanField(_("in use"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class WorkingHours(models.Model):
    """One stretch of a therapist's week, in the spa's wall-clock time."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    therapist = models.ForeignKey(
        Therapist,
        verbose_name=_("therapist"),
        on_delete=models.CASCADE,
        related_name="working_hours",
    )
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=Weekday)
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("until"))
    break_starts = models.TimeField(_("break from"), null=True, blank=True)
    break_ends = models.TimeField(_("break until"), null=True, blank=True)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(
        _("valid until"), null=True, blank=True, help_text=_("The last day on which it holds.")
    )

    class Meta:
        verbose_name = _("working hours")
        verbose_name_plural = _("working hours")
        ordering = ["weekday", "starts"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends__gt=F("starts")),
                name="working_hours_end_after_start",
                violation_error_message=_("The day must end after it starts."),
            ),
            models.CheckConstraint(
                condition=Q(break_starts=None, break_ends=None)
                | Q(
                    # Said outright: a comparison with an empty column is not false but unknown.
                    break_starts__isnull=False,
                    break_ends__isnull=False,
                    break_starts__gte=F("starts"),
                    break_ends__gt=F("break_starts"),
                    break_ends__lte=F("ends"),
                ),
                name="working_hours_break_lies_inside",
                violation_error_message=_("The break must lie inside the working hours."),
            ),
            models.CheckConstraint(
                condition=Q(valid_from=None)
                | Q(valid_until=None)
                | Q(valid_until__gte=F("valid_from")),
                name="working_hours_valid_until_after_from",
                violation_error_message=_("The last day must not lie before the first."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M}–{self.ends:%H:%M}"

    def clean(self) -> None:
        if (self.break_starts is None) != (self.break_ends is None):
            raise ValidationError({"break_ends": _("A break needs a start and an end.")})


class TimeOff(models.Model):
    """A time in which one therapist, or the whole spa, takes no appointments."""

    therapist = models.ForeignKey(
        Therapist,
        verbose_name=_("therapist"),
        on_delete=models.CASCADE,
        related_name="time_off",
        null=True,
        blank=True,
        help_text=_("Empty: the whole spa is closed."),
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    reason = models.CharField(_("reason"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("time off")
        verbose_name_plural = _("time off")
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="time_off_ends_after_start",
                violation_error_message=_("Time off must end after it starts."),
            ),
        ]

    def __str__(self) -> str:
        words = {
            "who": self.therapist or gettext("Whole spa"),
            "days": days_in_words(
                timezone.localtime(self.starts_at),
                timezone.localtime(self.ends_at),
                timezone.localdate(),
            ),
            "reason": self.reason,
        }
        if self.reason:
            return gettext("%(who)s off, %(days)s (%(reason)s)") % words
        return gettext("%(who)s off, %(days)s") % words
