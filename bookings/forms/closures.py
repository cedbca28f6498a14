"""Days on which the spa, or some of those who work there, take nobody."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.actions.time_off import FURTHEST, REASON_MOST
from bookings.forms.details import NameField
from bookings.forms.time_off import UNREADABLE_DAY, WHOLE_SPA
from bookings.models import Therapist, TimeOff
from bookings.public_holidays import PublicHoliday


def whole_days(
    therapist: Therapist | None, first: date, last: date, reason: str, zone: ZoneInfo
) -> TimeOff:
    """An unsaved time off from the first minute of ``first`` to the last of ``last``."""
    return TimeOff(
        therapist=therapist,
        starts_at=datetime.combine(first, time.min, tzinfo=zone).astimezone(UTC),
        ends_at=datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone).astimezone(UTC),
        reason=reason,
    )


class ClosureForm(forms.Form):
    """Who, from when, until when and why; once, or on the same days of the next year too."""

    use_required_attribute = False

    who = forms.MultipleChoiceField(
        label=gettext_lazy("For whom"),
        error_messages={
            "required": gettext_lazy("Please say for whom."),
            "invalid_choice": gettext_lazy("Please choose from the list."),
        },
        widget=forms.CheckboxSelectMultiple,
    )
    first_day = forms.DateField(
        label=gettext_lazy("First day"),
        input_formats=["%Y-%m-%d"],
        error_messages={
            "required": gettext_lazy("Please choose the first day."),
            "invalid": UNREADABLE_DAY,
        },
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    last_day = forms.DateField(
        required=False,
        label=gettext_lazy("Last day"),
        help_text=gettext_lazy("Empty: the first day alone."),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": UNREADABLE_DAY},
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    reason = NameField(
        required=False,
        label=gettext_lazy("Reason (optional)"),
        max_length=REASON_MOST,
        help_text=gettext_lazy("Everybody on the staff sees it. Nothing about health, please."),
        error_messages={
            "max_length": gettext_lazy("Please keep it under %(limit_value)d characters.")
        },
    )
    next_year = forms.BooleanField(
        required=False, label=gettext_lazy("On the same days of the next year too")
    )

    def __init__(self, *args: Any, zone: ZoneInfo, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.today = zone, today
        self.therapists = {str(one.pk): one for one in Therapist.objects.active()}
        who = self.fields["who"]
        assert isinstance(who, forms.MultipleChoiceField)
        names = [(key, one.name) for key, one in self.therapists.items()]
        who.choices = [(WHOLE_SPA, _("The whole spa")), *names]

    def clean_first_day(self) -> date:
        """Refuse what is past."""
        day: date = self.cleaned_data["first_day"]
        if day < self.today:
            raise forms.ValidationError(_("That day is over already."))
        return self._near(day)

    def clean_last_day(self) -> date | None:
        """Refuse a day before the first."""
        day: date | None = self.cleaned_data["last_day"]
        first = self.cleaned_data.get("first_day")
        if day is not None and first is not None and day < first:
            raise forms.ValidationError(_("The last day must not lie before the first."))
        return day and self._near(day)

    def clean(self) -> dict[str, Any]:
        """Refuse a next year that lies beyond the diary."""
        cleaned = super().clean() or {}
        if cleaned.get("next_year") and not self.errors:
            last = cleaned["last_day"] or cleaned["first_day"]
            if _a_year_later(last) > self.today + FURTHEST - timedelta(days=1):
                self.add_error(
                    "next_year", _("The diary does not reach that far: two years from today.")
                )
        return cleaned

    def closures(self) -> list[TimeOff]:
        """The times off that the form describes, not saved."""
        asked = self.cleaned_data
        first, last = asked["first_day"], asked["last_day"] or asked["first_day"]
        spans = [(first, last)]
        if asked["next_year"]:
            spans.append((_a_year_later(first), _a_year_later(last)))
        everybody = WHOLE_SPA in asked["who"]
        who = [None] if everybody else [self.therapists[key] for key in asked["who"]]
        return [whole_days(one, *span, asked["reason"], self.zone) for span in spans for one in who]

    def _near(self, day: date) -> date:
        if day >= self.today + FURTHEST:
            raise forms.ValidationError(_("Please choose a day within the next two years."))
        return day


class HolidaysForm(forms.Form):
    """The public holidays on which the spa is to be closed, by date."""

    use_required_attribute = False

    days = forms.MultipleChoiceField(
        error_messages={
            "required": gettext_lazy("Please tick at least one day."),
            "invalid_choice": gettext_lazy("Please choose from the list."),
        },
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self, *args: Any, offered: Sequence[PublicHoliday], zone: ZoneInfo, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone
        self.offered = {one.day.isoformat(): one for one in offered}
        days = self.fields["days"]
        assert isinstance(days, forms.MultipleChoiceField)
        days.choices = [(key, one.name) for key, one in self.offered.items()]

    def closures(self) -> list[TimeOff]:
        """The times off of the whole spa, not saved."""
        chosen = [self.offered[key] for key in dict.fromkeys(self.cleaned_data["days"])]
        return [
            whole_days(None, one.day, one.day, one.name[:REASON_MOST], self.zone) for one in chosen
        ]


def _a_year_later(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        # The last day of a leap year's February.
        return day.replace(year=day.year + 1, day=28)
