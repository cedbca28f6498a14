"""Forms of the owners' tables that may leave visits without a place: those are listed first."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.actions.stranding import Change, Reasons, stranded_by
from bookings.availability import Span
from bookings.standing import Absence, House
from bookings.stranded import Stranded, by_day, stranded_of
from bookings.words import day_in_words
from services.models import SpaProfile

AGREED_MOST = 50_000


class StrandingForm(forms.ModelForm):
    """Asked under the locks of the diary; ``reasons`` are the visits that saving would strand."""

    reasons: Reasons = {}

    def clean(self) -> dict[str, Any] | None:
        """Refuse what would strand a visit that was not listed before."""
        cleaned = super().clean()
        spa = SpaProfile.objects.first()
        if self.errors or spa is None:
            return cleaned
        self.reasons = stranded_by(self.change(), spa=spa, now=timezone.now())
        if not set(self.reasons) <= self._agreed:
            self.add_error(
                None,
                _("Booked visits would be left without a place. Nothing is saved yet."),
            )
        return cleaned

    def change(self) -> Change:
        """What saving would make of the house."""
        raise NotImplementedError

    @property
    def must_agree(self) -> bool:
        """Whether the visits are to be listed."""
        return bool(set(self.reasons) - self._agreed)

    @property
    def count(self) -> int:
        """How many visits would be stranded."""
        return len(self.reasons)

    @property
    def references(self) -> str:
        """The references of those visits, as the button sends them."""
        return " ".join(self.reasons)

    @property
    def days(self) -> list[tuple[str, list[Stranded]]]:
        """The visits by day in words."""
        today: date = timezone.localdate()
        visits = stranded_of(self.reasons, now=timezone.now())
        return [(day_in_words(day, today), some) for day, some in by_day(visits)]

    @property
    def _agreed(self) -> set[str]:
        return set(str(self.data.get("agreed", ""))[:AGREED_MOST].split())


class TherapistForm(StrandingForm):
    """A therapist with what she gives."""

    def change(self) -> Change:
        return _taken(self, lambda house, key, gives: house.with_therapist(key, gives))


class RoomForm(StrandingForm):
    """A room with what it suits."""

    def change(self) -> Change:
        return _taken(self, lambda house, key, suits: house.with_room(key, suits))


class TimeOffTableForm(StrandingForm):
    """A time off as its table shows it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("starts_at", "ends_at"):
            # The admin has one label for two fields.
            both: Any = self.fields[name].widget
            for part, words in zip(both.widgets, (_("day"), _("time")), strict=True):
                part.attrs["aria-label"] = f"{self.fields[name].label}, {words}"

    def change(self) -> Change:
        asked = self.cleaned_data
        therapist = asked.get("therapist")
        absence = Absence(
            therapist.pk if therapist else None,
            Span(asked["starts_at"], asked["ends_at"]),
            self.instance.pk,
        )
        return lambda house: house.with_absences([absence])


def _taken(form: StrandingForm, put: Any) -> Change:
    """The change by which somebody, or a room, takes these treatments, or none at all."""
    key, asked = form.instance.pk, form.cleaned_data
    services = frozenset(one.pk for one in asked["services"]) if asked["active"] else None

    def change(house: House) -> House:
        after: House = house if key is None else put(house, key, services)
        return after

    return change
