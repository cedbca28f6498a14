"""Booking at the desk: what is wished, and the questions that are read out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.actions.obstacles import LENGTHS
from bookings.forms.contact import ContactForm
from bookings.forms.details import UNSEEN, NameField, NoteField
from bookings.forms.health import HealthForm, Problem
from bookings.models import Client, Room, Therapist
from bookings.words import is_ambiguous
from services.cells import CELL_MINUTES
from services.models import Service, ServiceOption

NOTE_MOST, REASON_MOST, SEARCH_MOST = 1000, 300, 100
MOST_DAYS_BACK, MOST_DAYS_AHEAD = 1, 730
START_FORMAT = "%Y-%m-%dT%H:%MZ"
REASONS = [
    ("walk-in", gettext_lazy("Walk-in")),
    ("phone", gettext_lazy("Agreed on the phone")),
    ("therapist", gettext_lazy("Agreed with the therapist")),
]


class StartField(forms.CharField):
    """An instant in UTC, such as ``2026-11-24T10:15Z``; the cleaned value is aware or ``None``.

    Rounded down to the diary's cells; a day far away is none that somebody means.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=len("2026-11-24T10:15Z"), **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            at = datetime.strptime(text, START_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            raise ValidationError(_("We could not read that time.")) from None
        return _near(at - timedelta(minutes=at.minute % CELL_MINUTES))


class WishForm(forms.Form):
    """Who, what, when, with whom and where, as far as it is known; every part may be missing.

    ``zone`` is the spa's: a day and a time typed by hand are by its clock.
    """

    use_required_attribute = False

    client = forms.ModelChoiceField(
        Client.objects.select_related("merged_into"),
        required=False,
        error_messages={
            "invalid_choice": gettext_lazy("That client is not known. Please search again.")
        },
    )
    option = forms.ModelChoiceField(
        ServiceOption.objects.filter(
            active=True, service__status=Service.Status.PUBLISHED
        ).select_related("service"),
        required=False,
        error_messages={
            "invalid_choice": gettext_lazy("That treatment is not on offer. Please choose another.")
        },
    )
    therapist = forms.ModelChoiceField(
        Therapist.objects.active(),
        required=False,
        empty_label=gettext_lazy("Whoever is free"),
        label=gettext_lazy("With"),
        error_messages={
            "invalid_choice": gettext_lazy(
                "That therapist does not take appointments. Please choose another."
            )
        },
    )
    room = forms.ModelChoiceField(
        Room.objects.filter(active=True),
        required=False,
        empty_label=gettext_lazy("Chosen by itself"),
        label=gettext_lazy("Room"),
        error_messages={
            "invalid_choice": gettext_lazy("That room is not in use. Please choose another.")
        },
    )
    start = StartField()
    end = StartField()
    minutes = forms.IntegerField(
        required=False,
        min_value=LENGTHS[0],
        max_value=LENGTHS[-1],
        step_size=LENGTHS.step,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "step_size"),
            gettext_lazy("A visit cannot be that long."),
        ),
    )
    date = forms.DateField(
        required=False,
        label=gettext_lazy("Day"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": gettext_lazy("We could not read that day.")},
    )
    clock = forms.TimeField(
        required=False,
        label=gettext_lazy("Time"),
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", "step": "300"}),
        error_messages={"invalid": gettext_lazy("We could not read that time, such as 14:30.")},
    )

    def __init__(self, data: Mapping[str, str], *, zone: ZoneInfo) -> None:
        self.given = dict(data)
        super().__init__(self.given)
        self.zone = zone
        # The moments that a time typed by hand may mean where the clock shows it twice.
        self.twice: list[datetime] = []
        for name in ("therapist", "room"):
            self.fields[name].widget.attrs["class"] = "form-select"
        for name in ("date", "clock"):
            self.fields[name].widget.attrs["class"] = "form-control"

    def clean_client(self) -> Client | None:
        """The client who stands for herself: a merged record leads to the one that is kept."""
        client: Client | None = self.cleaned_data["client"]
        while client is not None and client.merged_into is not None:
            client = client.merged_into
        return client

    def clean_date(self) -> Any:
        """A day within the years that a diary is about."""
        day = self.cleaned_data["date"]
        if day is None:
            return None
        today = timezone.localdate()
        if not timedelta(-MOST_DAYS_BACK) <= day - today <= timedelta(MOST_DAYS_AHEAD):
            raise ValidationError(_("That day is too far away."))
        return day

    def wished_minutes(self) -> int | None:
        """The length that is wished: as it was said, or that of a range dragged in the calendar."""
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        minutes: int | None = self.cleaned_data.get("minutes")
        if minutes is None and start and end:
            minutes = (end - start) // timedelta(minutes=1)
        return minutes if minutes in LENGTHS else None

    def show(self, start: datetime) -> None:
        """Put ``start`` into the fields for a day and a time, to be changed by hand."""
        local = start.astimezone(self.zone)
        self.given |= {"date": f"{local:%Y-%m-%d}", "clock": f"{local:%H:%M}"}
        self.cleaned_data |= {"date": local.date(), "clock": local.time()}

    def typed_start(self) -> datetime | None:
        """The instant of the day and the time typed by hand, in UTC; explains what is wrong.

        Meant to be asked where somebody wants exactly that time.
        """
        day, clock = self.cleaned_data.get("date"), self.cleaned_data.get("clock")
        for name, value in (("date", day), ("clock", clock)):
            if value is None and not self.has_error(name):
                words = _("Please say the day.") if name == "date" else _("Please say the time.")
                self.add_error(name, words)
        if day is None or clock is None:
            return None
        if clock.minute % CELL_MINUTES:
            self.add_error("clock", _("Visits start at full five minutes."))
            return None
        at = datetime.combine(day, clock, tzinfo=self.zone)
        if at.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) != at.replace(tzinfo=None):
            self.add_error("clock", _("The clocks are put forward then: that time does not exist."))
            return None
        if is_ambiguous(at):
            self.twice = [at.replace(fold=0), at.replace(fold=1)]
            self.add_error("clock", _("The clock shows that time twice. Which one is meant?"))
            return None
        return at.astimezone(UTC)


class NewcomerForm(ContactForm):
    """Somebody who has no record yet; the focus goes to the first thing that is not known."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        empty = (name for name in ("name", "phone", "email") if not self.initial.get(name))
        self.fields[next(empty, "name")].widget.attrs["data-focus"] = True

    @property
    def contact(self) -> dict[str, Any]:
        """What her record begins with; meant for a valid form."""
        phone = self.cleaned_data["phone"]
        return {
            "name": self.cleaned_data["name"],
            "email": self.cleaned_data["email"],
            "phone": phone.as_e164 if phone else "",
        }

    @property
    def settled(self) -> dict[str, str]:
        """What the form sends along unseen once it is whole."""
        names = ("name", "phone", "email")
        return {
            **{name: str(self[name].value() or "") for name in names},
            "address_asked": self.typed_address,
        }


class FinishForm(forms.Form):
    """What is said at the end: a note, the reason for an unusual time, and whether to write."""

    use_required_attribute = False

    note = NoteField(
        required=False,
        label=gettext_lazy("Note for the desk (optional)"),
        max_length=NOTE_MOST,
        help_text=gettext_lazy("Nothing about health, please."),
        error_messages={
            "max_length": gettext_lazy("Please keep the note under %(limit_value)d characters.")
        },
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
    )
    because = forms.ChoiceField(
        required=False,
        choices=REASONS,
        label=gettext_lazy("Why at this time?"),
        widget=forms.RadioSelect(attrs={"class": "tick__box"}),
    )
    reason = NameField(
        required=False,
        label=gettext_lazy("In other words"),
        max_length=REASON_MOST,
        error_messages={
            "max_length": gettext_lazy("Please keep the reason under %(limit_value)d characters.")
        },
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    tell = forms.BooleanField(
        required=False,
        label=gettext_lazy("Send a confirmation by e-mail"),
        widget=forms.CheckboxInput(attrs={"class": "tick__box"}),
    )

    @property
    def reason_given(self) -> str:
        """The reason in the words that are kept; meant for a valid form."""
        return self.cleaned_data["reason"] or str(
            dict(REASONS).get(self.cleaned_data["because"], "")
        )


class DeskHealthForm(HealthForm):
    """The same questions, read out by the desk; what is wrong is said to the one who reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["none_left"].label = _("None of these in any group that is left empty.")
        self.fields["consent"].error_messages["required"] = _(
            "Without this agreement nothing can be kept, and nothing booked. Please read it out."
        )

    @property
    def problems(self) -> list[Problem]:
        """Every error; where nothing at all is ticked yet, that is one error and not many."""
        groups = list(self.groups)
        if not all(self.has_error(group.none.name, "nothing") for group in groups):
            return super().problems
        nothing = _(
            "Nothing is ticked yet. Please read out the groups, or tick the line at the end."
        )
        found = [Problem(self["none_left"].auto_id, nothing)]
        if self.has_error("consent"):
            found.append(Problem(self["consent"].auto_id, str(self.errors["consent"][0])))
        return found


def search_words(text: str) -> str:
    """What was typed into the search, on one line and within reason."""
    return " ".join(UNSEEN.sub(" ", text[:SEARCH_MOST]).split())


def _near(at: datetime) -> datetime:
    """``at``, unless it is too far away for any diary."""
    now = timezone.now()
    if not timedelta(-MOST_DAYS_BACK - 1) <= at - now <= timedelta(MOST_DAYS_AHEAD):
        raise ValidationError(_("That day is too far away."))
    return at
