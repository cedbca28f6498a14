"""The same visit again and again: how often, how many, and which of them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from bookings.forms.desk_booking import REASON_MOST, StartField
from bookings.forms.details import NameField
from bookings.models.appointments import REFERENCE_ALPHABET

REFERENCE = f"[{REFERENCE_ALPHABET}]{{8}}"
MOST_WEEKS, MOST_TIMES, PLAIN_TIMES = 8, 20, 4


class RhythmForm(forms.Form):
    """Every how many weeks, and how many times more."""

    use_required_attribute = False

    weeks = forms.TypedChoiceField(
        label=_("How often"),
        coerce=int,
        choices=[
            (n, ngettext_lazy("every week", "every %(n)d weeks", n) % {"n": n})
            for n in range(1, MOST_WEEKS + 1)
        ],
        widget=forms.Select(attrs={"class": "form-select"}),
        error_messages={"invalid_choice": _("From every week to every 8 weeks.")},
    )
    times = forms.IntegerField(
        label=_("How many more"),
        min_value=1,
        max_value=MOST_TIMES,
        widget=forms.NumberInput(attrs={"class": "form-control", "inputmode": "numeric"}),
        error_messages={
            "invalid": _("Please say how many visits, from 1 to 20."),
            "required": _("Please say how many visits, from 1 to 20."),
            "min_value": _("Please say how many visits, from 1 to 20."),
            "max_value": _("Please say how many visits, from 1 to 20."),
        },
    )


class LineForm(forms.Form):
    """One date: whether it is wanted, and when exactly."""

    wanted = forms.BooleanField(required=False)
    start = StartField()


class UndoSeriesForm(forms.Form):
    """The references of the visits that are taken back, with blanks between."""

    visits = forms.RegexField(rf"^{REFERENCE}( {REFERENCE}){{0,{MOST_TIMES - 1}}}\Z")

    def clean_visits(self) -> list[str]:
        """The references, each once."""
        return list(dict.fromkeys(self.cleaned_data["visits"].split(" ")))


class SeriesForm(forms.Form):
    """What holds for all dates; ``unchanged`` is what the client said about her health."""

    use_required_attribute = False

    unchanged = forms.BooleanField(
        label=_("Nothing has changed"),
        widget=forms.CheckboxInput(attrs={"class": "tick__box"}),
        error_messages={"required": _("Please ask first whether anything has changed.")},
    )
    seen = forms.CharField(max_length=20, required=False)
    reason = NameField(
        required=False,
        label=_("Reason for the times outside the rules"),
        max_length=REASON_MOST,
        error_messages={
            "max_length": _("Please keep the reason under %(limit_value)d characters.")
        },
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    tell = forms.BooleanField(
        required=False,
        label=_("Send a confirmation of each by e-mail"),
        widget=forms.CheckboxInput(attrs={"class": "tick__box"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("tell", True)
