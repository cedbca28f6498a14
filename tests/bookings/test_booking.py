"""From a chosen time to a booked visit."""

from collections.abc import Callable
from datetime import datetime

import pytest

from bookings import actions
from bookings.models import Appointment, Room, Therapist
from services.models import SpaProfile
from tests.bookings.conftest import OTTO, at

pytestmark = pytest.mark.django_db


def test_a_booking_takes_its_time_and_owes_its_messages(
    book: Callable[..., Appointment], mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    assert (visit.status, visit.therapist, visit.room) == ("confirmed", mia, fern)
    assert (visit.busy_from, visit.busy_until) == (at(10, days=4), at(11, 15, days=4))
    assert sorted(visit.messages.values_list("kind", "lead_hours", "due_at")) == [
        ("confirmation", 0, at(8, days=0)),
        ("reminder", 3, at(7, days=4)),
        ("reminder", 48, at(10, days=2)),
    ]
    assert list(visit.events.values_list("kind", flat=True)) == ["held", "booked"]


def test_a_taken_time_offers_the_three_nearest(
    book: Callable[..., Appointment], mia: Therapist, fern: Room
) -> None:
    book(at(10))
    with pytest.raises(actions.TimeTaken) as refused:
        book(at(10), details=OTTO)
    assert refused.value.nearest == [at(11, 15), at(11, 30), at(11, 45)]


def test_cancelled_appointment_frees_its_time(
    book: Callable[..., Appointment], mia: Therapist, fern: Room, spa: SpaProfile, now: datetime
) -> None:
    visit = book(at(10, days=3))
    actions.cancel_appointment(appointment=visit, by=actions.CLIENT, spa=spa, now=now)
    again = book(at(10, days=3), details=OTTO)
    assert again.status == "confirmed"
    assert set(visit.messages.values_list("kind", "state")) == {
        ("confirmation", "void"),
        ("reminder", "void"),
        ("cancelled", "pending"),
    }


def test_moving_a_visit_moves_its_reminders(
    book: Callable[..., Appointment], mia: Therapist, fern: Room, spa: SpaProfile, now: datetime
) -> None:
    visit = book(at(10, days=4))
    moved = actions.reschedule_appointment(
        appointment=visit, starts_at=at(14, days=5), by=actions.CLIENT, spa=spa, now=now
    )
    assert moved.starts_at == at(14, days=5)
    assert set(moved.messages.pending().values_list("kind", "lead_hours", "due_at")) == {
        ("changed", 0, now),
        ("reminder", 48, at(14, days=3)),
        ("reminder", 3, at(11, days=5)),
    }
