"""Where owners edit the menu and the page of each treatment."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import models, transaction
from django.db.models import Count, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from services import photos
from services.admin.claims import claims_in
from services.admin.clash import find_clash
from services.admin.editor import EditorAdmin
from services.admin.order import MenuOrder, last_position
from services.admin.page_form import LIVE, NO_ROOM, PUBLISH, ServiceForm
from services.admin.page_history import PageHistory
from services.admin.preview import PagePreview
from services.admin.withdrawing import Withdrawing
from services.claims import rules
from services.models import Category, Faq, Service, ServiceOption, SpaProfile
from services.pages import publish_pages
from services.templatetags.menu import money
from services.versions import record, record_as_found


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    """The headings of the menu."""

    list_display = ["name", "summary", "treatments", "position"]
    search_fields = ["name", "summary"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return super().get_queryset(request).annotate(treatment_count=Count("services"))

    @admin.display(description=_("treatments"), ordering="treatment_count")
    def treatments(self, category: Any) -> int:
        """How many treatments stand under the heading."""
        return category.treatment_count


class OptionRows(forms.BaseInlineFormSet):
    """Lengths whose tick box to delete has a name, too."""

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].widget.attrs["aria-label"] = _now("Delete")


class OptionInline(admin.TabularInline):
    """Lengths and prices."""

    model = ServiceOption
    formset = OptionRows
    extra = 0
    min_num = 1

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field:
            # The head of a column is no label to those who hear the page.
            field.widget.attrs["aria-label"] = capfirst(field.label or "")
        return field


class FaqInline(admin.StackedInline):
    """Questions and answers."""

    model = Faq
    extra = 0


@admin.register(Service)
class ServiceAdmin(MenuOrder, PagePreview, PageHistory, Withdrawing, EditorAdmin):
    """A treatment and its page."""

    form = ServiceForm
    change_form_template = "admin/services/service/change_form.html"
    change_list_template = "admin/services/service/change_list.html"
    list_display = ["name", "category", "status", "prices"]
    list_filter = ["status", "category"]
    search_fields = ["name", "summary", "body"]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["contraindications"]
    readonly_fields = ["updated_at", "found_as"]
    inlines = [OptionInline, FaqInline]
    actions = ["publish", "unpublish"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "seen",
                    "name",
                    "slug",
                    "discreet_name",
                    "category",
                    "summary",
                    "updated_at",
                ]
            },
        ),
        (_("Page"), {"fields": ["body", "preparation", "aftercare"]}),
        (_("Picture"), {"fields": ["photo", "photo_alt", "illustration"]}),
        (_("Search engines and sharing"), {"fields": ["title", "description", "found_as"]}),
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

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "category" and field is not None:
            # A heading that is deleted beside the page of one treatment is soon one too many.
            field.widget.can_delete_related = False
            field.widget.can_view_related = False
        return field

    def get_urls(self) -> list[URLPattern]:
        return [
            *self.order_urls(),
            *self.preview_urls(),
            *self.history_urls(),
            *self.withdrawing_urls(),
            *super().get_urls(),
        ]

    @admin.display(description=_("prices"))
    def prices(self, service: Any) -> str:
        """The offered prices, the shortest length first."""
        offered = (option for option in service.options.all() if option.active)
        return ", ".join(money(option.price, service.currency) for option in offered)

    @admin.display(description=_("How it looks"))
    def found_as(self, service: Service) -> SafeString:
        """The page as search engines and shared links show it."""
        spa = SpaProfile.objects.first()
        return render_to_string(
            "admin/services/service/found.html", {"service": service, "spa": spa}
        )

    @admin.action(description=_("Publish the chosen treatments"), permissions=["change"])
    def publish(self, request: HttpRequest, services: QuerySet[Service]) -> None:
        """Show the chosen treatments to clients."""
        count = publish_pages(services=services, by=request.user)
        said = ngettext("%d treatment is public now.", "%d treatments are public now.", count)
        self.message_user(request, said % count, messages.SUCCESS)

    @admin.action(description=_("Take the chosen treatments off the site"), permissions=["change"])
    def unpublish(self, request: HttpRequest, services: QuerySet[Service]) -> HttpResponse:
        """Ask first, with the visits that are booked."""
        return HttpResponseRedirect(self.withdrawing_address(services))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {
            **(extra_context or {}),
            "live": LIVE,
            "publish": PUBLISH,
            "claim_rules": [asdict(rule) for rule in rules()],
            "claims": lambda: claims_in(Service.objects.filter(pk=_key(object_id)).first()),
        }
        try:
            return self._changeform(request, object_id, form_url, context)
        except photos.NotStored:
            # Nothing was saved. The form comes back with all that was typed.
            data = request.POST.copy()
            data[NO_ROOM] = "yes"
            request.POST = data  # type: ignore[assignment]
            return self._changeform(request, object_id, form_url, context)

    def _changeform(
        self, request: HttpRequest, object_id: str | None, form_url: str, context: dict[str, Any]
    ) -> HttpResponse:
        if request.method != "POST" or object_id is None:
            return super().changeform_view(request, object_id, form_url, context)
        with transaction.atomic():
            service = self._locked(object_id)
            clash = find_clash(service, request) if service else None
            if clash:
                request.POST = clash.data  # type: ignore[assignment]
                context["clash"] = clash
            return super().changeform_view(request, object_id, form_url, context)

    def _locked(self, object_id: str) -> Service | None:
        # Held until the answer: of two that save at once, the second sees what the first wrote.
        return Service.objects.select_for_update(no_key=True).filter(pk=_key(object_id)).first()

    def save_model(
        self, request: HttpRequest, service: Service, form: forms.Form, change: bool
    ) -> None:
        if change:
            record_as_found(service)
        else:
            service.position = last_position()
        if PUBLISH in form.data:
            service.status = Service.Status.PUBLISHED
        if isinstance(form, ServiceForm) and form.prepared:
            service.photo = photos.store(form.prepared)
        super().save_model(request, service, form, change)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        note = _now("Published: clients see it from now on") if PUBLISH in form.data else ""
        record([form.instance], by=request.user, note=note)

    def response_add(
        self, request: HttpRequest, service: Service, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._saved(request, service)

    def response_change(self, request: HttpRequest, service: Service) -> HttpResponse:
        return self._saved(request, service)

    def _saved(self, request: HttpRequest, service: Service) -> HttpResponse:
        if service.status == Service.Status.PUBLISHED:
            said = _("Saved. Clients see it now: <a href='{}'>look at the page</a>.")
        else:
            said = _("Saved as a draft. Only staff see it: <a href='{}'>look at the draft</a>.")
        words = format_html(str(said), service.get_absolute_url())
        self.message_user(request, words, messages.SUCCESS)
        if risky := {claim.words.lower() for claim in claims_in(service)}:
            look = _now("Saved all the same; please look again at: %s. The reasons stand below.")
            self.message_user(request, look % ", ".join(sorted(risky)), messages.WARNING)
        return HttpResponseRedirect(reverse("admin:services_service_change", args=[service.pk]))


def _key(object_id: str | None) -> int:
    """The primary key in an address of the admin; 0, which no row has, for anything else."""
    plain = unquote(object_id or "")
    return int(plain) if plain.isascii() and plain.isdecimal() and len(plain) < 19 else 0
