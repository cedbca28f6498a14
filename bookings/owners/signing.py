"""The list of health questions as a clinician reads it, and who has signed it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from bookings import actions
from bookings.actions import staff
from bookings.permissions import owners_only
from bookings.questions import outdated_visits, versions
from bookings.views.staff import me
from services.models import Contraindication, Service, SignOff
from services.queries import order_of_asking
from services.sign_off import Change, differences, present_list, standing, version_of


@dataclass(frozen=True, slots=True)
class Signed:
    """One sign-off of the past, and what changed until the next one, or until today."""

    sign_off: SignOff
    changes: tuple[Change, ...]
    is_latest: bool


class SignOffForm(forms.ModelForm):
    """Who signed the list that was shown, and when."""

    read = forms.BooleanField(
        label=gettext_lazy("She or he has read the whole list as it stands below and agrees to it.")
    )

    class Meta:
        model = SignOff
        fields = ["name", "profession", "signed_on", "note"]
        widgets = {
            "signed_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "note": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, version: str, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.version, self.today = version, today
        self.label_suffix = ""

    def clean_signed_on(self) -> date:
        """The day of the signature; nobody signs ahead."""
        day: date = self.cleaned_data["signed_on"]
        if day > self.today:
            raise forms.ValidationError(_("This day is still to come."))
        if day.year < 2000:
            raise forms.ValidationError(_("Please look at the year."))
        return day

    def clean(self) -> dict[str, Any]:
        # What was read must be what is signed.
        if self.data.get("version") != self.version:
            raise forms.ValidationError(
                _("The list has changed since you opened this page. Please have it read again.")
            )
        return self.cleaned_data


@owners_only
@require_http_methods(["GET", "HEAD", "POST"])
def sign_off(request: HttpRequest) -> HttpResponse:
    """Show the whole list for reading and printing, and enter who has signed it."""
    present = present_list()
    version, today = version_of(present), timezone.localdate()
    form = SignOffForm(
        request.POST or None, version=version, today=today, initial={"signed_on": today}
    )
    if request.method == "POST" and form.is_valid():
        # Sent twice, one paper is still signed once.
        SignOff.objects.get_or_create(
            **{name: form.cleaned_data[name] for name in SignOffForm.Meta.fields},
            version=version,
            defaults={"signed": present, "recorded_by": me(request), "recorded_at": timezone.now()},
        )
        messages.success(request, _("The sign-off is entered. It lapses with the next change."))
        return redirect("admin:questions_sign_off")
    rows = Contraindication.objects.prefetch_related("services").filter(active=True)
    context = {
        **admin.site.each_context(request),
        "title": _("Sign-off of the health questions"),
        "form": form,
        "standing": standing(),
        "history": _history(present),
        "rows": sorted(rows, key=order_of_asking),
        "noted": Service.objects.filter(note_from_everyone=True),
    }
    return render(request, "admin/questions/sign_off.html", context)


@owners_only
@require_http_methods(["GET", "HEAD"])
def outdated(request: HttpRequest) -> HttpResponse:
    """Show the coming visits that stand on other questions than today's."""
    touched = outdated_visits(now=timezone.now())
    context = {
        **admin.site.each_context(request),
        "title": _("Visits with answers to earlier questions"),
        "touched": touched,
        "total": sum(one.count for one in touched),
    }
    return render(request, "admin/questions/outdated.html", context)


@owners_only
@require_POST
def mark_outdated(request: HttpRequest) -> HttpResponse:
    """Mark those visits for a new health check."""
    count = actions.ask_again(versions=versions(), by=staff(me(request)), now=timezone.now())
    said = ngettext(
        "%d visit is marked for a new health check.",
        "%d visits are marked for a new health check.",
        count,
    )
    messages.success(request, said % count)
    return redirect("admin:index")


def _history(present: dict[str, Any]) -> list[Signed]:
    found: list[Signed] = []
    later = present
    for one in SignOff.objects.select_related("recorded_by"):
        found.append(Signed(one, tuple(differences(one.signed, later)), is_latest=not found))
        later = one.signed
    return found
