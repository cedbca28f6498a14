"""The latest change of a visit is taken back: the visit, its mail and its history."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from bookings import actions
from bookings.actions import outbox, owing
from bookings.history import history_of
from bookings.models import Appointment, Client, HealthCheck, Message, Room, Therapist
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import NOW, OTTO, at, make_check

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
Do = Callable[..., Appointment]
TEN = at(10, days=4)
GRACE = timedelta(seconds=60)
SOON = NOW + timedelta(seconds=20)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    return book_again(TEN)


@pytest.fixture
def do(spa: SpaProfile, dana: User) -> Do:
    """Let the desk do something with a visit."""

    def _do(action: Callable[..., Appointment], visit: Appointment, **how: Any) -> Appointment:
        needs_spa = action not in (
            actions.mark_arrived,
            actions.mark_completed,
            actions.mark_no_show,
            actions.start_treatment,
        )
        given = {"by": actions.staff(dana), "now": NOW, **({"spa": spa} if needs_spa else {})}
        return action(appointment=visit, **{**given, **how})

    return _do


@pytest.fixture
def undo(do: Do) -> Do:
    return lambda visit, **how: do(actions.undo_change, visit, **{"now": SOON, **how})


def stored(visit: Appointment) -> Appointment:
    return Appointment.objects.get(pk=visit.pk)


def waiting(visit: Appointment) -> set[tuple[str, int, datetime]]:
    return set(visit.messages.pending().values_list("kind", "lead_hours", "due_at"))


def send_all(visit: Appointment, now: datetime) -> list[str]:
    """Let everything that is due go out; returns the kinds."""
    due = list(Message.objects.due(now).filter(appointment=visit))
    for message in due:
        assert owing.is_still_true(message, now=now)
        outbox.mark_sent(message, now=now)
    return [message.kind for message in due]


FIRST_MAILS = {
    ("confirmation", 0, NOW),
    ("reminder", 48, at(10, days=2)),
    ("reminder", 3, at(7, days=4)),
}
# A day after it was asked for, and a day before it is to be decided.
OPEN_REQUEST = {
    ("clearance_needed", 0, at(8)),
    ("clearance_expiring", 0, at(10, days=2)),
}
REMINDERS = {mail for mail in FIRST_MAILS if mail[0] == "reminder"}


def place(visit: Appointment) -> dict[str, Any]:
    """All columns that a change may touch but the sequence."""
    row = Appointment.objects.values(
        "starts_at",
        "ends_at",
        "busy_from",
        "busy_until",
        "therapist",
        "room",
        "option",
        "price",
        "status",
        "arrived_at",
        "started_at",
    )
    return dict(row.get(pk=visit.pk))


# --- Moves ------------------------------------------------------------------------------------


def test_a_move_is_taken_back_with_all_that_it_changed(
    visit: Appointment,
    do: Do,
    undo: Do,
    noor: Therapist,
    moss: Room,
    lymph: Service,
    dana: User,
) -> None:
    moss.services.add(lymph)
    ServiceOption.objects.create(service=lymph, minutes=90, price=Decimal("100.00"))
    before = place(visit)
    moved = do(
        actions.reschedule_appointment,
        visit,
        starts_at=at(18, days=5),
        therapist=noor,
        room=moss,
        minutes=90,
        reason="Late train.",
    )
    assert place(visit) != before
    assert actions.can_undo(moved)
    undone = undo(moved)
    assert place(visit) == before
    assert undone.sequence == moved.sequence + 1
    event = visit.events.latest("pk")
    assert (event.kind, event.actor, event.at) == ("undone", dana, SOON)
    assert event.changes["starts_at"] == [at(18, days=5).isoformat(), TEN.isoformat()]
    assert not actions.can_undo(undone)


def test_a_length_that_is_taken_back_costs_what_it_did(
    visit: Appointment, do: Do, undo: Do, hour: ServiceOption, lymph: Service
) -> None:
    ServiceOption.objects.create(service=lymph, minutes=90, price=Decimal("95.00"))
    Appointment.objects.update(price=Decimal("95.00"))
    longer = do(actions.reschedule_appointment, stored(visit), starts_at=TEN, minutes=90)
    undone = undo(longer)
    assert (undone.option, undone.price) == (hour, Decimal("95.00"))


def test_a_slip_that_is_taken_back_at_once_sends_nothing(
    visit: Appointment, do: Do, undo: Do
) -> None:
    send_all(visit, NOW)
    moved = do(actions.reschedule_appointment, visit, starts_at=at(14, days=5))
    assert ("changed", 0, NOW + GRACE) in waiting(visit)
    assert send_all(visit, SOON) == []
    undo(moved)
    assert waiting(visit) == REMINDERS
    assert send_all(visit, LATER) == []


def test_a_move_that_she_was_told_of_is_corrected(visit: Appointment, do: Do, undo: Do) -> None:
    send_all(visit, NOW)
    moved = do(actions.reschedule_appointment, visit, starts_at=at(14, days=5))
    assert send_all(visit, LATER) == ["changed"]
    undo(moved, now=LATER)
    assert waiting(visit) == {("changed", 0, LATER + GRACE), *REMINDERS}
    assert send_all(visit, LATER + GRACE) == ["changed"]


def test_a_mail_that_is_just_being_sent_counts_as_sent(
    visit: Appointment, do: Do, undo: Do
) -> None:
    send_all(visit, NOW)
    moved = do(actions.reschedule_appointment, visit, starts_at=at(14, days=5))
    Message.objects.filter(kind="changed").update(claimed_until=LATER + GRACE)
    undo(moved, now=LATER)
    assert waiting(visit) == {("changed", 0, LATER + GRACE), *REMINDERS}


def test_a_confirmation_that_the_move_had_replaced_comes_back(
    visit: Appointment, do: Do, undo: Do
) -> None:
    undo(do(actions.reschedule_appointment, visit, starts_at=at(14, days=5)))
    assert waiting(visit) == FIRST_MAILS
    assert send_all(visit, SOON) == ["confirmation"]


def test_a_confirmation_that_a_sent_move_had_replaced_stays_replaced(
    visit: Appointment, do: Do, undo: Do
) -> None:
    moved = do(actions.reschedule_appointment, visit, starts_at=at(14, days=5))
    assert send_all(visit, LATER) == ["changed"]
    undo(moved, now=LATER)
    assert waiting(visit) == {("changed", 0, LATER + GRACE), *REMINDERS}


def test_moved_and_taken_back_over_and_over_leaves_one_of_each_mail(
    visit: Appointment, do: Do, undo: Do
) -> None:
    for _round in range(3):
        visit = undo(do(actions.reschedule_appointment, visit, starts_at=at(14, days=5)))
    assert waiting(visit) == FIRST_MAILS
    assert set(visit.messages.pending().values_list("sequence", flat=True)) == {visit.sequence}


def test_a_second_move_without_a_mail_does_not_lose_the_news_of_the_first(
    visit: Appointment, do: Do, undo: Do
) -> None:
    first = do(actions.reschedule_appointment, visit, starts_at=at(14, days=5))
    told = {("changed", 0, NOW + GRACE)}
    second = do(
        actions.reschedule_appointment, first, starts_at=at(15, days=5), now=SOON, tell=False
    )
    reminders = {("reminder", 48, at(15, days=3)), ("reminder", 3, at(12, days=5))}
    assert waiting(visit) == told | reminders
    undo(second)
    reminders = {("reminder", 48, at(14, days=3)), ("reminder", 3, at(11, days=5))}
    assert waiting(visit) == told | reminders
    assert stored(visit).starts_at == at(14, days=5)


def test_another_room_is_no_news_in_either_direction(
    visit: Appointment, do: Do, undo: Do, fern: Room, moss: Room, lymph: Service
) -> None:
    moss.services.add(lymph)
    moved = do(actions.reschedule_appointment, visit, starts_at=TEN, room=moss)
    assert (moved.room, waiting(visit)) == (moss, FIRST_MAILS)
    assert undo(moved).room == fern
    assert waiting(visit) == FIRST_MAILS
    assert set(visit.messages.pending().values_list("sequence", flat=True)) == {3}


def test_a_reminder_whose_moment_fell_between_comes_late_rather_than_never(
    visit: Appointment, do: Do, undo: Do
) -> None:
    due = at(10, days=2)
    send_all(visit, NOW)
    moved = do(
        actions.reschedule_appointment,
        visit,
        starts_at=at(14, days=5),
        now=due - timedelta(seconds=10),
    )
    undo(moved, now=due + timedelta(seconds=10))
    assert waiting(visit) == REMINDERS
    again = do(
        actions.reschedule_appointment,
        stored(visit),
        starts_at=at(14, days=5),
        now=due + timedelta(seconds=20),
    )
    undo(again, now=due + timedelta(hours=2))
    assert waiting(visit) - {("changed", 0, due + timedelta(hours=2) + GRACE)} == {
        ("reminder", 3, at(7, days=4))
    }


def test_the_former_time_may_lie_outside_the_rules(
    visit: Appointment, do: Do, undo: Do, mia: Therapist
) -> None:
    """It stood there before: be it outside the hours, in a time off or yesterday."""
    mia.working_hours.all().delete()
    mia.time_off.create(starts_at=at(0, days=4), ends_at=at(0, days=5))
    day_after = at(9, days=5)
    late = {"now": day_after, "reason": "Forgotten."}
    moved = do(actions.reschedule_appointment, visit, starts_at=at(10, days=5), **late)
    assert undo(moved, now=day_after).starts_at == TEN


def test_a_move_is_not_taken_back_into_a_time_that_somebody_else_has(
    visit: Appointment, do: Do, undo: Do, book: Book
) -> None:
    moved = do(actions.reschedule_appointment, visit, starts_at=at(14, days=5))
    book(at(10, 30, days=4), details=OTTO)
    with pytest.raises(actions.InTheWay) as refused:
        undo(moved)
    assert [one.words for one in refused.value.blockers] == ["Mia is with Otto from 10:30"]
    assert stored(visit).starts_at == at(14, days=5)
    assert actions.can_undo(stored(visit))


def test_times_near_a_time_of_yesterday_lie_ahead(
    visit: Appointment, do: Do, undo: Do, book: Book
) -> None:
    day_after = at(12, days=5)
    missed = do(actions.mark_no_show, visit, now=TEN)
    book(at(14, days=4), details=OTTO)
    Appointment.objects.exclude(pk=visit.pk).update(
        starts_at=TEN, ends_at=at(11, days=4), busy_from=TEN, busy_until=at(11, 15, days=4)
    )
    with pytest.raises(actions.InTheWay) as refused:
        undo(missed, now=day_after)
    assert refused.value.nearest == [at(12, days=5), at(12, 15, days=5), at(12, 30, days=5)]


# --- Cancellations and decisions --------------------------------------------------------------


def test_a_cancellation_is_taken_back_unheard(visit: Appointment, do: Do, undo: Do) -> None:
    send_all(visit, NOW)
    cancelled = do(actions.cancel_appointment, visit)
    assert waiting(visit) == {("cancelled", 0, NOW + GRACE)}
    assert undo(cancelled).status == "confirmed"
    assert waiting(visit) == REMINDERS


def test_a_cancellation_that_she_heard_of_is_followed_by_a_confirmation(
    visit: Appointment, do: Do, undo: Do
) -> None:
    send_all(visit, NOW)
    cancelled = do(actions.cancel_appointment, visit)
    assert send_all(visit, LATER) == ["cancelled"]
    undo(cancelled, now=LATER)
    assert waiting(visit) == {("confirmation", 0, LATER + GRACE), *REMINDERS}
    assert send_all(visit, LATER + GRACE) == ["confirmation"]


def test_a_cancellation_without_a_mail_is_taken_back_without_one(
    visit: Appointment, do: Do, undo: Do
) -> None:
    send_all(visit, NOW)
    cancelled = do(actions.cancel_appointment, visit, tell=False)
    assert waiting(visit) == set()
    undo(cancelled, now=LATER)
    assert waiting(visit) == REMINDERS


def test_a_cancelled_visit_whose_time_is_given_away_stays_cancelled(
    visit: Appointment, do: Do, undo: Do, book: Book
) -> None:
    cancelled = do(actions.cancel_appointment, visit)
    other = book(TEN, details=OTTO)
    with pytest.raises(actions.InTheWay) as refused:
        undo(cancelled)
    assert [one.reference for one in refused.value.blockers] == [other.reference]
    assert stored(visit).status == "cancelled"


def test_a_clients_own_change_is_not_the_desks_to_take_back(
    visit: Appointment, do: Do, undo: Do
) -> None:
    moved = do(actions.reschedule_appointment, visit, starts_at=at(14, days=5), by=actions.CLIENT)
    assert not actions.can_undo(moved)
    with pytest.raises(actions.NoLongerPossible):
        undo(moved)
    assert stored(visit).starts_at == at(14, days=5)


@pytest.mark.parametrize(("granted", "status"), [(True, "confirmed"), (False, "declined")])
def test_a_decision_is_taken_back_and_open_again(
    granted: bool, status: str, book: Book, do: Do, undo: Do, mia: Therapist, fern: Room
) -> None:
    request = book(TEN, outcome=Outcome.CLEARANCE)
    send_all(request, NOW)
    decided = do(actions.decide_request, request, granted=granted, note="A letter.")
    assert decided.status == status
    assert undo(decided).status == "requested"
    check = HealthCheck.objects.get(appointments=request)
    assert (check.review, check.reviewed_by, check.reviewed_at, check.review_note) == (
        "",
        None,
        None,
        "",
    )
    assert waiting(request) == OPEN_REQUEST


@pytest.mark.parametrize("granted", [True, False])
def test_a_decision_that_she_heard_of_is_corrected(
    granted: bool, book: Book, do: Do, undo: Do, mia: Therapist, fern: Room
) -> None:
    request = book(TEN, outcome=Outcome.CLEARANCE)
    send_all(request, NOW)
    decided = do(actions.decide_request, request, granted=granted)
    assert send_all(request, LATER) == ["granted" if granted else "declined"]
    undo(decided, now=LATER)
    assert waiting(request) == {("request_received", 0, LATER + GRACE)} | OPEN_REQUEST


# --- A booking at the desk --------------------------------------------------------------------


@pytest.fixture
def desk_visit(
    spa: SpaProfile,
    lymph: Service,
    hour: ServiceOption,
    cleo: Client,
    dana: User,
    mia: Therapist,
    fern: Room,
) -> Appointment:
    return actions.book_at_desk(
        client=cleo,
        service=lymph,
        option=hour,
        starts_at=TEN,
        health_check=make_check(lymph, NOW),
        spa=spa,
        by=actions.staff(dana),
        now=NOW,
    )


def test_a_booking_at_the_desk_is_cancelled_unheard(desk_visit: Appointment, undo: Do) -> None:
    assert actions.can_undo(desk_visit)
    assert undo(desk_visit).status == "cancelled"
    assert waiting(desk_visit) == set()
    assert not desk_visit.messages.filter(kind="cancelled").exists()
    assert not actions.can_undo(stored(desk_visit))


def test_a_booking_that_she_heard_of_is_not_cancelled_behind_her_back(
    desk_visit: Appointment, undo: Do
) -> None:
    assert send_all(desk_visit, LATER) == ["confirmation"]
    undo(desk_visit, now=LATER)
    assert waiting(desk_visit) == {("cancelled", 0, LATER + GRACE)}


def test_a_booking_on_the_website_is_nothing_to_take_back(visit: Appointment, undo: Do) -> None:
    assert not actions.can_undo(visit)
    with pytest.raises(actions.NoLongerPossible):
        undo(visit)


# --- Steps of the day -------------------------------------------------------------------------


def test_the_steps_of_a_day_are_taken_back_one_by_one(visit: Appointment, do: Do, undo: Do) -> None:
    arrived = do(actions.mark_arrived, visit, now=TEN)
    assert place(visit)["arrived_at"] == TEN
    begun = do(actions.start_treatment, arrived, now=TEN + timedelta(minutes=2))
    assert (begun.status, begun.started_at) == ("arrived", TEN + timedelta(minutes=2))
    before = place(visit)
    completed = do(actions.mark_completed, begun, now=at(11, days=4))
    goes_on = undo(completed, now=at(11, days=4))
    assert place(visit) == before
    here = undo(goes_on, now=at(11, days=4))
    assert (here.status, here.arrived_at, here.started_at) == ("arrived", TEN, None)
    expected = undo(here, now=at(11, days=4))
    assert (expected.status, expected.arrived_at) == ("confirmed", None)
    assert not actions.can_undo(expected)


def test_a_step_that_was_taken_back_never_leads_to_the_booking(
    desk_visit: Appointment, do: Do, undo: Do
) -> None:
    arrived = do(actions.mark_arrived, desk_visit, now=TEN)
    expected = undo(arrived, now=TEN)
    assert not actions.can_undo(expected)


def test_a_new_step_is_taken_back_before_those_that_stood(
    visit: Appointment, do: Do, undo: Do
) -> None:
    arrived = do(actions.mark_arrived, visit, now=TEN)
    begun = do(actions.start_treatment, arrived, now=TEN)
    here = undo(begun, now=TEN)
    again = do(actions.start_treatment, here, now=TEN + timedelta(minutes=5))
    assert undo(again, now=TEN).started_at is None
    assert undo(stored(visit), now=TEN).status == "confirmed"


@pytest.mark.parametrize(
    "step",
    [
        actions.mark_arrived,
        actions.start_treatment,
        actions.mark_completed,
        actions.mark_no_show,
    ],
)
def test_a_wrong_tap_leaves_no_trace_on_the_visit(
    step: Callable[..., Appointment], visit: Appointment, do: Do, undo: Do
) -> None:
    before = place(visit)
    done = do(step, visit, now=TEN)
    assert place(visit) != before
    undo(done, now=TEN)
    assert place(visit) == before
    assert {kind for kind, *_rest in waiting(visit)} == {"confirmation", "reminder"}


def test_a_step_back_is_taken_again(visit: Appointment, do: Do, undo: Do) -> None:
    arrived = do(actions.mark_arrived, visit, now=TEN)
    expected = do(actions.mark_expected, arrived, now=TEN + timedelta(minutes=1))
    assert place(visit)["arrived_at"] is None
    undo(expected, now=TEN + timedelta(minutes=2))
    assert (place(visit)["status"], place(visit)["arrived_at"]) == ("arrived", TEN)


def test_a_no_show_is_not_taken_back_once_somebody_else_has_the_time(
    visit: Appointment, do: Do, undo: Do, book: Book
) -> None:
    missed = do(actions.mark_no_show, visit, now=TEN)
    book(at(14, days=4), details=OTTO)
    assert actions.can_undo(missed)
    Appointment.objects.exclude(pk=visit.pk).update(
        starts_at=TEN, ends_at=at(11, days=4), busy_from=TEN, busy_until=at(11, 15, days=4)
    )
    with pytest.raises(actions.InTheWay):
        undo(missed, now=TEN)
    assert stored(visit).status == "no_show"


# --- What is the latest change ----------------------------------------------------------------


def test_a_stale_page_takes_nothing_back_and_learns_what_happened(
    visit: Appointment, do: Do, undo: Do
) -> None:
    moved = do(actions.reschedule_appointment, visit, starts_at=at(14, days=5))
    do(actions.cancel_appointment, stored(visit))
    with pytest.raises(actions.ChangedMeanwhile) as refused:
        undo(moved)
    assert refused.value.latest is not None
    assert history_of(refused.value.latest)[0].what == "Cancelled"
    assert stored(visit).status == "cancelled"


def test_a_note_and_links_that_were_revoked_leave_the_change_before_them_the_latest(
    visit: Appointment, do: Do, undo: Do, dana: User
) -> None:
    moved = do(actions.reschedule_appointment, visit, starts_at=at(14, days=5))
    desk: dict[str, Any] = {"appointment": moved, "by": actions.staff(dana), "now": NOW}
    actions.note_on_appointment(**desk, note="Comes by bus.")
    actions.revoke_visit_links(**desk)
    undone = undo(stored(visit))
    assert (undone.starts_at, undone.staff_note) == (TEN, "Comes by bus.")


def test_new_health_answers_are_never_taken_back(
    visit: Appointment, do: Do, undo: Do, lymph: Service, dana: User
) -> None:
    moved = do(actions.reschedule_appointment, visit, starts_at=at(14, days=5))
    renewed = actions.renew_health_check(
        appointment=moved,
        check=make_check(lymph, NOW, Outcome.CLEARANCE),
        by=actions.staff(dana),
        now=NOW,
    )
    assert not actions.can_undo(renewed)
    with pytest.raises(actions.NoLongerPossible):
        undo(renewed)
    assert stored(visit).status == "requested"


# --- In words ---------------------------------------------------------------------------------


def told(visit: Appointment, count: int) -> list[str]:
    return [line.what for line in reversed(history_of(visit)[:count])]


@pytest.mark.usefixtures("clock")
def test_the_history_tells_moves_lengths_and_what_was_taken_back(
    visit: Appointment,
    do: Do,
    undo: Do,
    noor: Therapist,
    moss: Room,
    lymph: Service,
) -> None:
    moss.services.add(lymph)
    ServiceOption.objects.create(service=lymph, minutes=90, price=Decimal("100.00"))
    longer = do(actions.reschedule_appointment, visit, starts_at=TEN, minutes=90)
    moved = do(actions.reschedule_appointment, longer, starts_at=at(10, 5, days=4), therapist=noor)
    elsewhere = do(
        actions.reschedule_appointment,
        moved,
        starts_at=at(10, 5, days=4),
        room=moss,
        therapist=noor,
    )
    undo(elsewhere)
    assert told(visit, 4) == [
        "Changed from 60 to 90 minutes, the price from 75.00 to 100.00",
        "Moved from Friday 27 November, 10:00 to Friday 27 November, 10:05, from Mia to Noor",
        "Moved from room Fern to Moss",
        "Took the last change back. Moved from room Moss to Fern",
    ]


def test_the_history_tells_steps_and_decisions_that_were_taken_back(
    visit: Appointment, book: Book, do: Do, undo: Do
) -> None:
    for step in (
        actions.mark_arrived,
        actions.start_treatment,
        actions.mark_completed,
        actions.mark_no_show,
        actions.cancel_appointment,
    ):
        undo(do(step, stored(visit), now=TEN), now=TEN)
    arrived = do(actions.mark_arrived, stored(visit), now=TEN)
    undo(do(actions.start_treatment, arrived, now=TEN), now=TEN)
    assert told(visit, 13) == [
        "Marked as arrived",
        "Took the arrival back",
        "Began the treatment",
        "Took the arrival back",
        "Marked as completed",
        "Took the completion back",
        "Marked as not come",
        "Took back that nobody came",
        "Cancelled",
        "Took the cancellation back",
        "Marked as arrived",
        "Began the treatment",
        "Took the beginning of the treatment back",
    ]
    request = book(at(14, days=5), details=OTTO, outcome=Outcome.CLEARANCE)
    for granted in (True, False):
        undo(do(actions.decide_request, stored(request), granted=granted), now=NOW)
    assert told(request, 4) == [
        "Granted the request",
        "Took the decision back: a request again",
        "Declined the request",
        "Took the decision back: a request again",
    ]


def test_the_history_tells_who_booked_and_took_it_back(desk_visit: Appointment, undo: Do) -> None:
    undo(desk_visit)
    assert told(desk_visit, 2) == ["Booked at the desk", "Took the booking back: cancelled"]
