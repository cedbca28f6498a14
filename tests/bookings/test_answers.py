"""Health answers that were given for several visits: a stop holds for all, a decision for one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from bookings import actions
from bookings.cards import Card, shown
from bookings.models import Appointment, Client, HealthCheck, Room, Therapist
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import NOW, at, make_check

pytestmark = pytest.mark.django_db

Do = Callable[..., Appointment]
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def desk_book(
    spa: SpaProfile, hour: ServiceOption, cleo: Client, dana: User, mia: Therapist, fern: Room
) -> Do:
    def _book(days: int, check: HealthCheck, **how: Any) -> Appointment:
        wish: dict[str, Any] = {"service": hour.service, "option": hour, "now": NOW, **how}
        return actions.book_at_desk(
            client=cleo,
            starts_at=at(10, days=days),
            health_check=check,
            spa=spa,
            by=actions.staff(dana),
            **wish,
        )

    return _book


@pytest.fixture
def decide(spa: SpaProfile, dana: User) -> Do:
    def _decide(visit: Appointment, granted: bool, **how: Any) -> Appointment:
        return actions.decide_request(
            appointment=visit, granted=granted, by=actions.staff(dana), spa=spa, now=NOW, **how
        )

    return _decide


@pytest.fixture
def undo(spa: SpaProfile, dana: User) -> Do:
    def _undo(visit: Appointment) -> Appointment:
        return actions.undo_change(appointment=visit, by=actions.staff(dana), spa=spa, now=NOW)

    return _undo


def stored(visit: Appointment) -> Appointment:
    return Appointment.objects.select_related("health_check", "client", "service").get(pk=visit.pk)


def check_of(visit: Appointment) -> HealthCheck:
    check = stored(visit).health_check
    assert check is not None
    return check


def badge_of(visit: Appointment) -> str:
    verdict = Card(shown().get(pk=visit.pk), NOW).verdict
    return verdict.label if verdict else ""


def kinds(visit: Appointment) -> list[str]:
    return list(visit.events.order_by("pk").values_list("kind", flat=True))


# --- One check for each visit -----------------------------------------------------------------


def test_each_visit_has_a_check_of_its_own_that_says_the_same(
    desk_book: Do, decide: Do, dana: User, lymph: Service
) -> None:
    first = desk_book(3, make_check(lymph, NOW, Outcome.CLEARANCE))
    decide(first, True, note="Letter seen.")
    given = check_of(first)
    own = check_of(desk_book(10, given))
    assert own.pk != given.pk
    for field in HealthCheck._meta.concrete_fields[1:]:
        assert getattr(own, field.name) == getattr(given, field.name), field.name
    assert (own.review, own.review_note, own.reviewed_by) == ("granted", "Letter seen.", dana)


def test_a_decision_and_its_undo_are_about_one_visit(
    desk_book: Do, decide: Do, undo: Do, lymph: Service
) -> None:
    first = desk_book(3, make_check(lymph, NOW, Outcome.CLEARANCE))
    second = desk_book(10, check_of(first))
    decide(first, True, note="Letter seen.")
    declined = decide(second, False)
    assert (check_of(first).review, check_of(first).review_note) == ("granted", "Letter seen.")
    undo(declined)
    assert (stored(second).status, check_of(second).review) == ("requested", "")
    assert (stored(first).status, check_of(first).review) == ("confirmed", "granted")


def test_undoing_a_decision_restores_the_review_that_was_there(
    desk_book: Do, decide: Do, undo: Do, lymph: Service, dana: User
) -> None:
    # As visits were kept before each had a check of its own.
    shared = make_check(lymph, NOW, Outcome.CLEARANCE)
    first = desk_book(3, shared)
    second = desk_book(10, shared)
    Appointment.objects.filter(pk=second.pk).update(health_check=shared)
    HealthCheck.objects.filter(pk=shared.pk).update(
        review="granted", reviewed_by=dana, reviewed_at=NOW, review_note="Letter seen."
    )
    declined = decide(second, False, note="No letter.")
    assert (check_of(second).review, check_of(first).review) == ("declined", "granted")
    undo(declined)
    restored = check_of(second)
    assert (restored.review, restored.reviewed_by, restored.reviewed_at) == ("granted", dana, NOW)
    assert restored.review_note == "Letter seen."


# --- Stop means stop --------------------------------------------------------------------------


def test_a_stop_by_one_link_opens_all_her_visits_of_that_treatment(
    desk_book: Do, lymph: Service, massage: Service, moss: Room, spa: SpaProfile
) -> None:
    first = desk_book(3, make_check(lymph, NOW))
    second = desk_book(10, check_of(first))
    other = desk_book(4, make_check(massage, NOW), service=massage, option=massage.options.get())
    actions.withdraw_health_check(appointment=stored(first), by=actions.CLIENT, now=LATER)
    assert {badge_of(first), badge_of(second)} == {"Health check open: please call"}
    assert kinds(second) == ["booked", "health_withdrawn"]
    assert badge_of(other) == "Clear"
    with pytest.raises(actions.HealthCheckNeeded):
        actions.reschedule_appointment(
            appointment=stored(second), starts_at=at(14, days=10), by=actions.CLIENT, spa=spa,
            now=LATER,
        )  # fmt: skip


@pytest.mark.parametrize("meanwhile", ["moved", "cancelled"])
def test_a_stop_counts_whatever_the_desk_does_to_the_visit_meanwhile(
    desk_book: Do, lymph: Service, dana: User, spa: SpaProfile, meanwhile: str
) -> None:
    """She reads the visit, the desk is quicker by a moment, and she says that she is ill."""
    seen = desk_book(3, make_check(lymph, NOW))
    next_time = desk_book(10, check_of(seen))
    how: dict[str, Any] = {"appointment": stored(seen), "by": actions.staff(dana), "spa": spa}
    if meanwhile == "moved":
        actions.reschedule_appointment(starts_at=at(14, days=3), now=NOW, **how)
    else:
        actions.cancel_appointment(now=NOW, **how)
    actions.withdraw_health_check(appointment=seen, by=actions.CLIENT, now=LATER)
    assert badge_of(next_time) == "Health check open: please call"
    assert (stored(seen).health_check is None) == (meanwhile == "moved")


def test_new_answers_count_though_the_desk_moves_the_visit_meanwhile(
    desk_book: Do, lymph: Service, dana: User, spa: SpaProfile
) -> None:
    seen = desk_book(3, make_check(lymph, NOW))
    actions.reschedule_appointment(
        appointment=stored(seen), starts_at=at(14, days=3), by=actions.staff(dana), spa=spa, now=NOW
    )
    worse = make_check(lymph, NOW, Outcome.CLEARANCE)
    actions.renew_health_check(appointment=seen, check=worse, by=actions.CLIENT, now=NOW)
    assert (stored(seen).status, stored(seen).starts_at) == ("requested", at(14, days=3))


def test_a_stop_reaches_her_who_waits_here_but_no_treatment_that_goes_on(
    desk_book: Do, lymph: Service, dana: User
) -> None:
    today, now = at(10, days=3), at(9, 50, days=3)
    here = desk_book(3, make_check(lymph, NOW))
    next_time = desk_book(10, check_of(here))
    by = actions.staff(dana)
    arrived = actions.mark_arrived(appointment=here, by=by, now=now)
    actions.withdraw_health_check(appointment=stored(next_time), by=actions.CLIENT, now=now)
    assert badge_of(here) == "Health check open: please call"
    Appointment.objects.filter(pk=arrived.pk).update(
        health_check=make_check(lymph, now), started_at=today
    )
    actions.withdraw_health_check(appointment=stored(next_time), by=actions.CLIENT, now=today)
    assert stored(here).health_check is not None


def test_answers_of_before_a_stop_book_nothing_and_are_affirmed_no_more(
    desk_book: Do, lymph: Service, cleo: Client, dana: User
) -> None:
    past = desk_book(3, make_check(lymph, NOW))
    Appointment.objects.filter(pk=past.pk).update(status="completed")
    before = check_of(past)
    left = actions.withdraw_health_checks(
        client=cleo, service=lymph, by=actions.staff(dana), now=LATER
    )
    event = past.events.latest("pk")
    assert (left, event.kind, event.changes, event.reason) == ([], "health_outdated", {}, "")
    assert stored(past).health_check == before
    with pytest.raises(actions.HealthCheckNeeded):
        desk_book(10, before, now=LATER)
    rules = [row.rule() for row in lymph.contraindications.all()]
    with pytest.raises(actions.HealthCheckNeeded):
        actions.affirm_health_check(
            appointment=stored(past), rules=rules, by=actions.staff(dana), now=LATER
        )
    anew = make_check(lymph, LATER + timedelta(minutes=1))
    assert desk_book(10, anew, now=LATER + timedelta(minutes=1)).status == "confirmed"


def test_a_stop_in_mind_takes_no_undo_away(
    desk_book: Do, undo: Do, lymph: Service, cleo: Client, dana: User, spa: SpaProfile
) -> None:
    visit = desk_book(3, make_check(lymph, NOW))
    cancelled = actions.cancel_appointment(
        appointment=visit, by=actions.staff(dana), spa=spa, now=NOW
    )
    actions.withdraw_health_checks(client=cleo, service=lymph, by=actions.staff(dana), now=LATER)
    assert actions.can_undo(cancelled)


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_a_booking_that_waits_for_a_stop_finds_it(
    desk_book: Do, lymph: Service, cleo: Client, dana: User
) -> None:
    before = check_of(desk_book(3, make_check(lymph, NOW)))

    def book() -> str:
        try:
            return desk_book(10, before, now=LATER).status
        except actions.HealthCheckNeeded:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            actions.withdraw_health_checks(
                client=cleo, service=lymph, by=actions.staff(dana), now=LATER
            )
            booking = pool.submit(book)
            with pytest.raises(TimeoutError):
                booking.result(timeout=0.5)
        assert booking.result(timeout=10) == "refused"


# --- Worse answers ----------------------------------------------------------------------------


def test_worse_answers_by_one_link_are_those_of_all_her_visits_of_that_treatment(
    desk_book: Do, lymph: Service
) -> None:
    first = desk_book(3, make_check(lymph, NOW))
    second = desk_book(10, check_of(first))
    before = check_of(second)
    anew = make_check(lymph, LATER, Outcome.CLEARANCE)
    actions.renew_health_check(appointment=stored(first), check=anew, by=actions.CLIENT, now=LATER)
    assert {stored(first).status, stored(second).status} == {"requested"}
    assert kinds(second) == ["booked", "health_renewed", "requested"]
    assert check_of(second).pk not in (anew.pk, before.pk)
    assert (check_of(second).given_at, check_of(second).answers) == (LATER, anew.answers)
    assert list(second.messages.pending().news().values_list("kind", flat=True)) == [
        "request_received"
    ]
    with pytest.raises(actions.HealthCheckNeeded):
        desk_book(17, before, now=LATER)


def test_better_answers_by_one_link_leave_her_other_visits_as_they_are(
    desk_book: Do, lymph: Service
) -> None:
    first = desk_book(3, make_check(lymph, NOW, Outcome.ADAPT))
    second = desk_book(10, check_of(first))
    actions.renew_health_check(
        appointment=stored(first), check=make_check(lymph, LATER), by=actions.CLIENT, now=LATER
    )
    assert (badge_of(first), badge_of(second), kinds(second)) == ("Clear", "Adapt", ["booked"])


# --- For how long answers are good ------------------------------------------------------------


def test_answers_of_today_book_no_day_beyond_their_time(desk_book: Do, lymph: Service) -> None:
    check = make_check(lymph, NOW)
    with pytest.raises(actions.AnswersTooOld):
        desk_book(90, check, reason="Asked for it.")
    assert desk_book(89, check, reason="Asked for it.").status == "confirmed"


def test_a_visit_that_the_desk_moves_beyond_the_time_of_its_answers_says_so(
    desk_book: Do, decide: Do, lymph: Service, spa: SpaProfile, dana: User
) -> None:
    visit = desk_book(3, make_check(lymph, NOW, Outcome.CLEARANCE))

    def move(days: int) -> None:
        actions.reschedule_appointment(
            appointment=stored(visit), starts_at=at(10, days=days), by=actions.staff(dana),
            spa=spa, now=NOW, reason="Asked for it.",
        )  # fmt: skip

    move(90)
    assert badge_of(visit) == "Health check open: please call"
    assert not Card(shown().get(pk=visit.pk), NOW).can_grant
    with pytest.raises(actions.HealthCheckNeeded):
        decide(stored(visit), True)
    move(89)
    assert badge_of(visit) == "Awaiting clearance"
