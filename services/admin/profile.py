"""Where owners edit the spa itself."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from services.admin.editor import EditorAdmin
from services.admin.seen import SeenForm
from services.models import SpaProfile
from services.page_words import PAGES, name_of, words_of
from services.profile_history import history, record_as_found, record_change


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


# What each setting does, in plain words, where the model itself does not say it.
HELP = {
    "name": _("On every page, in every mail."),
    "tagline": _("One line below the name, and what search engines show."),
    "address": _("As on an envelope. Clients find it on their visit and in their calendar."),
    "phone": _("Shown wherever somebody may rather talk than type."),
    "email": _("Clients’ answers to our mails go there."),
    "opening_summary": _("Only words, such as “Monday to Saturday, 9 to 7”: hours are kept apart."),
    "currency": _("Three letters, such as GBP. Prices keep their figures."),
    "emergency_number": _("Told to whoever reports an emergency in the health check: 999."),
    "urgent_advice_number": _("For what is urgent and no emergency: 111. May stay empty."),
    "minimum_notice_hours": _("So long before its start a time is no longer offered online."),
    "booking_horizon_days": _("So far ahead clients can book."),
    "cancellation_notice_hours": _("Until then clients can move or cancel by themselves."),
    "slot_step_minutes": _("Offered times start at multiples of this."),
    "hold_minutes": _("So long a chosen time is kept while somebody types her details."),
    "health_check_valid_days": _("After that clients are asked whether anything has changed."),
    "quiet_until": _("What was kept back goes out then."),
    "preparation_at": _("On the day before the visit."),
    "aftercare_at": _("On the day of the visit, never before it has ended."),
    "therapist_notes": _("When a visit is booked, moved or cancelled shortly before."),
    "late_change_hours": _("Within these hours the therapist gets a note."),
    "sheets_at": _("On the evening before the day."),
    "story": _("The page “About us”: who you are and how you work."),
    "getting_here": _("Below the address: bus, parking, step-free ways."),
    "booking_policy": _("On the page “Policies”: lateness, cancelling, paying."),
    "booking_consent": _("The sentence beside the tick box before booking."),
    "privacy_policy": _("On the page “Policies”: what you keep, why, and for how long."),
    "health_consent": _("Clients agree to exactly these words. A change asks for it anew."),
    "accessibility_statement": _(
        "On the page “Policies”: what works, what does not, whom to call."
    ),
    **{f"{page}_title": _("At most 60 letters: results cut what is longer.") for page in PAGES},
    **{f"{page}_description": _("One or two sentences, at most 160 letters.") for page in PAGES},
}


class ProfileForm(SeenForm):
    """The profile, with the time zone chosen from a list."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        help_text=_("All pages and mails show the times of this place."),
        choices=lambda: [(zone, zone) for zone in sorted(available_timezones())],
    )


@admin.register(SpaProfile)
class SpaProfileAdmin(EditorAdmin):
    """One form, since there is one spa: settings and texts in groups, each with what it does."""

    form = ProfileForm
    change_form_template = "admin/services/profile_form.html"
    fieldsets = [
        (_("The spa"), {"fields": ["name", "tagline", "opening_summary"]}),
        (
            _("Where and how to reach you"),
            {"fields": ["address", "phone", "email", "getting_here"]},
        ),
        (
            _("Emergencies"),
            {"classes": ["collapse"], "fields": ["emergency_number", "urgent_advice_number"]},
        ),
        (
            _("Booking"),
            {
                "classes": ["collapse"],
                "fields": [
                    "minimum_notice_hours",
                    "booking_horizon_days",
                    "cancellation_notice_hours",
                    "slot_step_minutes",
                    "hold_minutes",
                    "health_check_valid_days",
                ],
            },
        ),
        (
            _("Mail"),
            {
                "classes": ["collapse"],
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
                ],
            },
        ),
        (_("About us"), {"classes": ["collapse"], "fields": ["story"]}),
        (
            _("Policies"),
            {
                "classes": ["collapse"],
                "fields": ["booking_policy", "privacy_policy", "accessibility_statement"],
            },
        ),
        (
            _("What clients agree to"),
            {"classes": ["collapse"], "fields": ["booking_consent", "health_consent"]},
        ),
        (
            _("Search engines and shared links"),
            {
                "classes": ["collapse", "found-words"],
                "description": _("Left empty, the words below stand there, which are built in."),
                "fields": [f"{page}_{part}" for page in PAGES for part in ("title", "description")],
            },
        ),
        (
            _("Country, time and money"),
            {"classes": ["collapse"], "fields": ["country", "time_zone", "currency"]},
        ),
    ]

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        if db_field.name == "reminder_lead_hours":
            kwargs["form_class"] = HoursField
        if db_field.name in HELP:
            kwargs["help_text"] = HELP[db_field.name]
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        record_as_found()
        super().save_model(request, obj, form, change)
        record_change(obj, by=request.user)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        profile = self.get_object(request, unquote(object_id))
        if profile is None:
            return HttpResponseRedirect(reverse("admin:index"))
        if not self.has_view_or_change_permission(request, profile):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("What was changed"),
            "opts": self.opts,
            "profile": profile,
            "steps": history(profile),
        }
        return TemplateResponse(request, "admin/services/profile_history.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {"title": _("Texts and policies"), "subtitle": None} | (extra_context or {})
        with transaction.atomic():
            profiles = SpaProfile.objects.all()
            # Of two that save at once, the second sees what the first wrote.
            profile = (
                profiles.select_for_update(no_key=True) if request.method == "POST" else profiles
            ).first()
            if profile is not None:
                context["found"] = [(name_of(page), words_of(page, profile)) for page in PAGES]
            return super().change_view(request, object_id, form_url, context)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        profile = SpaProfile.objects.first()
        if profile is None or not self.has_view_or_change_permission(request):
            return super().changelist_view(request, *args, **kwargs)
        return HttpResponseRedirect(reverse("admin:services_spaprofile_change", args=[profile.pk]))
