"""The hours of a week as they are typed: seven days, each with a few stretches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.actions.hours import FURTHEST
from bookings.forms.time_off import UNREADABLE_DAY, UNREADABLE_TIME
from bookings.models import Therapist
from bookings.week_words import clock
from bookings.weeks import Shift, Week

MOST_LINES = 4
PARTS = ("starts", "ends", "break_starts", "break_ends")


def cell(weekday: int, line: int, part: str) -> str:
    """The name of one cell of the grid."""
    return f"d{weekday}-{line}-{part}"


def typed_week(week: Week) -> dict[str, str]:
    """What stands in the grid for a week."""
    return {
        cell(weekday, line, part): f"{at:%H:%M}"
        for weekday, day in enumerate(week)
        for line, shift in enumerate(day[:MOST_LINES])
        for part in PARTS
        if (at := getattr(shift, part)) is not None
    }


def lines_in(typed: Mapping[str, Any]) -> list[int]:
    """How many lines each day of a grid has: at least one, and one for each that was sent."""
    sent = [
        [line + 1 for line in range(MOST_LINES) if cell(weekday, line, "starts") in typed]
        for weekday in range(7)
    ]
    return [max(lines, default=1) for lines in sent]


@dataclass(frozen=True)
class Line:
    """One stretch of a day in the grid."""

    number: int
    cells: Sequence[forms.BoundField]


@dataclass(frozen=True)
class DayLines:
    """A day of the grid."""

    weekday: int
    name: str
    lines: Sequence[Line]

    @property
    def has_room(self) -> bool:
        """Whether another line fits."""
        return len(self.lines) < MOST_LINES

    @property
    def errors(self) -> list[tuple[str, str]]:
        """What is wrong in the day: the id of the cell and the words."""
        return [
            (str(field.id_for_label), str(error))
            for line in self.lines
            for field in line.cells
            for error in field.errors
        ]


class DaysForm(forms.Form):
    """From which day to which other hours hold."""

    use_required_attribute = False

    first_day = forms.DateField(
        label=gettext_lazy("From"),
        input_formats=["%Y-%m-%d"],
        error_messages={
            "required": gettext_lazy("Please choose the first day."),
            "invalid": UNREADABLE_DAY,
        },
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    last_day = forms.DateField(
        required=False,
        label=gettext_lazy("Until (the last day)"),
        help_text=gettext_lazy(
            "Empty: until further notice, and in place of all that is planned for later."
        ),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": UNREADABLE_DAY},
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_first_day(self) -> date:
        """Refuse what is past: it was worked as it was."""
        day: date = self.cleaned_data["first_day"]
        if day < self.today:
            raise forms.ValidationError(_("What is past stays as it was: today is the earliest."))
        return self._near(day)

    def clean_last_day(self) -> date | None:
        """Refuse a day before the first."""
        day: date | None = self.cleaned_data["last_day"]
        first = self.cleaned_data.get("first_day")
        if day is not None and first is not None and day < first:
            raise forms.ValidationError(_("The last day must not lie before the first."))
        return day and self._near(day)

    def _near(self, day: date) -> date:
        if day > self.today + FURTHEST:
            raise forms.ValidationError(_("Please choose a day within the next two years."))
        return day


class WeekForm(DaysForm):
    """The whole grid; ``cleaned_data["week"]`` is the week that was typed."""

    seen = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(self, *args: Any, lines: Sequence[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = lines
        for weekday, line, part in self._cells():
            self.fields[cell(weekday, line, part)] = _time_field(weekday, line, part)

    @property
    def days(self) -> list[DayLines]:
        """The grid for the page."""
        return [
            DayLines(
                weekday,
                str(WEEKDAYS[weekday]),
                [
                    Line(number, [self[cell(weekday, number, part)] for part in PARTS])
                    for number in range(self.lines[weekday])
                ],
            )
            for weekday in range(7)
        ]

    def clean(self) -> dict[str, Any]:
        """Read the days, each mistake at its cell."""
        cleaned = super().clean() or {}
        cleaned["week"] = tuple(self._day(weekday) for weekday in range(7))
        return cleaned

    def _cells(self) -> list[tuple[int, int, str]]:
        return [
            (weekday, line, part)
            for weekday in range(7)
            for line in range(self.lines[weekday])
            for part in PARTS
        ]

    def _day(self, weekday: int) -> tuple[Shift, ...]:
        found: list[tuple[Shift, int]] = []
        for line in range(self.lines[weekday]):
            shift = self._shift(weekday, line)
            if shift is not None:
                found.append((shift, line))
        found.sort(key=lambda pair: pair[0].starts)
        for (former, _line), (shift, line) in pairwise(found):
            if shift.starts < former.ends:
                words = {"starts": clock(former.starts), "ends": clock(former.ends)}
                self.add_error(
                    cell(weekday, line, "starts"),
                    _("This overlaps with %(starts)s – %(ends)s.") % words,
                )
        return tuple(shift for shift, _line in found)

    def _shift(self, weekday: int, line: int) -> Shift | None:
        """One stretch, or none where the line is empty or wrong."""
        names = [cell(weekday, line, part) for part in PARTS]
        if any(name in self.errors for name in names):
            return None
        starts, ends, break_starts, break_ends = (self.cleaned_data[name] for name in names)
        if (starts, ends, break_starts, break_ends) == (None,) * 4:
            return None
        mistake = _mistake(starts, ends) or _break_mistake(starts, ends, break_starts, break_ends)
        if mistake:
            part, words = mistake
            self.add_error(cell(weekday, line, part), words)
            return None
        return Shift(starts, ends, break_starts, break_ends)


def _mistake(starts: Any, ends: Any) -> tuple[str, str] | None:
    if starts is None:
        return "starts", _("Please say from when.")
    if ends is None:
        return "ends", _("Please say until when.")
    if ends <= starts:
        return "ends", _("It must end after it starts.")
    return None


def _break_mistake(
    starts: Any, ends: Any, break_starts: Any, break_ends: Any
) -> tuple[str, str] | None:
    if break_starts is None and break_ends is None:
        return None
    if break_starts is None:
        return "break_starts", _("A break needs a start.")
    if break_ends is None:
        return "break_ends", _("A break needs an end.")
    if break_ends <= break_starts:
        return "break_ends", _("It must end after it starts.")
    if break_starts < starts:
        return "break_starts", _("The break begins before the work does.")
    if break_ends > ends:
        return "break_ends", _("The break ends after the work does.")
    return None


def _time_field(weekday: int, line: int, part: str) -> forms.TimeField:
    labels = {
        "starts": _("%(day)s, works from"),
        "ends": _("%(day)s, works until"),
        "break_starts": _("%(day)s, break from"),
        "break_ends": _("%(day)s, break until"),
    }
    words = labels[part] % {"day": WEEKDAYS[weekday]}
    return forms.TimeField(
        required=False,
        label=words if line == 0 else _("%(cell)s (%(line)s)") % {"cell": words, "line": line + 1},
        input_formats=["%H:%M", "%H:%M:%S", "%H.%M", "%H"],
        error_messages={"invalid": UNREADABLE_TIME},
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", "step": 300}),
    )


def with_line(typed: Mapping[str, str], weekday: int) -> dict[str, str]:
    """What was typed, with one more empty line on a day."""
    line = lines_in(typed)[weekday]
    if line >= MOST_LINES:
        return dict(typed)
    return {**typed, cell(weekday, line, "starts"): ""}


def with_monday_until_friday(typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed, with Monday's hours on the four days after it too."""
    others = {
        name: value
        for name, value in typed.items()
        if not name.startswith(("d1-", "d2-", "d3-", "d4-"))
    }
    for weekday in range(1, 5):
        others |= {
            name.replace("d0-", f"d{weekday}-", 1): value
            for name, value in typed.items()
            if name.startswith("d0-")
        }
    return others


class CopyForm(DaysForm):
    """Who else gets a week, and when; ``seen`` is how their hours were when it was asked."""

    therapists = forms.ModelMultipleChoiceField(
        queryset=Therapist.objects.all(),
        label=gettext_lazy("For whom"),
        error_messages={
            "required": gettext_lazy("Please choose at least one."),
            "invalid_choice": gettext_lazy("Please choose from the list."),
            "invalid_pk_value": gettext_lazy("Please choose from the list."),
        },
        widget=forms.CheckboxSelectMultiple,
    )
    seen = forms.CharField(required=False, max_length=20_000, widget=forms.HiddenInput)

    @property
    def seen_by_key(self) -> dict[int, str]:
        """What was seen of the hours of each therapist."""
        pairs = (one.partition(":") for one in self.cleaned_data["seen"].split())
        return {int(key): seen for key, _colon, seen in pairs if key.isdecimal()}
