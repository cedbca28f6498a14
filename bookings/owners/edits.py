"""The edit of a health question in a valid form, before it is saved."""

from typing import Any

from django import forms

from bookings.questions import Draft
from services.sign_off import Change, label, words


def draft_of(form: Any) -> Draft:
    """The edit in a valid form, not saved."""
    services = frozenset(service.pk for service in form.cleaned_data["services"])
    return Draft(form.instance, services)


def changes_in(form: forms.ModelForm) -> list[Change]:
    """What a valid form changes, in words."""
    found = []
    for field in form.changed_data:
        before, after = form.initial.get(field), form.cleaned_data[field]
        if field == "services":
            field = "treatments"
            before, after = ([one.name for one in rows] for rows in (before or [], after))
        found.append(
            Change(form.instance.name, label(field), words(field, before), words(field, after))
        )
    return found
