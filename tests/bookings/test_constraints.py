"""What the database refuses by itself: the admin, the shell and raw SQL included."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from bookings.models import Appointment, Client, Room, Therapist, TimeOff, WorkingHours
from services.models import ServiceOption
from tests.bookings.conftest import NOW, at
from tests.bookings.rows import make_appointment

pytestmark = pytest.mark.django_db

THERAPIST = "appointment_therapist_no_overlap"
ROOM = "appointment_room_no_overlap"
BLOCKING = ["held", "requested", "confirmed", "arrived"]
ENDED = ["completed", "declined", "cancelled", "no_show", "expired"]


@pytest.fixture
def visit(hour: ServiceOption, mia: Therapist, fern: Room, cleo: Client) -> Appointment:
    """Mia in the Fern room from 10:00 to 11:00, tidying until 11:15."""
    return make_appointment(hour, mia, fern, at(10), status="confirmed", client=cleo)


@pytest.fixture
def insert(visit: Appointment) -> Callable[..., None]:
    """Copy the visit by raw SQL, with some columns changed."""

    def _insert(**columns: Any) -> None:
        values = {
            "reference": f"COPY{Appointment.objects.count()}",
            "client_id": visit.client_id,
            "service_id": visit.service_id,
            "option_id": visit.option_id,
            "therapist_id": visit.therapist_id,
            "room_id": visit.room_id,
            "starts_at": visit.starts_at,
            "ends_at": visit.ends_at,
            "busy_from": visit.busy_from,
            "busy_until": visit.busy_until,
            "status": "confirmed",
            "hold_expires_at": None,
            "price": visit.price,
            "source": "web",
            "client_note": "",
            "staff_note": "",
            "sequence": 0,
            "created_at": NOW,
            **columns,
        }
        names, places = ", ".join(values), ", ".join(["%s"] * len(values))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO bookings_appointment ({names}) VALUES ({places})",
                list(values.values()),
            )

    return _insert


def moved(minutes: int, visit: Appointment) -> dict[str, Any]:
    """The visit's four times, so many minutes later."""
    names = ("starts_at", "ends_at", "busy_from", "busy_until")
    return {name: getattr(visit, name) + timedelta(minutes=minutes) for name in names}


def refused_by(action: Callable[[], Any]) -> str:
    """The name of the constraint that refuses ``action``."""
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        action()
    cause: Any = refused.value.__cause__
    return str(cause.diag.constraint_name)


@pytest.mark.parametrize("minutes", [-74, -30, 0, 30, 60, 74])
def test_one_therapist_is_never_in_two_rooms_at_once(
    minutes: int, insert: Callable[..., None], visit: Appointment, moss: Room
) -> None:
    columns = moved(minutes, visit) | {"room_id": moss.pk}
    assert refused_by(lambda: insert(**columns)) == THERAPIST


@pytest.mark.parametrize("minutes", [-74, -30, 0, 30, 60, 74])
def test_one_room_never_has_two_visits_at_once(
    minutes: int, insert: Callable[..., None], visit: Appointment, noor: Therapist
) -> None:
    columns = moved(minutes, visit) | {"therapist_id": noor.pk}
    assert refused_by(lambda: insert(**columns)) == ROOM


def test_buffers_alone_are_enough_to_overlap(
    insert: Callable[..., None], visit: Appointment, moss: Room
) -> None:
    # The visits do not touch: 10:00–11:00 and 11:10–12:10; the tidying until 11:15 does.
    later = moved(70, visit)
    assert later["starts_at"] > visit.ends_at
    assert refused_by(lambda: insert(**later, room_id=moss.pk)) == THERAPIST


@pytest.mark.parametrize("minutes", [-75, 75])
def test_visits_that_adjoin_are_accepted(
    minutes: int, insert: Callable[..., None], visit: Appointment
) -> None:
    insert(**moved(minutes, visit))
    assert Appointment.objects.count() == 2


def test_another_therapist_in_another_room_is_accepted(
    insert: Callable[..., None], noor: Therapist, moss: Room
) -> None:
    insert(therapist_id=noor.pk, room_id=moss.pk)
    assert Appointment.objects.count() == 2


@pytest.mark.parametrize("status", BLOCKING)
def test_every_blocking_state_is_refused_over_a_visit(
    status: str, insert: Callable[..., None]
) -> None:
    assert refused_by(lambda: insert(status=status, hold_expires_at=NOW)) in (THERAPIST, ROOM)


@pytest.mark.parametrize("status", ENDED)
def test_what_has_ended_takes_no_time(
    status: str, insert: Callable[..., None], visit: Appointment
) -> None:
    insert(status=status)
    assert refused_by(lambda: _update("status = 'confirmed' WHERE reference = 'COPY1'")) in (
        THERAPIST,
        ROOM,
    )


def test_an_update_into_an_overlap_is_refused(
    insert: Callable[..., None], visit: Appointment
) -> None:
    insert(**moved(75, visit))
    longer = "busy_until = busy_until + interval '1 second' WHERE id = %s"
    assert refused_by(lambda: _update(longer, visit.pk)) in (THERAPIST, ROOM)


def _update(rest: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE bookings_appointment SET {rest}", values)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("ends_at = starts_at", "appointment_ends_after_start"),
        ("busy_from = starts_at + interval '1 minute'", "appointment_buffers_surround_visit"),
        ("busy_until = ends_at - interval '1 minute'", "appointment_buffers_surround_visit"),
        ("busy_until = busy_from + interval '25 hours'", "appointment_fits_in_a_day"),
        ("status = 'held', hold_expires_at = NULL", "appointment_hold_expires"),
        ("client_id = NULL", "appointment_booked_has_client"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(
    change: str, constraint: str, visit: Appointment
) -> None:
    assert refused_by(lambda: _update(change)) == constraint


def test_a_reference_is_given_once(insert: Callable[..., None], visit: Appointment) -> None:
    columns = moved(75, visit) | {"reference": visit.reference}
    assert "reference" in refused_by(lambda: insert(**columns))


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("ends = starts", "working_hours_end_after_start"),
        ("break_starts = '12:00', break_ends = '11:00'", "working_hours_break_lies_inside"),
        ("break_starts = '08:00', break_ends = '10:00'", "working_hours_break_lies_inside"),
        ("break_starts = '16:00', break_ends = '18:00'", "working_hours_break_lies_inside"),
        ("break_starts = '12:00'", "working_hours_break_lies_inside"),
        ("break_ends = '12:00'", "working_hours_break_lies_inside"),
        (
            "valid_from = '2026-11-24', valid_until = '2026-11-23'",
            "working_hours_valid_until_after_from",
        ),
    ],
)
def test_working_hours_that_make_no_sense_are_refused(
    change: str, constraint: str, mia: Therapist
) -> None:
    def update() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE bookings_workinghours SET {change}")

    assert refused_by(update) == constraint
    assert WorkingHours.objects.count() == 7


def test_time_off_ends_after_it_starts(mia: Therapist) -> None:
    assert (
        refused_by(lambda: TimeOff.objects.create(therapist=mia, starts_at=NOW, ends_at=NOW))
        == "time_off_ends_after_start"
    )
