"""Where owners edit the menu and the page of each treatment."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from services.admin.editor import EditorAdmin
from services.models import Category, Faq, Service, ServiceOption, SpaProfile
from services.templatetags.menu import money


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
