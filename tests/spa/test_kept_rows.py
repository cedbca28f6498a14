"""Rows that tests begin with are the same whether they are written or put back."""

import pytest
from django.db import IntegrityError, connection, transaction
from time_machine import TimeMachineFixture

from bookings.models import Client
from tests.kept_rows import Once, OnceForAll


def cleo() -> Client:
    return Client.objects.create(name="Cleo", email="cleo@example.com", phone="+442079460001")


def rows() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT row::text FROM bookings_client AS row")
        return [row for (row,) in cursor.fetchall()]


@pytest.mark.django_db
def test_rows_come_again_with_their_keys_and_what_the_database_made_of_them() -> None:
    with transaction.atomic():
        once = Once.of(cleo)
        written = rows()
        transaction.set_rollback(True)
    assert rows() == []
    again = once.again()
    assert rows() == written
    assert len(written) == 1
    assert Client.objects.get() == again == once.made
    # What one test does to its copy, no other sees.
    again.name = "Otto"
    assert once.made.name == "Cleo"


@pytest.mark.django_db
def test_code_runs_once_for_the_same_wish_and_anew_for_another() -> None:
    asked = []

    def named(name: str) -> Client:
        asked.append(name)
        return Client.objects.create(name=name, phone="+442079460001")

    once_for_all = OnceForAll()
    for name in ("Cleo", "Otto", "Cleo"):
        with transaction.atomic():
            assert once_for_all(named, name).name == name
            assert list(Client.objects.values_list("name", flat=True)) == [name]
            transaction.set_rollback(True)
    assert asked == ["Cleo", "Otto"]


@pytest.mark.django_db
def test_rows_are_never_there_twice() -> None:
    once = Once.of(cleo)
    with pytest.raises(IntegrityError), transaction.atomic():
        once.again()
    assert len(rows()) == 1


@pytest.mark.django_db
def test_code_that_looks_about_runs_anew_where_other_rows_are_there() -> None:
    asked = []

    def next_to_cleo() -> Client:
        asked.append(list(Client.objects.values_list("name", flat=True)))
        return Client.objects.create(name="Otto", phone="+442079460002")

    once_for_all = OnceForAll()
    with transaction.atomic():
        once_for_all.among_these(next_to_cleo)
        transaction.set_rollback(True)
    cleo()
    for phone in ("+442079460001", "+442079460003", "+442079460001"):
        Client.objects.filter(name="Cleo").update(phone=phone)
        with transaction.atomic():
            assert once_for_all.among_these(next_to_cleo) in Client.objects.all()
            transaction.set_rollback(True)
    assert asked == [[], ["Cleo"], ["Cleo"]]


@pytest.mark.django_db
def test_code_that_asks_for_the_time_runs_anew_at_another_one(
    time_machine: TimeMachineFixture,
) -> None:
    once_for_all = OnceForAll()
    made = []
    for now in ("2026-11-23T08:00Z", "2026-11-23T08:00:40Z", "2026-11-23T09:00Z"):
        time_machine.move_to(now)
        with transaction.atomic():
            made.append(once_for_all.among_these(cleo).pk)
            transaction.set_rollback(True)
    assert made[0] == made[1] != made[2]


@pytest.mark.django_db
def test_code_that_changes_what_is_there_is_refused() -> None:
    cleo()
    with pytest.raises(AssertionError, match="bookings_client"):
        Once.of(lambda: Client.objects.update(name="Otto"))
