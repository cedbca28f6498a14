"""Rows of the diary made without an action."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bookings.models import Appointment, Room, Therapist
from bookings.models.appointments import new_reference
from services.models import ServiceOption
from tests.bookings.conftest import NOW


def make_appointment(
    option: ServiceOption, therapist: Therapist, room: Room, starts_at: datetime, **values: Any
) -> Appointment:
    """A row of the diary without an action, with the treatment's own buffers."""
    service = option.service
    ends_at = starts_at + timedelta(minutes=option.minutes)
    return Appointment.objects.create(
        **{
            "reference": new_reference(),
            "service": service,
            "option": option,
            "therapist": therapist,
            "room": room,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "busy_from": starts_at - timedelta(minutes=service.buffer_before_minutes),
            "busy_until": ends_at + timedelta(minutes=service.buffer_after_minutes),
            "status": "held",
            "hold_expires_at": datetime(2100, 1, 1, tzinfo=UTC),
            "price": option.price,
            "created_at": NOW,
            **values,
        }
    )
