"""Who comes: the last form of a booking."""

import re
from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from bookings.actions import Details
from bookings.forms.address import AddressField
from bookings.forms.phone import PhoneField
from services.models import SpaProfile

NAME_MOST, EMAIL_MOST, NOTE_MOST = 120, 254, 1000

# Control characters, and those that turn the direction of the text after them: in a mail or a
# list they would act on other people's words. Halves of a character cannot be stored at all.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


class NameField(forms.CharField):
    """One line of text; line breaks and unseen characters become spaces."""

    def to_python(self, value: Any) -> str:
        return " ".join(UNSEEN.sub(" ", super().to_python(value) or "").split())


class NoteField(forms.CharField):
    """Lines of text, with line breaks counted once however the browser sends them."""

    def to_python(self, value: Any) -> str:
        lines = (super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")
        return "\n".join(UNSEEN.sub(" ", line) for line in lines.split("\n"))


class DetailsForm(forms.Form):
    """Name, e-mail, phone of any country, a note and the agreement."""

    use_required_attribute = False

    name = NameField(
        label=_("Your name"),
        max_length=NAME_MOST,
        error_messages={
            "required": _("Please tell us your name."),
            "max_length": _("That name is longer than we can keep. Please shorten it."),
        },
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = AddressField(
        label=_("E-mail"),
        max_length=EMAIL_MOST,
        help_text=_("For the confirmation and a reminder. Nothing else."),
        error_messages={
            "required": _("Please tell us your e-mail address."),
            "invalid": _("That e-mail address is not complete. It looks like name@example.com."),
            "max_length": _("That e-mail address is too long to be one."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    note = NoteField(
        required=False,
        label=_("Anything we should know? (optional)"),
        max_length=NOTE_MOST,
        help_text=_("Nothing about your health, please: the health check is for that."),
        error_messages={"max_length": _("Please keep the note under %(limit_value)d characters.")},
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": NOTE_MOST}),
    )
    hold = forms.CharField(required=False, widget=forms.HiddenInput)

    field_order = ("name", "email", "phone", "note", "consent", "hold")

    def __init__(self, *args: Any, spa: SpaProfile, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["phone"] = PhoneField(
            region=spa.country,
            label=_("Phone"),
            help_text=_("Any country. We call only if something changes."),
            error_messages={"required": _("Please tell us a phone number.")},
        )
        self.fields["phone"].widget.attrs["autocomplete"] = "tel"
        self.fields["consent"] = forms.BooleanField(
            label=spa.booking_consent,
            help_text=format_html(
                '<a href="{}" target="_blank">{}</a>',
                reverse("services:policies"),
                _("Read the booking policy (opens in a new tab)"),
            ),
            error_messages={"required": _("Please agree with the booking policy.")},
        )
        self.order_fields(self.field_order)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True

    def clean(self) -> dict[str, Any]:
        # One thing at a time: a text that is too long is often also not an address.
        for messages in self.errors.values():
            del messages.data[1:]
        return self.cleaned_data

    @property
    def details(self) -> Details:
        """What was typed, parsed; meant for a valid form."""
        return Details(
            name=self.cleaned_data["name"],
            email=self.cleaned_data["email"],
            phone=self.cleaned_data["phone"].as_e164,
            note=self.cleaned_data["note"],
        )

    @property
    def typed(self) -> dict[str, str]:
        """What to fill in again, as it was typed, within reason."""
        return {
            name: self.data.get(name, "")[:NOTE_MOST] for name in ("name", "email", "phone", "note")
        }
