"""Time in which nobody is taken: blocked, changed and given back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User

from bookings import actions
from bookings.models import Appointment, Room, Therapist, TimeOff
from services.models import ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, OTTO, at

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]


@pytest.fixture
def block(dana: User, mia: Therapist) -> Callable[..., TimeOff]:
    def _block(starts_at: datetime, ends_at: datetime, **how: Any) -> TimeOff:
        given: dict[str, Any] = {
            "therapist": mia,
            "reason": "Dentist",
            "by": actions.staff(dana),
            "now": NOW,
        }
        return actions.block_time(starts_at=starts_at, ends_at=ends_at, **{**given, **how})

    return _block


def logged() -> list[tuple[int, int]]:
    return list(LogEntry.objects.order_by("pk").values_list("action_flag", "user_id"))


def test_blocked_time_takes_no_appointments(
    block: Callable[..., TimeOff], book: Book, mia: Therapist, fern: Room
) -> None:
    block(at(10), at(12))
    for starts_at in (at(9), at(10), at(11, 45)):
        with pytest.raises(actions.TimeTaken):
            book(starts_at)
    assert book(at(12)).status == "confirmed"


def test_a_closed_spa_takes_none_with_anybody(
    block: Callable[..., TimeOff], book: Book, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    block(at(10), at(12), therapist=None)
    with pytest.raises(actions.TimeTaken):
        book(at(10))


def test_visits_in_the_way_stay_where_they_are(
    block: Callable[..., TimeOff], book: Book, fern: Room
) -> None:
    visit = book(at(10))
    block(at(9), at(17))
    assert Appointment.objects.get(pk=visit.pk).status == "confirmed"


def test_a_changed_time_off_counts_as_it_is_now(
    block: Callable[..., TimeOff], book: Book, dana: User, fern: Room
) -> None:
    time_off = block(at(10), at(12))
    changed = actions.change_time_off(
        time_off=time_off,
        starts_at=at(14),
        ends_at=at(15),
        reason="Later",
        by=actions.staff(dana),
        now=NOW,
    )
    assert (changed.starts_at, changed.ends_at, changed.reason) == (at(14), at(15), "Later")
    assert book(at(10)).status == "confirmed"
    with pytest.raises(actions.TimeTaken):
        book(at(14), details=OTTO)


def test_time_that_is_given_back_can_be_booked(
    block: Callable[..., TimeOff], book: Book, dana: User, fern: Room
) -> None:
    time_off = block(at(10), at(12))
    for _twice in range(2):
        actions.release_time(time_off=time_off, by=actions.staff(dana), now=NOW)
    assert not TimeOff.objects.exists()
    assert book(at(10)).status == "confirmed"


def test_what_somebody_else_has_changed_is_neither_changed_nor_removed(
    block: Callable[..., TimeOff], dana: User
) -> None:
    seen = block(at(10), at(12))
    TimeOff.objects.update(ends_at=at(17))
    desk: dict[str, Any] = {"time_off": seen, "by": actions.staff(dana), "now": NOW}
    with pytest.raises(actions.ChangedMeanwhile):
        actions.change_time_off(starts_at=at(10), ends_at=at(10, 30), reason="", **desk)
    with pytest.raises(actions.ChangedMeanwhile):
        actions.release_time(**desk)
    assert TimeOff.objects.get().ends_at == at(17)


def test_a_time_off_that_is_gone_is_not_changed(block: Callable[..., TimeOff], dana: User) -> None:
    time_off = block(at(10), at(12))
    TimeOff.objects.all().delete()
    with pytest.raises(actions.NoLongerPossible):
        actions.change_time_off(
            time_off=time_off,
            starts_at=at(14),
            ends_at=at(15),
            reason="",
            by=actions.staff(dana),
            now=NOW,
        )
    assert not TimeOff.objects.exists()


def test_who_did_it_is_kept(block: Callable[..., TimeOff], dana: User) -> None:
    time_off = block(at(10), at(12))
    desk: dict[str, Any] = {"by": actions.staff(dana), "now": NOW}
    changed = actions.change_time_off(
        time_off=time_off, starts_at=at(10), ends_at=at(13), reason="", **desk
    )
    actions.release_time(time_off=changed, **desk)
    assert logged() == [(ADDITION, dana.pk), (CHANGE, dana.pk), (DELETION, dana.pk)]


@pytest.mark.parametrize(
    ("starts_at", "ends_at"),
    [
        (at(10), at(10)),
        (at(10), at(9)),
        (at(10), NOW + timedelta(days=731, seconds=1)),
        (NOW - timedelta(days=731, seconds=1), at(10)),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)),
        (datetime(9999, 12, 31, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_time_that_cannot_be_is_refused(
    starts_at: datetime, ends_at: datetime, block: Callable[..., TimeOff]
) -> None:
    with pytest.raises(actions.UnusableTime):
        block(starts_at, ends_at)
    assert not TimeOff.objects.exists()


def test_a_long_reason_is_cut(block: Callable[..., TimeOff]) -> None:
    assert block(at(10), at(12), reason="x" * 10_000).reason == "x" * 120


def test_with_a_reason_the_desk_books_into_a_time_off(
    block: Callable[..., TimeOff],
    book: Book,
    spa: SpaProfile,
    hour: ServiceOption,
    dana: User,
    fern: Room,
) -> None:
    visit = book(at(14))
    block(at(10), at(12))
    move: dict[str, Any] = {
        "appointment": visit,
        "starts_at": at(10),
        "by": actions.staff(dana),
        "spa": spa,
        "now": NOW,
    }
    with pytest.raises(actions.ReasonNeeded) as refused:
        actions.reschedule_appointment(**move)
    assert refused.value.rules == ["Mia is off (Dentist): Tuesday 24 November, 10:00 – 12:00."]
    moved = actions.reschedule_appointment(**move, reason="She comes in for it.")
    assert moved.starts_at == at(10)


def test_a_second_tap_blocks_nothing_twice(block: Any, mia: Therapist) -> None:
    first = block(at(10), at(12), therapist=mia, reason="Dentist")
    assert block(at(10), at(12), therapist=mia, reason="Dentist") == first
    whole = block(at(13), at(14), therapist=None)
    assert block(at(13), at(14), therapist=None) == whole
    assert block(at(10), at(12), therapist=mia, reason="School") != first
    assert TimeOff.objects.count() == 3
