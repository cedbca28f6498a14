"""From a chosen time to a booked visit: hold, confirm, let go."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from bookings import actions
from bookings.actions import booking, placing, wishes
from bookings.models import Appointment, Client, Event, HealthCheck, Room, Therapist
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import CLEO, NOW, OTTO, at, make_check
from tests.bookings.race.harness import wait_for_a_lock
from tests.bookings.rows import make_appointment

pytestmark = pytest.mark.django_db

Hold = Callable[..., Appointment]
Book = Callable[..., Appointment]
Confirm = Callable[..., Appointment]


@pytest.fixture
def hold(lymph: Service, hour: ServiceOption, check: HealthCheck, spa: SpaProfile) -> Hold:
    """Hold a time of the lead treatment with a fresh check."""

    def _hold(starts_at: datetime, **wish: Any) -> Appointment:
        return actions.hold_time(
            **{
                "service": lymph,
                "option": hour,
                "starts_at": starts_at,
                "health_check": check,
                "spa": spa,
                "now": NOW,
                **wish,
            }
        )

    return _hold


@pytest.fixture
def confirm(check: HealthCheck, spa: SpaProfile) -> Confirm:
    """Confirm a hold as Cleo with a fresh check."""

    def _confirm(held: Appointment, **how: Any) -> Appointment:
        return actions.confirm_appointment(
            **{
                "hold": held,
                "details": CLEO,
                "health_check": check,
                "spa": spa,
                "now": NOW,
                **how,
            }
        )

    return _confirm


def kinds(appointment: Appointment) -> list[str]:
    return list(appointment.events.values_list("kind", flat=True))


def status_of(appointment: Appointment) -> str:
    return Appointment.objects.get(pk=appointment.pk).status


# --- Holding ----------------------------------------------------------------------------------


def test_a_hold_keeps_its_time_with_buffers_price_and_end(
    hold: Hold, mia: Therapist, fern: Room, lymph: Service
) -> None:
    lymph.buffer_before_minutes = 10
    held = hold(at(10))
    assert (held.status, held.therapist, held.room, held.client) == ("held", mia, fern, None)
    assert (held.starts_at, held.ends_at) == (at(10), at(11))
    assert (held.busy_from, held.busy_until) == (at(9, 50), at(11, 15))
    assert held.hold_expires_at == NOW + timedelta(minutes=10)
    assert (held.price, held.source, held.created_at) == (Decimal("75.00"), "web", NOW)
    assert list(held.events.values_list("kind", "actor_kind", "at", "changes")) == [
        ("held", "client", NOW, {})
    ]


def test_a_booking_takes_its_time_and_owes_its_messages(
    book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    assert (visit.status, visit.therapist, visit.room) == ("confirmed", mia, fern)
    assert (visit.busy_from, visit.busy_until) == (at(10, days=4), at(11, 15, days=4))
    assert sorted(visit.messages.values_list("kind", "lead_hours", "due_at")) == [
        ("confirmation", 0, at(8, days=0)),
        ("reminder", 3, at(7, days=4)),
        ("reminder", 48, at(10, days=2)),
    ]
    assert kinds(visit) == ["held", "booked"]


def test_a_taken_time_offers_the_three_nearest(book: Book, mia: Therapist, fern: Room) -> None:
    book(at(10))
    with pytest.raises(actions.TimeTaken) as refused:
        book(at(10), details=OTTO)
    assert refused.value.nearest == [at(11, 15), at(11, 30), at(11, 45)]


def test_the_nearest_times_are_those_of_the_wanted_therapist(
    hold: Hold, mia: Therapist, noor: Therapist, fern: Room, moss: Room, lymph: Service
) -> None:
    moss.services.add(lymph)
    hold(at(10), therapist=mia)
    with pytest.raises(actions.TimeTaken) as refused:
        hold(at(10), therapist=mia)
    assert refused.value.nearest == [at(11, 15), at(11, 30), at(11, 45)]
    assert hold(at(10), therapist=noor).therapist == noor


def test_any_therapist_is_the_preferred_one_where_she_is_free(
    hold: Hold, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    hold(at(13), therapist=noor)
    assert hold(at(10), preferred=noor).therapist == noor
    assert hold(at(15), preferred=noor).therapist == noor


def test_any_therapist_is_another_one_where_the_preferred_is_busy(
    hold: Hold, mia: Therapist, noor: Therapist, fern: Room, moss: Room, massage: Service
) -> None:
    make_appointment(massage.options.get(), noor, moss, at(10))
    assert hold(at(10), preferred=noor).therapist == mia


def test_any_therapist_is_the_least_busy_of_the_day(
    hold: Hold, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    hold(at(13), therapist=mia)
    assert hold(at(10)).therapist == noor
    # On another day Mia comes first again.
    assert hold(at(10, days=2)).therapist == mia


def test_of_two_who_are_equally_free_the_first_in_position_is_taken(
    hold: Hold, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    assert hold(at(10)).therapist == mia
    Therapist.objects.filter(pk=mia.pk).update(position=9)
    assert hold(at(10, days=2)).therapist == noor


def test_the_scarce_room_stays_free_for_what_needs_it(
    hold: Hold,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    massage: Service,
) -> None:
    option = massage.options.get()
    massage_check = make_check(massage, NOW)
    first = hold(at(10), service=massage, option=option, health_check=massage_check)
    assert first.room == moss
    assert hold(at(10)).room == fern
    with pytest.raises(actions.TimeTaken):
        hold(at(10), service=massage, option=option, health_check=massage_check)


def test_a_new_hold_lets_the_earlier_one_go(hold: Hold, mia: Therapist, fern: Room) -> None:
    first = hold(at(10))
    second = hold(at(10, 30), replacing=first)
    assert (status_of(first), status_of(second)) == ("expired", "held")
    assert kinds(first) == ["held", "hold_ended"]
    assert first.events.latest("pk").changes == {"status": ["held", "expired"]}


def test_a_refused_hold_leaves_the_earlier_one_standing(
    hold: Hold, mia: Therapist, fern: Room
) -> None:
    hold(at(13))
    first = hold(at(10))
    with pytest.raises(actions.TimeTaken):
        hold(at(13), replacing=first)
    assert (status_of(first), kinds(first)) == ("held", ["held"])


def test_a_hold_that_was_booked_in_another_tab_is_not_replaced(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    first = hold(at(10))
    confirm(Appointment.objects.get(pk=first.pk))
    with pytest.raises(actions.TimeTaken) as refused:
        hold(at(10, 30), replacing=first)
    assert refused.value.nearest == [at(11, 15), at(11, 30), at(11, 45)]
    assert status_of(first) == "confirmed"
    assert hold(at(12), replacing=first).starts_at == at(12)


def test_a_lapsed_hold_is_freed_at_once_by_somebody_elses(
    hold: Hold, mia: Therapist, fern: Room
) -> None:
    first = hold(at(10))
    with pytest.raises(actions.TimeTaken):
        hold(at(10), now=NOW + timedelta(minutes=9, seconds=59))
    second = hold(at(10), now=NOW + timedelta(minutes=10))
    assert (status_of(first), status_of(second)) == ("expired", "held")
    assert first.events.latest("pk").actor_kind == "system"


def test_a_lapsed_hold_in_the_way_of_the_room_alone_is_freed_too(
    hold: Hold, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    first = hold(at(10), therapist=noor)
    second = hold(at(10, 30), therapist=mia, now=NOW + timedelta(minutes=10))
    assert (status_of(first), status_of(second)) == ("expired", "held")


def test_a_lapsed_hold_that_is_not_in_the_way_is_left_to_the_sweep(
    hold: Hold, mia: Therapist, fern: Room
) -> None:
    first = hold(at(10))
    hold(at(11, 15), now=NOW + timedelta(minutes=10))
    assert status_of(first) == "held"
    assert actions.expire_holds(now=NOW + timedelta(minutes=10)) == 1
    assert (status_of(first), kinds(first)) == ("expired", ["held", "hold_ended"])
    assert actions.expire_holds(now=NOW + timedelta(minutes=11)) == 0


@pytest.mark.parametrize(
    ("starts_at", "offered"),
    [
        (at(9, 45, days=0), False),  # Within the two hours of notice.
        (at(10, 0, days=0), True),
        (at(15, 45, days=60), True),
        (at(10, 0, days=61), False),  # Beyond the sixty days of the horizon.
        (at(10, 0, days=-1), False),
        (at(8, 45), False),  # Before the day's work.
        (at(15, 45), True),
        (at(16, 0), False),  # The tidying would end after it.
        (at(10, 5), False),  # Between two steps.
        (at(10) + timedelta(seconds=1), False),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), False),
        (datetime(1, 1, 1, tzinfo=UTC), False),
    ],
)
def test_only_offered_time_is_held(
    starts_at: datetime, offered: bool, hold: Hold, mia: Therapist, fern: Room
) -> None:
    if offered:
        assert hold(starts_at).starts_at == starts_at
        return
    with pytest.raises(actions.TimeTaken) as refused:
        hold(starts_at)
    assert len(refused.value.nearest) == 3
    assert Appointment.objects.count() == 0


def test_the_last_day_of_the_horizon_is_held_across_a_clock_change(
    hold: Hold, mia: Therapist, fern: Room, lymph: Service
) -> None:
    # 00:30 in London on 25 September: sixty days on it is winter time, and still 24 November.
    night = datetime(2026, 9, 24, 23, 30, tzinfo=UTC)
    early = make_check(lymph, night)
    assert hold(at(15, 45), now=night, health_check=early).starts_at == at(15, 45)
    with pytest.raises(actions.TimeTaken):
        hold(at(9, days=2), now=night, health_check=early)


@pytest.mark.parametrize(
    ("wall", "fold", "starts_at"),
    [
        ("2026-10-25 00:30", 0, datetime(2026, 10, 24, 23, 30, tzinfo=UTC)),
        ("2026-10-25 01:30", 0, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25 01:30", 1, datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ],
)
def test_an_hour_at_night_is_an_hour_while_the_clocks_change(
    wall: str,
    fold: int,
    starts_at: datetime,
    hold: Hold,
    confirm: Confirm,
    spa: SpaProfile,
    mia: Therapist,
    fern: Room,
    lymph: Service,
) -> None:
    mia.working_hours.update(starts=time(0), ends=time(6))
    day_before = datetime(2026, 10, 24, 8, tzinfo=UTC)
    early = make_check(lymph, day_before)
    chosen = datetime.fromisoformat(wall).replace(tzinfo=spa.zone, fold=fold)
    held = hold(chosen, now=day_before, health_check=early)
    stored = Appointment.objects.get(pk=held.pk)
    assert (stored.starts_at, stored.ends_at) == (starts_at, starts_at + timedelta(hours=1))
    assert stored.busy_until == starts_at + timedelta(minutes=75)
    visit = confirm(held, now=day_before, health_check=early)
    again = actions.reschedule_appointment(
        appointment=visit, starts_at=chosen, by=actions.SYSTEM, spa=spa, now=day_before
    )
    assert (again.sequence, kinds(again)) == (1, ["held", "booked"])


def test_a_therapist_who_does_not_give_the_treatment_is_not_held(
    hold: Hold, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    noor.services.clear()
    with pytest.raises(actions.TimeTaken) as refused:
        hold(at(10), therapist=noor)
    assert refused.value.nearest == []


@pytest.mark.parametrize("change", ["draft", "option", "foreign option"])
def test_what_is_not_on_sale_is_not_held(
    change: str,
    hold: Hold,
    mia: Therapist,
    fern: Room,
    lymph: Service,
    hour: ServiceOption,
    massage: Service,
) -> None:
    if change == "draft":
        lymph.status = Service.Status.DRAFT
    elif change == "option":
        hour.active = False
    option = massage.options.get() if change == "foreign option" else hour
    with pytest.raises(actions.TimeTaken):
        hold(at(10), option=option)
    assert Appointment.objects.count() == 0


def test_a_place_lost_under_the_locks_leads_to_the_next_best(
    hold: Hold,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    lymph: Service,
    hour: ServiceOption,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moss.services.add(lymph)
    lock, others = placing._take_locks, [mia]

    def somebody_was_faster(*places: Any, **more: Any) -> bool:
        if others:
            make_appointment(hour, others.pop(), fern, at(10))
        return lock(*places, **more)

    monkeypatch.setattr(placing, "_take_locks", somebody_was_faster)
    held = hold(at(10))
    assert (held.therapist, held.room) == (noor, moss)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("taken", "locked_before", "locked_after"),
    [
        ("mia", [], ["noor", "fern", "moss"]),
        ("noor", ["mia"], ["fern", "moss"]),
        ("fern", ["mia", "noor"], ["moss"]),
        ("moss", ["mia", "noor", "fern"], []),
    ],
)
def test_therapists_are_locked_before_rooms_each_by_primary_key(
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    taken: str,
    locked_before: list[str],
    locked_after: list[str],
) -> None:
    """Who waits for one lock has those before it, and none of those after it."""
    rows: dict[str, Any] = {"mia": mia, "noor": noor, "fern": fern, "moss": moss}

    def lock_all() -> None:
        try:
            with transaction.atomic():
                placing.lock_diary(therapists=[noor.pk, mia.pk, mia.pk], rooms=[moss.pk, fern.pk])
        finally:
            connection.close()

    waiting = threading.Thread(target=lock_all)
    with transaction.atomic():
        _lock(rows[taken])
        waiting.start()
        wait_for_a_lock()
        for name in locked_before:
            with pytest.raises(OperationalError), transaction.atomic():
                _lock(rows[name])
        for name in locked_after:
            _lock(rows[name])
    waiting.join()


def _lock(row: Therapist | Room) -> None:
    type(row)._default_manager.select_for_update(nowait=True).get(pk=row.pk)


def test_an_overlap_that_the_database_refuses_is_told_as_taken(
    hold: Hold, mia: Therapist, fern: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(at(10))
    monkeypatch.setattr(placing, "clear_way", lambda _wish, _place: True)
    place = wishes.Place(mia, fern)
    monkeypatch.setattr(placing, "_best_place", lambda _wish: place)
    with pytest.raises(actions.TimeTaken) as refused:
        hold(at(10, 30))
    assert refused.value.nearest == [at(11, 15), at(11, 30), at(11, 45)]
    assert Appointment.objects.count() == 1


def test_any_other_refusal_of_the_database_is_not_hidden(
    hold: Hold, mia: Therapist, fern: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hold(at(10))
    monkeypatch.setattr(booking, "new_reference", lambda: first.reference)
    with pytest.raises(IntegrityError, match="reference"):
        hold(at(12))


# --- Health checks that do not open the way ----------------------------------------------------


def _none(check: HealthCheck, spa: SpaProfile, massage: Service) -> HealthCheck | None:
    return None


def _foreign(check: HealthCheck, spa: SpaProfile, massage: Service) -> HealthCheck:
    return make_check(massage, NOW)


def _old(check: HealthCheck, spa: SpaProfile, massage: Service) -> HealthCheck:
    return _saved(check, given_at=NOW - timedelta(hours=2))


def _from_the_future(check: HealthCheck, spa: SpaProfile, massage: Service) -> HealthCheck:
    return _saved(check, given_at=NOW + timedelta(seconds=1))


def _changed_question(check: HealthCheck, spa: SpaProfile, massage: Service) -> HealthCheck:
    check.service.contraindications.filter(slug="fever").update(question="fever or chills")
    return check


def _removed_question(check: HealthCheck, spa: SpaProfile, massage: Service) -> HealthCheck:
    check.service.contraindications.remove(check.service.contraindications.get(slug="asthma"))
    return check


def _new_consent(check: HealthCheck, spa: SpaProfile, massage: Service) -> HealthCheck:
    return _saved(check, consent_version="2026-10")


def _saved(check: HealthCheck, **values: Any) -> HealthCheck:
    HealthCheck.objects.filter(pk=check.pk).update(**values)
    check.refresh_from_db()
    return check


UNFIT = [
    _none,
    _foreign,
    _old,
    _from_the_future,
    _changed_question,
    _removed_question,
    _new_consent,
]


@pytest.mark.parametrize("unfit", UNFIT)
def test_without_a_fresh_check_for_this_treatment_nothing_is_held(
    unfit: Callable[..., HealthCheck | None],
    hold: Hold,
    mia: Therapist,
    fern: Room,
    check: HealthCheck,
    spa: SpaProfile,
    massage: Service,
) -> None:
    with pytest.raises(actions.HealthCheckNeeded):
        hold(at(10), health_check=unfit(check, spa, massage))
    assert Appointment.objects.count() == 0


@pytest.mark.parametrize("unfit", UNFIT)
def test_without_a_fresh_check_for_this_treatment_nothing_is_confirmed(
    unfit: Callable[..., HealthCheck | None],
    hold: Hold,
    confirm: Confirm,
    mia: Therapist,
    fern: Room,
    check: HealthCheck,
    spa: SpaProfile,
    massage: Service,
) -> None:
    held = hold(at(10))
    with pytest.raises(actions.HealthCheckNeeded):
        confirm(held, health_check=unfit(check, spa, massage))
    assert (status_of(held), Client.objects.count()) == ("held", 0)


def test_a_check_of_two_hours_less_a_moment_still_opens_the_way(
    hold: Hold, mia: Therapist, fern: Room, check: HealthCheck
) -> None:
    _saved(check, given_at=NOW - timedelta(hours=2) + timedelta(seconds=1))
    assert hold(at(10)).status == "held"


def test_a_check_that_was_forgotten_meanwhile_confirms_nothing(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room, check: HealthCheck
) -> None:
    held = hold(at(10))
    actions.discard_health_check(HealthCheck.objects.get(pk=check.pk))
    with pytest.raises(actions.HealthCheckNeeded):
        confirm(held)
    assert status_of(held) == "held"


# --- Confirming -------------------------------------------------------------------------------


def test_confirming_books_the_visit_for_the_client(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room, check: HealthCheck
) -> None:
    visit = confirm(hold(at(10)), details=replace(CLEO, note="The left knee, please."))
    stored = Appointment.objects.get(pk=visit.pk)
    assert stored.client is not None
    assert (stored.status, stored.client.name, str(stored.client.phone)) == (
        "confirmed",
        "Cleo",
        "+442079460001",
    )
    assert (stored.client_note, stored.health_check, stored.hold_expires_at, stored.sequence) == (
        "The left knee, please.",
        check,
        None,
        1,
    )
    assert stored.events.latest("pk").changes == {"status": ["held", "confirmed"]}


def test_confirming_twice_books_once(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    held = hold(at(10))
    first = confirm(held)
    second = confirm(held, details=OTTO)
    assert (second.pk, second.client, second.sequence) == (first.pk, first.client, 1)
    assert kinds(first) == ["held", "booked"]
    assert (Client.objects.count(), first.messages.filter(kind="confirmation").count()) == (1, 1)


def test_a_lapsed_hold_is_confirmed_while_its_time_is_free(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    visit = confirm(hold(at(10)), now=NOW + timedelta(minutes=30))
    assert (visit.status, kinds(visit)) == ("confirmed", ["held", "booked"])


def test_an_ended_hold_is_confirmed_while_its_time_is_free(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    held = hold(at(10))
    actions.expire_holds(now=NOW + timedelta(minutes=10))
    visit = confirm(held, now=NOW + timedelta(minutes=11))
    assert visit.status == "confirmed"
    assert visit.events.latest("pk").changes == {"status": ["expired", "confirmed"]}


def test_a_lapsed_hold_is_refused_once_somebody_has_its_time(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    held = hold(at(10))
    later = NOW + timedelta(minutes=10)
    confirm(hold(at(10, 15), now=later), details=OTTO, now=later)
    with pytest.raises(actions.TimeTaken) as refused:
        confirm(held, now=later)
    assert refused.value.nearest == [at(9), at(11, 30), at(11, 45)]
    assert Client.objects.filter(name="Cleo").count() == 0


def test_confirming_a_lapsed_hold_ends_the_lapsed_holds_in_its_way(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    first = hold(at(10))
    second = hold(at(10, 15), now=NOW + timedelta(minutes=10))
    visit = confirm(first, now=NOW + timedelta(minutes=20))
    assert (visit.status, status_of(second)) == ("confirmed", "expired")


def test_a_hold_that_was_deleted_is_lost(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    held = hold(at(10))
    actions.release_hold(hold=held, now=NOW)
    assert actions.purge_expired(now=NOW + timedelta(days=2)) == 1
    with pytest.raises(actions.HoldLost):
        confirm(held)


def test_a_hold_made_in_time_may_be_confirmed_within_the_notice(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    held = hold(at(10, days=0))
    assert confirm(held, now=NOW + timedelta(minutes=9)).status == "confirmed"


def test_a_hold_cannot_be_confirmed_once_its_visit_would_have_begun(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room, lymph: Service
) -> None:
    held = hold(at(10, days=0))
    late = at(10, 1, days=0)
    with pytest.raises(actions.TimeTaken):
        confirm(held, now=late, health_check=make_check(lymph, late))


@pytest.mark.parametrize(
    "change", ["therapist", "training", "room", "option", "draft", "hours", "time off"]
)
def test_what_changed_between_hold_and_confirm_is_seen(
    change: str,
    hold: Hold,
    confirm: Confirm,
    mia: Therapist,
    fern: Room,
    hour: ServiceOption,
    lymph: Service,
) -> None:
    held = hold(at(10))
    match change:
        case "therapist":
            Therapist.objects.update(active=False)
        case "training":
            mia.services.remove(lymph)
        case "room":
            Room.objects.update(active=False)
        case "option":
            ServiceOption.objects.filter(pk=hour.pk).update(active=False)
        case "draft":
            Service.objects.filter(pk=lymph.pk).update(status=Service.Status.DRAFT)
        case "hours":
            mia.working_hours.all().delete()
        case "time off":
            mia.time_off.create(starts_at=at(10, 30), ends_at=at(10, 35))
    with pytest.raises(actions.TimeTaken):
        confirm(held)
    assert (status_of(held), Client.objects.count()) == ("held", 0)


def test_a_needed_clearance_makes_the_booking_a_request_that_blocks_its_time(
    book: Book, mia: Therapist, fern: Room
) -> None:
    request = book(at(10, days=4), outcome=Outcome.CLEARANCE)
    assert (request.status, kinds(request)) == ("requested", ["held", "requested"])
    assert sorted(request.messages.values_list("kind", "due_at")) == [
        ("clearance_expiring", at(10, days=2)),
        ("clearance_needed", at(8)),
        ("request_received", NOW),
    ]
    with pytest.raises(actions.TimeTaken):
        book(at(10, days=4), details=OTTO)


@pytest.mark.parametrize("outcome", [Outcome.CLEAR, Outcome.ADAPT])
def test_clear_and_adapt_are_booked(
    outcome: Outcome, book: Book, mia: Therapist, fern: Room
) -> None:
    assert book(at(10), outcome=outcome).status == "confirmed"


def test_a_visit_inside_a_lead_time_owes_no_reminder_for_it(
    book: Book, mia: Therapist, fern: Room
) -> None:
    assert set(book(at(10)).messages.values_list("kind", "lead_hours")) == {
        ("confirmation", 0),
        ("reminder", 3),
    }


def test_the_same_name_and_address_is_the_same_client(
    book: Book, mia: Therapist, fern: Room
) -> None:
    first = book(at(10))
    again = book(at(12), details=actions.Details("cleo", "CLEO@example.com", "+442079460001"))
    assert first.client is not None
    assert again.client == first.client
    assert again.client.name == "Cleo"


def test_a_stranger_cannot_put_a_number_of_hers_in_the_place_of_a_clients(
    book: Book, mia: Therapist, fern: Room
) -> None:
    first = book(at(10))
    stranger = book(at(12), details=replace(CLEO, phone="+442079460009"))
    assert first.client is not None
    first.client.refresh_from_db()
    assert str(first.client.phone) == "+442079460001"
    assert stranger.client != first.client


def test_a_family_that_shares_an_address_are_several_clients(
    book: Book, mia: Therapist, fern: Room
) -> None:
    first = book(at(10))
    assert book(at(12), details=replace(CLEO, name="Otto")).client != first.client


def test_two_of_one_name_without_an_address_are_two_clients(
    book: Book, mia: Therapist, fern: Room
) -> None:
    anna = actions.Details("Anna", "", "+442079460001")
    first, second = book(at(10), details=anna), book(at(12), details=anna)
    assert first.client != second.client
    assert not first.messages.exists()


def test_a_booking_without_a_phone_number_keeps_the_known_one(
    book: Book, mia: Therapist, fern: Room
) -> None:
    book(at(10))
    again = book(at(12), details=replace(CLEO, phone=""))
    assert again.client is not None
    assert str(again.client.phone) == "+442079460001"


def test_the_price_is_that_of_the_booking(
    book: Book, mia: Therapist, fern: Room, hour: ServiceOption
) -> None:
    visit = book(at(10))
    ServiceOption.objects.filter(pk=hour.pk).update(price=Decimal("99.00"))
    assert Appointment.objects.get(pk=visit.pk).price == Decimal("75.00")


# --- Letting go -------------------------------------------------------------------------------


def test_a_released_hold_frees_its_time_at_once(hold: Hold, mia: Therapist, fern: Room) -> None:
    first = hold(at(10))
    actions.release_hold(hold=first, now=NOW)
    assert (status_of(first), kinds(first)) == ("expired", ["held", "hold_ended"])
    assert hold(at(10)).status == "held"


def test_releasing_what_is_booked_changes_nothing(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    held = hold(at(10))
    confirm(held)
    actions.release_hold(hold=held, now=NOW)
    assert (status_of(held), kinds(held)) == ("confirmed", ["held", "booked"])


def test_the_sweep_ends_lapsed_holds_only(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    lapsed, live, booked = hold(at(9)), hold(at(11), now=NOW + timedelta(minutes=5)), hold(at(13))
    confirm(booked)
    assert actions.expire_holds(now=NOW + timedelta(minutes=10)) == 1
    assert [status_of(one) for one in (lapsed, live, booked)] == ["expired", "held", "confirmed"]


def test_ended_holds_are_forgotten_after_a_day_and_nothing_else(
    hold: Hold, confirm: Confirm, mia: Therapist, fern: Room
) -> None:
    ended, booked = hold(at(10)), confirm(hold(at(12)))
    actions.release_hold(hold=ended, now=NOW)
    expires = NOW + timedelta(minutes=10)
    assert actions.purge_expired(now=expires + timedelta(days=1)) == 0
    assert actions.purge_expired(now=expires + timedelta(days=1, seconds=1)) == 1
    assert list(Appointment.objects.all()) == [booked]
    assert set(Event.objects.values_list("appointment", flat=True)) == {booked.pk}
