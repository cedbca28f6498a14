"""Two records of one person made into one, and parted again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from bookings.actions import owing
from bookings.actions.clients import ClientErased
from bookings.actions.errors import BookingError
from bookings.actions.events import Actor
from bookings.models import Appointment, Client, ClientMerge, Event, NotTheSame

FILLED = ("email", "phone", "preferred_therapist_id")
BETWEEN_NOTES = "\n\n"


class CannotMerge(BookingError):
    """Two records cannot be made into one, for the reason in ``words``."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words

    @property
    def message(self) -> str:
        return self.words


class CannotPart(CannotMerge):
    """A merge cannot be taken back, or not yet."""


@dataclass(frozen=True, slots=True)
class Parting:
    """What came of taking a merge back.

    ``stayed`` counts the visits that were booked after the merge and stay with the kept record;
    ``left`` names the fields that were changed since and stay as they are.
    """

    client: Client
    stayed: int
    left: list[str]


def tell_apart(*, one: Client, other: Client, by: Actor, now: datetime) -> None:
    """Remember that two records are of different people: nobody is asked about them again.

    Raises ``CannotMerge`` where it is one and the same record.
    """
    if one.pk == other.pk:
        raise CannotMerge(_("This is the same record twice. Please choose another one."))
    earlier, later = sorted((one.pk, other.pk))
    NotTheSame.objects.get_or_create(
        one_id=earlier, other_id=later, defaults={"at": now, "by": by.user}
    )


@transaction.atomic
def merge_clients(*, kept: Client, merged: Client, by: Actor, now: datetime) -> ClientMerge:
    """Move all of ``merged`` to ``kept``; returns what is needed to part them again.

    What ``kept`` says stays; where it says nothing, it takes over what ``merged`` says, and the
    notes are joined. Visits whose record had no address are told of from now on. Raises
    ``CannotMerge``.
    """
    rows = _locked(kept, merged)
    kept, merged = rows[kept.pk], rows[merged.pk]
    if refused := why_not_merge(kept, merged):
        raise CannotMerge(refused)
    filled = fields_filled(kept, merged)
    visits = _visits_of(merged)
    silent = [*([] if kept.email else _visits_of(kept)), *([] if merged.email else visits)]
    _write(kept, {field: after for field, (_before, after) in filled.items()})
    if merged.aftercare_stopped_at and not kept.aftercare_stopped_at:
        _write(kept, {"aftercare_stopped_at": merged.aftercare_stopped_at})
    # A merged record always leads straight to one that stands for itself.
    Client.objects.filter(Q(pk=merged.pk) | Q(merged_into=merged)).update(merged_into=kept)
    _give(visits, kept, "client_merged", by=by, now=now)
    if kept.email:
        owing.catch_up(silent, now=now)
    return ClientMerge.objects.create(
        kept=kept, merged=merged, at=now, by=by.user, appointments=visits, filled=filled
    )


@transaction.atomic
def part_clients(*, merge: ClientMerge, by: Actor, now: datetime) -> Parting:
    """Take ``merge`` back: its visits return, and what the kept record took over is undone.

    Visits booked since stay with the kept record, and so do fields that were changed since.
    Raises ``CannotPart``.
    """
    rows = _locked(merge.kept, merge.merged)
    kept, merged = rows[merge.kept_id], rows[merge.merged_id]
    if kept.merged_into is not None:
        words = _("%(kept)s was merged into %(other)s since. Please part those two first.")
        raise CannotPart(words % {"kept": kept, "other": kept.merged_into})
    live = ClientMerge.objects.filter(pk=merge.pk, undone_at=None)
    if not live.update(undone_at=now, undone_by=by.user):
        raise CannotPart(_("These two have been parted already."))
    Client.objects.filter(pk__in=_merged_below(merged)).update(merged_into=merged)
    Client.objects.filter(pk=merged.pk).update(merged_into=None)
    visits = _visits_of(kept)
    _give(
        [pk for pk in visits if pk in merge.appointments], merged, "client_parted", by=by, now=now
    )
    undone, left = _undone(kept, merged, merge.filled)
    _write(kept, undone)
    stayed = Appointment.objects.filter(client=kept, created_at__gt=merge.at).count()
    return Parting(Client.objects.get(pk=merged.pk), stayed, left)


def fields_filled(kept: Client, merged: Client) -> dict[str, list[Any]]:
    """Return what ``kept`` takes over from ``merged``: field, before and after, as JSON values."""
    filled: dict[str, list[Any]] = {}
    for field in FILLED:
        before, after = _plain(getattr(kept, field)), _plain(getattr(merged, field))
        if after and not before:
            filled[field] = [before, after]
    notes = joined_notes(kept.note, merged.note)
    if notes != kept.note:
        filled["note"] = [kept.note, notes]
    if merged.created_at < kept.created_at:
        filled["created_at"] = [kept.created_at.isoformat(), merged.created_at.isoformat()]
    return filled


def why_not_merge(kept: Client, merged: Client) -> str:
    """Return why these two cannot be made into one, in a sentence; empty where they can."""
    if kept.pk == merged.pk:
        return _("This is the same record twice. Please choose another one.")
    for client in (kept, merged):
        if client.erased_at is not None:
            return ClientErased().message
        if client.merged_into is not None:
            words = _("The record of %(name)s has been merged into that of %(other)s already.")
            return words % {"name": client, "other": client.merged_into}
    return ""


def joined_notes(kept: str, merged: str) -> str:
    """Return both notes, once where they say the same."""
    if not merged or merged in kept:
        return kept
    return BETWEEN_NOTES.join(filter(None, [kept, merged]))


def _locked(*clients: Client) -> dict[int, Client]:
    """The clients and all that were merged into them, locked by primary key."""
    keys = [client.pk for client in clients]
    rows = Client.objects.filter(Q(pk__in=keys) | Q(merged_into__in=keys)).order_by("pk")
    return {row.pk: row for row in rows.select_for_update(no_key=True)}


def _undone(
    kept: Client, merged: Client, filled: dict[str, list[Any]]
) -> tuple[dict[str, Any], list[str]]:
    """What ``kept`` gets back, and the fields that were changed since."""
    undone: dict[str, Any] = {}
    left = []
    for field, (before, after) in filled.items():
        if _plain(getattr(kept, field)) == after:
            undone[field] = before
        elif field == "note" and merged.note in kept.note:
            undone[field] = _without(kept.note, merged.note)
        else:
            left.append(field)
    return undone, left


def _without(notes: str, note: str) -> str:
    """``notes`` without the one that a merge had added, whatever was written before or after."""
    for added in (f"{BETWEEN_NOTES}{note}", f"{note}{BETWEEN_NOTES}", note):
        if added in notes:
            return notes.replace(added, "", 1)
    return notes


def _write(client: Client, values: dict[str, Any]) -> None:
    if not values:
        return
    for field, value in values.items():
        is_time = field == "created_at"
        setattr(client, field, datetime.fromisoformat(value) if is_time else value)
    client.save(update_fields=list(values))


def _merged_below(client: Client) -> list[int]:
    """The keys of all records that live merges have brought under ``client``."""
    found: list[int] = []
    level: Sequence[int] = [client.pk]
    while level:
        below = ClientMerge.objects.filter(kept__in=level, undone_at=None)
        level = list(below.values_list("merged", flat=True))
        found += level
    return found


def _visits_of(client: Client) -> list[int]:
    rows = Appointment.objects.filter(client=client).order_by("pk")
    return list(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def _give(visits: Iterable[int], client: Client, kind: str, *, by: Actor, now: datetime) -> None:
    """Let ``visits`` be those of ``client``, each with its event."""
    keys = list(visits)
    Appointment.objects.filter(pk__in=keys).update(client=client)
    Event.objects.bulk_create(
        [
            Event(appointment_id=pk, at=now, actor_kind=by.kind, actor=by.user, kind=kind)
            for pk in keys
        ]
    )


def _plain(value: Any) -> Any:
    """A telephone number as text, a time as ISO 8601, everything else as it is."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int | None) else str(value)
