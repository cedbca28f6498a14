"""The check of the diary: every fault that is planted is found, and a sound diary passes."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from bookings import actions, diary_check
from bookings.models import Appointment, HealthCheck, Message, Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.conftest import NOW, OTTO, at, make_check

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]


def sql(statement: str, *values: Any) -> None:
    """Write past every rule of Django."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def drop_rule(table: str, name: str) -> None:
    """Let a table break one of its rules until the test ends."""
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def found(now: datetime = NOW) -> list[str]:
    return [fault.words for fault in diary_check.faults(now=now)]


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo comes to Mia on Thursday at ten: reminders of 48 and 3 hours are owed."""
    return book_again(at(10, days=3), therapist=mia)


@pytest.fixture
def unguarded(visit: Appointment) -> Iterator[None]:
    """The rows of this test are bound by no foreign key."""
    sql("SET session_replication_role = replica")
    yield
    sql("SET session_replication_role = DEFAULT")


def test_a_sound_diary_passes_whatever_its_size(
    visit: Appointment,
    book: Book,
    mia: Therapist,
    noor: Therapist,
    moss: Room,
    lymph: Service,
    clock: time_machine.Traveller,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    moss.services.add(lymph)
    with django_assert_num_queries(14) as one:
        assert found() == []
    book(at(12, days=3), therapist=mia)
    book(at(12, days=3), therapist=noor, details=OTTO)
    with django_assert_num_queries(len(one)):
        assert found() == []
    told = io.StringIO()
    call_command("check_diary", stdout=told)
    assert told.getvalue() == "The diary is sound: 3 visits.\n"


@pytest.mark.parametrize(
    ("rule", "moved", "what"),
    [
        ("appointment_therapist_no_overlap", "therapist_id", "therapist"),
        ("appointment_room_no_overlap", "room_id", "room"),
    ],
)
def test_an_overlap_is_found_and_so_is_the_missing_rule(
    visit: Appointment,
    book: Book,
    noor: Therapist,
    moss: Room,
    lymph: Service,
    rule: str,
    moved: str,
    what: str,
) -> None:
    moss.services.add(lymph)
    # A quarter of an hour is for tidying: Otto begins within it.
    other = book(at(11, 15, days=3), therapist=noor, details=OTTO)
    Appointment.objects.filter(pk=other.pk).update(
        busy_from=at(11, days=3), starts_at=at(11, days=3), room=moss
    )
    assert found() == []
    drop_rule("bookings_appointment", rule)
    Appointment.objects.filter(pk=other.pk).update(**{moved: getattr(visit, moved)})
    assert found() == [
        f"The database does not keep the rule “{rule}” of bookings_appointment.",
        f"{other.reference} and {visit.reference} overlap: "
        f"they have the same {what}, buffers included.",
    ]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("bookings_appointment", "therapist_id"),
        ("bookings_appointment", "room_id"),
        ("bookings_appointment", "client_id"),
        ("bookings_event", "appointment_id"),
        ("bookings_message", "appointment_id"),
        ("bookings_therapist_services", "service_id"),
    ],
)
def test_a_row_that_points_to_nothing_is_found(unguarded: None, table: str, column: str) -> None:
    sql(f"UPDATE {table} SET {column} = 999999 WHERE id = (SELECT max(id) FROM {table})")
    told = found()
    assert f"1 rows of {table}.{column} point to something that does not exist." in told


def test_a_visit_of_nobody_without_a_record_or_of_two_treatments_is_found(
    visit: Appointment, massage: Service
) -> None:
    other = massage.options.get()
    drop_rule("bookings_appointment", "appointment_booked_has_client")
    sql("UPDATE bookings_appointment SET client_id = NULL, option_id = %s", other.pk)
    sql("DELETE FROM bookings_event")
    assert found()[1:] == [
        f"{visit.reference} is booked for nobody.",
        f"{visit.reference} has no record of who booked it.",
        f"{visit.reference} has the length and price of another treatment.",
    ]


def test_a_message_about_no_visit_is_found(visit: Appointment) -> None:
    drop_rule("bookings_message", "message_goes_to_one_person_about_one_thing")
    message = visit.messages.get(kind="confirmation")
    sql("UPDATE bookings_message SET appointment_id = NULL WHERE id = %s", message.pk)
    assert f"Message {message.pk} lacks the visit, day or therapist that it is about." in found()


def test_a_hold_that_outlived_its_minutes_is_found(visit: Appointment) -> None:
    Appointment.objects.update(status="held", hold_expires_at=NOW)
    assert found(NOW + timedelta(minutes=14)) == []
    assert found(NOW + timedelta(minutes=16)) == [
        f"{visit.reference} is still held though its minutes have run out."
    ]


def test_health_checks_without_a_visit_are_counted_and_not_told(lymph: Service) -> None:
    make_check(lymph, NOW)
    HealthCheck.objects.update(given_at=NOW - timedelta(days=4))
    assert found() == ["1 health checks belong to no visit and are kept too long."]


def test_missing_messages_are_found_and_mended(
    visit: Appointment, clock: time_machine.Traveller
) -> None:
    before = set(visit.messages.values_list("kind", "lead_hours", "due_at"))
    Message.objects.all().delete()
    told = io.StringIO()
    with pytest.raises(CommandError, match=r"^2 faults found\.$"):
        call_command("check_diary", stdout=told)
    assert told.getvalue().splitlines() == [
        f"{visit.reference} lacks the news that it is booked.",
        f"{visit.reference} lacks every reminder.",
        "  To mend it: check_diary --mend writes what is missing; the worker sends it.",
    ]
    call_command("check_diary", "--mend", stdout=told)
    after = set(visit.messages.values_list("kind", "lead_hours", "due_at"))
    assert {one for one in before ^ after if one[0] != "confirmation"} == set()
    assert visit.messages.filter(kind="confirmation", state="pending").count() == 1


def test_a_change_that_its_client_was_not_told_of_is_found_and_mended(
    visit: Appointment, clock: time_machine.Traveller
) -> None:
    moved = actions.reschedule_appointment(
        appointment=visit,
        starts_at=at(12, days=3),
        by=actions.CLIENT,
        spa=SpaProfile.load(),
        now=NOW,
    )
    assert found() == []
    Message.objects.filter(kind="changed").delete()
    assert found() == [f"{visit.reference} lacks the news that it was moved."]
    call_command("check_diary", "--mend", stdout=io.StringIO())
    assert visit.messages.filter(kind="changed", sequence=moved.sequence).count() == 1
    actions.cancel_appointment(appointment=moved, by=actions.CLIENT, spa=SpaProfile.load(), now=NOW)
    assert found() == []
    Message.objects.filter(kind="cancelled").delete()
    assert found() == [f"{visit.reference} lacks the news that it was cancelled."]
    # What was to come is over.
    assert found(at(13, days=3)) == []


def test_messages_that_are_not_owed_are_not_missed(
    visit: Appointment, book: Book, mia: Therapist, noor: Therapist, olive: Any
) -> None:
    Message.objects.filter(kind="reminder").delete()
    # Too late for either reminder; and by then a mail would repeat what was just said.
    assert found(at(8, days=3)) == []
    Appointment.objects.update(status="cancelled")
    assert found() == []


def test_no_name_stands_in_what_is_told(unguarded: None) -> None:
    sql("UPDATE bookings_appointment SET therapist_id = 999999")
    Message.objects.all().delete()
    told = " ".join(fault.words + fault.mend for fault in diary_check.faults(now=NOW))
    assert re.findall("Cleo|Mia|asthma|fever|@", told) == []
