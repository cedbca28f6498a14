"""The day of the visit, step by step and back."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User

from bookings import actions
from bookings.actions import owing
from bookings.models import Appointment, Room, Therapist
from services.models import ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, OTTO, at
from tests.bookings.rows import make_appointment

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]

STEPS: dict[str, Callable[..., Appointment]] = {
    "arrived": actions.mark_arrived,
    "completed": actions.mark_completed,
    "no_show": actions.mark_no_show,
}
TEN = at(10, days=4)


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    return book_again(TEN)


def stored(visit: Appointment) -> Appointment:
    return Appointment.objects.get(pk=visit.pk)


@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_recorded_and_what_waits_to_be_sent_follows_it(
    step: str, visit: Appointment, dana: User
) -> None:
    done = STEPS[step](appointment=visit, by=actions.staff(dana), now=TEN)
    assert (stored(visit).status, done.sequence) == (step, 2)
    event = visit.events.latest("pk")
    assert (event.kind, event.actor, event.at) == (step, dana, TEN)
    arrival = {"arrived_at": [None, TEN.isoformat()]} if step == "arrived" else {}
    assert event.changes == {"status": ["confirmed", step], **arrival}
    # Whether it is still true is asked when it is sent: a wrong tap must not lose a message.
    assert set(visit.messages.values_list("state", "sequence")) == {("pending", 2)}


@pytest.mark.parametrize(
    ("step", "from_status", "possible"),
    [
        ("arrived", "confirmed", True),
        ("arrived", "arrived", False),
        ("arrived", "requested", False),
        ("arrived", "completed", False),
        ("arrived", "cancelled", False),
        ("completed", "confirmed", True),
        ("completed", "arrived", True),
        ("completed", "requested", False),
        ("completed", "no_show", False),
        ("completed", "declined", False),
        ("no_show", "confirmed", True),
        ("no_show", "arrived", False),
        ("no_show", "requested", False),
        ("no_show", "completed", False),
    ],
)
def test_which_step_follows_which(
    step: str, from_status: str, possible: bool, visit: Appointment
) -> None:
    Appointment.objects.filter(pk=visit.pk).update(status=from_status)
    visit.refresh_from_db()
    if possible:
        assert STEPS[step](appointment=visit, by=actions.SYSTEM, now=TEN).status == step
        return
    with pytest.raises(actions.NoLongerPossible):
        STEPS[step](appointment=visit, by=actions.SYSTEM, now=TEN)
    assert stored(visit).status == from_status


@pytest.mark.parametrize("step", ["completed", "no_show"])
def test_a_visit_is_neither_over_nor_missed_before_it_begins(step: str, visit: Appointment) -> None:
    with pytest.raises(actions.NoLongerPossible):
        STEPS[step](appointment=visit, by=actions.SYSTEM, now=TEN - timedelta(seconds=1))
    assert stored(visit).status == "confirmed"


def test_a_client_may_arrive_early(visit: Appointment) -> None:
    early = TEN - timedelta(minutes=20)
    assert actions.mark_arrived(appointment=visit, by=actions.SYSTEM, now=early).status == "arrived"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", [TEN, TEN - timedelta(days=1)], ids=["at ten", "the day before"])
def test_a_stale_page_takes_no_step(when: datetime, step: str, visit: Appointment) -> None:
    seen = stored(visit)
    actions.mark_arrived(appointment=visit, by=actions.SYSTEM, now=TEN)
    with pytest.raises(actions.ChangedMeanwhile):
        STEPS[step](appointment=seen, by=actions.SYSTEM, now=when)
    assert stored(visit).status == "arrived"


@pytest.mark.parametrize("step", STEPS)
def test_a_stale_page_is_said_to_be_stale_though_the_step_is_no_longer_possible(
    step: str, visit: Appointment
) -> None:
    seen = visit.sequence
    actions.mark_no_show(appointment=visit, by=actions.SYSTEM, now=TEN)
    latest = stored(visit)
    latest.sequence = seen
    with pytest.raises(actions.ChangedMeanwhile):
        STEPS[step](appointment=latest, by=actions.SYSTEM, now=TEN)
    assert stored(visit).status == "no_show"


@pytest.mark.parametrize("step", STEPS)
def test_each_step_can_be_taken_back(
    step: str, visit: Appointment, spa: SpaProfile, dana: User
) -> None:
    done = STEPS[step](appointment=visit, by=actions.SYSTEM, now=TEN)
    back = actions.mark_expected(appointment=done, by=actions.staff(dana), spa=spa, now=TEN)
    assert (stored(visit).status, back.sequence) == ("confirmed", 3)
    event = visit.events.latest("pk")
    assert (event.kind, event.actor) == ("expected_again", dana)
    arrival = {"arrived_at": [TEN.isoformat(), None]} if step == "arrived" else {}
    assert event.changes == {"status": [step, "confirmed"], **arrival}
    assert set(visit.messages.values_list("state", "sequence")) == {("pending", 3)}


def test_nobody_arrives_before_the_day_of_the_visit(visit: Appointment) -> None:
    midnight = TEN.replace(hour=0)
    with pytest.raises(actions.NoLongerPossible):
        actions.mark_arrived(
            appointment=visit, by=actions.SYSTEM, now=midnight - timedelta(seconds=1)
        )
    assert visit.messages.pending().count() == 3
    assert actions.mark_arrived(appointment=visit, by=actions.SYSTEM, now=midnight).status == (
        "arrived"
    )


def test_a_wrong_tap_loses_no_message(visit: Appointment, spa: SpaProfile) -> None:
    """The mail server has been down since the booking: nothing has been sent yet."""
    # Nearer to the later reminder the earlier one would not go out any more.
    four = TEN - timedelta(hours=6)
    done = actions.mark_arrived(appointment=visit, by=actions.SYSTEM, now=four)
    actions.mark_expected(appointment=done, by=actions.SYSTEM, spa=spa, now=four)
    latest = stored(visit)
    assert sorted(latest.messages.pending().values_list("kind", "lead_hours")) == [
        ("confirmation", 0),
        ("reminder", 3),
        ("reminder", 48),
    ]
    assert all(owing.is_still_true(one, now=four) for one in latest.messages.pending())


@pytest.mark.parametrize("status", ["held", "requested", "confirmed", "cancelled", "declined"])
def test_nothing_else_is_taken_back(status: str, visit: Appointment, spa: SpaProfile) -> None:
    Appointment.objects.filter(pk=visit.pk).update(status=status, hold_expires_at=NOW)
    visit.refresh_from_db()
    with pytest.raises(actions.NoLongerPossible):
        actions.mark_expected(appointment=visit, by=actions.SYSTEM, spa=spa, now=TEN)


@pytest.mark.parametrize("step", ["completed", "no_show"])
def test_a_step_is_not_taken_back_once_somebody_else_has_the_time(
    step: str, visit: Appointment, spa: SpaProfile, book: Book
) -> None:
    done = STEPS[step](appointment=visit, by=actions.SYSTEM, now=TEN)
    later = book(TEN + timedelta(minutes=30), details=OTTO)
    with pytest.raises(actions.TimeTaken) as refused:
        actions.mark_expected(appointment=done, by=actions.SYSTEM, spa=spa, now=TEN)
    assert refused.value.nearest[0] == at(12, days=4)
    assert (stored(visit).status, stored(later).status) == (step, "confirmed")


def test_taking_a_step_back_ends_a_lapsed_hold_in_the_way(
    visit: Appointment, spa: SpaProfile, hour: ServiceOption, mia: Therapist, fern: Room
) -> None:
    done = actions.mark_no_show(appointment=visit, by=actions.SYSTEM, now=TEN)
    hold = make_appointment(hour, mia, fern, TEN, hold_expires_at=TEN)
    back = actions.mark_expected(appointment=done, by=actions.SYSTEM, spa=spa, now=TEN)
    assert (back.status, stored(hold).status) == ("confirmed", "expired")


@pytest.mark.parametrize(("step", "free"), [("arrived", []), ("completed", [TEN])])
def test_an_arrived_visit_keeps_its_time_and_a_completed_one_frees_it(
    step: str, free: list[datetime], visit: Appointment, book: Book
) -> None:
    STEPS[step](appointment=visit, by=actions.SYSTEM, now=TEN)
    if free:
        assert book(TEN, details=OTTO).starts_at == TEN
        return
    with pytest.raises(actions.TimeTaken):
        book(TEN, details=OTTO)


# --- The treatment begins ---------------------------------------------------------------------


def test_the_arrival_and_the_beginning_are_kept(visit: Appointment, dana: User) -> None:
    desk = {"by": actions.staff(dana)}
    early, begins = TEN - timedelta(minutes=5), TEN + timedelta(minutes=2)
    arrived = actions.mark_arrived(appointment=visit, now=early, **desk)
    begun = actions.start_treatment(appointment=arrived, now=begins, **desk)
    assert (begun.status, begun.arrived_at, begun.started_at) == ("arrived", early, begins)
    event = visit.events.latest("pk")
    assert (event.kind, event.actor) == ("started", dana)
    assert event.changes == {"started_at": [None, begins.isoformat()]}
    done = actions.mark_completed(appointment=begun, now=at(11, days=4), **desk)
    assert (done.arrived_at, done.started_at) == (early, begins)


def test_who_was_not_marked_as_arrived_is_here_when_it_begins(visit: Appointment) -> None:
    actions.start_treatment(appointment=visit, by=actions.SYSTEM, now=TEN)
    begun = stored(visit)
    assert (begun.status, begun.arrived_at, begun.started_at) == ("arrived", TEN, TEN)
    assert set(visit.messages.values_list("state", "sequence")) == {("pending", 2)}


def test_a_treatment_begins_once(visit: Appointment) -> None:
    begun = actions.start_treatment(appointment=visit, by=actions.SYSTEM, now=TEN)
    with pytest.raises(actions.NoLongerPossible):
        actions.start_treatment(appointment=begun, by=actions.SYSTEM, now=at(11, days=4))
    assert stored(visit).started_at == TEN


@pytest.mark.parametrize("status", ["requested", "completed", "no_show", "cancelled"])
def test_nothing_else_begins(status: str, visit: Appointment) -> None:
    Appointment.objects.filter(pk=visit.pk).update(status=status)
    visit.refresh_from_db()
    with pytest.raises(actions.NoLongerPossible):
        actions.start_treatment(appointment=visit, by=actions.SYSTEM, now=TEN)


def test_no_treatment_begins_before_its_day(visit: Appointment) -> None:
    with pytest.raises(actions.NoLongerPossible):
        actions.start_treatment(
            appointment=visit, by=actions.SYSTEM, now=TEN.replace(hour=0) - timedelta(seconds=1)
        )


def test_expected_again_forgets_the_arrival_and_the_beginning(
    visit: Appointment, spa: SpaProfile
) -> None:
    begun = actions.start_treatment(appointment=visit, by=actions.SYSTEM, now=TEN)
    actions.mark_expected(appointment=begun, by=actions.SYSTEM, spa=spa, now=TEN)
    back = stored(visit)
    assert (back.status, back.arrived_at, back.started_at) == ("confirmed", None, None)
