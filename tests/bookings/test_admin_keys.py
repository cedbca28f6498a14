"""Changing the keys of what is told in confidence."""

from collections.abc import Callable
from io import StringIO

import pytest
import time_machine
from cryptography.fernet import Fernet, InvalidToken
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from bookings import actions
from bookings.actions.keys import encrypted_fields
from bookings.models import Appointment, HealthCheck, Room, Therapist
from tests.bookings.conftest import at
from tests.bookings.second_factors import put_lock_on, recovery_codes_of

pytestmark = pytest.mark.django_db

NOTE = "Please no scented oil."


@pytest.fixture
def visit(
    clock: time_machine.Traveller,
    book_again: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
) -> Appointment:
    return book_again(at(10), details=actions.Details("Cleo", "cleo@example.com", "", note=NOTE))


def _stored() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT answers, findings, review_note FROM bookings_healthcheck")
        values = [value for row in cursor.fetchall() for value in row]
        cursor.execute("SELECT client_note FROM bookings_appointment")
        values += [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT reason FROM bookings_event")
        return values + [row[0] for row in cursor.fetchall()]


def _rotate(**options: int) -> str:
    said = StringIO()
    call_command("rotate_health_keys", stdout=said, **options)
    return said.getvalue()


def test_every_encrypted_column_is_found() -> None:
    assert {f"{one.model.__name__}.{one.name}" for one in encrypted_fields()} == {
        "HealthCheck.answers",
        "HealthCheck.findings",
        "HealthCheck.review_note",
        "TreatmentNote.text",
        "Appointment.client_note",
        "Appointment.staff_note",
        "Event.reason",
        "Client.note",
        "ClientChange.values",
        "ClientMerge.filled",
        "ImportDraft.text",
        "MailCopy.content",
    }


def test_after_a_rotation_the_old_key_can_go(settings: Settings, visit: Appointment) -> None:
    old, new = settings.HEALTH_KEYS[0], Fernet.generate_key().decode()
    answers = HealthCheck.objects.get().answers
    codes = put_lock_on(User.objects.create_user("olive"))
    settings.HEALTH_KEYS = [new, old]
    said = _rotate(batch=1)
    settings.HEALTH_KEYS = [new]
    assert recovery_codes_of(User.objects.get(username="olive")) == codes
    assert HealthCheck.objects.get().answers == answers
    assert Appointment.objects.get().client_note == NOTE
    for value in _stored():
        Fernet(new).decrypt(value.encode())
        with pytest.raises(InvalidToken):
            Fernet(old).decrypt(value.encode())
    assert said.splitlines() == [
        "bookings.client.note: 1 value",
        "bookings.clientchange.values: 0 values",
        "bookings.clientmerge.filled: 0 values",
        "bookings.healthcheck.answers: 1 value",
        "bookings.healthcheck.findings: 1 value",
        "bookings.healthcheck.review_note: 1 value",
        "bookings.treatmentnote.text: 0 values",
        "bookings.appointment.client_note: 1 value",
        "bookings.appointment.staff_note: 1 value",
        "bookings.event.reason: 2 values",
        "bookings.mailcopy.content: 0 values",
        "bookings.importdraft.text: 0 values",
        "mfa.authenticator: 2 values",
        "All of them stand under the first key now.",
    ]


def test_without_a_rotation_the_old_key_cannot_go(settings: Settings, visit: Appointment) -> None:
    settings.HEALTH_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(InvalidToken):
        HealthCheck.objects.get()


def test_a_rotation_without_the_old_key_changes_nothing_and_says_what_to_do(
    settings: Settings, visit: Appointment
) -> None:
    before = _stored()
    settings.HEALTH_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="Put the key back that wrote them"):
        _rotate()
    assert _stored() == before
