"""Where owners keep the therapists, the rooms, their hours and their time off."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.db import models, transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bookings import actions
from bookings.actions.events import staff
from bookings.actions.placing import lock_diary
from bookings.actions.stranding import keep_stranding
from bookings.forms.stranding import RoomForm, TherapistForm, TimeOffTableForm
from bookings.models import Room, Therapist, TimeOff
from bookings.views import closures, hours, hours_copy, week_table
from bookings.views.staff import me


class ListsVisitsFirst(admin.ModelAdmin):
    """What is saved here may leave booked visits without a place: the form lists them first.

    The locks of the diary are held from the look at the visits until all is written, so that a
    booking at the same moment is listed here or refused there.
    """

    change_form_template = "admin/bookings/change_with_visits.html"
    # Enter in a field presses the first button: not the one that passes over the visits.
    save_on_top = True

    def formfield_for_manytomany(
        self, db_field: models.ManyToManyField, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelMultipleChoiceField | None:
        if db_field.name in self.filter_horizontal:
            # "Available treatments", whatever the relation is called.
            name = db_field.related_model._meta.verbose_name_plural or ""
            kwargs["widget"] = FilteredSelectMultiple(name, is_stacked=False)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name in self.list_editable:
            # In a list the heading of the column is no label.
            field.widget.attrs["aria-label"] = field.label
        return field

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        with transaction.atomic():
            if request.method == "POST":
                lock_diary(
                    therapists=Therapist.objects.values_list("pk", flat=True),
                    rooms=Room.objects.values_list("pk", flat=True),
                )
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        reasons = getattr(form, "reasons", {})
        if not reasons:
            return
        keep_stranding(reasons, by=staff(me(request)), now=timezone.now())
        count = len(reasons)
        said = ngettext(
            "%(count)d visit has to be moved.", "%(count)d visits have to be moved.", count
        ) % {"count": count}
        link = format_html('<a href="{}">{}</a>', reverse("bookings:desk_to_move"), _("Move them"))
        messages.warning(request, format_html("{} {}", said, link))


@admin.register(Therapist)
class TherapistAdmin(ListsVisitsFirst):
    """A therapist with her time off and what she gives; her week has a page of its own."""

    form = TherapistForm
    list_display = ["name", "week", "gives", "email", "user", "active", "position"]
    list_editable = ["position"]
    list_filter = ["active", "services"]
    search_fields = ["name", "email"]
    filter_horizontal = ["services"]
    readonly_fields = ["time_off_ahead"]
    fieldsets = [
        (None, {"fields": ["name", "introduction", "colour", "active", "position"]}),
        (_("Contact and login"), {"fields": ["email", "user", "wants_notes", "wants_sheet"]}),
        (_("Treatments"), {"fields": ["services"]}),
        (_("Time off"), {"fields": ["time_off_ahead"]}),
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

    def response_add(
        self, request: HttpRequest, obj: Therapist, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Lead on to the week of somebody new: without hours nobody can book her."""
        answer = super().response_add(request, obj, post_url_continue)
        if "_addanother" in request.POST or "_continue" in request.POST:
            return answer
        return redirect("admin:bookings_therapist_hours", obj.pk)

    @admin.display(description=_("to come"))
    def time_off_ahead(self, therapist: Therapist) -> str:
        """Her time off that is not over, each with the way to its page."""
        if therapist.pk is None:
            return ""
        rows = therapist.time_off.filter(ends_at__gte=timezone.now()).order_by("starts_at")
        links = [(reverse("admin:bookings_timeoff_change", args=[one.pk]), one) for one in rows]
        return format_html_join(mark_safe("<br>"), '<a href="{}">{}</a>', links) or str(_("None"))

    @admin.display(description=_("hours"))
    def week(self, therapist: Therapist) -> SafeString:
        """A link to the page of her hours."""
        url = reverse("admin:bookings_therapist_hours", args=[therapist.pk])
        return format_html('<a href="{}">{}</a>', url, _("Hours"))

    def save_model(self, request: HttpRequest, obj: Therapist, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "user" in form.changed_data:
            # The calendar address was handed to the one before.
            actions.revoke_feed(therapist=obj, now=timezone.now())

    @admin.display(description=_("treatments given"), ordering="service_count")
    def gives(self, therapist: Any) -> int:
        """How many treatments she gives."""
        return therapist.service_count

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Past visits name her: she is switched off, not deleted.
        return super().has_delete_permission(request, obj) and not (
            obj is not None and obj.appointments.exists()
        )


@admin.register(Room)
class RoomAdmin(ListsVisitsFirst):
    """A room and the treatments that it suits."""

    form = RoomForm
    list_display = ["name", "suits", "active", "position"]
    list_editable = ["position"]
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
class TimeOffAdmin(ListsVisitsFirst):
    """Holidays, courses and closing days."""

    form = TimeOffTableForm
    list_display = ["who", "starts_at", "ends_at", "reason"]
    list_filter = [WhenFilter, "therapist"]
    search_fields = ["reason", "therapist__name"]
    list_select_related = ["therapist"]

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
