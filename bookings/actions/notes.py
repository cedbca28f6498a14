"""What the therapist notes of a treatment."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from bookings.actions.clients import ClientErased
from bookings.actions.errors import BookingError, NoLongerPossible
from bookings.actions.events import Actor, record
from bookings.models import Appointment, Client, TreatmentNote

Status = Appointment.Status
NOTE_MOST = 5000


class NoteChanged(BookingError):
    """The treatment note was changed after the page was shown; ``note`` is how it stands now."""

    def __init__(self, note: TreatmentNote | None) -> None:
        super().__init__()
        self.note = note

    @property
    def message(self) -> str:
        return _(
            "This note was changed in another window. Yours is not saved yet: look at both, and "
            "save what should stand."
        )


def may_note(appointment: Appointment, now: datetime) -> bool:
    """Whether there is a treatment to note anything of: from the client's arrival on."""
    if appointment.status == Status.CONFIRMED:
        return appointment.starts_at <= now
    return appointment.status in (Status.ARRIVED, Status.COMPLETED)


@transaction.atomic
def write_treatment_note(
    *, appointment: Appointment, text: str, seen: datetime | None, by: Actor, now: datetime
) -> TreatmentNote | None:
    """Keep ``text`` as the treatment note, encrypted; an empty one takes the note away.

    ``seen`` is when the note that was shown was last changed, ``None`` where there was none.
    Raises ``NoteChanged`` where it has been changed since, ``NoLongerPossible`` for anybody but
    the therapist whose visit it is now, and ``ClientErased``. The event says that a note was
    written, never what.
    """
    rows = Appointment.objects.select_for_update(of=("self",), no_key=True)
    latest = rows.select_related("therapist").get(pk=appointment.pk)
    if latest.therapist.user_id != by.user.pk or not may_note(latest, now):
        raise NoLongerPossible
    # Asked once the row is ours: it may have waited for the erasing.
    erased = Client.objects.exclude(erased_at=None)
    if latest.client_id is not None and erased.filter(pk=latest.client_id).exists():
        raise ClientErased
    note = TreatmentNote.objects.filter(appointment=latest).first()
    if (note.updated_at if note else None) != seen:
        raise NoteChanged(note)
    if not text.strip():
        _take_away(note, by=by, now=now)
        return None
    if note is not None and note.text == text:
        return note
    note = note or TreatmentNote(appointment=latest)
    note.text, note.author, note.updated_at = text, by.user, now
    note.save()
    record(latest, "treatment_note_written", by=by, now=now)
    return note


def _take_away(note: TreatmentNote | None, *, by: Actor, now: datetime) -> None:
    if note is not None:
        record(note.appointment, "treatment_note_removed", by=by, now=now)
        note.delete()
