"""Two desks, one pair of records, one moment."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from bookings import actions
from bookings.models import Appointment, Client, ClientMerge, Room, Therapist
from services.models import SpaProfile
from tests.bookings.conftest import CLEO, NOW, OTTO, at, make_check
from tests.bookings.race.harness import at_once, deadlocks, tally, wait_for_a_lock

pytestmark = [
    pytest.mark.race,
    pytest.mark.xdist_group("race"),
    pytest.mark.django_db(transaction=True),
]
ROUNDS = 8


def merge(kept: Client, merged: Client, dana: User) -> Callable[[], ClientMerge]:
    return partial(actions.merge_clients, kept=kept, merged=merged, by=actions.staff(dana), now=NOW)


def test_two_desks_that_merge_each_into_the_other_make_one_merge(dana: User) -> None:
    for number in range(ROUNDS):
        one, other = (Client.objects.create(name=f"Cleo {number} {n}") for n in "AB")
        results = at_once([merge(one, other, dana), merge(other, one, dana)])
        assert tally(results) == Counter(ClientMerge=1, CannotMerge=1)
        pair = Client.objects.filter(pk__in=[one.pk, other.pk])
        assert pair.current().count() == 1
    assert deadlocks() == 0


def test_three_records_merged_in_a_ring_never_close_it(dana: User) -> None:
    for number in range(ROUNDS):
        one, two, three = (Client.objects.create(name=f"Cleo {number} {n}") for n in "ABC")
        at_once([merge(one, two, dana), merge(two, three, dana), merge(three, one, dana)])
        ring = Client.objects.filter(pk__in=[one.pk, two.pk, three.pk])
        heads = set(ring.current())
        assert heads
        # Whoever was merged leads straight to one that stands for itself.
        assert {row.merged_into or row for row in ring} == heads


def test_a_merge_is_taken_back_once(dana: User) -> None:
    for number in range(ROUNDS):
        one, other = (Client.objects.create(name=f"Cleo {number} {n}") for n in "AB")
        done = merge(one, other, dana)()
        back = partial(actions.part_clients, merge=done, by=actions.staff(dana), now=NOW)
        assert tally(at_once([back, back])) == Counter(Parting=1, CannotPart=1)


def test_a_record_that_two_desks_change_keeps_the_first_change(dana: User) -> None:
    for number in range(ROUNDS):
        client = Client.objects.create(name=f"Cleo {number}")
        change = partial(
            actions.change_client,
            client=client,
            seen=actions.entry_of(client),
            by=actions.staff(dana),
            now=NOW,
        )
        results = at_once([partial(change, name="Hart"), partial(change, name="Heart")])
        assert tally(results) == Counter(Client=1, RecordChanged=1)
        won = next(one for one in results if isinstance(one, Client))
        assert Client.objects.get(pk=client.pk).name == won.name
        assert client.changes.count() == 1


def test_a_visit_booked_while_a_merge_is_made_is_with_the_kept_record(
    spa: SpaProfile, book: Callable[..., Appointment], mia: Therapist, fern: Room, dana: User
) -> None:
    hour = book(at(9), details=OTTO).option
    kept = Client.objects.get()
    merged = Client.objects.create(name=CLEO.name, email=CLEO.email)
    check = make_check(hour.service, NOW)
    known: dict[str, Any] = {"health_check": check, "spa": spa, "now": NOW}
    held = actions.hold_time(service=hour.service, option=hour, starts_at=at(11), **known)
    confirm = partial(actions.confirm_appointment, hold=held, details=CLEO, **known)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            merge(kept, merged, dana)()
            booking = pool.submit(at_once, [confirm])
            wait_for_a_lock()
        assert tally(booking.result()) == Counter(Appointment=1)
    assert Appointment.objects.get(pk=held.pk).client == kept
    merged.refresh_from_db()
    assert (merged.merged_into, str(merged.phone)) == (kept, "")
