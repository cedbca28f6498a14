"""Where owners edit the menu, the contraindications and the spa itself."""

from typing import Any
from zoneinfo import available_timezones

import js_asset
from csp.constants import NONCE, SELF
from csp.decorators import csp_replace
from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.forms import SimpleArrayField
from django.db import models
from django.db.models import Case, Count, QuerySet, Subquery, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from services.models import (
    Category,
    Contraindication,
    Faq,
    Service,
    ServiceOption,
    SpaProfile,
)
from services.templatetags.menu import money


class EditorAdmin(admin.ModelAdmin):
    """A form with rich text, under the site's strict Content-Security-Policy."""

    change_form_template = "admin/services/editor_form.html"

    # The editor's import map is the site's one inline script, and only these pages allow it.
    @method_decorator(csp_replace({"script-src": [SELF, NONCE], "style-src": [SELF, NONCE]}))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().changeform_view(request, *args, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        nonce = str(request.csp_nonce)  # type: ignore[attr-defined]
        context["media"] = js_asset.Media.from_media(context["media"], nonce=nonce)
        return super().render_change_form(request, context, *args, **kwargs)


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


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    """The headings of the menu."""

    list_display = ["name", "summary", "treatments", "position"]
    list_editable = ["position"]
    search_fields = ["name", "summary"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return super().get_queryset(request).annotate(treatment_count=Count("services"))

    @admin.display(description=_("treatments"), ordering="treatment_count")
    def treatments(self, category: Any) -> int:
        """How many treatments stand under the heading."""
        return category.treatment_count


class OptionInline(admin.TabularInline):
    """Lengths and prices."""

    model = ServiceOption
    extra = 0
    min_num = 1


class FaqInline(admin.StackedInline):
    """Questions and answers."""

    model = Faq
    extra = 0
    classes = ["collapse"]


@admin.register(Service)
class ServiceAdmin(EditorAdmin):
    """A treatment and its page."""

    list_display = ["name", "category", "status", "prices", "position"]
    list_editable = ["position"]
    list_filter = ["status", "category"]
    search_fields = ["name", "summary", "body"]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["contraindications"]
    readonly_fields = ["updated_at"]
    inlines = [OptionInline, FaqInline]
    actions = ["publish", "unpublish"]
    save_on_top = True
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "slug",
                    "discreet_name",
                    "category",
                    "position",
                    "status",
                    "updated_at",
                    "summary",
                    "description",
                ]
            },
        ),
        (_("Page"), {"fields": ["body", "preparation", "aftercare"]}),
        (_("Picture"), {"fields": ["illustration", "photo", "photo_alt"]}),
        (
            _("Time around the treatment"),
            {"fields": ["buffer_before_minutes", "buffer_after_minutes"]},
        ),
        (_("Health check"), {"fields": ["note_from_everyone", "contraindications"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Service]:
        currency = Subquery(SpaProfile.objects.values("currency")[:1])
        return (
            super()
            .get_queryset(request)
            .select_related("category")
            .prefetch_related("options")
            .annotate(currency=currency)
        )

    @admin.display(description=_("prices"))
    def prices(self, service: Any) -> str:
        """The offered prices, the shortest length first."""
        offered = (option for option in service.options.all() if option.active)
        return ", ".join(money(option.price, service.currency) for option in offered)

    @admin.action(description=_("Publish the chosen treatments"), permissions=["change"])
    def publish(self, request: HttpRequest, services: QuerySet[Service]) -> None:
        """Show the chosen treatments to clients."""
        count = services.update(status=Service.Status.PUBLISHED, updated_at=timezone.now())
        said = ngettext("%d treatment is public now.", "%d treatments are public now.", count)
        self.message_user(request, said % count, messages.SUCCESS)

    @admin.action(description=_("Withdraw the chosen treatments"), permissions=["change"])
    def unpublish(self, request: HttpRequest, services: QuerySet[Service]) -> None:
        """Turn the chosen treatments into drafts, which only staff can see."""
        count = services.update(status=Service.Status.DRAFT, updated_at=timezone.now())
        said = ngettext("%d treatment is a draft now.", "%d treatments are drafts now.", count)
        self.message_user(request, said % count, messages.SUCCESS)


SHORT_GROUPS = {
    Contraindication.Group.RED_FLAGS: _("Red flags"),
    Contraindication.Group.ACUTE: _("At the moment"),
    Contraindication.Group.HEART: _("Heart and circulation"),
    Contraindication.Group.HISTORY: _("Cancer and operations"),
    Contraindication.Group.BODY: _("Body"),
    Contraindication.Group.YOU: _("You"),
}


class ContraindicationForm(forms.ModelForm):
    """A contraindication, with the areas to avoid as tick boxes."""

    areas = forms.MultipleChoiceField(
        label=_("Areas to avoid"),
        choices=Contraindication.Area.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )


@admin.register(Contraindication)
class ContraindicationAdmin(admin.ModelAdmin):
    """The reasons for care; the templates put the sign-off notice above list and form."""

    form = ContraindicationForm
    list_display = ["name", "strictness", "asked_under", "question", "active", "treatments"]
    list_filter = ["severity", "group", "active", "evidence", "services"]
    search_fields = ["name", "question", "why", "advice"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = [
        Case(
            *[
                When(group=group, then=place)
                for place, group in enumerate(Contraindication.Group.values)
            ]
        ),
        "position",
        "slug",
    ]
    save_on_top = True
    fieldsets = [
        (None, {"fields": ["name", "slug", "active", "group", "position"]}),
        (_("What is asked"), {"fields": ["question", "detail"]}),
        (_("What it means"), {"fields": ["severity", "care", "areas"]}),
        (
            _("A second question"),
            {"fields": ["follow_up", "follow_up_severity", "follow_up_care"]},
        ),
        (_("What clients and therapists read"), {"fields": ["why", "advice"]}),
        (_("Where it comes from"), {"fields": ["sources", "evidence"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contraindication]:
        return super().get_queryset(request).annotate(treatment_count=Count("services"))

    @admin.display(description=_("severity"), ordering="severity")
    def strictness(self, contraindication: Contraindication) -> str:
        """The first word of the severity."""
        return contraindication.get_severity_display().partition(":")[0]

    @admin.display(description=_("group"), ordering="group")
    def asked_under(self, contraindication: Contraindication) -> str:
        """The group in short."""
        return str(SHORT_GROUPS[Contraindication.Group(contraindication.group)])

    @admin.display(description=_("treatments"), ordering="treatment_count")
    def treatments(self, contraindication: Any) -> int:
        """How many treatments ask about it."""
        return contraindication.treatment_count
