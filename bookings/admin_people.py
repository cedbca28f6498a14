"""Where owners keep the therapists, the rooms, their hours and their time off."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bookings.models import Room, Therapist, TimeOff
from bookings.time_off import visits_to_move
from bookings.views import closures, hours, hours_copy, week_table
from bookings.words import full_day


def warn_of_visits(request: HttpRequest, off: TimeOff) -> None:
    """Say how many visits stand in a time off, with links to their days at the desk."""
    cards = visits_to_move(off, now=timezone.now())
    if not cards:
        return
    said = ngettext(
        "%(count)d visit stands in “%(off)s” and has to be moved:",
        "%(count)d visits stand in “%(off)s” and have to be moved:",
        len(cards),
    ) % {"count": len(cards), "off": off}
    today, desk = timezone.localdate(), reverse("bookings:desk")
    days = dict.fromkeys(card.starts_at.date() for card in cards)
    links = format_html_join(
        ", ",
        '<a href="{}?date={}">{}</a>',
        ((desk, day.isoformat(), full_day(day, today)) for day in days),
    )
    messages.warning(request, format_html("{} {}", said, links))


class TimeOffInline(admin.TabularInline):
    """Her time off that is still to come."""

    model = TimeOff
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[TimeOff]:
        return super().get_queryset(request).filter(ends_at__gte=timezone.now())


@admin.register(Therapist)
class TherapistAdmin(admin.ModelAdmin):
    """A therapist with her time off and what she gives; her week has a page of its own."""

    list_display = ["name", "week", "gives", "email", "user", "active", "position"]
    list_editable = ["position"]
    list_filter = ["active", "services"]
    search_fields = ["name", "email"]
    filter_horizontal = ["services"]
    inlines = [TimeOffInline]
    save_on_top = True
    fieldsets = [
        (None, {"fields": ["name", "introduction", "colour", "active", "position"]}),
        (_("Contact and login"), {"fields": ["email", "user", "wants_notes", "wants_sheet"]}),
        (_("Treatments"), {"fields": ["services"]}),
    ]

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        if db_field.name == "colour":
            kwargs["widget"] = forms.TextInput(attrs={"type": "color"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Therapist]:
        rows = super().get_queryset(request).select_related("user")
        return rows.annotate(service_count=Count("services"))

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        own = [
            path("week/", guarded(week_table.week), name="bookings_therapist_week"),
            path("<int:pk>/hours/", guarded(hours.hours), name="bookings_therapist_hours"),
            path("<int:pk>/hours/copy/", guarded(hours_copy.copy), name="bookings_therapist_copy"),
        ]
        return [*own, *super().get_urls()]

    @admin.display(description=_("hours"))
    def week(self, therapist: Therapist) -> SafeString:
        """A link to the page of her hours."""
        url = reverse("admin:bookings_therapist_hours", args=[therapist.pk])
        return format_html('<a href="{}">{}</a>', url, _("Hours"))

    @admin.display(description=_("treatments given"), ordering="service_count")
    def gives(self, therapist: Any) -> int:
        """How many treatments she gives."""
        return therapist.service_count

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.model is TimeOff:
            for off in [*formset.new_objects, *(row for row, _names in formset.changed_objects)]:
                warn_of_visits(request, off)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Past visits name her: she is switched off, not deleted.
        return super().has_delete_permission(request, obj) and not (
            obj is not None and obj.appointments.exists()
        )


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):
    """A room and the treatments that it suits."""

    list_display = ["name", "suits", "active", "position"]
    list_editable = ["active", "position"]
    list_filter = ["active", "services"]
    search_fields = ["name"]
    filter_horizontal = ["services"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Room]:
        return super().get_queryset(request).annotate(service_count=Count("services"))

    @admin.display(description=_("treatments"), ordering="service_count")
    def suits(self, room: Any) -> int:
        """How many treatments the room suits."""
        return room.service_count

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not (
            obj is not None and obj.appointments.exists()
        )


class WhenFilter(admin.SimpleListFilter):
    """Time off to come, or past."""

    title = _("when")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("ahead", _("Now and to come")), ("past", _("Past"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "ahead":
            return queryset.filter(ends_at__gte=timezone.now())
        if self.value() == "past":
            return queryset.filter(ends_at__lt=timezone.now())
        return queryset


@admin.register(TimeOff)
class TimeOffAdmin(admin.ModelAdmin):
    """Holidays, courses and closing days."""

    list_display = ["who", "starts_at", "ends_at", "reason"]
    list_filter = [WhenFilter, "therapist"]
    search_fields = ["reason", "therapist__name"]
    list_select_related = ["therapist"]

    def save_model(self, request: HttpRequest, obj: TimeOff, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        warn_of_visits(request, obj)

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        own = [
            path("close/", guarded(closures.close), name="bookings_timeoff_close"),
            path("holidays/", guarded(closures.holidays), name="bookings_timeoff_holidays"),
        ]
        return [*own, *super().get_urls()]

    @admin.display(description=_("who"), ordering="therapist__name")
    def who(self, time_off: TimeOff) -> str:
        """The therapist, or the whole spa."""
        return str(time_off.therapist or _("Whole spa"))
