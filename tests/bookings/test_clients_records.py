"""Entering clients and changing their records."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from bookings import actions
from bookings.models import Appointment, Client, ClientChange, Message, Room, Therapist
from tests.bookings.conftest import CLEO, OTTO, at

pytestmark = pytest.mark.django_db


def change(client: Client, dana: User, now: datetime, **values: Any) -> Client:
    """Change some values as a form does: it sends all of them."""
    shown: dict[str, Any] = {
        "seen": actions.entry_of(client),
        "name": client.name,
        "email": client.email,
        "phone": str(client.phone or ""),
        "note": client.note,
        "preferred_therapist": client.preferred_therapist,
    }
    return actions.change_client(
        client=client, by=actions.staff(dana), now=now, **{**shown, **values}
    )


def test_a_client_is_added_with_who_did_it(dana: User, mia: Therapist, now: datetime) -> None:
    added = actions.add_client(
        name="Cleo",
        email="cleo@example.com",
        preferred_therapist=mia,
        by=actions.staff(dana),
        now=now,
    )
    change = ClientChange.objects.get(client=added)
    assert (change.kind, change.by, change.at) == ("added", dana, now)
    assert change.values == {
        "name": ["", "Cleo"],
        "email": ["", "cleo@example.com"],
        "preferred_therapist_id": [None, mia.pk],
    }


def test_a_change_is_kept_with_before_and_after(
    cleo: Client, dana: User, mia: Therapist, now: datetime
) -> None:
    changed = change(cleo, dana, now, phone="+447700900999", preferred_therapist=mia)
    cleo.refresh_from_db()
    assert (str(cleo.phone), cleo.preferred_therapist, cleo.email) == (
        "+447700900999",
        mia,
        "cleo@example.com",
    )
    assert changed == cleo
    kept = ClientChange.objects.get()
    assert (kept.kind, kept.by, kept.at) == ("changed", dana, now)
    assert kept.values == {
        "phone": ["+442079460001", "+447700900999"],
        "preferred_therapist_id": [None, mia.pk],
    }


def test_an_address_that_comes_later_gets_the_mail_of_visits_to_come(
    book: Callable[..., Appointment], dana: User, mia: Therapist, fern: Room, now: datetime
) -> None:
    visit, past = book(at(10, days=4)), book(at(12, days=4))
    begun, over = now, now + timedelta(hours=1)
    times = {"busy_from": begun, "starts_at": begun, "ends_at": over, "busy_until": over}
    Appointment.objects.filter(pk=past.pk).update(**times)
    client = visit.client
    assert client is not None
    Client.objects.update(email="")
    Message.objects.all().delete()
    client.refresh_from_db()
    change(client, dana, now, phone="+447700900999")
    assert not Message.objects.exists()
    client.refresh_from_db()
    changed = change(client, dana, now, email="cleo@example.com")
    expected = {
        ("confirmation", 0, now + actions.MAIL_GRACE),
        ("reminder", 48, at(10, days=2)),
        ("reminder", 3, at(7, days=4)),
    }
    assert set(visit.messages.values_list("kind", "lead_hours", "due_at")) == expected
    assert not past.messages.exists()
    change(changed, dana, now, email="")
    change(Client.objects.get(pk=client.pk), dana, now, email="cleo@example.org")
    assert set(visit.messages.values_list("kind", "lead_hours", "due_at")) == expected


def test_what_was_kept_is_unreadable_in_the_database(
    cleo: Client, dana: User, now: datetime
) -> None:
    change(cleo, dana, now, note="Parks behind the house.", email="new@example.com")
    with connection.cursor() as cursor:
        cursor.execute("SELECT values FROM bookings_clientchange")
        stored = cursor.fetchone()[0]
        cursor.execute("SELECT note FROM bookings_client")
        note = cursor.fetchone()[0]
    assert "example" not in stored
    assert "Parks" not in stored + note


def test_saving_what_is_there_already_keeps_nothing(
    cleo: Client, dana: User, now: datetime
) -> None:
    change(cleo, dana, now)
    change(cleo, dana, now, seen=None)
    assert not ClientChange.objects.exists()


def test_the_second_of_two_desks_is_told_and_overwrites_nothing(
    cleo: Client, dana: User, now: datetime
) -> None:
    stale = Client.objects.get(pk=cleo.pk)
    change(cleo, dana, now, phone="+447700900999")
    with pytest.raises(actions.RecordChanged):
        change(stale, dana, now, name="Cleo Hart")
    cleo.refresh_from_db()
    assert (cleo.name, str(cleo.phone)) == ("Cleo", "+447700900999")


def test_a_merged_record_is_not_changed(cleo: Client, dana: User, now: datetime) -> None:
    kept = Client.objects.create(name="Cleo Hart")
    actions.merge_clients(kept=kept, merged=cleo, by=actions.staff(dana), now=now)
    with pytest.raises(actions.RecordMerged) as refused:
        change(cleo, dana, now, name="Cleo H.")
    assert refused.value.kept == kept


def test_a_message_that_waits_goes_to_the_new_address(
    book: Callable[..., Appointment], mia: Therapist, fern: Room, dana: User, now: datetime
) -> None:
    visit = book(at(10))
    key = actions.issue_visit_link(visit)
    assert visit.client is not None
    change(visit.client, dana, now, email="new@example.com")
    message = visit.messages.pending().select_related("appointment__client")[0]
    assert message.visit.client is not None
    assert message.visit.client.email == "new@example.com"
    assert visit.links.filter(revoked_at=None, token_hash=visit.links.model.hash(key)).exists()


def test_somebody_who_books_again_is_led_to_the_record_that_is_kept(
    book: Callable[..., Appointment], mia: Therapist, fern: Room, dana: User, now: datetime
) -> None:
    merged, kept = book(at(10)).client, book(at(12), details=OTTO).client
    assert merged is not None
    assert kept is not None
    actions.merge_clients(kept=kept, merged=merged, by=actions.staff(dana), now=now)
    assert book(at(14), details=CLEO).client == kept
    assert Client.objects.count() == 2
