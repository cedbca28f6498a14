"""Changing the keys of the encrypted columns."""

from collections.abc import Iterator

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction
from django.db.models import TextField, Value
from django.db.models.functions import Cast

from bookings.models.fields import EncryptedTextField, ring


def rotate_keys(*, batch: int = 500) -> dict[str, int]:
    """Encrypt every encrypted column, and the second factors, with the first of ``HEALTH_KEYS``.

    Returns how many values were written by ``model.column``. A value that somebody else writes at
    the same moment is left alone: it has the first key already. It may be stopped and run again.
    Raises ``cryptography.fernet.InvalidToken`` where no key fits.
    """
    counts = {
        f"{field.model._meta.label_lower}.{field.name}": _rotate(field, batch)
        for field in encrypted_fields()
    }
    return {**counts, Authenticator._meta.label_lower: _rotate_second_factors()}


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


def _rotate_second_factors() -> int:
    """Their secrets stand inside other values: an app's secret, the seed of recovery codes."""
    keys = Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).values_list("pk")
    return sum(_rotate_second_factor(pk) for (pk,) in keys)


@transaction.atomic
def _rotate_second_factor(pk: int) -> bool:
    # Locked: a recovery code may be used up at this moment.
    row = Authenticator.objects.select_for_update().filter(pk=pk).first()
    if row is None:
        return False
    for name in {"secret", "seed"} & row.data.keys():
        row.data[name] = ring().rotate(row.data[name].encode()).decode()
    row.save(update_fields=["data"])
    return True
