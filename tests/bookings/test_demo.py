"""The demo spa: whole, lawful, and never in the way of a real one."""

import re
import stat
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from bookings import demo
from bookings.duplicates import possible_duplicates
from bookings.models import (
    Appointment,
    Client,
    HealthCheck,
    Message,
    Room,
    Therapist,
    TreatmentNote,
)
from bookings.standing import Why
from bookings.stranded import stranded_visits
from services.models import SpaProfile
from tests.kept_rows import KeptRows

pytestmark = pytest.mark.django_db

TUESDAY_NOON = datetime(2026, 11, 24, 12, 10, tzinfo=UTC)


@pytest.fixture
def content(db: None, starting_list: KeptRows) -> None:
    starting_list.put_back()


def test_the_demo_is_for_a_trial_only(settings: Settings, content: None) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="the demo is for a trial only"):
        call_command("load_demo")
    assert not Appointment.objects.exists()


def test_without_a_menu_it_says_what_to_do_first() -> None:
    with pytest.raises(CommandError, match="load_content"):
        call_command("load_demo")


def test_a_whole_demo(settings: Settings, tmp_path: Path, content: None) -> None:
    """One loading, looked at from every side: it takes seconds."""
    settings.VAR_DIR = tmp_path
    said = StringIO()
    with time_machine.travel(TUESDAY_NOON, tick=True):
        call_command("load_demo", stdout=said)
    _check_people()
    _check_visits()
    _check_no_overlap()
    _check_visits_to_move()
    _check_messages()
    _check_notes()
    _check_logins(tmp_path / "demo-logins.txt", said.getvalue())
    with pytest.raises(CommandError, match="There are appointments already"):
        call_command("load_demo")


def _check_notes() -> None:
    notes = TreatmentNote.objects.select_related("appointment", "author")
    assert {note.author.username for note in notes} == {"mia", "noor"}
    assert all(note.updated_at > note.appointment.ends_at for note in notes)


def _check_people() -> None:
    assert Therapist.objects.count() == 6
    assert Room.objects.count() == 5
    assert len(set(Therapist.objects.values_list("colour", flat=True))) == 6
    for client in Client.objects.all():
        assert client.email == "" or client.email.endswith("@example.com")
        # The ranges that Ofcom keeps for drama.
        assert re.fullmatch(r"\+44(207946|(161|121|113)496)0\d{3}", client.phone.as_e164)
        assert client.phone.is_valid()
    # One person is there twice, for the desk to merge; everybody else has one record.
    twice = [(pair.one.name, pair.other.name, pair.alike) for pair in possible_duplicates()]
    assert twice == [("Cleo Marsh", "Cleo M.", True)]


def _check_visits() -> None:
    status = Counter(Appointment.objects.values_list("status", flat=True))
    assert set(status) == set(Appointment.Status.values)
    assert status["requested"] == demo.WAITING_REQUESTS
    assert 150 <= sum(status.values()) <= 400
    zone = SpaProfile.load().zone
    days = {visit.starts_at.astimezone(zone).date() for visit in Appointment.objects.all()}
    today = TUESDAY_NOON.date()
    assert min(days) >= today - timedelta(days=14)
    assert max(days) <= today + timedelta(days=14)
    assert len(days) >= 24
    assert Appointment.objects.filter(starts_at__date=today, status="arrived").exists()
    outcomes = Counter(HealthCheck.objects.values_list("outcome", flat=True))
    assert set(outcomes) == {"clear", "adapt", "clearance"}
    ended = Appointment.objects.filter(ends_at__lte=TUESDAY_NOON)
    assert not ended.filter(status__in=["confirmed", "requested", "arrived", "held"]).exists()
    assert not Appointment.objects.filter(status="completed", ends_at__gt=TUESDAY_NOON).exists()
    for visit in Appointment.objects.booked().prefetch_related("events"):
        assert max(event.at for event in visit.events.all()) <= TUESDAY_NOON + timedelta(minutes=1)


def _check_visits_to_move() -> None:
    found = stranded_visits(spa=SpaProfile.load(), now=TUESDAY_NOON)
    assert 1 <= len(found) <= 3
    assert {tuple(one.why) for one in found} == {(Why.OFF,)}


def _check_no_overlap() -> None:
    """No two visits that took place or will were ever at one time, not even the past ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM bookings_appointment a JOIN bookings_appointment b
            ON a.id < b.id AND (a.therapist_id = b.therapist_id OR a.room_id = b.room_id)
            AND tstzrange(a.busy_from, a.busy_until) && tstzrange(b.busy_from, b.busy_until)
            WHERE a.status NOT IN ('cancelled', 'declined', 'expired')
            AND b.status NOT IN ('cancelled', 'declined', 'expired')
            """
        )
        assert cursor.fetchone() == (0,)


def _check_messages() -> None:
    states = Counter(Message.objects.values_list("state", flat=True))
    assert states["failed"] == 2
    assert states["sent"] > 200
    # A few reminders go out when the worker starts; the others wait for their moment.
    due = Message.objects.due(TUESDAY_NOON)
    assert list(due.values_list("kind", flat=True)) == ["reminder"] * 3
    assert not due.filter(appointment__starts_at__lte=TUESDAY_NOON).exists()
    assert Message.objects.pending().filter(kind="reminder").exists()


def _check_logins(path: Path, said: str) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() in said
    assert [login.username for login in demo.logins()] == ["dana", "olive", "mia", "noor"]
    for login in demo.logins():
        assert f"{login.email:<21} {login.password}" in path.read_text()
        assert authenticate(username=login.username, password=login.password) is not None
    groups = dict(User.objects.values_list("username", "groups__name"))
    assert groups == {
        "dana": "Front desk",
        "olive": "Owners",
        "mia": "Therapists",
        "noor": "Therapists",
    }
    assert list(User.objects.filter(is_staff=True).values_list("username", flat=True)) == ["olive"]
    assert Therapist.objects.get(name="Mia").user == User.objects.get(username="mia")
