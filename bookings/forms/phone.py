"""A telephone number as people type it."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from phonenumber_field import formfields
from phonenumber_field.phonenumber import PhoneNumber
from phonenumber_field.widgets import RegionalPhoneNumberWidget

from bookings.models.fields import can_be_dialled


class PhoneInput(RegionalPhoneNumberWidget):
    """Shows a number of its region in that region's way, and what was typed as it was typed."""

    def format_value(self, value: Any) -> Any:
        return super().format_value(value) if isinstance(value, PhoneNumber) else value


class PhoneField(formfields.PhoneNumberField):
    """A number of any country that can be dialled; without a country code, one of ``region``.

    The cleaned value is a ``PhoneNumber``, or the empty text where nothing was typed.
    """

    widget = PhoneInput
    # The inherited one refuses what the lists of ranges do not know yet.
    default_validators: list[Callable[[Any], None]] = []
    default_error_messages = {
        "invalid": _(
            "Please check the number. From another country, start with + and the country code."
        ),
    }

    def to_python(self, value: Any) -> Any:
        number = super().to_python(value)
        if not number:
            return number
        # Letters would be taken for the keys on which they stand.
        if any(sign.isalpha() for sign in value) or not can_be_dialled(number):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        # Kept in one spelling: a person is found again by her number.
        return PhoneNumber.from_string(number.as_e164)
