"""Encrypted columns for what is told in confidence."""

import json
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


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
