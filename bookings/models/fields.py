"""Columns for what is told in confidence, and for telephone numbers."""

import json
import zlib
from base64 import b64decode
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from phonenumber_field.modelfields import PhoneNumberField
from phonenumber_field.phonenumber import PhoneNumber, to_python
from phonenumbers import (
    PhoneNumberType,
    ValidationResult,
    is_possible_number_for_type_with_reason,
)

# How zlib begins; text in JSON or in base64 does not.
PACKED = b"\x78\x01"


@cache
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def ring() -> MultiFernet:
    """Return the keys of ``HEALTH_KEYS``: the first encrypts, every one of them decrypts."""
    return _ring(tuple(settings.HEALTH_KEYS))


class EncryptedTextField(models.TextField):
    """Text that stands encrypted in the database.

    The ready-made field packages return the raw column where no key fits; here that is an error
    (``cryptography.fernet.InvalidToken``), since unreadable health answers must never pass for
    an answer.
    """

    def deconstruct(self) -> Any:
        # A migration sees the column as it is stored: a past schema needs no keys.
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def get_prep_value(self, value: Any) -> str | None:
        value = super().get_prep_value(value)
        return None if value is None else ring().encrypt(value.encode()).decode()

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        return None if value is None else ring().decrypt(value.encode()).decode()


class EncryptedJSONField(EncryptedTextField):
    """Plain JSON values, encrypted like :class:`EncryptedTextField`."""

    # What the type checker of django-stubs reads: any JSON value goes in and comes out.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> str | None:
        return super().get_prep_value(None if value is None else json.dumps(value))

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        text = super().from_db_value(value, expression, connection)
        return None if text is None else json.loads(text)

    def to_python(self, value: Any) -> Any:
        return value


class PackedJSONField(EncryptedJSONField):
    """JSON that is long and much alike, as whole mails are: compressed before it is encrypted.

    Encrypted text cannot be compressed by the database. What was written unpacked is still read.
    """

    def get_prep_value(self, value: Any) -> str | None:
        if value is None:
            return None
        packed = zlib.compress(json.dumps(value).encode(), level=1)
        return ring().encrypt(packed).decode()

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        if value is None:
            return None
        kept = ring().decrypt(value.encode())
        if not kept.startswith((b"{", PACKED)):
            # It used to be written as text within the encrypted text.
            kept = b64decode(kept)
        return json.loads(zlib.decompress(kept) if kept.startswith(PACKED) else kept)


def can_be_dialled(number: PhoneNumber) -> bool:
    """Whether ``number`` is known to be in use, or is as long as its country's mobile numbers.

    The list of ranges in use lags behind (it calls 07700 900123 invalid), and its makers advise
    against refusing people by it. Any possible length at all would let a number with a digit
    missing pass: in some countries a few numbers are that short.
    """
    return number.is_valid() or (
        is_possible_number_for_type_with_reason(number, PhoneNumberType.MOBILE)
        == ValidationResult.IS_POSSIBLE
    )


def validate_phone(value: Any) -> None:
    """Raise ``ValidationError`` for what cannot be dialled."""
    number = to_python(value)
    if number and not can_be_dialled(number):
        raise ValidationError(_("Please check the number."), code="invalid")


class PhoneField(PhoneNumberField):
    """A telephone number that can be dialled, stored as E.164."""

    default_validators = [validate_phone]

    def deconstruct(self) -> Any:
        # A migration sees the column as it is stored.
        name, _path, args, kwargs = super().deconstruct()
        return name, "phonenumber_field.modelfields.PhoneNumberField", args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        number = self.to_python(value)
        if number and can_be_dialled(number):
            return number.as_e164
        return super().get_prep_value(number)
