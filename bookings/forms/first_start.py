"""The few things that a new spa must say of itself."""

from datetime import time
from typing import Any
from zoneinfo import available_timezones

from allauth.account.fields import EmailField
from allauth.account.forms import PasswordField, SetPasswordField
from babel import Locale
from babel.numbers import get_currency_name, get_territory_currencies
from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import get_language, gettext, to_locale
from django.utils.translation import gettext_lazy as _
from phonenumber_field.phonenumber import to_python
from phonenumbers import SUPPORTED_REGIONS

from bookings.forms.accounts import ENTER_PASSWORD, NEW_PASSWORD, Plain
from bookings.forms.details import NameField, NoteField
from bookings.weeks import Shift, Week
from services.models import Service, SpaProfile

USUAL_DAY = ("09:00", "17:00")


class SpaForm(Plain, forms.Form):
    """Name, address, how to reach it, and what its clocks and prices go by."""

    use_required_attribute = False

    name = NameField(
        label=_("Name of the spa"),
        max_length=120,
        error_messages={"required": _("Please enter the name of your spa.")},
    )
    address = NoteField(
        label=_("Address"),
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "street-address"}),
        error_messages={"required": _("Please enter the address to which clients come.")},
    )
    country = forms.ChoiceField(label=_("Country"))
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
        error_messages={"required": _("Please enter the number that clients can call.")},
    )
    email = EmailField(
        label=_("E-mail"),
        error_messages={"required": _("Please enter the address to which clients can write.")},
    )
    emergency_number = NameField(
        label=_("Emergency number"),
        max_length=20,
        error_messages={"required": _("Please enter the number of the emergency services.")},
    )
    time_zone = forms.ChoiceField(label=_("Time zone"))
    currency = forms.ChoiceField(label=_("Currency"))

    words = {
        "name": (_("Name of the spa"), ""),
        "address": (_("Address"), _("As it should stand in mails and calendars.")),
        "phone": (_("Phone"), _("With or without the code of the country.")),
        "email": (_("E-mail"), _("Answers to the spa’s mails go there.")),
        "emergency_number": (
            _("Emergency number"),
            _("Shown to a client who may be seriously ill, such as 999, 112 or 911."),
        ),
        "time_zone": (_("Time zone"), _("By the city that is nearest to you.")),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (
            ("country", countries()),
            ("time_zone", zones()),
            ("currency", currencies()),
        ):
            self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The phone number by the rules of the country."""
        said = super().clean() or self.cleaned_data
        country, phone = said.get("country"), said.get("phone")
        if country and phone:
            number = to_python(phone, region=country)
            if not number or not number.is_valid():
                self.add_error("phone", _("That is no phone number of this country."))
            else:
                said["phone"] = number
        return said


class TreatmentsForm(Plain, forms.Form):
    """Which of the starting treatments are offered."""

    offered = forms.ModelMultipleChoiceField(
        label=_("We offer"),
        queryset=Service.objects.all(),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )


class TherapistForm(Plain, forms.Form):
    """The first therapist and her week: from and until for each day, or nothing."""

    use_required_attribute = False

    name = NameField(
        label=_("Name"),
        max_length=80,
        help_text=_("As clients know her."),
        error_messages={"required": _("Please enter a name.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for weekday in range(7):
            for part, words in (("from", _("from")), ("until", _("until"))):
                label = f"{WEEKDAYS[weekday]}, {words}"
                self.fields[f"{part}_{weekday}"] = forms.TimeField(
                    label=label,
                    required=False,
                    error_messages={"invalid": _("We could not read that time, such as 09:00.")},
                    widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", "step": 300}),
                )

    @property
    def days(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        """The rows of the week: name of the day, from, until."""
        return [(str(WEEKDAYS[day]), self[f"from_{day}"], self[f"until_{day}"]) for day in range(7)]

    def clean(self) -> dict[str, Any]:
        """Both times of a day or neither, the later last, to five minutes."""
        said = super().clean() or self.cleaned_data
        for day in range(7):
            self._check_day(f"from_{day}", f"until_{day}")
        if not self.errors and not any(said[f"from_{day}"] for day in range(7)):
            self.add_error("from_0", _("Please enter at least one day on which she works."))
        return said

    def _check_day(self, first: str, last: str) -> None:
        starts, ends = self.cleaned_data.get(first), self.cleaned_data.get(last)
        if self.has_error(first) or self.has_error(last):
            return
        if (starts is None) != (ends is None):
            missing = first if starts is None else last
            self.add_error(missing, _("A day needs both times, or neither."))
        elif starts and ends and starts >= ends:
            self.add_error(last, _("The day must end after it starts."))
        elif any(at and at.minute % 5 for at in (starts, ends)):
            self.add_error(first, _("Hours go by five minutes, such as 09:05."))

    @property
    def week(self) -> Week:
        """The week that was typed; meant for a valid form."""
        return tuple(self._day(day) for day in range(7))

    def _day(self, day: int) -> tuple[Shift, ...]:
        starts: time | None = self.cleaned_data[f"from_{day}"]
        ends: time | None = self.cleaned_data[f"until_{day}"]
        return (Shift(starts, ends),) if starts and ends else ()


class RoomForm(Plain, forms.Form):
    """The first room."""

    use_required_attribute = False

    name = NameField(
        label=_("Name of the room"),
        max_length=80,
        error_messages={"required": _("Please enter a name.")},
    )
    words = {"name": (_("Name of the room"), _("Clients see it on their visit page."))}


class OwnerForm(Plain, forms.Form):
    """The login of the first owner."""

    use_required_attribute = False

    name = NameField(
        label=_("Your name"),
        max_length=150,
        error_messages={"required": _("Please enter your name.")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = EmailField(
        label=_("E-mail"),
        error_messages={"required": _("Please enter your e-mail address.")},
    )
    treats = forms.BooleanField(label="", required=False)
    password1 = SetPasswordField(label=_("Password"))
    password2 = PasswordField(label=_("The password again"), autocomplete="new-password")

    words = {
        "name": (_("Your name"), ""),
        "email": (_("Your e-mail address"), _("You sign in with it.")),
        "password1": (_("Password"), NEW_PASSWORD[1]),
        "password2": (_("The password again"), ""),
    }
    missing = {"password1": ENTER_PASSWORD, "password2": ENTER_PASSWORD}

    def __init__(self, *args: Any, therapist: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if therapist:
            label = gettext("I am %(name)s, the therapist") % {"name": therapist}
            self.fields["treats"].label = label
        else:
            del self.fields["treats"]

    def clean_email(self) -> str:
        """In small letters, as it is compared later."""
        return str(self.cleaned_data["email"]).lower()

    def clean(self) -> dict[str, Any]:
        """Twice the same password."""
        said = super().clean() or self.cleaned_data
        first, second = said.get("password1"), said.get("password2")
        if first and second and first != second:
            self.add_error("password2", _("You must type the same password each time."))
        return said


def countries() -> list[tuple[str, str]]:
    """Return the countries by name, as the reader calls them."""
    names = _locale().territories
    found = [(code, names.get(code, code)) for code in SUPPORTED_REGIONS]
    return sorted(found, key=lambda pair: pair[1])


def currencies() -> list[tuple[str, str]]:
    """Return the currencies that are in use somewhere today, by name."""
    codes = {code for country in SUPPORTED_REGIONS for code in get_territory_currencies(country)}
    found = [(code, f"{get_currency_name(code, locale=_locale())} ({code})") for code in codes]
    return sorted(found, key=lambda pair: pair[1])


def zones() -> list[tuple[str, str]]:
    """Return the time zones by continent and city."""
    names = sorted(name for name in available_timezones() if _is_a_city(name))
    return [(name, name.replace("_", " ")) for name in names]


def _is_a_city(name: str) -> bool:
    first, _slash, city = name.partition("/")
    return bool(city) and first not in ("Etc", "SystemV", "US", "Canada", "Brazil", "Chile")


def _locale() -> Locale:
    return Locale.parse(to_locale(get_language() or "en-gb"))


def initial_spa(spa: SpaProfile | None, *, is_own: bool) -> dict[str, Any]:
    """What stands in the form: the spa's own data once they were given, else what is likely."""
    if spa is None:
        return {"country": "GB", "time_zone": "Europe/London", "currency": "GBP"}
    common = {
        "country": spa.country,
        "time_zone": spa.time_zone,
        "currency": spa.currency,
        "emergency_number": spa.emergency_number,
    }
    if not is_own:
        # The starting content speaks of a spa that does not exist.
        return common
    return {
        **common,
        "name": spa.name,
        "address": spa.address,
        "phone": str(spa.phone.as_international),
        "email": spa.email,
    }


def usual_week() -> dict[str, str]:
    """What stands in the week to begin with: Monday to Friday, nine to five."""
    starts, ends = USUAL_DAY
    return {
        name: at
        for day in range(5)
        for name, at in ((f"from_{day}", starts), (f"until_{day}", ends))
    }
