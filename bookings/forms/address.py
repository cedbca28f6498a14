"""E-mail addresses as people have them."""

import re

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

# A name in quotation marks can be written in a thousand ways that all mean one mailbox, an encoded
# word can mean another one, and a number in brackets is somebody's own machine: limits count, and
# letters go, by what was typed.
STRANGE = re.compile(r'["\[]|=\?')


def plain_address(address: str) -> None:
    """Raise ``ValidationError`` where ``address`` is none, or one that means another."""
    EmailValidator()(address)
    if STRANGE.search(address):
        raise ValidationError(EmailValidator.message, code="invalid", params={"value": address})


class AddressField(forms.EmailField):
    """An e-mail address that means only what it says."""

    default_validators = [plain_address]
