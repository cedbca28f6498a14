"""Where owners edit the spa itself."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from services.admin.editor import EditorAdmin
from services.models import SpaProfile


class HoursField(SimpleArrayField):
    """Hours in one line, with one error for all that may be wrong with them."""

    default_error_messages = {
        "item_invalid": _("Hours as whole numbers, separated by commas, such as 48, 3."),
    }

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except forms.ValidationError as error:
            raise forms.ValidationError(
                self.error_messages["item_invalid"], code="item_invalid"
            ) from error


class ProfileForm(forms.ModelForm):
    """The profile, with the time zone chosen from a list."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [(zone, zone) for zone in sorted(available_timezones())],
    )


@admin.register(SpaProfile)
class SpaProfileAdmin(EditorAdmin):
    """One form, since there is one spa."""

    form = ProfileForm
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "tagline",
                    "address",
                    "phone",
                    "email",
                    "opening_summary",
                    "country",
                    "time_zone",
                    "currency",
                ]
            },
        ),
        (_("Emergencies"), {"fields": ["emergency_number", "urgent_advice_number"]}),
        (
            _("Booking"),
            {
                "fields": [
                    "minimum_notice_hours",
                    "booking_horizon_days",
                    "cancellation_notice_hours",
                    "slot_step_minutes",
                    "hold_minutes",
                    "health_check_valid_days",
                ]
            },
        ),
        (
            _("Mail"),
            {
                "fields": [
                    "quiet_from",
                    "quiet_until",
                    "name_treatment_in_subjects",
                    "reminder_lead_hours",
                    "preparation_letters",
                    "preparation_at",
                    "aftercare_letters",
                    "aftercare_at",
                    "answer_lead_hours",
                    "clearance_after_hours",
                    "clearance_lead_hours",
                    "therapist_notes",
                    "late_change_hours",
                    "therapist_sheets",
                    "sheets_at",
                ]
            },
        ),
        (_("About us"), {"fields": ["story", "getting_here"]}),
        (
            _("Policies and agreements"),
            {
                "fields": [
                    "booking_policy",
                    "booking_consent",
                    "privacy_policy",
                    "health_consent",
                    "accessibility_statement",
                ]
            },
        ),
    ]

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        if db_field.name == "reminder_lead_hours":
            kwargs["form_class"] = HoursField
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        profile = SpaProfile.objects.first()
        if profile is None or not self.has_view_or_change_permission(request):
            return super().changelist_view(request, *args, **kwargs)
        return HttpResponseRedirect(reverse("admin:services_spaprofile_change", args=[profile.pk]))
