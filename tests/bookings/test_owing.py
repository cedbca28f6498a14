"""Which letters a visit owes, when they go out, and what becomes of them when it changes."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from django.contrib.auth.models import User

from bookings import actions, delivery, messages
from bookings.actions import owing
from bookings.models import Appointment, Client, Message, Room, Therapist
from services.models import Service, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import NOW, OTTO, at

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
Do = Callable[..., Appointment]
GRACE = timedelta(seconds=60)


@pytest.fixture
def prepares(lymph: Service) -> Service:
    """The lead treatment with words about the day before."""
    Service.objects.update(preparation="<p>Wear loose clothes.</p>")
    lymph.refresh_from_db()
    return lymph


@pytest.fixture
def do(spa: SpaProfile, dana: User) -> Do:
    def _do(action: Do, visit: Appointment, *, now: datetime = NOW, **wish: object) -> Appointment:
        values = {"by": actions.staff(dana), "spa": spa, "now": now, **wish}
        return action(appointment=Appointment.objects.get(pk=visit.pk), **values)

    return _do


def waiting(visit: Appointment) -> dict[tuple[str, int], datetime]:
    rows = Message.objects.pending().filter(appointment=visit.pk)
    return {(one.kind, one.lead_hours): one.due_at for one in rows}


def states(visit: Appointment, kind: str) -> list[str]:
    rows = Message.objects.filter(appointment=visit.pk, kind=kind).order_by("pk")
    return list(rows.values_list("state", flat=True))


# --- How to prepare ---------------------------------------------------------------------------


@pytest.mark.usefixtures("prepares")
def test_a_first_visit_owes_how_to_prepare_and_a_second_does_not(
    book: Book, mia: Therapist, fern: Room
) -> None:
    first, second, otto = (
        book(at(14, days=4)),
        book(at(14, days=6)),
        book(at(10, days=6), details=OTTO),
    )
    assert waiting(first)["preparation", 0] == at(10, days=3)
    assert ("preparation", 0) not in waiting(second)
    assert waiting(otto)["preparation", 0] == at(10, days=5)


@pytest.mark.usefixtures("prepares")
def test_where_an_earlier_visit_is_booked_meanwhile_the_first_is_another(
    book: Book, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    later = book(at(14, days=6))
    sooner = book(at(14, days=3))
    assert ("preparation", 0) in waiting(sooner)
    delivery.deliver_due(now=at(10, days=5))
    assert states(sooner, "preparation") == ["void"]
    assert states(later, "preparation") == ["void"]


@pytest.mark.usefixtures("prepares")
def test_how_to_prepare_takes_the_place_of_that_days_reminder(
    book: Book, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    spa.reminder_lead_hours = [24, 3]
    spa.save()
    assert waiting(book(at(14, days=4))) == {
        ("confirmation", 0): NOW,
        ("preparation", 0): at(10, days=3),
        ("reminder", 3): at(11, days=4),
    }


@pytest.mark.usefixtures("prepares")
def test_who_books_for_tomorrow_reads_it_in_the_confirmation_only(
    book: Book, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    visit = book(at(14))
    assert sorted(waiting(visit)) == [("confirmation", 0), ("reminder", 3)]
    text = messages.compose(visit.messages.get(kind="confirmation"), spa=spa, now=NOW).body
    assert "Wear loose clothes." in text


@pytest.mark.usefixtures("prepares")
def test_owners_can_do_without_it(book: Book, mia: Therapist, fern: Room, spa: SpaProfile) -> None:
    spa.preparation_letters = False
    assert ("preparation", 0) not in waiting(book(at(14, days=4)))


@pytest.mark.usefixtures("prepares")
@pytest.mark.parametrize("silence", ["switch", "no words"])
def test_what_is_switched_off_stops_the_letters_that_wait(
    silence: str, book: Book, prepares: Service, mia: Therapist, fern: Room
) -> None:
    Service.objects.update(aftercare="<p>Rest.</p>")
    prepares.refresh_from_db()
    visit = book(at(14, days=4))
    if silence == "switch":
        SpaProfile.objects.update(preparation_letters=False, aftercare_letters=False)
    else:
        Service.objects.update(preparation="", aftercare="")
    delivery.deliver_due(now=at(10, days=3))
    Appointment.objects.update(status="completed")
    delivery.deliver_due(now=at(18, 30, days=4))
    assert states(visit, "preparation") + states(visit, "aftercare") == ["void", "void"]


# --- Quiet hours ------------------------------------------------------------------------------


def test_what_the_client_has_just_done_is_answered_at_night(
    book: Book, mia: Therapist, fern: Room
) -> None:
    night = at(23, 30, days=0)
    visit = book(at(14, days=4), when=night)
    delivery.deliver_due(now=night)
    assert states(visit, "confirmation") == ["sent"]


def test_what_the_desk_does_late_is_told_in_the_morning(
    book: Book, do: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14, days=4))
    delivery.deliver_due(now=NOW)
    do(
        actions.reschedule_appointment,
        visit,
        starts_at=at(15, days=4),
        now=at(20, 59, days=0) + GRACE / 2,
    )
    assert waiting(visit)["changed", 0] == at(7)
    delivery.deliver_due(now=at(6, 59))
    assert states(visit, "changed") == ["pending"]
    delivery.deliver_due(now=at(7))
    assert states(visit, "changed") == ["sent"]


def test_the_end_of_a_visit_that_begins_before_the_morning_mail_is_told_at_once(
    book: Book, do: Do, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    spa.quiet_until = time(9, 30)
    spa.save()
    visit = book(at(9))
    night = at(23, days=0)
    do(actions.cancel_appointment, visit, now=night)
    delivery.deliver_due(now=night + GRACE)
    assert states(visit, "cancelled") == ["sent"]


def test_what_was_late_for_its_hour_waits_for_the_morning_untried(
    book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14, days=4))
    reminder = Message.objects.get(appointment=visit, lead_hours=48)
    assert reminder.due_at == at(14, days=2)
    delivery.deliver_due(now=NOW)
    delivery.deliver_due(now=at(22, days=2))
    reminder.refresh_from_db()
    assert (reminder.state, reminder.due_at, reminder.attempts) == ("pending", at(7, days=3), 0)
    delivery.deliver_due(now=at(7, days=3))
    assert states(visit, "reminder")[0] == "sent"


# --- Requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("granted", "left"), [(True, {"reminder"}), (False, set())])
def test_a_decision_ends_the_letters_of_an_open_request(
    granted: bool, left: set[str], book: Book, do: Do, mia: Therapist, fern: Room
) -> None:
    request = book(at(14, days=4), outcome=Outcome.CLEARANCE)
    assert {kind for kind, _lead in waiting(request)} == {
        "request_received",
        "clearance_needed",
        "clearance_expiring",
    }
    delivery.deliver_due(now=NOW)
    do(actions.decide_request, request, granted=granted)
    assert {kind for kind, _lead in waiting(request)} == left | {
        "granted" if granted else "declined"
    }


def test_a_request_about_to_run_out_says_until_when_to_call(
    book: Book, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    request = book(at(14, days=4), outcome=Outcome.CLEARANCE)
    letter = request.messages.get(kind="clearance_expiring")
    assert letter.due_at == at(14, days=2)
    text = messages.compose(letter, spa=spa, now=letter.due_at).body
    assert "Call us by: Thursday 26 November, 14:00\n" in text


@pytest.mark.parametrize(
    ("o_clock", "state"), [(at(13, 59, days=3), "sent"), (at(14, days=3), "void")]
)
def test_nobody_is_asked_to_call_by_a_moment_that_is_over(
    o_clock: datetime, state: str, book: Book, mia: Therapist, fern: Room
) -> None:
    request = book(at(14, days=4), outcome=Outcome.CLEARANCE)
    delivery.deliver_due(now=NOW)
    delivery.deliver_due(now=o_clock)
    assert states(request, "clearance_needed") == [state]
    assert states(request, "clearance_expiring") == [state]


# --- Changes ----------------------------------------------------------------------------------


def test_a_cancellation_says_whose_doing_it_was(
    book: Book, do: Do, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    hers, ours = book(at(14, days=4)), book(at(10, days=4), details=OTTO)
    do(actions.cancel_appointment, hers, by=actions.CLIENT)
    do(actions.cancel_appointment, ours)
    texts = [
        messages.compose(
            Message.objects.get(appointment=one.pk, kind="cancelled"), spa=spa, now=NOW
        ).body
        for one in (hers, ours)
    ]
    assert "You cancelled it yourself: thank you for telling us in good time." in texts[0]
    assert "If you had not asked us to, we are sorry" in texts[1]
    assert "yourself" not in texts[1]


@pytest.mark.usefixtures("prepares")
def test_a_move_and_its_undo_take_every_letter_along(
    book: Book, do: Do, prepares: Service, mia: Therapist, fern: Room
) -> None:
    Service.objects.update(aftercare="<p>Rest.</p>")
    prepares.refresh_from_db()
    visit = book(at(14, days=4))
    delivery.deliver_due(now=NOW)
    before = waiting(visit)
    assert before == {
        ("reminder", 48): at(14, days=2),
        ("preparation", 0): at(10, days=3),
        ("reminder", 3): at(11, days=4),
        ("aftercare", 0): at(18, 30, days=4),
    }
    moved = do(actions.reschedule_appointment, visit, starts_at=at(12, days=6))
    assert waiting(visit) == {
        ("changed", 0): NOW + GRACE,
        ("reminder", 48): at(12, days=4),
        ("preparation", 0): at(10, days=5),
        ("reminder", 3): at(9, days=6),
        ("aftercare", 0): at(18, 30, days=6),
    }
    do(actions.undo_change, moved)
    assert waiting(visit) == before


def test_owing_the_same_twice_owes_it_once(
    book: Book, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14, days=4))
    before = waiting(visit)
    for _time in range(3):
        owing.owe_later(visit, spa=spa, now=NOW)
    assert waiting(visit) == before
    assert visit.messages.count() == len(before)


def test_nobody_without_an_address_is_owed_anything(
    book: Book, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14, days=4))
    Message.objects.all().delete()
    Client.objects.update(email="")
    owing.owe_later(Appointment.objects.get(pk=visit.pk), spa=spa, now=NOW)
    assert waiting(visit) == {}


def test_a_confirmation_that_found_no_address_goes_to_the_right_one(
    book: Book, dana: User, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14, days=4))
    Client.objects.update(email="")
    delivery.deliver_due(now=at(7))
    assert states(visit, "confirmation") == ["void"]
    client = Client.objects.get()
    actions.change_client(
        client=client,
        seen=actions.entry_of(client),
        name=client.name,
        email="right@example.com",
        by=actions.staff(dana),
        now=at(9),
    )
    assert waiting(visit)["confirmation", 0] == at(9) + GRACE
    delivery.deliver_due(now=at(9) + GRACE)
    assert visit.messages.get(kind="confirmation").sent_to == "right@example.com"


# --- A late start -----------------------------------------------------------------------------


def test_after_days_without_a_worker_the_nearest_reminder_is_enough(
    book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14, days=4))
    delivery.deliver_due(now=NOW)
    assert delivery.deliver_due(now=at(11, days=4)) == 1
    rows = visit.messages.filter(kind="reminder").order_by("lead_hours")
    assert list(rows.values_list("lead_hours", "state")) == [(3, "sent"), (48, "void")]


def test_a_late_reminder_goes_unless_the_next_follows_at_its_heels(
    book: Book, mia: Therapist, fern: Room
) -> None:
    late, too_late = book(at(14, days=4)), book(at(14, days=5), details=OTTO)
    delivery.deliver_due(now=NOW)
    delivery.deliver_due(now=at(10, days=3))
    assert states(late, "reminder")[0] == "sent"
    Message.objects.filter(appointment=too_late, lead_hours=3).update(due_at=at(15, 59, days=3))
    delivery.deliver_due(now=at(14, days=3))
    assert states(too_late, "reminder")[0] == "void"


def test_the_news_that_were_late_themselves_are_reminder_enough(
    book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14, days=4))
    assert delivery.deliver_due(now=at(14, days=2)) == 1
    assert states(visit, "confirmation") == ["sent"]
    assert states(visit, "reminder") == ["void", "pending"]


@pytest.mark.usefixtures("prepares")
@pytest.mark.parametrize(("prepares_her", "reminder"), [(True, "void"), (False, "sent")])
def test_a_late_reminder_makes_way_for_how_to_prepare(
    prepares_her: bool, reminder: str, book: Book, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    visit = book(at(14, days=4))
    delivery.deliver_due(now=NOW)
    SpaProfile.objects.update(preparation_letters=prepares_her)
    assert delivery.deliver_due(now=at(10, 30, days=3)) == 1
    assert states(visit, "reminder")[0] == reminder
    assert states(visit, "preparation") == ["sent" if prepares_her else "void"]


def test_a_question_is_no_reminder(book: Book, mia: Therapist, fern: Room) -> None:
    visit = book(at(14, days=4))
    delivery.deliver_due(now=NOW)
    due = at(14, days=2)
    visit.messages.create(
        kind="waiting_for_answer", sequence=visit.sequence, due_at=due, sent_at=due, state="sent"
    )
    delivery.deliver_due(now=due)
    assert states(visit, "reminder")[0] == "sent"
