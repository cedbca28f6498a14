"""Where owners look at the diary.

Appointments, their messages and their events are shown only: each change is made at the desk,
where the rules of the diary hold. Health answers do not appear here at all.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

# They register their own pages.
from bookings import admin_logins as admin_logins
from bookings import admin_pages as admin_pages
from bookings import admin_people as admin_people
from bookings import admin_wording as admin_wording
from bookings.models import Appointment, Client, ClientMerge, Event, Message
from bookings.owners import questions as questions
from bookings.permissions import is_owner


class ReadOnly(admin.options.BaseModelAdmin):
    """Looked at, never changed."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
        "aftercare_stopped_at",
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
    """The outbox; the desk shows what each one said, and sends it again."""

    list_display = ["appointment", "kind", "lead_hours", "due_at", "state", "sent_at", "at_desk"]
    readonly_fields = ["at_desk"]
    list_filter = ["state", "kind"]
    list_select_related = ["appointment"]
    search_fields = ["appointment__reference"]
    date_hierarchy = "due_at"
    ordering = ["-due_at"]

    @admin.display(description=_("at the desk"))
    def at_desk(self, message: Message) -> SafeString:
        """A link to the page on which it is read and sent again."""
        url = reverse("bookings:desk_message", args=[message.pk])
        return format_html('<a href="{}">{}</a>', url, _("Open at the desk"))
