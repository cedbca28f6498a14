"""All that is kept of one client, to be handed to her. Reads only; the caller notes the reading."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bookings.cards import Badge, Card, shown
from bookings.client_record import Line, record_lines
from bookings.history import Line as HistoryLine
from bookings.history import histories_of
from bookings.mails import Mail
from bookings.models import Appointment, Client, HealthCheck, HealthReading


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit with all that hangs on it; ``note`` is the therapist's, or empty."""

    appointment: Appointment
    status: Badge
    note: str
    check: HealthCheck | None
    history: list[HistoryLine]
    mails: list[Mail]
    readings: list[HealthReading]


@dataclass(frozen=True, slots=True)
class ClientCopy:
    """``records`` are the former ones that were merged into hers."""

    client: Client
    records: list[Client]
    lines: list[Line]
    visits: list[Visit] = field(default_factory=list)

    @property
    def checks(self) -> list[HealthCheck]:
        """The health checks of all visits."""
        return [visit.check for visit in self.visits if visit.check is not None]


def client_copy(client: Client, *, now: datetime) -> ClientCopy:
    """Return all that is kept of ``client``, her visits in the order of time.

    The count of queries is the same for any client.
    """
    merges = list(client.merges.select_related("merged", "by", "undone_by"))
    rows = (
        shown()
        .defer(None)
        .booked()
        .filter(client=client)
        .select_related("treatment_note")
        .prefetch_related("messages", "health_readings__user")
        .order_by("starts_at", "pk")
    )
    visits = list(rows)
    histories = histories_of(visits)
    return ClientCopy(
        client=client,
        records=list(client.merged_records.order_by("pk")),
        lines=record_lines(client, merges),
        visits=[_visit(one, histories[one.pk], now) for one in visits],
    )


def _visit(visit: Appointment, history: list[HistoryLine], now: datetime) -> Visit:
    note: Any = getattr(visit, "treatment_note", None)
    # What went to her therapists tells of their work.
    hers = [one for one in visit.messages.all() if one.therapist_id is None]
    return Visit(
        appointment=visit,
        status=Card(visit, now).status,
        note=note.text if note else "",
        check=visit.health_check,
        history=history,
        mails=[Mail(one, now) for one in hers],
        readings=list(visit.health_readings.all()),
    )
