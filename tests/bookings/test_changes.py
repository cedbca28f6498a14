"""A booked visit before it begins: moved, cancelled, decided upon, asked again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from bookings import actions
from bookings.actions import outbox
from bookings.models import Appointment, HealthCheck, Room, Therapist
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import NOW, OTTO, at, make_check

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
Do = Callable[..., Appointment]


@pytest.fixture
def move(spa: SpaProfile) -> Do:
    def _move(visit: Appointment, starts_at: datetime, **how: Any) -> Appointment:
        return actions.reschedule_appointment(
            **{
                "appointment": visit,
                "starts_at": starts_at,
                "by": actions.CLIENT,
                "spa": spa,
                "now": NOW,
                **how,
            }
        )

    return _move


@pytest.fixture
def cancel(spa: SpaProfile) -> Do:
    def _cancel(visit: Appointment, **how: Any) -> Appointment:
        return actions.cancel_appointment(
            **{"appointment": visit, "by": actions.CLIENT, "spa": spa, "now": NOW, **how}
        )

    return _cancel


@pytest.fixture
def decide(spa: SpaProfile, dana: User) -> Do:
    def _decide(visit: Appointment, granted: bool, **how: Any) -> Appointment:
        return actions.decide_request(
            **{
                "appointment": visit,
                "granted": granted,
                "by": actions.staff(dana),
                "spa": spa,
                "now": NOW,
                **how,
            }
        )

    return _decide


def stored(visit: Appointment) -> Appointment:
    return Appointment.objects.get(pk=visit.pk)


def waiting(visit: Appointment) -> set[tuple[str, int, datetime]]:
    return set(visit.messages.pending().values_list("kind", "lead_hours", "due_at"))


def last_event(visit: Appointment) -> dict[str, Any]:
    event = visit.events.latest("pk")
    return {"kind": event.kind, "by": event.actor_kind, "changes": event.changes}


# --- Moving -----------------------------------------------------------------------------------


def test_moving_a_visit_moves_its_reminders(
    book: Book, move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    moved = move(visit, at(14, days=5))
    assert (moved.starts_at, moved.ends_at) == (at(14, days=5), at(15, days=5))
    assert (moved.busy_from, moved.busy_until) == (at(14, days=5), at(15, 15, days=5))
    assert waiting(visit) == {
        ("changed", 0, NOW),
        ("reminder", 48, at(14, days=3)),
        ("reminder", 3, at(11, days=5)),
    }


def test_a_move_is_recorded_from_what_to_what(
    book: Book, move: Do, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4), therapist=mia)
    moved = move(visit, at(14, days=5), therapist=noor)
    assert moved.sequence == 2
    assert last_event(visit) == {
        "kind": "moved",
        "by": "client",
        "changes": {
            "starts_at": [at(10, days=4).isoformat(), at(14, days=5).isoformat()],
            "therapist": [mia.pk, noor.pk],
        },
    }


def test_a_move_keeps_the_therapist_where_she_is_free(
    book: Book, move: Do, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4), therapist=noor)
    book(at(13, days=5), therapist=noor, details=OTTO)
    assert move(visit, at(10, days=5)).therapist == noor


def test_a_move_takes_another_therapist_where_the_present_one_is_not_free(
    book: Book, move: Do, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4), therapist=noor)
    noor.time_off.create(starts_at=at(0, days=5), ends_at=at(0, days=6))
    with pytest.raises(actions.TimeTaken):
        move(visit, at(10, days=5), therapist=noor)
    assert move(visit, at(10, days=5)).therapist == mia


def test_a_visit_may_move_into_its_own_old_time(
    book: Book, move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    assert move(visit, at(10, 30, days=4)).starts_at == at(10, 30, days=4)
    assert book(at(9, days=4), details=OTTO).status == "confirmed"


def test_a_move_frees_the_old_time(book: Book, move: Do, mia: Therapist, fern: Room) -> None:
    move(book(at(10, days=4)), at(14, days=4))
    assert book(at(10, days=4), details=OTTO).status == "confirmed"


def test_a_move_to_a_taken_time_changes_nothing(
    book: Book, move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    book(at(14, days=4), details=OTTO)
    with pytest.raises(actions.TimeTaken) as refused:
        move(visit, at(14, days=4))
    assert refused.value.nearest == [
        at(12, 30, days=4),
        at(12, 45, days=4),
        at(15, 15, days=4),
    ]
    assert (stored(visit).starts_at, stored(visit).sequence) == (at(10, days=4), 1)
    assert {kind for kind, *_rest in waiting(visit)} == {"confirmation", "reminder"}


def test_the_present_time_is_not_among_the_nearest_unless_with_somebody_else(
    book: Book, move: Do, mia: Therapist, noor: Therapist, fern: Room, moss: Room, lymph: Service
) -> None:
    moss.services.add(lymph)
    visit = book(at(10, days=4), therapist=mia)
    book(at(11, 15, days=4), therapist=mia, details=OTTO)
    book(at(11, 15, days=4), therapist=noor, details=OTTO)
    for therapist, nearest in (
        (None, [at(9, 45, days=4), at(12, 30, days=4), at(12, 45, days=4)]),
        (mia, [at(9, 45, days=4), at(12, 30, days=4), at(12, 45, days=4)]),
        (noor, [at(9, 45, days=4), at(10, days=4), at(12, 30, days=4)]),
    ):
        with pytest.raises(actions.TimeTaken) as refused:
            move(visit, at(11, 15, days=4), therapist=therapist)
        assert refused.value.nearest == nearest


def test_a_move_ends_a_lapsed_hold_in_its_way(
    book: Book,
    move: Do,
    mia: Therapist,
    fern: Room,
    lymph: Service,
    check: HealthCheck,
    spa: SpaProfile,
) -> None:
    visit = book(at(10, days=4))
    hold = actions.hold_time(
        service=lymph,
        option=lymph.options.get(),
        starts_at=at(14, days=4),
        health_check=check,
        spa=spa,
        now=NOW,
    )
    with pytest.raises(actions.TimeTaken):
        move(visit, at(14, days=4))
    assert move(visit, at(14, days=4), now=NOW + timedelta(minutes=10)).status == "confirmed"
    assert stored(hold).status == "expired"


def test_a_move_to_where_it_is_changes_nothing(
    book: Book, move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    assert move(visit, at(10, days=4)).sequence == 1
    assert last_event(visit)["kind"] == "booked"
    assert "changed" not in {kind for kind, *_rest in waiting(visit)}


def test_a_stale_page_moves_nothing(book: Book, move: Do, mia: Therapist, fern: Room) -> None:
    visit = book(at(10, days=4))
    seen = stored(visit)
    move(visit, at(14, days=4))
    with pytest.raises(actions.ChangedMeanwhile):
        move(seen, at(9, days=4))
    assert stored(visit).starts_at == at(14, days=4)


@pytest.mark.parametrize(
    ("now", "possible"),
    [(at(10, days=3), True), (at(10, days=3) + timedelta(seconds=1), False)],
)
def test_a_client_moves_and_cancels_up_to_the_notice(
    now: datetime,
    possible: bool,
    book: Book,
    move: Do,
    cancel: Do,
    spa: SpaProfile,
    mia: Therapist,
    fern: Room,
) -> None:
    visit = book(at(10, days=4))
    assert actions.may_client_change(visit, spa=spa, now=now) is possible
    if possible:
        moved = move(visit, at(14, days=5), now=now)
        assert cancel(moved, now=now).status == "cancelled"
        return
    with pytest.raises(actions.NoticeTooShort):
        move(visit, at(14, days=5), now=now)
    with pytest.raises(actions.NoticeTooShort):
        cancel(visit, now=now)
    assert stored(visit).sequence == 1


def test_the_desk_moves_within_the_notice(
    book: Book, move: Do, dana: User, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    late = at(9, 50, days=4)
    moved = move(visit, at(10, 15, days=4), by=actions.staff(dana), now=late)
    assert moved.starts_at == at(10, 15, days=4)
    assert visit.events.latest("pk").actor == dana
    with pytest.raises(actions.ReasonNeeded) as refused:
        move(moved, at(9, 45, days=4), by=actions.staff(dana), now=late)
    assert refused.value.rules == ["This time has already begun."]


def test_a_client_moves_to_offered_time_only(
    book: Book, move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    for starts_at in (at(9, 45, days=0), at(16, days=4), at(10, 5, days=4), at(10, days=61)):
        with pytest.raises(actions.TimeTaken):
            move(visit, starts_at)


@pytest.mark.parametrize("status", ["arrived", "completed", "declined", "cancelled", "no_show"])
def test_only_what_is_booked_or_requested_is_moved_or_cancelled(
    status: str, book: Book, move: Do, cancel: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    Appointment.objects.filter(pk=visit.pk).update(status=status)
    visit.refresh_from_db()
    for by in (actions.CLIENT, actions.SYSTEM):
        with pytest.raises(actions.NoLongerPossible):
            move(visit, at(14, days=4), by=by)
        with pytest.raises(actions.NoLongerPossible):
            cancel(visit, by=by)
    assert stored(visit).status == status


@pytest.mark.parametrize("begun", [False, True])
def test_who_is_here_gets_another_room_and_a_longer_visit_without_mail(
    begun: bool,
    book: Book,
    desk_move: Do,
    cancel: Do,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    lymph: Service,
    spa: SpaProfile,
    dana: User,
) -> None:
    moss.services.add(lymph)
    visit = book(at(10, days=4), therapist=mia)
    desk: dict[str, Any] = {"by": actions.staff(dana), "now": at(10, 5, days=4)}
    here = actions.mark_arrived(appointment=visit, **desk)
    if begun:
        here = actions.start_treatment(appointment=here, **desk)
    mails = set(visit.messages.values_list("pk", "kind", "state"))
    longer = desk_move(
        here, at(10, days=4), therapist=noor, room=moss, minutes=75, now=at(10, 10, days=4)
    )
    assert (longer.status, longer.started_at) == ("arrived", here.started_at)
    assert (longer.therapist, longer.room, longer.ends_at) == (noor, moss, at(11, 15, days=4))
    assert set(visit.messages.values_list("pk", "kind", "state")) == mails
    with pytest.raises(actions.AlreadyHere) as refused:
        cancel(longer, by=desk["by"])
    assert refused.value.message == "Cleo is here already: take the arrival back first."
    back = actions.undo_change(appointment=longer, spa=spa, **desk)
    assert (back.status, back.therapist, back.ends_at) == ("arrived", mia, at(11, days=4))
    assert set(visit.messages.values_list("pk", "kind", "state")) == mails


def test_a_visit_that_has_begun_is_lengthened_within_the_hours_without_a_reason(
    book: Book, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(15, 45, days=4))
    with pytest.raises(actions.ReasonNeeded) as refused:
        desk_move(visit, at(15, 45, days=4), minutes=90, now=at(16, days=4))
    assert [rule[:17] for rule in refused.value.rules] == ["Mia works 09:00 –"]


def test_a_request_that_is_moved_stays_one_without_reminders(
    book: Book, move: Do, mia: Therapist, fern: Room
) -> None:
    request = book(at(10, days=4), outcome=Outcome.CLEARANCE)
    assert move(request, at(14, days=5)).status == "requested"
    assert waiting(request) == {
        ("changed", 0, NOW),
        ("clearance_needed", 0, at(8)),
        ("clearance_expiring", 0, at(14, days=3)),
    }


# --- Moving at the desk -----------------------------------------------------------------------


@pytest.fixture
def desk_move(move: Do, dana: User) -> Do:
    return lambda visit, starts_at, **how: move(
        visit, starts_at, **{"by": actions.staff(dana), **how}
    )


def in_the_way(desk_move: Do, visit: Appointment, starts_at: datetime, **how: Any) -> list[str]:
    with pytest.raises(actions.InTheWay) as refused:
        desk_move(visit, starts_at, **how)
    return [blocker.words for blocker in refused.value.blockers]


def test_the_desk_moves_by_five_minutes_and_stays_in_the_room(
    book: Book, desk_move: Do, mia: Therapist, fern: Room, moss: Room, lymph: Service
) -> None:
    visit = book(at(10, days=4))
    moss.services.add(lymph)
    # Without a thought of the present room, this one would be given.
    Room.objects.create(name="Sage").services.add(lymph)
    moved = desk_move(visit, at(10, 5, days=4))
    assert (moved.starts_at, moved.room) == (at(10, 5, days=4), fern)


def test_a_client_who_moves_herself_keeps_to_the_steps_of_the_spa(
    book: Book, move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    with pytest.raises(actions.TimeTaken):
        move(visit, at(10, 5, days=4), reason="I would like to.")


def test_a_move_onto_another_visit_of_hers_needs_a_reason_at_the_desk_alone(
    book: Book,
    move: Do,
    desk_move: Do,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    lymph: Service,
) -> None:
    moss.services.add(lymph)
    visit = book(at(10, days=4), therapist=mia)
    book(at(14, days=4), therapist=noor)
    with pytest.raises(actions.ReasonNeeded) as refused:
        desk_move(visit, at(14, 30, days=4), therapist=mia)
    assert refused.value.rules == ["Cleo has a visit then: 14:00 – 15:00 with Noor."]
    moved = desk_move(visit, at(14, 30, days=4), therapist=mia, reason="One for her mother.")
    assert moved.starts_at == at(14, 30, days=4)
    assert move(moved, at(14, 15, days=4), therapist=mia).starts_at == at(14, 15, days=4)


def test_a_move_outside_the_hours_needs_a_reason_which_is_kept(
    book: Book, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    with pytest.raises(actions.ReasonNeeded) as refused:
        desk_move(visit, at(18, days=4))
    assert refused.value.rules == ["Mia works 09:00 – 17:00 on this day."]
    assert refused.value.message == (
        "Mia works 09:00 – 17:00 on this day. Please give a reason if it has to be."
    )
    assert stored(visit).starts_at == at(10, days=4)
    moved = desk_move(visit, at(18, days=4), reason="Late train.")
    assert moved.starts_at == at(18, days=4)
    assert visit.events.latest("pk").reason == "Late train."


def test_a_visit_that_stands_outside_the_hours_needs_no_reason_to_come_back(
    book: Book, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    late = desk_move(book(at(10, days=4)), at(18, days=4), reason="Late train.")
    with pytest.raises(actions.ReasonNeeded):
        desk_move(late, at(18, days=4), minutes=75)
    assert desk_move(late, at(15, days=4)).starts_at == at(15, days=4)


def test_the_spas_notice_does_not_bind_a_move_at_the_desk(
    book: Book, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14, days=4))
    assert desk_move(visit, at(10, days=4), now=at(9, 55, days=4)).starts_at == at(10, days=4)


def test_a_visit_moves_into_the_past_of_today_with_a_reason_and_never_further(
    book: Book, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    visit, now = book(at(14, days=4)), at(13, days=4)
    assert desk_move(visit, at(12, days=4), now=now, reason="Came early.").starts_at == at(
        12, days=4
    )
    assert in_the_way(desk_move, stored(visit), at(12, days=3), now=now, reason="Oh.") == [
        "Visits can be placed from today until Monday 27 November 2028"
    ]


def test_no_reason_moves_a_visit_onto_another(
    book: Book, desk_move: Do, mia: Therapist, noor: Therapist, fern: Room, moss: Room
) -> None:
    visit = book(at(10, days=4), therapist=mia)
    book(at(14, days=4), therapist=mia, details=OTTO)
    for reason in ("", "It has to be."):
        assert in_the_way(desk_move, visit, at(14, 30, days=4), therapist=mia, reason=reason) == [
            "Mia is with Otto until 15:00"
        ]
        assert in_the_way(desk_move, visit, at(14, 30, days=4), therapist=noor, reason=reason) == [
            "The room Fern is taken by Otto until 15:00"
        ]
    assert (stored(visit).starts_at, stored(visit).sequence) == (at(10, days=4), 1)


def test_a_visit_moves_to_another_room_and_back(
    book: Book, desk_move: Do, mia: Therapist, fern: Room, moss: Room, lymph: Service
) -> None:
    visit = book(at(10, days=4))
    assert in_the_way(desk_move, visit, at(10, days=4), room=moss) == [
        "Moss does not suit “Lymphatic drainage massage”"
    ]
    moss.services.add(lymph)
    moved = desk_move(visit, at(10, days=4), room=moss)
    assert (moved.room, last_event(visit)["changes"]) == (moss, {"room": [fern.pk, moss.pk]})
    assert desk_move(moved, at(10, days=4), room=moss).sequence == moved.sequence
    assert desk_move(moved, at(10, days=4), room=fern).room == fern


def test_a_longer_visit_that_is_offered_so_long_gets_that_price(
    book: Book, desk_move: Do, mia: Therapist, fern: Room, lymph: Service, hour: ServiceOption
) -> None:
    long = ServiceOption.objects.create(service=lymph, minutes=90, price=Decimal("100.00"))
    visit = book(at(10, days=4))
    longer = desk_move(visit, at(10, days=4), minutes=90)
    assert (longer.ends_at, longer.busy_until) == (at(11, 30, days=4), at(11, 45, days=4))
    assert (longer.option, longer.price) == (long, Decimal("100.00"))
    assert last_event(visit)["changes"] == {
        "minutes": [60, 90],
        "option": [hour.pk, long.pk],
        "price": ["75.00", "100.00"],
    }


def test_a_length_that_is_not_offered_keeps_the_price(
    book: Book, desk_move: Do, mia: Therapist, fern: Room, lymph: Service, hour: ServiceOption
) -> None:
    ServiceOption.objects.create(service=lymph, minutes=75, price=Decimal("90.00"), active=False)
    visit = book(at(10, days=4))
    Appointment.objects.update(price=Decimal("70.00"))
    longer = desk_move(stored(visit), at(10, days=4), minutes=75)
    assert (longer.minutes, longer.option, longer.price) == (75, hour, Decimal("70.00"))
    # Back to its own length, it has the price that was agreed upon.
    assert desk_move(longer, at(10, days=4), minutes=60).price == Decimal("70.00")


def test_a_visit_keeps_its_length_when_it_moves(
    book: Book, desk_move: Do, move: Do, mia: Therapist, fern: Room
) -> None:
    visit = desk_move(book(at(10, days=4)), at(10, days=4), minutes=75)
    assert desk_move(visit, at(14, days=4)).ends_at == at(15, 15, days=4)
    assert move(stored(visit), at(10, days=5)).ends_at == at(11, 15, days=5)


def test_a_visit_is_not_lengthened_into_the_next_one(
    book: Book, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    book(at(11, 15, days=4), details=OTTO)
    assert in_the_way(desk_move, visit, at(10, days=4), minutes=65, therapist=mia) == [
        "Mia is with Otto from 11:15: too little time to tidy up and prepare"
    ]
    assert stored(visit).minutes == 60


@pytest.mark.parametrize("minutes", [-5, 0, 4, 62, 485, 10_000])
def test_a_length_that_cannot_be_is_refused(
    minutes: int, book: Book, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    assert in_the_way(desk_move, visit, at(10, days=4), minutes=minutes, reason="Oh.") == [
        "A visit lasts from 5 minutes to 8 hours, in steps of five minutes"
    ]


def test_news_of_the_desk_wait_a_minute_and_can_be_left_out(
    book: Book, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    visit.messages.filter(kind="confirmation").update(state="sent")
    moved = desk_move(visit, at(14, days=5))
    reminders = {("reminder", 48, at(14, days=3)), ("reminder", 3, at(11, days=5))}
    assert waiting(visit) == {("changed", 0, NOW + actions.MAIL_GRACE), *reminders}
    visit.messages.filter(kind="changed").update(state="sent")
    desk_move(moved, at(15, days=5), tell=False)
    assert waiting(visit) == {("reminder", 48, at(15, days=3)), ("reminder", 3, at(12, days=5))}


def test_a_confirmation_that_is_just_being_sent_is_not_sent_twice(
    book: Book, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    (claimed,) = outbox.claim_due(now=NOW, until=NOW + timedelta(minutes=4), limit=1)
    moved = desk_move(visit, at(14, days=5), tell=False)
    confirmations = visit.messages.filter(kind="confirmation")
    assert list(confirmations.values_list("pk", "state", "sequence")) == [
        (claimed.pk, "pending", moved.sequence)
    ]


def test_a_confirmation_that_waits_survives_a_move_without_a_mail(
    book: Book, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    desk_move(visit, at(14, days=5), tell=False)
    assert ("confirmation", 0, NOW) in waiting(visit)


def test_a_stale_page_of_the_desk_learns_how_the_visit_stands_now(
    book: Book, move: Do, desk_move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    seen = stored(visit)
    move(visit, at(14, days=4))
    book(at(9, days=4), details=OTTO)
    with pytest.raises(actions.ChangedMeanwhile) as refused:
        desk_move(seen, at(9, days=4))
    assert refused.value.latest is not None
    assert refused.value.latest.starts_at == at(14, days=4)


def test_a_cancellation_without_a_mail_sends_nothing(
    book: Book, cancel: Do, dana: User, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    cancel(visit, by=actions.staff(dana), tell=False)
    assert set(visit.messages.values_list("kind", "state")) == {
        ("confirmation", "void"),
        ("reminder", "void"),
    }


# --- Stale answers ----------------------------------------------------------------------------


def affirmed(visit: Appointment, when: datetime) -> Appointment:
    HealthCheck.objects.filter(appointments=visit).update(affirmed_at=when)
    return stored(visit)


def test_answers_hold_for_ninety_days_before_the_visit(
    book: Book, move: Do, mia: Therapist, fern: Room
) -> None:
    visit = affirmed(book(at(10, days=4)), at(14, days=5) - timedelta(days=90))
    assert move(visit, at(14, days=5)).starts_at == at(14, days=5)


def test_stale_answers_are_asked_again_before_a_client_moves(
    book: Book, move: Do, dana: User, mia: Therapist, fern: Room
) -> None:
    stale = at(14, days=5) - timedelta(days=90, seconds=1)
    visit = affirmed(book(at(10, days=4)), stale)
    with pytest.raises(actions.HealthCheckNeeded):
        move(visit, at(14, days=5))
    assert stored(visit).starts_at == at(10, days=4)
    assert move(visit, at(14, days=5), by=actions.staff(dana)).starts_at == at(14, days=5)


def test_saying_that_nothing_changed_opens_the_way(
    book: Book, move: Do, mia: Therapist, fern: Room, lymph: Service
) -> None:
    visit = affirmed(book(at(10, days=4)), NOW - timedelta(days=200))
    rules = [row.rule() for row in lymph.contraindications.all()]
    check = actions.affirm_health_check(appointment=visit, rules=rules, by=actions.CLIENT, now=NOW)
    assert check.affirmed_at == NOW
    assert last_event(visit) == {"kind": "health_affirmed", "by": "client", "changes": {}}
    assert move(stored(visit), at(14, days=5)).starts_at == at(14, days=5)


def test_changed_questions_are_never_just_affirmed(
    book: Book, move: Do, mia: Therapist, fern: Room, lymph: Service
) -> None:
    visit = book(at(10, days=4))
    lymph.contraindications.filter(slug="asthma").update(severity="clearance")
    with pytest.raises(actions.HealthCheckNeeded):
        move(visit, at(14, days=5))
    rules = [row.rule() for row in lymph.contraindications.all()]
    with pytest.raises(actions.HealthCheckNeeded):
        actions.affirm_health_check(appointment=visit, rules=rules, by=actions.CLIENT, now=NOW)


def test_a_visit_without_a_check_is_asked_for_one(
    book: Book, move: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    Appointment.objects.update(health_check=None)
    with pytest.raises(actions.HealthCheckNeeded):
        move(stored(visit), at(14, days=5))


def test_new_answers_take_the_place_of_the_old(
    book: Book, mia: Therapist, fern: Room, lymph: Service
) -> None:
    visit = book(at(10, days=4))
    check = make_check(lymph, NOW, Outcome.ADAPT)
    renewed = actions.renew_health_check(appointment=visit, check=check, by=actions.CLIENT, now=NOW)
    assert (renewed.health_check, renewed.status, renewed.sequence) == (check, "confirmed", 2)
    assert last_event(visit) == {"kind": "health_renewed", "by": "client", "changes": {}}


def test_new_answers_that_need_a_clearance_make_a_visit_a_request_again(
    book: Book, mia: Therapist, fern: Room, lymph: Service
) -> None:
    visit = book(at(10, days=4))
    check = make_check(lymph, NOW, Outcome.CLEARANCE)
    actions.renew_health_check(appointment=visit, check=check, by=actions.CLIENT, now=NOW)
    assert (stored(visit).status, stored(visit).sequence) == ("requested", 3)
    assert waiting(visit) == {
        ("request_received", 0, NOW),
        ("clearance_needed", 0, at(8)),
        ("clearance_expiring", 0, at(10, days=2)),
    }
    assert last_event(visit)["changes"] == {"status": ["confirmed", "requested"]}


def test_new_answers_lose_no_message(
    book: Book, mia: Therapist, fern: Room, lymph: Service
) -> None:
    visit = book(at(10, days=4))
    before = waiting(visit)
    actions.renew_health_check(
        appointment=visit, check=make_check(lymph, NOW), by=actions.CLIENT, now=NOW
    )
    assert waiting(visit) == before
    assert set(visit.messages.pending().values_list("sequence", flat=True)) == {2}


def test_a_request_is_not_granted_on_answers_that_nobody_has_seen(
    book: Book, mia: Therapist, fern: Room, lymph: Service, spa: SpaProfile
) -> None:
    visit = book(at(10, days=4), outcome=Outcome.CLEARANCE)
    anew = make_check(lymph, NOW, Outcome.CLEARANCE)
    actions.renew_health_check(appointment=stored(visit), check=anew, by=actions.CLIENT, now=NOW)
    with pytest.raises(actions.ChangedMeanwhile):
        actions.decide_request(appointment=visit, granted=True, by=actions.SYSTEM, spa=spa, now=NOW)
    anew.refresh_from_db()
    assert (stored(visit).status, anew.review) == ("requested", "")


def test_a_request_without_a_health_check_is_declined_but_never_granted(
    book: Book, decide: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4), outcome=Outcome.CLEARANCE)
    left = actions.withdraw_health_check(appointment=visit, by=actions.CLIENT, now=NOW)
    with pytest.raises(actions.HealthCheckNeeded):
        decide(left, True)
    assert (stored(visit).status, stored(visit).sequence) == ("requested", left.sequence)
    assert decide(left, False).status == "declined"


def test_a_withdrawn_check_keeps_the_visit_where_it_is(
    book: Book, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    visit = book(at(10, days=4))
    left = actions.withdraw_health_check(appointment=visit, by=actions.CLIENT, now=NOW)
    assert (left.health_check, left.status) == (None, "confirmed")
    assert last_event(visit) == {"kind": "health_withdrawn", "by": "client", "changes": {}}
    with pytest.raises(actions.HealthCheckNeeded):
        actions.reschedule_appointment(
            appointment=left, starts_at=at(12, days=4), by=actions.CLIENT, spa=spa, now=NOW
        )
    with pytest.raises(actions.HealthCheckNeeded):
        actions.affirm_health_check(appointment=left, rules=[], by=actions.CLIENT, now=NOW)
    assert stored(visit).starts_at == at(10, days=4)


def test_answers_for_another_treatment_or_from_another_day_renew_nothing(
    book: Book, mia: Therapist, fern: Room, lymph: Service, massage: Service
) -> None:
    visit = book(at(10, days=4))
    before = visit.health_check
    for check in (make_check(massage, NOW), make_check(lymph, NOW - timedelta(hours=2))):
        with pytest.raises(actions.HealthCheckNeeded):
            actions.renew_health_check(appointment=visit, check=check, by=actions.CLIENT, now=NOW)
    assert stored(visit).health_check == before


def test_a_cancelled_visit_takes_no_new_answers(
    book: Book, cancel: Do, mia: Therapist, fern: Room, lymph: Service
) -> None:
    cancelled = cancel(book(at(10, days=4)))
    with pytest.raises(actions.NoLongerPossible):
        actions.renew_health_check(
            appointment=cancelled, check=make_check(lymph, NOW), by=actions.CLIENT, now=NOW
        )


# --- Cancelling -------------------------------------------------------------------------------


def test_cancelled_appointment_frees_its_time(
    book: Book, cancel: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=3))
    cancel(visit, reason="Away that week.")
    assert book(at(10, days=3), details=OTTO).status == "confirmed"
    assert set(visit.messages.values_list("kind", "state")) == {
        ("confirmation", "void"),
        ("reminder", "void"),
        ("cancelled", "pending"),
    }
    assert last_event(visit)["changes"] == {"status": ["confirmed", "cancelled"]}
    assert visit.events.latest("pk").reason == "Away that week."


def test_a_stale_page_cancels_nothing(
    book: Book, move: Do, cancel: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    seen = stored(visit)
    move(visit, at(14, days=4))
    with pytest.raises(actions.ChangedMeanwhile):
        cancel(seen)
    assert stored(visit).status == "confirmed"


def test_a_request_may_be_taken_back_until_the_visit_begins(
    book: Book, cancel: Do, mia: Therapist, fern: Room
) -> None:
    request = book(at(10, days=4), outcome=Outcome.CLEARANCE)
    with pytest.raises(actions.NoticeTooShort):
        cancel(request, now=at(10, days=4))
    assert cancel(request, now=at(9, 59, days=4)).status == "cancelled"


def test_the_desk_cancels_at_any_time(
    book: Book, cancel: Do, dana: User, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    assert cancel(visit, by=actions.staff(dana), now=at(10, 5, days=4)).status == "cancelled"


# --- Deciding ---------------------------------------------------------------------------------


def test_a_granted_request_is_confirmed_and_gets_its_reminders(
    book: Book, decide: Do, dana: User, mia: Therapist, fern: Room
) -> None:
    request = book(at(10, days=4), outcome=Outcome.CLEARANCE)
    granted = decide(request, True, note="Letter of Dr Who seen.")
    assert (granted.status, granted.sequence) == ("confirmed", 2)
    assert waiting(request) == {
        ("granted", 0, NOW + actions.MAIL_GRACE),
        ("reminder", 48, at(10, days=2)),
        ("reminder", 3, at(7, days=4)),
    }
    check = HealthCheck.objects.get(appointments=request)
    assert (check.review, check.reviewed_by, check.reviewed_at, check.review_note) == (
        "granted",
        dana,
        NOW,
        "Letter of Dr Who seen.",
    )
    assert last_event(request) == {
        "kind": "granted",
        "by": "staff",
        "changes": {"status": ["requested", "confirmed"]},
    }


def test_a_declined_request_frees_its_time(
    book: Book, decide: Do, mia: Therapist, fern: Room
) -> None:
    request = book(at(10, days=4), outcome=Outcome.CLEARANCE)
    assert decide(request, False).status == "declined"
    assert waiting(request) == {("declined", 0, NOW + actions.MAIL_GRACE)}
    assert HealthCheck.objects.get(appointments=request).review == "declined"
    assert last_event(request)["changes"] == {"status": ["requested", "declined"]}
    assert book(at(10, days=4), details=OTTO).status == "confirmed"


def test_a_request_is_decided_once(book: Book, decide: Do, mia: Therapist, fern: Room) -> None:
    request = book(at(10, days=4), outcome=Outcome.CLEARANCE)
    seen = stored(request)
    decided = decide(request, True)
    with pytest.raises(actions.NoLongerPossible):
        decide(decided, False)
    with pytest.raises(actions.ChangedMeanwhile):
        decide(seen, False)
    assert stored(request).status == "confirmed"


def test_a_request_is_not_granted_once_its_time_has_come_but_may_be_declined(
    book: Book, decide: Do, mia: Therapist, fern: Room
) -> None:
    request = book(at(10, days=4), outcome=Outcome.CLEARANCE)
    with pytest.raises(actions.NoLongerPossible):
        decide(request, True, now=at(10, days=4))
    assert decide(request, False, now=at(10, days=4)).status == "declined"


def test_a_booked_visit_is_not_decided_upon(
    book: Book, decide: Do, mia: Therapist, fern: Room
) -> None:
    with pytest.raises(actions.NoLongerPossible):
        decide(book(at(10, days=4)), False)
