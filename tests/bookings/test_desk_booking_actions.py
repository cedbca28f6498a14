"""Booking at the desk: any five minutes, and with a reason outside the rules of the house."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.models import (
    Appointment,
    Client,
    HealthCheck,
    Room,
    Therapist,
    TimeOff,
    WorkingHours,
)
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import NOW, OTTO, at, make_check
from tests.bookings.rows import make_appointment

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
TEN = at(10, days=1)
IN_A_MINUTE = NOW + timedelta(seconds=60)


@pytest.fixture
def otto(db: None) -> Client:
    return Client.objects.create(name=OTTO.name, email=OTTO.email, phone=OTTO.phone)


@pytest.fixture
def desk_book(
    spa: SpaProfile,
    lymph: Service,
    hour: ServiceOption,
    cleo: Client,
    check: HealthCheck,
    dana: User,
    mia: Therapist,
    fern: Room,
) -> Book:
    def _book(starts_at: datetime = TEN, **how: Any) -> Appointment:
        return actions.book_at_desk(
            **{
                "client": cleo,
                "service": lymph,
                "option": hour,
                "starts_at": starts_at,
                "health_check": check,
                "spa": spa,
                "by": actions.staff(dana),
                "now": NOW,
                **how,
            }
        )

    return _book


def waiting(visit: Appointment) -> set[tuple[str, int, datetime]]:
    return set(visit.messages.pending().values_list("kind", "lead_hours", "due_at"))


def rules_of(desk_book: Book, starts_at: datetime, **how: Any) -> list[str]:
    with pytest.raises(actions.ReasonNeeded) as refused:
        desk_book(starts_at, **how)
    return refused.value.rules


def words_in_the_way(desk_book: Book, starts_at: datetime, **how: Any) -> list[str]:
    with pytest.raises(actions.InTheWay) as refused:
        desk_book(starts_at, **how)
    return [blocker.words for blocker in refused.value.blockers]


# --- A visit ----------------------------------------------------------------------------------


def test_the_desk_books_a_confirmed_visit_at_once(
    desk_book: Book, cleo: Client, check: HealthCheck, dana: User, mia: Therapist, fern: Room
) -> None:
    visit = Appointment.objects.get(pk=desk_book(note="Comes by bus.").pk)
    assert (visit.status, visit.source, visit.client) == ("confirmed", "desk", cleo)
    assert (visit.therapist, visit.room, visit.health_check) == (mia, fern, check)
    assert (visit.starts_at, visit.ends_at, visit.busy_until) == (TEN, at(11), at(11, 15))
    assert (visit.price, visit.staff_note, visit.sequence) == (Decimal("75.00"), "Comes by bus.", 1)
    event = visit.events.get()
    assert (event.kind, event.actor, event.reason) == ("booked", dana, "")
    assert event.changes == {"status": [None, "confirmed"]}


def test_her_mail_waits_as_long_as_a_slip_can_be_undone(desk_book: Book) -> None:
    visit = desk_book(at(10, days=4))
    assert waiting(visit) == {
        ("confirmation", 0, IN_A_MINUTE),
        ("reminder", 48, at(10, days=2)),
        ("reminder", 3, at(7, days=4)),
    }


def test_without_a_mail_she_is_reminded_all_the_same(desk_book: Book) -> None:
    visit = desk_book(at(10, days=4), tell=False)
    assert waiting(visit) == {("reminder", 48, at(10, days=2)), ("reminder", 3, at(7, days=4))}


def test_who_has_no_address_is_booked_without_any_mail(desk_book: Book) -> None:
    walk_in = Client.objects.create(name="Wanda")
    visit = desk_book(client=walk_in)
    assert (visit.client, visit.messages.count()) == (walk_in, 0)


def test_a_check_that_asks_for_a_clearance_makes_a_request(desk_book: Book, lymph: Service) -> None:
    visit = desk_book(health_check=make_check(lymph, NOW, Outcome.CLEARANCE))
    assert visit.status == "requested"
    assert waiting(visit) == {("request_received", 0, IN_A_MINUTE)}
    assert visit.events.get().kind == "requested"


def test_a_clearance_that_was_given_stands_for_the_next_visit(
    desk_book: Book, lymph: Service, dana: User, spa: SpaProfile
) -> None:
    check = make_check(lymph, NOW, Outcome.CLEARANCE)
    first = desk_book(health_check=check)
    actions.decide_request(
        appointment=first, granted=True, by=actions.staff(dana), spa=spa, now=NOW
    )
    check.refresh_from_db()
    assert desk_book(at(10, days=8), health_check=check).status == "confirmed"


def test_a_clearance_that_was_declined_books_nothing(
    desk_book: Book, lymph: Service, dana: User, spa: SpaProfile
) -> None:
    check = make_check(lymph, NOW, Outcome.CLEARANCE)
    first = desk_book(health_check=check)
    actions.decide_request(
        appointment=first, granted=False, by=actions.staff(dana), spa=spa, now=NOW
    )
    check.refresh_from_db()
    with pytest.raises(actions.HealthCheckNeeded):
        desk_book(at(10, days=8), health_check=check)


def test_any_five_minutes_will_do(desk_book: Book) -> None:
    assert desk_book(at(10, 5)).starts_at == at(10, 5)


def test_it_is_free_for_the_next_one_right_after_the_tidying(desk_book: Book, otto: Client) -> None:
    desk_book()
    assert desk_book(at(11, 15), client=otto, health_check=otto_check()).starts_at == at(11, 15)


def otto_check() -> HealthCheck:
    return make_check(Service.objects.get(slug="lymphatic-drainage-massage"), NOW)


def test_any_therapist_means_her_own_first(desk_book: Book, cleo: Client, noor: Therapist) -> None:
    cleo.preferred_therapist = noor
    cleo.save()
    assert desk_book().therapist == noor
    assert desk_book(at(12)).therapist == noor


def test_a_chosen_room_is_taken(desk_book: Book, moss: Room, lymph: Service, fern: Room) -> None:
    moss.services.add(lymph)
    assert desk_book(room=moss).room == moss
    assert desk_book(at(12), room=fern).room == fern


def test_a_merged_record_books_for_the_one_that_is_kept(desk_book: Book, cleo: Client) -> None:
    old = Client.objects.create(name="Cloe", merged_into=cleo)
    assert desk_book(client=old).client == cleo


# --- The health check -------------------------------------------------------------------------


def test_an_earlier_check_serves_as_long_as_it_holds(desk_book: Book, check: HealthCheck) -> None:
    desk_book()
    months_later = NOW + timedelta(days=80)
    spare: dict[str, Any] = {"now": months_later, "health_check": check}
    assert desk_book(at(10, days=89), **spare).status == "confirmed"
    with pytest.raises(actions.HealthCheckNeeded):
        desk_book(at(10, days=90), **spare)


def test_an_unused_check_of_yesterday_books_nothing(desk_book: Book, lymph: Service) -> None:
    with pytest.raises(actions.HealthCheckNeeded):
        desk_book(health_check=make_check(lymph, NOW - timedelta(hours=2)))


def test_somebody_elses_check_books_nothing(
    desk_book: Book, book: Book, check: HealthCheck, otto: Client
) -> None:
    desk_book()
    with pytest.raises(actions.HealthCheckNeeded):
        desk_book(at(14), client=otto)


def test_a_check_for_another_treatment_books_nothing(desk_book: Book, massage: Service) -> None:
    with pytest.raises(actions.HealthCheckNeeded):
        desk_book(health_check=make_check(massage, NOW))


def test_a_check_that_was_forgotten_meanwhile_books_nothing(
    desk_book: Book, check: HealthCheck
) -> None:
    HealthCheck.objects.get(pk=check.pk).delete()
    with pytest.raises(actions.HealthCheckNeeded):
        desk_book()
    assert not Appointment.objects.exists()


# --- Rules of the house -----------------------------------------------------------------------


def test_outside_the_hours_a_reason_is_asked_for_and_kept(desk_book: Book) -> None:
    late = at(18)
    assert rules_of(desk_book, late) == ["Mia works 09:00 – 17:00 on this day."]
    visit = desk_book(late, reason="  Comes from the late train. ")
    assert visit.starts_at == late
    assert visit.events.get().reason == "Comes from the late train."


@pytest.mark.parametrize("blank", ["", "   ", "\n"])
def test_a_blank_reason_is_none(desk_book: Book, blank: str) -> None:
    assert rules_of(desk_book, at(18), reason=blank)


def test_the_time_to_tidy_up_counts(desk_book: Book) -> None:
    assert desk_book(at(15, 45)).starts_at == at(15, 45)
    assert rules_of(desk_book, at(15, 50, days=2)) == [
        "Mia works 09:00 – 17:00 on this day; preparing and tidying up count too."
    ]


def test_each_broken_rule_is_told_in_a_sentence(desk_book: Book, mia: Therapist) -> None:
    mia.working_hours.filter(weekday=1).update(break_starts=time(12, 30), break_ends=time(13))
    mia.working_hours.filter(weekday=2).delete()
    mia.working_hours.filter(weekday=3).update(ends=time(12))
    WorkingHours.objects.create(therapist=mia, weekday=3, starts=time(14), ends=time(18))
    TimeOff.objects.create(
        therapist=mia, starts_at=at(9, days=4), ends_at=at(12, days=4), reason="Dentist"
    )
    TimeOff.objects.create(starts_at=at(0, days=5), ends_at=at(0, days=7), reason="Stocktaking")
    TimeOff.objects.create(therapist=mia, starts_at=at(15, days=7), ends_at=at(9, days=8))
    told = {
        at(12, days=1): ["Mia has a break 12:30 – 13:00."],
        at(10, days=2): ["Mia does not work on Wednesday 25 November."],
        at(13, days=3): ["Mia works 09:00 – 12:00 and 14:00 – 18:00 on this day."],
        at(11, days=4): ["Mia is off (Dentist): Friday 27 November, 09:00 – 12:00."],
        at(10, days=5): [
            "The spa is closed (Stocktaking): Saturday 28 November – Sunday 29 November."
        ],
        at(14, 30, days=7): ["Mia is off: Monday 30 November, 15:00 – Tuesday 1 December, 09:00."],
        NOW + timedelta(hours=1, minutes=55): [
            "This is within the 2 hours of notice that the spa asks for."
        ],
        NOW - timedelta(minutes=5): [
            "This time has already begun.",
            "Mia works 09:00 – 17:00 on this day.",
        ],
        at(10, days=61): ["The diary is open until Friday 22 January 2027."],
    }
    for starts_at, rules in told.items():
        assert rules_of(desk_book, starts_at, therapist=mia) == rules
        visit = desk_book(starts_at, therapist=mia, reason="It has to be.")
        assert visit.starts_at == starts_at
        Appointment.objects.all().delete()


def test_the_notice_is_kept_to_the_minute(desk_book: Book) -> None:
    assert desk_book(NOW + timedelta(hours=2)).starts_at == at(10, days=0)


def test_with_a_reason_somebody_who_is_at_work_is_chosen(
    desk_book: Book, cleo: Client, mia: Therapist, noor: Therapist
) -> None:
    mia.working_hours.all().delete()
    Client.objects.filter(pk=cleo.pk).update(preferred_therapist=mia)
    noor.working_hours.update(ends=time(16))
    visit = desk_book(at(15, 30), reason="Asked for it.")
    assert visit.therapist == noor


# --- Another visit of the same client ---------------------------------------------------------


def test_a_second_visit_at_the_same_time_needs_a_reason(
    desk_book: Book, cleo: Client, mia: Therapist, noor: Therapist, moss: Room, lymph: Service
) -> None:
    moss.services.add(lymph)
    desk_book(at(12), therapist=mia)
    told = ["Cleo has a visit then: 12:00 – 13:00 with Mia."]
    assert rules_of(desk_book, at(12, 30), therapist=noor) == told
    assert rules_of(desk_book, at(11, 5)) == told
    assert desk_book(at(12, 30), therapist=noor, reason="For her mother.").therapist == noor


def test_visits_that_only_touch_or_take_no_time_are_no_second_visit(
    desk_book: Book,
    book: Book,
    hour: ServiceOption,
    cleo: Client,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    lymph: Service,
) -> None:
    moss.services.add(lymph)
    make_appointment(hour, mia, fern, at(12), client=cleo, status="cancelled")
    make_appointment(hour, mia, fern, at(14), client=cleo, status="confirmed")
    book(at(12), therapist=mia, details=OTTO)
    for starts_at in (at(11, 45), at(13), at(15)):
        assert desk_book(starts_at, therapist=noor).starts_at == starts_at


def test_all_that_speaks_against_a_time_is_said_at_once(
    desk_book: Book, hour: ServiceOption, cleo: Client, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    moss = Room.objects.create(name="Sage")
    moss.services.add(hour.service)
    make_appointment(hour, noor, moss, at(18), client=cleo, status="requested")
    assert rules_of(desk_book, at(18), therapist=mia) == [
        "Cleo has a visit then: 18:00 – 19:00 with Noor.",
        "Mia works 09:00 – 17:00 on this day.",
    ]


# --- In the way -------------------------------------------------------------------------------


def test_who_is_in_the_way_is_named_with_her_time(
    desk_book: Book, book: Book, mia: Therapist, fern: Room
) -> None:
    other = book(at(10), details=OTTO)
    with pytest.raises(actions.InTheWay) as refused:
        desk_book(at(10, 30), therapist=mia)
    (blocker,) = refused.value.blockers
    assert (blocker.words, blocker.reference) == ("Mia is with Otto until 11:00", other.reference)
    assert (blocker.starts_at, blocker.ends_at) == (at(10), at(11))
    assert refused.value.nearest == [at(11, 15), at(11, 30), at(11, 45)]
    assert refused.value.message == (
        "Mia is with Otto until 11:00. Nothing was changed. These are the nearest free times."
    )
    assert Appointment.objects.count() == 1


@pytest.mark.parametrize("reason", ["", "It has to be."])
def test_no_reason_makes_room_for_two(desk_book: Book, book: Book, reason: str) -> None:
    book(at(10), details=OTTO)
    with pytest.raises(actions.TimeTaken):
        desk_book(at(10, 30), reason=reason)


def test_each_way_of_being_in_the_way_has_its_words(
    desk_book: Book, book: Book, hour: ServiceOption, mia: Therapist, fern: Room
) -> None:
    book(at(12), details=OTTO)
    make_appointment(hour, mia, fern, at(15))
    assert {
        starts_at: words_in_the_way(desk_book, starts_at, therapist=mia)
        for starts_at in (at(12, 30), at(11, 30), at(13, 10), at(10, 50), at(15))
    } == {
        at(12, 30): ["Mia is with Otto until 13:00"],
        at(11, 30): ["Mia is with Otto from 12:00"],
        at(13, 10): ["Mia is with Otto until 13:00: too little time to tidy up and prepare"],
        at(10, 50): ["Mia is with Otto from 12:00: too little time to tidy up and prepare"],
        at(15): ["Somebody is just booking 15:00 – 16:00 with Mia"],
    }


def test_a_taken_room_is_named_with_who_is_in_it(
    desk_book: Book, book: Book, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    book(at(12), details=OTTO, therapist=noor)
    assert {
        starts_at: words_in_the_way(desk_book, starts_at, therapist=mia)
        for starts_at in (at(12, 30), at(11, 30), at(13, 10), at(10, 50))
    } == {
        at(12, 30): ["The room Fern is taken by Otto until 13:00"],
        at(11, 30): ["The room Fern is taken by Otto from 12:00"],
        at(13, 10): [
            "The room Fern is taken by Otto until 13:00: too little time to tidy up and prepare"
        ],
        at(10, 50): [
            "The room Fern is taken by Otto from 12:00: too little time to tidy up and prepare"
        ],
    }


def test_where_the_therapist_is_taken_the_rooms_are_not_named(
    desk_book: Book, book: Book, mia: Therapist, noor: Therapist, fern: Room, moss: Room
) -> None:
    moss.services.set(fern.services.all())
    book(at(12), details=OTTO, therapist=noor)
    book(at(12), details=OTTO, therapist=mia)
    assert words_in_the_way(desk_book, at(12), therapist=mia) == ["Mia is with Otto until 13:00"]


def test_a_taken_room_is_not_in_the_way_while_another_is_free(
    desk_book: Book, book: Book, mia: Therapist, noor: Therapist, fern: Room, moss: Room
) -> None:
    moss.services.set(fern.services.all())
    book(at(12), details=OTTO, therapist=noor)
    assert desk_book(at(12), therapist=mia).room == moss


def test_where_anybody_will_do_nobody_is_named(desk_book: Book, book: Book) -> None:
    book(at(10), details=OTTO)
    with pytest.raises(actions.TimeTaken) as refused:
        desk_book(at(10, 30))
    assert not isinstance(refused.value, actions.InTheWay)
    assert refused.value.nearest == [at(11, 15), at(11, 30), at(11, 45)]


def test_what_can_never_be_is_refused_with_any_reason(
    desk_book: Book,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
    lymph: Service,
    spa: SpaProfile,
) -> None:
    # For how long answers are good is another question.
    spa.health_check_valid_days = 10_000_000
    noor.services.clear()
    tomas = Therapist.objects.create(name="Tomas", active=False)
    sage = Room.objects.create(name="Sage", active=False)
    tries: list[tuple[datetime, dict[str, Any], str]] = [
        (at(10), {"therapist": noor}, "Noor does not give “Lymphatic drainage massage”"),
        (at(10), {"therapist": tomas}, "Tomas takes no appointments at present"),
        (at(10), {"room": moss}, "Moss does not suit “Lymphatic drainage massage”"),
        (at(10), {"room": sage}, "Sage is not in use"),
        (at(10, 2), {}, "Visits begin at full five minutes, such as 10:05"),
        (at(10, days=-1), {}, "Visits can be placed from today until Thursday 23 November 2028"),
        (
            datetime(9999, 12, 31, 12, tzinfo=UTC),
            {},
            "Visits can be placed from today until Thursday 23 November 2028",
        ),
    ]
    for starts_at, how, words in tries:
        assert words_in_the_way(desk_book, starts_at, reason="It has to be.", **how) == [words]
    fern.services.clear()
    assert words_in_the_way(desk_book, at(10), reason="It has to be.") == [
        "No room suits “Lymphatic drainage massage” at present"
    ]
    Service.objects.filter(pk=lymph.pk).update(status="draft")
    lymph.refresh_from_db()
    assert words_in_the_way(desk_book, at(10), service=lymph) == [
        "“Lymphatic drainage massage, 60 minutes” cannot be booked at present"
    ]
    assert not Appointment.objects.exists()


# --- Flat cost --------------------------------------------------------------------------------


def queries_of(desk_book: Book, starts_at: datetime, **how: Any) -> int:
    with CaptureQueriesContext(connection) as captured, suppress(actions.BookingError):
        desk_book(starts_at, **how)
    return len(captured)


@pytest.mark.parametrize("hour_of_day", [10, 12, 18], ids=["free", "taken", "after hours"])
def test_a_booking_costs_the_same_for_any_number_of_people(
    hour_of_day: int,
    desk_book: Book,
    hour: ServiceOption,
    mia: Therapist,
    fern: Room,
    cleo: Client,
) -> None:
    taken = {"status": "confirmed", "client": cleo, "hold_expires_at": None}
    make_appointment(hour, mia, fern, at(12), **taken)
    few = queries_of(desk_book, at(hour_of_day), therapist=mia)
    Appointment.objects.filter(source="desk").delete()
    for number in range(12):
        somebody = Therapist.objects.create(name=f"Therapist {number}")
        somebody.services.add(hour.service)
        room = Room.objects.create(name=f"Room {number}")
        room.services.add(hour.service)
        make_appointment(hour, somebody, room, at(12), **taken)
    assert queries_of(desk_book, at(hour_of_day), therapist=mia) == few


# --- The note of the desk ---------------------------------------------------------------------


def test_a_note_is_kept_and_its_event_says_nothing_of_it(desk_book: Book, dana: User) -> None:
    visit = desk_book()
    noted = actions.note_on_appointment(
        appointment=visit, note="Wants the warm room.", by=actions.staff(dana), now=NOW
    )
    stored = Appointment.objects.get(pk=visit.pk)
    assert (stored.staff_note, stored.sequence) == ("Wants the warm room.", noted.sequence)
    event = visit.events.latest("pk")
    assert (event.kind, event.changes, event.reason) == ("noted", {}, "")


def test_a_note_does_not_write_over_one_that_the_writer_has_not_seen(
    desk_book: Book, dana: User
) -> None:
    visit = desk_book(note="First.")
    note: dict[str, Any] = {
        "appointment": visit,
        "by": actions.staff(dana),
        "now": NOW,
        "seen": "First.",
    }
    actions.note_on_appointment(**note, note="Second.")
    with pytest.raises(actions.ChangedMeanwhile) as refused:
        actions.note_on_appointment(**note, note="Third.")
    assert refused.value.latest is not None
    assert refused.value.latest.staff_note == "Second."
    assert Appointment.objects.get(pk=visit.pk).staff_note == "Second."
