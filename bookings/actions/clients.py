"""Entering clients and changing their records. Each change is kept with who made it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from bookings.actions import owing
from bookings.actions.errors import BookingError
from bookings.actions.events import Actor
from bookings.models import Appointment, Client, ClientChange, Therapist

FIELDS = ("name", "email", "phone", "preferred_therapist_id", "note")


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """What the desk enters about a client; ``phone`` is E.164, empty texts mean none."""

    name: str
    email: str = ""
    phone: str = ""
    preferred_therapist_id: int | None = None
    note: str = ""


class RecordChanged(BookingError):
    """Somebody else changed the client's record after the form was shown; ``latest`` is it now."""

    def __init__(self, latest: Client) -> None:
        super().__init__()
        self.latest = latest

    @property
    def message(self) -> str:
        return _(
            "Somebody else has changed this record in the meantime, so nothing was saved yet."
            " Please look at it once more and save again."
        )


class ClientErased(BookingError):
    """All that told who the client was has been deleted."""

    @property
    def message(self) -> str:
        return _("This record has been erased. Please enter the client anew.")


class RecordMerged(BookingError):
    """The record was merged into another one; ``kept`` is that one."""

    def __init__(self, kept: Client) -> None:
        super().__init__()
        self.kept = kept

    @property
    def message(self) -> str:
        words = _("This record has been merged into that of %(name)s. Please change that one.")
        return words % {"name": self.kept}


def entry_of(client: Client) -> ClientEntry:
    """Return what the desk has entered about ``client``."""
    return ClientEntry(
        name=client.name,
        email=client.email,
        phone=str(client.phone or ""),
        preferred_therapist_id=client.preferred_therapist_id,
        note=client.note,
    )


@transaction.atomic
def add_client(
    *,
    name: str,
    by: Actor,
    now: datetime,
    email: str = "",
    phone: str = "",
    preferred_therapist: Therapist | None = None,
    note: str = "",
) -> Client:
    """Enter a new client; ``phone`` is E.164."""
    entered = ClientEntry(name, email, phone, _key(preferred_therapist), note)
    client = Client.objects.create(**asdict(entered))
    _keep(client, ClientChange.Kind.ADDED, ClientEntry(""), by=by, now=now)
    return client


@transaction.atomic
def change_client(
    *,
    client: Client,
    seen: ClientEntry | None,
    name: str,
    by: Actor,
    now: datetime,
    email: str = "",
    phone: str = "",
    preferred_therapist: Therapist | None = None,
    note: str = "",
) -> Client:
    """Replace what the record of ``client`` says; ``seen`` is what it said when it was shown.

    Messages that wait go to the new address: they read it when they are sent. Links stay good.
    Where there was no address before, what she was not told is owed now.
    Raises ``RecordChanged``, ``RecordMerged`` or ``ClientErased``.
    """
    latest = Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    if latest.erased_at is not None:
        raise ClientErased
    if latest.merged_into is not None:
        raise RecordMerged(latest.merged_into)
    before = entry_of(latest)
    after = ClientEntry(name, email, phone, _key(preferred_therapist), note)
    if after == before:
        return latest
    if before != seen:
        raise RecordChanged(latest)
    for field, value in asdict(after).items():
        setattr(latest, field, value)
    latest.save(update_fields=FIELDS)
    _keep(latest, ClientChange.Kind.CHANGED, before, by=by, now=now)
    if after.email and not before.email:
        visits = Appointment.objects.filter(client=latest)
        owing.catch_up(visits.values_list("pk", flat=True), now=now)
    return latest


def current_client(client: Client) -> Client:
    """Return the record that stands for ``client``, locked: itself, or the one it was merged into.

    Without the lock a merge that is just being made would leave a new visit with the old record.
    Raises ``ClientErased``.
    """
    kept = Client.objects.values_list("merged_into", flat=True).get(pk=client.pk)
    return locked_client(kept or client.pk)


def locked_client(key: int) -> Client:
    """Return the record ``key``, locked, or the one that it has just been merged into.

    Raises ``ClientErased``.
    """
    rows = Client.objects.select_for_update(no_key=True)
    latest = rows.get(pk=key)
    while latest.merged_into_id:
        latest = rows.get(pk=latest.merged_into_id)
    if latest.erased_at is not None:
        raise ClientErased
    return latest


def _key(therapist: Therapist | None) -> int | None:
    return therapist.pk if therapist else None


def _keep(
    client: Client, kind: ClientChange.Kind, before: ClientEntry, *, by: Actor, now: datetime
) -> None:
    old, new = asdict(before), asdict(entry_of(client))
    values: dict[str, Any] = {
        field: [old[field], new[field]] for field in FIELDS if old[field] != new[field]
    }
    ClientChange.objects.create(client=client, kind=kind, at=now, by=by.user, values=values)
