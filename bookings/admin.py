"""Where owners keep the people and the rooms of the diary.

Appointments, their messages and their events are shown only: each change is made at the desk,
where the rules of the diary hold. Health answers do not appear here at all.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTimeWidget
from django.db import models
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bookings import admin_logins as admin_logins  # registers its own page
from bookings.models import (
    Appointment,
    Client,
    ClientMerge,
    Event,
    Message,
    Room,
    Therapist,
    TimeOff,
    WorkingHours,
)
from bookings.permissions import is_owner
from bookings.time_off import visits_to_move
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


class ReadOnly(admin.options.BaseModelAdmin):
    """Looked at, never changed."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class WorkingHoursInline(admin.TabularInline):
    """The week of a therapist."""

    model = WorkingHours
    extra = 0
    formfield_overrides = {
        models.TimeField: {"widget": AdminTimeWidget(format="%H:%M")},
    }


class TimeOffInline(admin.TabularInline):
    """Her time off that is still to come."""

    model = TimeOff
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[TimeOff]:
        return super().get_queryset(request).filter(ends_at__gte=timezone.now())


@admin.register(Therapist)
class TherapistAdmin(admin.ModelAdmin):
    """A therapist with her week, her time off and what she gives."""

    list_display = ["name", "gives", "email", "user", "active", "position"]
    list_editable = ["position"]
    list_filter = ["active", "services"]
    search_fields = ["name", "email"]
    filter_horizontal = ["services"]
    inlines = [WorkingHoursInline, TimeOffInline]
    save_on_top = True
    fieldsets = [
        (None, {"fields": ["name", "introduction", "colour", "active", "position"]}),
        (_("Contact and login"), {"fields": ["email", "user"]}),
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

    @admin.display(description=_("who"), ordering="therapist__name")
    def who(self, time_off: TimeOff) -> str:
        """The therapist, or the whole spa."""
        return str(time_off.therapist or _("Whole spa"))


@admin.register(Client)
class ClientAdmin(ReadOnly, admin.ModelAdmin):
    """Those who come, with the way to reach them; the desk changes them, and keeps who did."""

    list_display = ["name", "email", "phone", "visits", "last_visit", "at_desk"]
    search_fields = ["name", "email", "phone"]
    fields = [
        "at_desk",
        "name",
        "email",
        "phone",
        "preferred_therapist",
        "merged_into",
        "created_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Client]:
        rows = super().get_queryset(request)
        return rows.annotate(
            visit_count=Count("appointments"), latest=Max("appointments__starts_at")
        )

    @admin.display(description=_("visits"), ordering="visit_count")
    def visits(self, client: Any) -> int:
        """How many visits she has booked."""
        return client.visit_count

    @admin.display(description=_("latest visit"), ordering="latest")
    def last_visit(self, client: Any) -> Any:
        """When her latest visit starts."""
        return client.latest

    @admin.display(description=_("at the desk"))
    def at_desk(self, client: Client) -> SafeString:
        """A link to the page on which the record can be changed."""
        url = reverse("bookings:desk_client", args=[client.pk])
        return format_html('<a href="{}">{}</a>', url, _("Open at the desk"))


@admin.register(ClientMerge)
class ClientMergeAdmin(ReadOnly, admin.ModelAdmin):
    """Which records were made one, and parted again; the desk does both."""

    list_display = ["at", "kept", "merged", "by", "undone_at", "undone_by"]
    list_select_related = ["kept", "merged", "by", "undone_by"]
    search_fields = ["kept__name", "merged__name"]
    # Without what was taken over: it may hold an old address and the desk's notes.
    fields = ["kept", "merged", "at", "by", "undone_at", "undone_by"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_owner(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_owner(request.user)


class EventInline(ReadOnly, admin.TabularInline):
    """Who changed what."""

    model = Event
    # Without the reason: what people say when they cancel may be about their health.
    fields = ["at", "actor_kind", "actor", "kind"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).select_related("actor")


class MessageInline(ReadOnly, admin.TabularInline):
    """What was sent."""

    model = Message
    fields = ["kind", "due_at", "state", "attempts", "sent_at", "last_error"]
    extra = 0


@admin.register(Appointment)
class AppointmentAdmin(ReadOnly, admin.ModelAdmin):
    """Visits as they stand; the desk changes them."""

    list_display = ["reference", "starts_at", "status", "client", "therapist", "service", "at_desk"]
    list_filter = ["status", "therapist", "service"]
    list_select_related = ["client", "service", "therapist"]
    search_fields = ["reference", "client__name", "client__email"]
    date_hierarchy = "starts_at"
    ordering = ["-starts_at"]
    fields = [
        "at_desk",
        "reference",
        "client",
        "service",
        "option",
        "therapist",
        "room",
        "starts_at",
        "ends_at",
        "status",
        "price",
        "source",
        "created_at",
    ]
    readonly_fields = ["at_desk"]
    inlines = [EventInline, MessageInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appointment]:
        return super().get_queryset(request).booked()  # type: ignore[attr-defined]

    @admin.display(description=_("at the desk"))
    def at_desk(self, appointment: Appointment) -> SafeString:
        """A link to the page on which the visit can be changed."""
        url = reverse("bookings:desk_appointment", args=[appointment.reference])
        return format_html('<a href="{}">{}</a>', url, _("Open at the desk"))


@admin.register(Message)
class MessageAdmin(ReadOnly, admin.ModelAdmin):
    """The outbox."""

    list_display = ["appointment", "kind", "lead_hours", "due_at", "state", "attempts", "sent_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["appointment"]
    search_fields = ["appointment__reference"]
    date_hierarchy = "due_at"
    ordering = ["-due_at"]
