"""Rows that tests begin with are the same whether they are written or put back."""

import pytest
from django.db import IntegrityError, connection, transaction

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
