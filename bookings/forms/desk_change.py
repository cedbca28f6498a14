"""Another time, length, therapist or room for a visit, as the desk types it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.forms.desk import TellForm, reason_field
from bookings.models import Appointment, Room, Therapist
from bookings.words import is_ambiguous
from services.cells import CELL_MINUTES

SHORTEST, LONGEST = 5, 480
# Days beyond these are typing mistakes, and the calendar ends soon after.
FIRST_YEAR, LAST_YEAR = 2000, 2199


class ChangeForm(TellForm):
    """Day, start, length, therapist and room of a visit; ``cleaned_data["starts_at"]`` is in UTC.

    Where the clocks show the chosen time twice, it asks which one is meant.
    """

    day = forms.DateField(
        label=gettext_lazy("Day"),
        input_formats=["%Y-%m-%d"],
        error_messages={
            "required": gettext_lazy("Please choose a day."),
            "invalid": gettext_lazy("We could not read that day. It looks like 2026-11-24."),
        },
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    clock = forms.TimeField(
        label=gettext_lazy("Start"),
        input_formats=["%H:%M"],
        error_messages={
            "required": gettext_lazy("Please choose a start."),
            "invalid": gettext_lazy("We could not read that time. It looks like 10:15."),
        },
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", "step": CELL_MINUTES * 60}),
    )
    which = forms.ChoiceField(
        required=False,
        label=gettext_lazy("The clocks show this time twice. Which one?"),
        widget=forms.RadioSelect,
    )
    minutes = forms.IntegerField(
        label=gettext_lazy("Minutes"),
        min_value=SHORTEST,
        max_value=LONGEST,
        step_size=CELL_MINUTES,
        error_messages={
            "required": gettext_lazy("Please give the length in minutes."),
            "invalid": gettext_lazy("Please give the length in whole minutes."),
            "step_size": gettext_lazy("Lengths go by five minutes."),
        },
    )
    therapist = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Therapist"),
        error_messages={
            "invalid_choice": gettext_lazy("That therapist cannot be booked for this treatment.")
        },
    )
    room = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Room"),
        error_messages={
            "invalid_choice": gettext_lazy("That room cannot be booked for this treatment.")
        },
    )
    reason = reason_field(
        gettext_lazy("Why all the same?"),
        gettext_lazy("Stays in the history. Nothing about health, please."),
    )

    def __init__(
        self,
        *args: Any,
        visit: Appointment,
        zone: ZoneInfo,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("initial", _as_it_stands(visit))
        super().__init__(*args, **kwargs)
        self.zone = zone
        self.therapists = {str(one.pk): one for one in _therapists_for(visit)}
        self.rooms = {str(one.pk): one for one in _rooms_for(visit)}
        self._offer("therapist", _("Whoever is free"), self.therapists)
        self._offer("room", _("Any suitable room"), self.rooms)
        local = self._local()
        self.is_twice = local is not None and _is_twice(local)
        if self.is_twice and local is not None:
            self._choose("which", _both(local))
        else:
            del self.fields["which"]

    def clean(self) -> dict[str, Any]:
        """Turn day and start into an instant."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        starts = datetime.combine(cleaned["day"], cleaned["clock"], tzinfo=self.zone)
        if _is_skipped(starts):
            self.add_error("clock", _("The clocks jump over this time on that day."))
        elif _is_twice(starts) and not cleaned.get("which"):
            self.add_error("which", _("Please say which of the two."))
        elif starts.minute % CELL_MINUTES or starts.second:
            self.add_error("clock", _("Starts go by five minutes, such as 10:05."))
        else:
            fold = int(cleaned.get("which") or 0) if _is_twice(starts) else 0
            cleaned["starts_at"] = starts.replace(fold=fold).astimezone(UTC)
        return cleaned

    def clean_day(self) -> date:
        """Refuse a day that no diary knows."""
        day: date = self.cleaned_data["day"]
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise forms.ValidationError(_("Please check the year."))
        return day

    def clean_therapist(self) -> Therapist | None:
        """The therapist who is a must, or none for anybody."""
        return self.therapists.get(self.cleaned_data["therapist"])

    def clean_room(self) -> Room | None:
        """The room that is a must, or none for any."""
        return self.rooms.get(self.cleaned_data["room"])

    def _offer(self, name: str, anyone: str, found: Mapping[str, Therapist | Room]) -> None:
        self._choose(name, [("", anyone), *((key, one.name) for key, one in found.items())])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def _local(self) -> datetime | None:
        """The start that is typed or shown, if it can be read."""
        try:
            day = self.fields["day"].to_python(self["day"].value())
            at = self.fields["clock"].to_python(self["clock"].value())
        except forms.ValidationError:
            return None
        if not isinstance(day, date) or not isinstance(at, time):
            return None
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            return None
        return datetime.combine(day, at, tzinfo=self.zone)


def _as_it_stands(visit: Appointment) -> dict[str, Any]:
    local = visit.starts_local
    return {
        "sequence": visit.sequence,
        "day": local.date(),
        "clock": local.time(),
        "which": str(local.fold),
        "minutes": round((visit.ends_at - visit.starts_at).total_seconds() / 60),
        "therapist": str(visit.therapist_id),
        "room": str(visit.room_id),
        "tell": True,
    }


def _therapists_for(visit: Appointment) -> QuerySet[Therapist]:
    """Those who give the treatment, and whoever has the visit now."""
    gives = Q(active=True, services=visit.service_id)
    return Therapist.objects.filter(gives | Q(pk=visit.therapist_id)).distinct()


def _rooms_for(visit: Appointment) -> QuerySet[Room]:
    suits = Q(active=True, services=visit.service_id)
    return Room.objects.filter(suits | Q(pk=visit.room_id)).distinct()


def _both(local: datetime) -> list[tuple[str, str]]:
    words = _("%(time)s %(zone)s")
    both = [(fold, local.replace(fold=fold)) for fold in (0, 1)]
    return [
        (str(fold), words % {"time": f"{at:%H:%M}", "zone": at.tzname() or ""}) for fold, at in both
    ]


def _is_twice(local: datetime) -> bool:
    return is_ambiguous(local) and not _is_skipped(local)


def _is_skipped(local: datetime) -> bool:
    """Whether no clock of the zone ever shows ``local``."""
    back = local.astimezone(UTC).astimezone(local.tzinfo)
    return back.replace(tzinfo=None, fold=0) != local.replace(tzinfo=None, fold=0)
