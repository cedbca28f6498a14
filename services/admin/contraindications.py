"""Where owners edit the contraindications."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, Count, QuerySet, When
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from services.models import Contraindication

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
