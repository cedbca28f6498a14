"""Two hands on one appointment at the same moment: one wins, the other is told why not."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User

from bookings import actions
from bookings.models import Appointment, Client, HealthCheck, Room, Therapist
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import CLEO, NOW, OTTO, at, make_check
from tests.bookings.race.harness import at_once, deadlocks, overlaps, tally

pytestmark = [
    pytest.mark.race,
    pytest.mark.xdist_group("race"),
    pytest.mark.django_db(transaction=True),
]

LATER = NOW + timedelta(minutes=10)
TIMES = [at(hour, days=day) for day in (4, 5, 6, 7) for hour in (9, 13)]
Book = Callable[..., Appointment]
Hold = Callable[..., Appointment]
Confirm = Callable[..., Callable[[], Appointment]]


@pytest.fixture
def hold(
    mia: Therapist, fern: Room, hour: ServiceOption, check: HealthCheck, spa: SpaProfile
) -> Hold:
    def _hold(starts_at: datetime, now: datetime = NOW) -> Appointment:
        return actions.hold_time(
            service=hour.service,
            option=hour,
            starts_at=starts_at,
            health_check=check,
            spa=spa,
            now=now,
        )

    return _hold


@pytest.fixture
def confirm(check: HealthCheck, spa: SpaProfile) -> Confirm:
    def _confirm(held: Appointment, **how: Any) -> Callable[[], Appointment]:
        values: dict[str, Any] = {
            "details": CLEO,
            "health_check": check,
            "spa": spa,
            "now": NOW,
            **how,
        }
        return lambda: actions.confirm_appointment(hold=held, **values)

    return _confirm


def stored(appointment: Appointment) -> Appointment:
    return Appointment.objects.get(pk=appointment.pk)


def test_a_double_tap_books_once(hold: Hold, confirm: Confirm) -> None:
    for starts_at in TIMES:
        held = hold(starts_at)
        results = at_once([confirm(held), confirm(held), confirm(held)])
        assert tally(results) == Counter(Appointment=3)
        assert held.events.filter(kind="booked").count() == 1
        assert held.messages.filter(kind="confirmation").count() == 1
    assert Client.objects.count() == 1


def test_a_lapsed_hold_is_confirmed_or_taken_by_another_never_both(
    hold: Hold, confirm: Confirm
) -> None:
    ended = Counter[str]()
    for starts_at in TIMES:
        held = hold(starts_at)
        first, second = at_once([confirm(held, now=LATER), partial(hold, starts_at, now=LATER)])
        assert tally([first, second]) == Counter(Appointment=1, TimeTaken=1)
        won = isinstance(first, Appointment)
        assert stored(held).status == ("confirmed" if won else "expired")
        ended["confirmed" if won else "taken"] += 1
    assert sum(ended.values()) == len(TIMES)
    assert overlaps() == 0


def test_the_sweep_never_ends_what_is_being_confirmed(hold: Hold, confirm: Confirm) -> None:
    for starts_at in TIMES:
        held = hold(starts_at)
        results = at_once(
            [
                confirm(held, now=LATER),
                partial(actions.expire_holds, now=LATER),
                partial(actions.expire_holds, now=LATER),
            ]
        )
        assert isinstance(results[0], Appointment)
        assert stored(held).status == "confirmed"


def test_letting_go_and_confirming_at_once_leaves_one_or_the_other(
    hold: Hold, confirm: Confirm
) -> None:
    for starts_at in TIMES:
        held = hold(starts_at)
        results = at_once([confirm(held), partial(actions.release_hold, hold=held, now=NOW)])
        assert tally(results) == Counter(Appointment=1, NoneType=1)
        # Released first, its time is still free: it is confirmed all the same.
        assert stored(held).status == "confirmed"


def test_a_check_discarded_in_another_tab_is_kept_or_refused(
    hold: Hold, confirm: Confirm, lymph: Service
) -> None:
    for starts_at in TIMES:
        held, check = hold(starts_at), make_check(lymph, NOW)
        booked, discarded = at_once(
            [
                confirm(held, health_check=check),
                partial(actions.discard_health_check, check),
            ]
        )
        assert discarded is None
        kept = HealthCheck.objects.filter(pk=check.pk).exists()
        assert type(booked) is (Appointment if kept else actions.HealthCheckNeeded)
        assert stored(held).status == ("confirmed" if kept else "held")


def test_moved_and_cancelled_at_once_is_one_of_both(book: Book, mia: Therapist, fern: Room) -> None:
    spa = SpaProfile.load()
    for starts_at in TIMES:
        visit = book(starts_at)
        moved, cancelled = at_once(
            [
                partial(
                    actions.reschedule_appointment,
                    appointment=visit,
                    starts_at=visit.starts_at + timedelta(hours=2),
                    by=actions.CLIENT,
                    spa=spa,
                    now=NOW,
                ),
                partial(
                    actions.cancel_appointment,
                    appointment=stored(visit),
                    by=actions.SYSTEM,
                    spa=spa,
                    now=NOW,
                ),
            ]
        )
        assert tally([moved, cancelled])["Appointment"] == 1
        refused = cancelled if isinstance(moved, Appointment) else moved
        assert isinstance(refused, actions.ChangedMeanwhile | actions.NoLongerPossible)
        assert stored(visit).status == (
            "confirmed" if isinstance(moved, Appointment) else "cancelled"
        )
        assert stored(visit).sequence == 2


def test_a_request_is_granted_or_declined_never_both(
    book: Book, mia: Therapist, fern: Room
) -> None:
    spa = SpaProfile.load()
    for starts_at in TIMES:
        request = book(starts_at, outcome=Outcome.CLEARANCE)
        granted, declined = at_once(
            [
                partial(
                    actions.decide_request,
                    appointment=stored(request),
                    granted=grant,
                    by=actions.SYSTEM,
                    spa=spa,
                    now=NOW,
                )
                for grant in (True, False)
            ]
        )
        assert tally([granted, declined]) == Counter(Appointment=1, ChangedMeanwhile=1)
        won = "confirmed" if isinstance(granted, Appointment) else "declined"
        assert stored(request).status == won
        decided = request.messages.filter(kind__in=["granted", "declined"])
        assert decided.count() == 1


def test_two_visits_that_swap_their_times_do_not_deadlock(
    book: Book, mia: Therapist, noor: Therapist, fern: Room, moss: Room, lymph: Service
) -> None:
    moss.services.add(lymph)
    spa = SpaProfile.load()
    for starts_at in TIMES:
        first = book(starts_at, therapist=mia)
        second = book(starts_at, therapist=noor, details=OTTO)
        results = at_once(
            [
                partial(
                    actions.reschedule_appointment,
                    appointment=one,
                    starts_at=starts_at + timedelta(hours=2),
                    by=actions.SYSTEM,
                    spa=spa,
                    now=NOW,
                    therapist=to,
                )
                for one, to in ((first, noor), (second, mia))
            ]
        )
        assert tally(results) == Counter(Appointment=2)
    assert overlaps() == 0


def test_of_twenty_visits_dragged_onto_one_time_exactly_one_gets_it(
    book: Book, mia: Therapist, fern: Room, dana: User
) -> None:
    spa, broken_before = SpaProfile.load(), deadlocks()
    visits = [
        book(at(hour, days=day), details=actions.Details(f"Client {day} {hour}", "", ""))
        for day in (2, 3, 4, 5, 6)
        for hour in (9, 11, 13, 15)
    ]
    wanted = at(10, days=8)
    results = at_once(
        [
            partial(
                actions.reschedule_appointment,
                appointment=visit,
                starts_at=wanted,
                by=actions.staff(dana),
                spa=spa,
                now=NOW,
                therapist=mia,
            )
            for visit in visits
        ]
    )
    assert tally(results) == Counter(Appointment=1, InTheWay=19)
    assert Appointment.objects.filter(starts_at=wanted).count() == 1
    assert (overlaps(), deadlocks()) == (0, broken_before)


def test_an_undo_and_a_booking_of_the_freed_time_never_both_get_it(
    book: Book, hold: Hold, dana: User
) -> None:
    spa, ended = SpaProfile.load(), Counter[str]()
    for starts_at in TIMES:
        cancelled = actions.cancel_appointment(
            appointment=book(starts_at), by=actions.staff(dana), spa=spa, now=NOW
        )
        back, taken = at_once(
            [
                partial(
                    actions.undo_change,
                    appointment=cancelled,
                    by=actions.staff(dana),
                    spa=spa,
                    now=NOW,
                ),
                partial(hold, starts_at),
            ]
        )
        won = isinstance(back, Appointment)
        assert type(taken if won else back) is (actions.TimeTaken if won else actions.InTheWay)
        assert stored(cancelled).status == ("confirmed" if won else "cancelled")
        ended["undone" if won else "taken"] += 1
    assert sum(ended.values()) == len(TIMES)
    assert overlaps() == 0


def test_a_change_is_taken_back_once(book: Book, mia: Therapist, fern: Room, dana: User) -> None:
    spa = SpaProfile.load()
    for starts_at in TIMES:
        desk: dict[str, Any] = {"by": actions.staff(dana), "spa": spa, "now": NOW}
        moved = actions.reschedule_appointment(
            appointment=book(starts_at), starts_at=starts_at + timedelta(hours=2), **desk
        )
        results = at_once([partial(actions.undo_change, appointment=moved, **desk)] * 3)
        assert tally(results) == Counter(Appointment=1, ChangedMeanwhile=2)
        assert stored(moved).starts_at == starts_at
        assert moved.events.filter(kind="undone").count() == 1
