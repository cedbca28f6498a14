"""Who somebody is and how to reach her, as the desk enters it."""

from copy import copy
from difflib import get_close_matches
from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from bookings.forms.address import AddressField
from bookings.forms.details import EMAIL_MOST, NAME_MOST, NameField
from bookings.forms.phone import PhoneField
from services.models import SpaProfile

# Where most people have their mail. What looks like one of the long ones is likely a slip; short
# ones are too much like others: ao.com is a shop.
WELL_KNOWN = (
    "gmail.com",
    "googlemail.com",
    "hotmail.com",
    "hotmail.co.uk",
    "outlook.com",
    "yahoo.com",
    "yahoo.co.uk",
    "icloud.com",
    "btinternet.com",
    "virginmedia.com",
    "talktalk.net",
    "ntlworld.com",
    "blueyonder.co.uk",
    "tiscali.co.uk",
    "protonmail.com",
    "proton.me",
    "fastmail.com",
)
# These look like one of the above and are themselves.
ALSO_REAL = ("mail.com", "email.com", "ymail.com", "rocketmail.com", "hotmail.fr", "yahoo.fr")
# No such endings exist.
ENDINGS = {
    ".con": ".com",
    ".cmo": ".com",
    ".ocm": ".com",
    ".vom": ".com",
    ".xom": ".com",
    ".comm": ".com",
    ".couk": ".co.uk",
    ".co.ku": ".co.uk",
    ".co.uj": ".co.uk",
    ".ogr": ".org",
    ".nte": ".net",
}
# Two letters swapped in gmail.com leave eight ninths.
SAME_DOMAIN = 0.87


def likely_address(address: str) -> str:
    """Return what was probably meant where ``address`` looks like a slip, else nothing.

    >>> likely_address("cleo@gmial.com")
    'cleo@gmail.com'
    """
    person, at, domain = address.strip()[:EMAIL_MOST].rpartition("@")
    meant = _likely_domain(domain.lower()) if person and person.isprintable() else ""
    return f"{person}{at}{meant}" if meant else ""


def _likely_domain(domain: str) -> str:
    """The well-known name that ``domain`` is like, or its ending put right, or nothing."""
    if domain in WELL_KNOWN or domain in ALSO_REAL:
        return ""
    if "." not in domain:
        return next((one for one in WELL_KNOWN if one.startswith(f"{domain}.")), "")
    ended = _ended_well(domain)
    if ended in WELL_KNOWN:
        return ended
    near = get_close_matches(ended, WELL_KNOWN, n=1, cutoff=SAME_DOMAIN)
    if near:
        return near[0]
    return ended if ended != domain else ""


def _ended_well(domain: str) -> str:
    for wrong, right in ENDINGS.items():
        if domain.endswith(wrong):
            return domain.removesuffix(wrong) + right
    return domain


class ContactForm(forms.Form):
    """Name, e-mail and phone. Only the name is a must: some walk in and leave nothing else.

    An address that looks like a slip is asked about once: the form comes back with ``meant``, and
    sending it again, or the button "Use …" (``use_address``), settles it.
    """

    use_required_attribute = False

    name = NameField(
        label=_("Name"),
        max_length=NAME_MOST,
        error_messages={
            "required": _("Please enter a name."),
            "max_length": _("That name is longer than we can keep. Please shorten it."),
        },
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    email = AddressField(
        required=False,
        label=_("E-mail"),
        max_length=EMAIL_MOST,
        help_text=_("Without one there is no confirmation and no reminder."),
        error_messages={
            "invalid": _("That e-mail address is not complete. It looks like name@example.com."),
            "max_length": _("That e-mail address is too long to be one."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, spa: SpaProfile, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["phone"] = PhoneField(required=False, region=spa.country, label=_("Phone"))
        self.fields["phone"].widget.attrs["autocomplete"] = "off"
        self.order_fields(["name", "phone", "email"])
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True
        if self.is_bound:
            self._use_what_was_meant()

    def clean(self) -> dict[str, Any]:
        # One thing at a time: a text that is too long is often also not an address.
        for messages in self.errors.values():
            del messages.data[1:]
        address = self.cleaned_data.get("email", "")
        if likely_address(address) and self._sent("address_asked") != address:
            said = _("Did you mean %(meant)s? If it is right as it stands, just go on.")
            asked = ValidationError(said, code="slip", params={"meant": self.meant})
            self.add_error("email", asked)
        return self.cleaned_data

    @property
    def typed_address(self) -> str:
        """The address as it was sent; the next sending tells by it that it was asked about."""
        return self._sent("email")

    @property
    def meant(self) -> str:
        """What was probably meant instead of the address that was typed, or nothing."""
        return likely_address(self.typed_address)

    def _use_what_was_meant(self) -> None:
        chosen = self._sent("use_address")
        if chosen and chosen == self.meant:
            data: Any = copy(self.data)
            data[self.add_prefix("email")] = chosen
            self.data = data

    def _sent(self, name: str) -> str:
        return str(self.data.get(self.add_prefix(name), "")).strip()
