"""Changing the keys of the encrypted columns."""

from collections.abc import Iterator

from django.apps import apps
from django.db import models
from django.db.models import TextField, Value
from django.db.models.functions import Cast

from bookings.models.fields import EncryptedTextField, ring


def rotate_keys(*, batch: int = 500) -> dict[str, int]:
    """Encrypt every encrypted column anew with the first of ``HEALTH_KEYS``.

    Returns how many values were written by ``model.column``. A value that somebody else writes at
    the same moment is left alone: it has the first key already. It may be stopped and run again.
    Raises ``cryptography.fernet.InvalidToken`` where no key fits.
    """
    return {
        f"{field.model._meta.label_lower}.{field.name}": _rotate(field, batch)
        for field in encrypted_fields()
    }


def encrypted_fields() -> Iterator[EncryptedTextField]:
    """Yield every encrypted column of the project."""
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, EncryptedTextField):
                yield field


def _rotate(field: EncryptedTextField, batch: int) -> int:
    # As stored: through the field itself the values would come decrypted.
    rows = field.model._base_manager.annotate(stored=Cast(field.name, TextField()))
    rows = rows.exclude(stored=None).order_by("pk")
    last, count = 0, 0
    while found := list(rows.filter(pk__gt=last).values_list("pk", "stored")[:batch]):
        for pk, stored in found:
            count += _write(rows.filter(pk=pk, stored=stored), field, stored)
        last = found[-1][0]
    return count


def _write(row: models.QuerySet, field: EncryptedTextField, stored: str) -> int:
    fresh = ring().rotate(stored.encode()).decode()
    return row.update(**{field.name: Value(fresh, output_field=TextField())})
