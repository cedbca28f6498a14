"""The list of contraindications and the form of one; the diary adds what a change does to visits.

Registered in :mod:`bookings.owners.questions`: only there is it known who would be asked again.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from services.admin.seen import SeenForm
from services.models import Contraindication, Service


class ContraindicationForm(SeenForm):
    """A contraindication, with the areas to avoid and the treatments as tick boxes."""

    areas = forms.MultipleChoiceField(
        label=_("Areas to avoid"),
        choices=Contraindication.Area.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    services = forms.ModelMultipleChoiceField(
        label=_("Asked before"),
        queryset=Service.objects.order_by("category__position", "position", "name"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["services"] = list(
                Service.objects.filter(contraindications=self.instance).order_by("pk")
            )


class ContraindicationAdmin(admin.ModelAdmin):
    """The reasons for care: in groups, in the order in which they are asked."""

    form = ContraindicationForm
    list_display = ["name", "severity", "question", "active"]
    list_filter = ["severity", "group", "active", "evidence", "services"]
    list_per_page = 200
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
    # Nothing is done to several at once: each change is looked at by itself.
    actions = None
    save_on_top = True
    fieldsets = [
        (None, {"fields": ["name", "slug", "active", "group", "position"]}),
        (_("What is asked"), {"fields": ["question", "detail", "services"]}),
        (_("What it means"), {"fields": ["severity", "care", "areas"]}),
        (
            _("A second question"),
            {"fields": ["follow_up", "follow_up_severity", "follow_up_care"]},
        ),
        (_("What clients and therapists read"), {"fields": ["why", "advice"]}),
        (_("Where it comes from"), {"fields": ["sources", "evidence"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contraindication]:
        return super().get_queryset(request).prefetch_related("services")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Earlier answers name it: it is switched off, not deleted.
        return False
