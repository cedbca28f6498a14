"""Mail to therapists: notes on late changes, and the sheet of the coming day."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from email import message_from_bytes, policy

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from bookings import actions, delivery, messages
from bookings.actions import outbox
from bookings.models import Appointment, Message, Room, Therapist
from services.models import SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import NOW, OTTO, at

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
Do = Callable[..., Appointment]
GRACE = timedelta(seconds=60)
SECRETS = "lymph|drainage|massage|health|heart|asthma|doctor|adapt|clear"


@pytest.fixture(autouse=True)
def _addresses(mia: Therapist, noor: Therapist) -> None:
    for one in (mia, noor):
        one.email = f"{one.name.lower()}@qi-spa.example"
        one.save()


@pytest.fixture
def do(spa: SpaProfile, dana: User) -> Do:
    def _do(action: Do, visit: Appointment, *, now: datetime = NOW, **wish: object) -> Appointment:
        values = {"by": actions.staff(dana), "spa": spa, "now": now, **wish}
        return action(appointment=Appointment.objects.get(pk=visit.pk), **values)

    return _do


def notes_about(visit: Appointment) -> QuerySet[Message]:
    """As the worker reads them: with the visit as it stands."""
    return Message.objects.filter(appointment=visit.pk, kind="therapist_note")


def notes(visit: Appointment) -> list[tuple[str, datetime, str]]:
    rows = notes_about(visit).order_by("pk")
    return [(one.address, one.due_at, one.state) for one in rows]


def text_of(message: Message, spa: SpaProfile, now: datetime) -> str:
    raw = messages.compose(message, spa=spa, now=now).message().as_bytes()
    mail = message_from_bytes(raw, policy=policy.default)
    body = mail.get_body(("plain",))
    assert body is not None
    return f"{mail['Subject']}\n{mail['To']}\n{body.get_content()}"


# --- Late changes -----------------------------------------------------------------------------


def test_a_visit_booked_for_today_is_told_to_its_therapist(
    book: Book, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    visit = book(at(15, days=0), therapist=mia)
    assert notes(visit) == [("mia@qi-spa.example", NOW, "pending")]
    (note,) = notes_about(visit)
    told = text_of(note, spa, NOW)
    assert "Your day has changed: Monday 23 November, 15:00\nmia@qi-spa.example\n" in told
    assert "A visit is new in your day." in told
    assert "Now: Monday 23 November, 15:00 – 16:00\nRoom: Fern\nWho: Cleo\n" in told
    assert "/therapist/?date=2026-11-23" in told


def test_a_change_far_ahead_is_no_news_of_the_day(
    book: Book, do: Do, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4), therapist=mia)
    do(actions.reschedule_appointment, visit, starts_at=at(14, days=5))
    do(actions.cancel_appointment, visit)
    assert notes(visit) == []


@pytest.mark.parametrize(("days", "is_late"), [(1, True), (2, False)])
def test_late_is_what_the_owners_say(
    days: int, is_late: bool, book: Book, do: Do, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    spa.late_change_hours = 30
    visit = book(at(10, days=days), therapist=mia, when=NOW - timedelta(days=1))
    do(actions.cancel_appointment, visit)
    assert bool(notes(visit)) is is_late


def test_a_visit_that_changes_hands_is_told_to_both(
    book: Book,
    do: Do,
    spa: SpaProfile,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    moss: Room,
) -> None:
    spa.late_change_hours = 30
    visit = book(at(10), therapist=mia, when=NOW - timedelta(days=1))
    do(actions.reschedule_appointment, visit, starts_at=at(11), therapist=noor)
    assert notes(visit) == [
        ("mia@qi-spa.example", NOW + GRACE, "pending"),
        ("noor@qi-spa.example", NOW + GRACE, "pending"),
    ]
    to_mia, to_noor = notes_about(visit).order_by("pk")
    assert "Your day has changed: Tuesday 24 November, 10:00" in text_of(to_mia, spa, NOW)
    assert (
        "Before: Tuesday 24 November, 10:00 – 11:00\nNow: With somebody else\nWho: Cleo"
        in text_of(to_mia, spa, NOW)
    )
    assert "Now: Tuesday 24 November, 11:00 – 12:00\nRoom: Fern\nWho: Cleo" in text_of(
        to_noor, spa, NOW
    )


def test_two_changes_within_a_minute_make_one_note_from_first_to_last(
    book: Book, do: Do, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10), therapist=mia, when=NOW - timedelta(days=2))
    spa.late_change_hours = 48
    do(actions.reschedule_appointment, visit, starts_at=at(12))
    do(actions.reschedule_appointment, visit, starts_at=at(15))
    (note,) = notes_about(visit)
    assert (
        "Before: Tuesday 24 November, 10:00 – 11:00\nNow: Tuesday 24 November, 15:00 – 16:00\n"
        in text_of(note, spa, NOW)
    )


def test_a_slip_that_is_taken_back_is_never_heard_of(
    book: Book, do: Do, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10), therapist=mia, when=NOW - timedelta(days=2))
    spa.late_change_hours = 48
    cancelled = do(actions.cancel_appointment, visit)
    assert len(notes(visit)) == 1
    do(actions.undo_change, cancelled)
    delivery.deliver_due(now=NOW + 2 * GRACE)
    assert notes(visit) == [("mia@qi-spa.example", NOW + GRACE, "void")]


def test_what_was_told_and_is_taken_back_is_told_again(
    book: Book, do: Do, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10), therapist=mia, when=NOW - timedelta(days=2))
    SpaProfile.objects.update(late_change_hours=48)
    spa.refresh_from_db()
    cancelled = do(actions.cancel_appointment, visit)
    delivery.deliver_due(now=NOW + 2 * GRACE)
    do(actions.undo_change, cancelled, now=NOW + 3 * GRACE)
    assert [state for _to, _due, state in notes(visit)] == ["sent", "pending"]
    again = notes_about(visit).get(state="pending")
    assert "A visit is new in your day." in text_of(again, spa, NOW)


def test_a_change_while_a_note_is_being_sent_makes_a_note_of_its_own(
    book: Book, do: Do, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10), therapist=mia, when=NOW - timedelta(days=2))
    spa.late_change_hours = 48
    moved = do(actions.reschedule_appointment, visit, starts_at=at(12))
    claimed = outbox.claim_due(now=NOW + GRACE, until=NOW + 4 * GRACE, limit=9)
    (first,) = (one for one in claimed if one.kind == "therapist_note")
    begun = outbox.begin_attempt(first)
    assert begun is not None
    assert "Now: Tuesday 24 November, 12:00 – 13:00" in text_of(begun, spa, NOW)
    do(actions.undo_change, moved, now=NOW + 2 * GRACE)
    outbox.mark_sent(begun, now=NOW + 3 * GRACE)
    assert [(due, state) for _to, due, state in notes(visit)] == [
        (NOW + GRACE, "sent"),
        (NOW + 3 * GRACE, "pending"),
    ]
    delivery.deliver_due(now=NOW + 3 * GRACE)
    corrected = notes_about(visit).latest("pk")
    assert corrected.state == "sent"
    assert "Now: Tuesday 24 November, 10:00 – 11:00" in text_of(corrected, spa, NOW)


def test_a_note_on_its_way_to_somebody_else_is_left_alone(
    book: Book,
    do: Do,
    spa: SpaProfile,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
) -> None:
    visit = book(at(10), therapist=mia, when=NOW - timedelta(days=2))
    spa.late_change_hours = 48
    do(actions.reschedule_appointment, visit, starts_at=at(10), therapist=noor)
    outbox.claim_due(now=NOW + GRACE, until=NOW + 4 * GRACE, limit=9)
    do(actions.reschedule_appointment, visit, starts_at=at(12), now=NOW + 2 * GRACE)
    assert [(to[:4].strip("@"), state) for to, _due, state in notes(visit)] == [
        ("mia", "pending"),
        ("noor", "void"),
        ("noor", "pending"),
    ]


@pytest.mark.parametrize("silence", ["switch", "wish", "address", "own doing"])
def test_who_wants_none_has_no_address_or_did_it_gets_no_note(
    silence: str, book: Book, do: Do, spa: SpaProfile, mia: Therapist, fern: Room, dana: User
) -> None:
    visit = book(at(10), therapist=mia, when=NOW - timedelta(days=2))
    spa.late_change_hours = 48
    spa.therapist_notes = silence != "switch"
    mia.wants_notes = silence != "wish"
    mia.email = "" if silence == "address" else mia.email
    mia.user = dana if silence == "own doing" else None
    mia.save()
    do(actions.cancel_appointment, visit)
    assert notes(visit) == []


def test_at_night_a_note_waits_for_the_morning_unless_the_visit_does_not(
    book: Book, do: Do, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    early, later = (
        book(at(hour), details=who, therapist=mia, when=NOW - timedelta(days=2))
        for hour, who in [(9, actions.Details("Cleo", "cleo@example.com", "")), (11, OTTO)]
    )
    night = at(23, days=0)
    spa.quiet_until = time(8, 30)
    for visit in (early, later):
        do(actions.cancel_appointment, visit, now=night)
    assert [due for _to, due, _state in notes(later)] == [at(8, 30)]
    assert [due for _to, due, _state in notes(early)] == [night + GRACE]
    assert notes_about(early).get().at_any_hour


def test_who_has_left_by_the_morning_gets_no_note_of_the_night(
    book: Book, do: Do, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    visit = book(at(11), therapist=mia, when=NOW - timedelta(days=2))
    do(actions.cancel_appointment, visit, now=at(22, days=0))
    assert [due for _to, due, _state in notes(visit)] == [at(7)]
    Therapist.objects.filter(pk=mia.pk).update(active=False)
    delivery.deliver_due(now=at(7))
    assert [state for _to, _due, state in notes(visit)] == ["void"]


def test_what_the_owners_switch_off_stops_the_notes_that_wait(
    book: Book, do: Do, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    visit = book(at(15, days=0), therapist=mia)
    SpaProfile.objects.update(therapist_notes=False)
    delivery.deliver_due(now=NOW)
    assert [state for _to, _due, state in notes(visit)] == ["void"]


# --- The sheet of the day ---------------------------------------------------------------------


@pytest.fixture
def tomorrow(
    book_again: Book, spa: SpaProfile, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    """Two visits with Mia, who wants a sheet, and none with Noor, who wants one too."""
    Therapist.objects.update(wants_sheet=True)
    book_again(
        at(10), therapist=mia, details=actions.Details("Cleo Ann Barnes", "c@example.com", "")
    )
    book_again(at(14), therapist=mia, details=OTTO, outcome=Outcome.CLEARANCE)


def sheets() -> list[tuple[str, str, datetime]]:
    rows = Message.objects.filter(kind="therapist_sheet").order_by("pk")
    return [(one.address, str(one.day), one.due_at) for one in rows]


@pytest.mark.usefixtures("tomorrow")
def test_on_the_evening_before_a_sheet_is_owed_once_to_who_has_visits(spa: SpaProfile) -> None:
    assert actions.owe_sheets(now=at(17, 59, days=0)) == 0
    assert actions.owe_sheets(now=at(18, days=0)) == 1
    assert actions.owe_sheets(now=at(18, 5, days=0)) == 0
    assert sheets() == [("mia@qi-spa.example", "2026-11-24", at(18, days=0))]


@pytest.mark.usefixtures("tomorrow")
def test_a_sheet_says_who_comes_when_and_nothing_about_health(spa: SpaProfile) -> None:
    actions.owe_sheets(now=at(18, days=0))
    with_all = text_of(Message.objects.get(kind="therapist_sheet"), spa, at(18, days=0))
    assert with_all.startswith("Your day: Tuesday 24 November\nmia@qi-spa.example\n")
    assert "10:00 – 11:00: Cleo B., Fern\n" in with_all
    assert "14:00 – 15:00: Otto, Fern (not confirmed yet)\n" in with_all
    assert "Barnes" not in with_all
    assert "/therapist/?date=2026-11-24" in with_all
    lowered = with_all.replace("Qi Massage", "").lower()
    assert not [word for word in SECRETS.split("|") if word in lowered]


@pytest.mark.usefixtures("tomorrow")
@pytest.mark.parametrize("silence", ["switch", "wish", "address", "left"])
def test_no_sheet_where_nobody_wants_one(silence: str, mia: Therapist) -> None:
    SpaProfile.objects.update(therapist_sheets=silence != "switch")
    mia.refresh_from_db()
    mia.wants_sheet = silence != "wish"
    mia.email = "" if silence == "address" else mia.email
    mia.active = silence != "left"
    mia.save()
    assert actions.owe_sheets(now=at(18, days=0)) == 0


@pytest.mark.usefixtures("tomorrow")
def test_after_a_night_without_a_worker_the_morning_brings_todays_sheet(spa: SpaProfile) -> None:
    assert actions.owe_sheets(now=at(6)) == 1
    assert sheets() == [("mia@qi-spa.example", "2026-11-24", at(7))]


@pytest.mark.usefixtures("tomorrow")
@pytest.mark.parametrize(("o_clock", "state"), [(8, "sent"), (15, "void")])
def test_a_sheet_of_a_day_that_is_over_is_not_sent(o_clock: int, state: str) -> None:
    actions.owe_sheets(now=at(18, days=0))
    delivery.deliver_due(now=at(o_clock))
    assert Message.objects.get(kind="therapist_sheet").state == state


@pytest.mark.usefixtures("tomorrow")
def test_who_has_left_since_it_was_owed_gets_no_sheet(mia: Therapist) -> None:
    actions.owe_sheets(now=at(22, days=0))
    Therapist.objects.filter(pk=mia.pk).update(active=False)
    delivery.deliver_due(now=at(7))
    assert Message.objects.get(kind="therapist_sheet").state == "void"


def test_a_note_goes_to_one_therapist_about_one_visit(
    book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4), therapist=mia)
    for wrong in (
        {"kind": "therapist_note", "appointment": visit},
        {"kind": "therapist_sheet", "appointment": visit, "therapist": mia, "day": NOW.date()},
        {"kind": "reminder", "appointment": visit, "therapist": mia},
        {"kind": "reminder"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Message.objects.create(due_at=NOW, **wrong)


def test_a_health_check_is_not_read_for_a_sheet(
    book: Book, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    Therapist.objects.update(wants_sheet=True)
    counts = []
    for hour in (10, 12, 14):
        book(at(hour), therapist=mia, details=OTTO)
        Message.objects.filter(kind="therapist_sheet").delete()
        actions.owe_sheets(now=at(18, days=0))
        sheet = Message.objects.get(kind="therapist_sheet")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            messages.compose(sheet, spa=spa, now=NOW)
        counts.append(len(queries))
        assert not [one for one in queries if "healthcheck" in one["sql"].lower()]
    assert counts[0] == counts[2]
