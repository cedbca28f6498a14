"""A time in which somebody, or the whole spa, takes nobody."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from bookings.actions.time_off import REASON_MOST
from bookings.forms.details import NameField
from bookings.models import Therapist, TimeOff
from bookings.time_off import is_whole_days
from services.models import SpaProfile

WHOLE_SPA = "spa"
MINUTES = {"30": 30, "60": 60}
TIMED = ("30", "60", "rest", "until")
ENDS_LATER = ("days", "until")
YEARS = timedelta(days=731)
UNREADABLE_DAY = gettext_lazy("We could not read that day. It looks like 2026-11-24.")
UNREADABLE_TIME = gettext_lazy("We could not read that time. It looks like 10:15.")


def _day_field(label: Any, **more: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        input_formats=["%Y-%m-%d"],
        error_messages={
            "required": gettext_lazy("Please choose a day."),
            "invalid": UNREADABLE_DAY,
        },
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        **more,
    )


def _time_field(label: Any) -> forms.TimeField:
    return forms.TimeField(
        required=False,
        label=label,
        input_formats=["%H:%M"],
        error_messages={"invalid": UNREADABLE_TIME},
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", "step": 300}),
    )


class TimeOffForm(forms.Form):
    """From when, how long and why; ``cleaned_data`` has ``starts_at`` and ``ends_at`` in UTC.

    A time that the clocks show twice is taken widely: from its first moment to its last.
    """

    use_required_attribute = False

    first_day = _day_field(gettext_lazy("From"))
    first_time = _time_field(pgettext_lazy("time of day", "Time"))
    length = forms.ChoiceField(
        label=gettext_lazy("How long"),
        choices=[
            ("30", gettext_lazy("30 minutes")),
            ("60", gettext_lazy("1 hour")),
            ("rest", gettext_lazy("The rest of the day")),
            ("day", gettext_lazy("The whole day")),
            ("days", gettext_lazy("Several whole days")),
            ("until", gettext_lazy("Until a certain time")),
        ],
        error_messages={"required": gettext_lazy("Please say how long.")},
        widget=forms.RadioSelect,
    )
    last_day = _day_field(gettext_lazy("Last day"), required=False)
    last_time = _time_field(pgettext_lazy("end of a time", "Until"))
    reason = NameField(
        required=False,
        label=gettext_lazy("Reason (optional)"),
        max_length=REASON_MOST,
        help_text=gettext_lazy("Everybody on the staff sees it. Nothing about health, please."),
        error_messages={
            "max_length": gettext_lazy("Please keep it under %(limit_value)d characters.")
        },
        widget=forms.TextInput(attrs={"list": "usual-reasons", "maxlength": REASON_MOST}),
    )

    def __init__(self, *args: Any, spa: SpaProfile, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.now = spa.zone, now
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True

    def clean(self) -> dict[str, Any]:
        """Turn days and times into two instants."""
        cleaned = super().clean() or {}
        self._forget_what_is_not_asked(cleaned.get("length", ""))
        self._require_what_is_needed(cleaned)
        if self.errors:
            return cleaned
        cleaned["starts_at"], cleaned["ends_at"] = self._span(cleaned)
        self._refuse_impossible(cleaned)
        return cleaned

    def clean_first_day(self) -> date:
        """Refuse a day that is years away."""
        return self._near(self.cleaned_data["first_day"])

    def clean_last_day(self) -> date | None:
        """Refuse a day that is years away."""
        day: date | None = self.cleaned_data["last_day"]
        return day and self._near(day)

    def _near(self, day: date) -> date:
        today = self.now.astimezone(self.zone).date()
        if abs(day - today) > YEARS:
            raise forms.ValidationError(_("Please choose a day within the next two years."))
        return day

    def _forget_what_is_not_asked(self, length: str) -> None:
        """What stands in a field that this length hides cannot be wrong."""
        unasked = {
            "first_time": length in ("day", "days"),
            "last_day": length not in ENDS_LATER,
            "last_time": length != "until",
        }
        for name, is_hidden in unasked.items():
            if is_hidden:
                self.errors.pop(name, None)

    def _require_what_is_needed(self, cleaned: dict[str, Any]) -> None:
        length = cleaned.get("length")
        if length in TIMED and "first_time" not in self.errors and cleaned["first_time"] is None:
            self.add_error("first_time", _("Please say from what time."))
        if length in ENDS_LATER and "last_day" not in self.errors and not cleaned["last_day"]:
            self.add_error("last_day", _("Please choose the last day."))
        if length == "until" and "last_time" not in self.errors and cleaned["last_time"] is None:
            self.add_error("last_time", _("Please say until what time."))

    def _span(self, cleaned: dict[str, Any]) -> tuple[datetime, datetime]:
        length, day = cleaned["length"], cleaned["first_day"]
        starts = self._instant(day, cleaned["first_time"] if length in TIMED else time.min)
        if length in MINUTES:
            return starts, starts + timedelta(minutes=MINUTES[length])
        if length == "until":
            return starts, self._instant(cleaned["last_day"], cleaned["last_time"], fold=1)
        last = cleaned["last_day"] if length == "days" else day
        return starts, self._instant(last + timedelta(days=1), time.min)

    def _refuse_impossible(self, cleaned: dict[str, Any]) -> None:
        later = "last_day" if cleaned["length"] in ENDS_LATER else "first_day"
        if cleaned["ends_at"] <= cleaned["starts_at"]:
            self.add_error(later, _("It must end after it starts."))
        elif cleaned["ends_at"] <= self.now:
            self.add_error(later, _("That time is over already."))

    def _instant(self, day: date, clock: time, *, fold: int = 0) -> datetime:
        return datetime.combine(day, clock.replace(fold=fold), tzinfo=self.zone).astimezone(UTC)


class BlockForm(TimeOffForm):
    """Time off that is new: for whom as well."""

    therapist = forms.ChoiceField(
        label=gettext_lazy("For whom"),
        error_messages={
            "required": gettext_lazy("Please say for whom."),
            "invalid_choice": gettext_lazy("Please choose a therapist, or the whole spa."),
        },
    )
    # The visits that were listed as being in the way, when it was said to block all the same.
    seen = forms.CharField(required=False, max_length=20_000, widget=forms.HiddenInput)

    field_order = ["therapist"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.therapists = {str(one.pk): one for one in Therapist.objects.active()}
        field = self.fields["therapist"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", _("Please choose")),
            *((key, one.name) for key, one in self.therapists.items()),
            (WHOLE_SPA, _("The whole spa")),
        ]

    def unsaved(self) -> TimeOff:
        """The time off that the form describes."""
        cleaned = self.cleaned_data
        return TimeOff(
            therapist=self.therapists.get(cleaned["therapist"]),
            starts_at=cleaned["starts_at"],
            ends_at=cleaned["ends_at"],
            reason=cleaned["reason"],
        )

    @property
    def seen_references(self) -> set[str]:
        """The references of the visits that were listed."""
        return set(self.cleaned_data["seen"].split())


class TimeOffChangeForm(TimeOffForm):
    """Other times, or another reason; it carries what was shown, so that a stale page is told."""

    seen = forms.CharField(required=False, max_length=300, widget=forms.HiddenInput)

    def __init__(self, *args: Any, time_off: TimeOff, **kwargs: Any) -> None:
        spa: SpaProfile = kwargs["spa"]
        starts = time_off.starts_at.astimezone(spa.zone)
        ends = time_off.ends_at.astimezone(spa.zone)
        whole = is_whole_days(starts, ends)
        kwargs["initial"] = {
            "first_day": starts.date(),
            "first_time": starts.time(),
            "length": "days" if whole else "until",
            "last_day": ends.date() - timedelta(days=1) if whole else ends.date(),
            "last_time": ends.time(),
            "reason": time_off.reason,
            "seen": as_seen(time_off),
        }
        super().__init__(*args, **kwargs)


def as_seen(time_off: TimeOff) -> str:
    """What a page has shown of ``time_off``: other words mean that it was changed since."""
    instants = (time_off.starts_at, time_off.ends_at)
    return " ".join(
        [*(f"{one.astimezone(UTC):%Y-%m-%dT%H:%M}" for one in instants), time_off.reason]
    )
