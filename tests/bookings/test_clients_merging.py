"""Two records of one person: merged, with nothing lost, and parted again exactly."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from bookings import actions
from bookings.actions import CannotMerge, CannotPart, joined_notes
from bookings.clients import find_clients
from bookings.history import history_of
from bookings.models import Appointment, Client, ClientMerge, Event, Room, Therapist
from tests.bookings.conftest import CLEO, OTTO, at

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=5)


@pytest.fixture
def merge(dana: User, now: datetime) -> Callable[[Client, Client], ClientMerge]:
    def _merge(kept: Client, merged: Client) -> ClientMerge:
        return actions.merge_clients(kept=kept, merged=merged, by=actions.staff(dana), now=now)

    return _merge


@pytest.fixture
def part(dana: User, now: datetime) -> Callable[[ClientMerge], actions.Parting]:
    def _part(merge: ClientMerge) -> actions.Parting:
        return actions.part_clients(merge=merge, by=actions.staff(dana), now=now + LATER)

    return _part


Merge = Callable[[Client, Client], ClientMerge]
Part = Callable[[ClientMerge], actions.Parting]


@pytest.fixture
def old(now: datetime) -> Client:
    """Cleo's older record, with what the newer one lacks."""
    client = Client.objects.create(name="Cleo H.", phone="+447700900123", note="Likes the window.")
    Client.objects.filter(pk=client.pk).update(created_at=now - timedelta(days=400))
    return Client.objects.get(pk=client.pk)


@pytest.fixture
def new(now: datetime, mia: Therapist) -> Client:
    client = Client.objects.create(
        name="Cleo Hart", email="cleo@example.com", note="Parks behind.", preferred_therapist=mia
    )
    Client.objects.filter(pk=client.pk).update(created_at=now - timedelta(days=3))
    return Client.objects.get(pk=client.pk)


def rows(*models: type) -> list[dict[str, Any]]:
    """All that stands in the tables, in the order of the keys."""
    return [row for model in models for row in model.objects.order_by("pk").values()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("kept_has_it", [True, False])
def test_visits_without_an_address_get_their_mail_once_the_merge_brings_one(
    kept_has_it: bool,
    new: Client,
    old: Client,
    merge: Merge,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
) -> None:
    silent, told = book(at(10, days=4)), book(at(12, days=4), details=OTTO)
    Appointment.objects.filter(pk=silent.pk).update(client=old)
    Appointment.objects.filter(pk=told.pk).update(client=new)
    silent.messages.all().delete()
    before = list(told.messages.order_by("pk").values())
    merge(*((new, old) if kept_has_it else (old, new)))
    kinds = sorted(silent.messages.values_list("kind", flat=True))
    assert kinds == ["confirmation", "reminder", "reminder"]
    assert list(told.messages.order_by("pk").values()) == before


def test_empty_fields_are_filled_and_notes_are_joined(
    new: Client, old: Client, merge: Merge
) -> None:
    merge(new, old)
    new.refresh_from_db()
    assert (new.name, new.email, str(new.phone)) == (
        "Cleo Hart",
        "cleo@example.com",
        "+447700900123",
    )
    assert new.note == "Parks behind.\n\nLikes the window."
    assert new.created_at == old.created_at
    assert new.preferred_therapist is not None


def test_what_the_kept_record_says_stays(new: Client, merge: Merge, noor: Therapist) -> None:
    other = Client.objects.create(
        name="C", email="c@example.com", preferred_therapist=noor, note="Parks behind."
    )
    before = new.preferred_therapist
    merge(new, other)
    new.refresh_from_db()
    assert (new.email, new.preferred_therapist, new.note) == (
        "cleo@example.com",
        before,
        "Parks behind.",
    )


def test_visits_move_with_their_history_and_their_health_checks(
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    merge: Merge,
    dana: User,
    now: datetime,
) -> None:
    mine, hers = book(at(10)), book(at(12), details=OTTO)
    assert mine.client is not None
    assert hers.client is not None
    merge(mine.client, hers.client)
    moved = Appointment.objects.get(pk=hers.pk)
    assert moved.client == mine.client
    assert (moved.health_check, moved.sequence, moved.status) == (
        hers.health_check,
        hers.sequence,
        "confirmed",
    )
    line = history_of(moved)[0]
    assert line.what == "Came over from another record of the same client"
    assert (line.by, line.at) == ("dana", now)
    assert not mine.events.filter(kind="client_merged").exists()
    waiting = moved.messages.pending()
    assert waiting.count() == 2
    assert {one.appointment.client.email for one in waiting} == {"cleo@example.com"}  # type: ignore[union-attr]


def test_the_old_record_is_found_by_what_it_said_and_leads_to_the_kept_one(
    new: Client, old: Client, merge: Merge
) -> None:
    Client.objects.filter(pk=old.pk).update(email="old@example.net")
    merge(new, old)
    assert find_clients("old@example.net") == [new]
    assert list(Client.objects.current()) == [new]


def test_parting_restores_both_exactly(
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    new: Client,
    old: Client,
    merge: Merge,
    part: Part,
) -> None:
    for start, client in ((at(10), new), (at(12), old), (at(14), old)):
        Appointment.objects.filter(pk=book(start).pk).update(client=client)
    before = rows(Client, Appointment)
    assert [row["client_id"] for row in rows(Appointment)] == [new.pk, old.pk, old.pk]
    parting = part(merge(new, old))
    assert rows(Client, Appointment) == before
    assert (parting.client, parting.stayed, parting.left) == (old, 0, [])
    kinds = Event.objects.filter(kind__startswith="client_").order_by("pk")
    assert [one.kind for one in kinds] == ["client_merged"] * 2 + ["client_parted"] * 2


def test_parting_is_recorded_and_happens_once(
    new: Client, old: Client, merge: Merge, part: Part, dana: User, now: datetime
) -> None:
    done = merge(new, old)
    part(done)
    done.refresh_from_db()
    assert (done.undone_at, done.undone_by) == (now + LATER, dana)
    with pytest.raises(CannotPart) as refused:
        part(done)
    assert refused.value.message == "These two have been parted already."


def test_visits_booked_after_the_merge_stay_and_are_counted(
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    merge: Merge,
    part: Part,
    now: datetime,
) -> None:
    first, second = book(at(10)), book(at(12), details=OTTO)
    assert first.client is not None
    assert second.client is not None
    done = merge(first.client, second.client)
    later = book(at(14), when=now + LATER)
    assert part(done).stayed == 1
    owners = {row.pk: row.client for row in Appointment.objects.all()}
    assert owners == {first.pk: first.client, second.pk: second.client, later.pk: first.client}


def test_what_was_changed_since_stays_as_it_is(
    new: Client, old: Client, merge: Merge, part: Part
) -> None:
    done = merge(new, old)
    new.refresh_from_db()
    new.phone, new.note = "+447700900999", f"Rings first.\n\n{new.note}\n\nPays by card."
    new.save()
    parting = part(done)
    new.refresh_from_db()
    assert parting.left == ["phone"]
    assert str(new.phone) == "+447700900999"
    assert new.note == "Rings first.\n\nParks behind.\n\nPays by card."


def test_one_record_is_merged_into_a_kept_one_that_is_merged_itself(
    new: Client, old: Client, merge: Merge, part: Part, cleo: Client
) -> None:
    before = rows(Client)
    first = merge(new, old)
    second = merge(cleo, new)
    assert set(Client.objects.values_list("merged_into", flat=True)) == {None, cleo.pk}
    with pytest.raises(CannotPart) as refused:
        part(first)
    assert refused.value.message == (
        "Cleo Hart was merged into Cleo since. Please part those two first."
    )
    part(second)
    assert Client.objects.get(pk=old.pk).merged_into == new
    part(first)
    assert rows(Client) == before


def test_parting_one_of_two_leaves_the_other(
    new: Client, old: Client, merge: Merge, part: Part, cleo: Client
) -> None:
    first, _second = merge(cleo, old), merge(cleo, new)
    part(first)
    cleo.refresh_from_db()
    assert cleo.note == "Parks behind."
    assert Client.objects.get(pk=new.pk).merged_into == cleo
    assert Client.objects.get(pk=old.pk).merged_into is None


def test_a_record_is_not_merged_into_itself(new: Client, merge: Merge) -> None:
    with pytest.raises(CannotMerge) as refused:
        merge(new, Client.objects.get(pk=new.pk))
    assert refused.value.message == "This is the same record twice. Please choose another one."
    with pytest.raises(IntegrityError), transaction.atomic():
        Client.objects.filter(pk=new.pk).update(merged_into=new)


def test_no_circle_and_no_second_merge(
    new: Client, old: Client, merge: Merge, cleo: Client
) -> None:
    merge(new, old)
    before = rows(Client, ClientMerge)
    for kept, merged in ((old, new), (cleo, old), (old, cleo)):
        with pytest.raises(CannotMerge) as refused:
            merge(kept, merged)
        assert refused.value.message == (
            "The record of Cleo H. has been merged into that of Cleo Hart already."
        )
    assert rows(Client, ClientMerge) == before


def test_a_parted_record_can_be_merged_again(
    new: Client, old: Client, merge: Merge, part: Part
) -> None:
    part(merge(new, old))
    merge(new, old)
    assert Client.objects.get(pk=old.pk).merged_into == new


@pytest.mark.parametrize(
    ("kept", "merged", "expected"),
    [("", "", ""), ("a", "", "a"), ("", "b", "b"), ("a", "b", "a\n\nb"), ("a b", "b", "a b")],
)
def test_notes_are_joined_once(kept: str, merged: str, expected: str) -> None:
    assert joined_notes(kept, merged) == expected


def test_a_merge_costs_the_same_for_few_and_for_many_visits(
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    merge: Merge,
    part: Part,
    new: Client,
    old: Client,
    django_assert_num_queries: Any,
) -> None:
    def visits(count: int) -> None:
        for number in range(count):
            one = book(at(9 + 2 * number), details=CLEO)
            Appointment.objects.filter(pk=one.pk).update(client=old)

    visits(1)
    with django_assert_num_queries(13):
        done = merge(new, old)
    part(done)
    Appointment.objects.all().delete()
    visits(3)
    with django_assert_num_queries(13):
        merge(new, old)
