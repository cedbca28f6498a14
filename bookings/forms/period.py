"""The days that a report is asked for."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.queries import DIARY_DAYS
from bookings.reports.periods import UNITS, Period, this_and_last

EARLIEST = date(2000, 1, 1)
LONGEST_DAYS = 1100
PRESETS = {
    "this-week": _("This week"),
    "last-week": _("Last week"),
    "this-month": _("This month"),
    "last-month": _("Last month"),
    "this-quarter": _("This quarter"),
    "last-quarter": _("Last quarter"),
    "this-year": _("This year"),
    "last-year": _("Last year"),
}
USUAL = "this-month"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A period, the one to compare it with, and the name of the preset, if it is one."""

    period: Period
    before: Period
    preset: str = ""


class PeriodForm(forms.Form):
    """A preset, or days of one's own, of which both are needed."""

    period = forms.ChoiceField(choices=list(PRESETS.items()), required=False)
    first = forms.DateField(
        label=_("First day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    last = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        # Browsers read and write days in ISO 8601, whatever the language.
        for name in ("first", "last"):
            field = self.fields[name]
            assert isinstance(field, forms.DateField)
            assert isinstance(field.widget, forms.DateInput)
            field.input_formats = ["%Y-%m-%d"]
            field.widget.format = "%Y-%m-%d"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if cleaned.get("period") or self.errors or not (first or last):
            return cleaned
        if not first or not last:
            self.add_error("last" if first else "first", _("Please enter both days."))
        elif last < first:
            self.add_error("last", _("The last day must not lie before the first."))
        elif first < EARLIEST:
            self.add_error("first", _("Please choose a day after the year 2000."))
        elif last > self.today + timedelta(days=DIARY_DAYS):
            self.add_error("last", _("The diary does not reach that far."))
        elif (last - first).days >= LONGEST_DAYS:
            self.add_error("last", _("Please choose three years at most."))
        return cleaned

    def chosen(self) -> Chosen:
        """What was asked for; the usual period where nothing or nothing sensible was."""
        values = self.cleaned_data if self.is_bound and self.is_valid() else {}
        if values.get("first") and not values.get("period"):
            period = Period(values["first"], values["last"])
            return Chosen(period, period.just_before())
        return preset(values.get("period") or USUAL, self.today)


def preset(name: str, today: date) -> Chosen:
    """The period that ``name``, one of ``PRESETS``, is today."""
    which, unit = name.split("-")
    assert unit in UNITS
    this, last, one_earlier = this_and_last(unit, today)
    if which == "this":
        return Chosen(this, last, name)
    return Chosen(last, one_earlier, name)
