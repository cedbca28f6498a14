"""The front desk's day and what is done there."""

from collections.abc import Callable
from datetime import UTC, datetime, time

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.models import Appointment, Room, Therapist, WorkingHours
from services.models import ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, desk_url, said, status_of, take, words

pytestmark = pytest.mark.django_db


Book = Callable[..., Appointment]

MAIL = "A mail goes out in a minute, unless you undo it."


@pytest.fixture(autouse=True)
def _monday_morning(clock: time_machine.Traveller) -> None:
    """Let every test begin on the cast's Monday at eight."""


@pytest.fixture
def desk(dana: User) -> Browser:
    return browser_of(dana)


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's visit on Tuesday at ten with Mia."""
    return book_again(at(10), therapist=mia)


@pytest.fixture
def asked(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's request for Tuesday at ten with Mia."""
    return book_again(at(10), therapist=mia, outcome=Outcome.CLEARANCE)


def test_the_desk_never_loads_the_answers(desk: Browser, asked: Appointment) -> None:
    urls = [
        "/desk/list/?date=2026-11-24",
        desk_url("appointment", asked),
        desk_url("decide", asked),
    ]
    for url in urls:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert desk.get(url).status_code == 200
        statements = " ".join(query["sql"] for query in queries)
        assert '"bookings_healthcheck"."outcome"' in statements
        for column in ("answers", "findings", "review_note"):
            assert f'"bookings_healthcheck"."{column}"' not in statements


@pytest.mark.parametrize(
    ("outcome", "badge"),
    [(Outcome.CLEAR, "Clear"), (Outcome.ADAPT, "Adapt"), (Outcome.CLEARANCE, "Awaiting clearance")],
)
def test_the_verdict_stands_in_words(
    outcome: Outcome, badge: str, desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10), outcome=outcome)
    assert badge in words(desk.get(desk_url("appointment", visit)))


def test_a_visit_is_arrived_then_completed(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    answer = take(desk, visit, "arrived")
    assert answer["Location"] == f"/desk/list/?date=2026-11-24#visit-{visit.reference}"
    assert said(answer) == ["Cleo is here."]
    assert status_of(visit) == "arrived"
    visit.refresh_from_db()
    clock.move_to(at(11, 2))
    assert said(take(desk, visit, "completed"))[-1] == "The visit of Cleo is completed."
    assert status_of(visit) == "completed"
    assert list(visit.events.values_list("kind", "actor__username"))[-2:] == [
        ("arrived", "dana"),
        ("completed", "dana"),
    ]


def test_a_no_show_is_noted_and_taken_back(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(10, 20))
    assert said(take(desk, visit, "no_show")) == ["Noted that Cleo did not come."]
    assert status_of(visit) == "no_show"
    visit.refresh_from_db()
    assert said(take(desk, visit, "undo"))[-1] == "Taken back: Cleo is expected again."
    assert status_of(visit) == "confirmed"


def test_a_step_that_is_not_possible_is_explained(desk: Browser, visit: Appointment) -> None:
    assert said(take(desk, visit, "completed")) == [
        "Cleo: This visit has changed in the meantime, so that step is no longer possible."
    ]
    assert status_of(visit) == "confirmed"


@pytest.mark.parametrize("step", ["", "explode", "cancelled", "arrived\x00", "x" * 5000])
def test_an_unknown_step_changes_nothing(step: str, desk: Browser, visit: Appointment) -> None:
    assert said(take(desk, visit, step)) == [
        "That did not work. Nothing was changed. Please try again."
    ]
    assert status_of(visit) == "confirmed"


@pytest.mark.parametrize("seen", ["0", "", "soon", "-1", "999999999999999999999"])
def test_a_stale_page_changes_nothing(
    seen: str, desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    urls: list[tuple[str, dict[str, str]]] = [
        ("step", {"step": "arrived"}),
        ("cancel", {"reason": ""}),
        ("move", {"start": "2026-11-25T10:00Z"}),
    ]
    for name, sent in urls:
        answer = desk.post(desk_url(name, visit), {**sent, "sequence": seen})
        assert answer.status_code in (200, 302)
    latest = Appointment.objects.get(pk=visit.pk)
    assert (latest.status, latest.starts_at, latest.sequence) == ("confirmed", at(10), 1)


def test_a_stale_page_says_that_somebody_else_was_first(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(10, 5))
    take(desk, visit, "arrived")
    assert said(take(desk, visit, "arrived"))[-1] == (
        "Cleo: This visit was changed by somebody else. Nothing was changed; please look again. "
        "Marked as arrived by dana, 10:05."
    )


def test_nobody_arrives_before_the_day(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    url = desk_url("appointment", visit)
    assert 'value="arrived"' not in desk.get(url).content.decode()
    take(desk, visit, "arrived")
    assert status_of(visit) == "confirmed"
    clock.move_to(at(0))
    assert 'value="arrived"' in desk.get(url).content.decode()


def test_a_check_that_was_taken_back_asks_for_a_call_and_says_no_reason(
    desk: Browser, visit: Appointment, now: datetime
) -> None:
    actions.withdraw_health_check(appointment=visit, by=actions.CLIENT, now=now)
    day = words(desk.get("/desk/list/?date=2026-11-24"))
    assert "Confirmed Health check open: please call" in day
    page = words(desk.get(desk_url("appointment", visit)))
    assert "Confirmed Health check open: please call" in page
    assert "Health check to be talked about by the client, Monday 23 November, 08:00" in page


@pytest.mark.parametrize(
    ("status", "asks"),
    [
        ("requested", True),
        ("confirmed", True),
        ("arrived", True),
        ("completed", False),
        ("cancelled", False),
        ("declined", False),
        ("no_show", False),
    ],
)
def test_only_a_visit_to_come_asks_for_a_call(
    status: str, asks: bool, desk: Browser, visit: Appointment
) -> None:
    Appointment.objects.filter(pk=visit.pk).update(status=status, health_check=None)
    page = words(desk.get(desk_url("appointment", visit)))
    assert ("Health check open: please call" in page) is asks


def test_a_request_without_a_check_is_decided_after_a_call(
    desk: Browser, asked: Appointment
) -> None:
    Appointment.objects.filter(pk=asked.pk).update(health_check=None)
    page = words(desk.get(desk_url("decide", asked)))
    assert "The health check is open: please call before you decide." in page
    assert "asks for a doctor’s consent" not in page


def test_links_of_earlier_mails_are_made_useless(
    desk: Browser, visit: Appointment, client: Browser
) -> None:
    first, second = actions.issue_visit_link(visit), actions.issue_visit_link(visit)
    other = actions.issue_visit_link(_another_visit(visit))
    page = desk.get(desk_url("appointment", visit)).content.decode()
    form = page.index(f'action="{desk_url("revoke_links", visit)}"')
    assert "</details>" not in page[page.rindex("<details", 0, form) : form]
    answer = desk.post(desk_url("revoke_links", visit))
    assert answer["Location"] == desk_url("appointment", visit)
    assert said(answer) == [
        "The links in earlier mails no longer open this visit. The next mail brings a new one."
    ]
    opened = [
        client.get(f"/visit/{key}/").status_code
        for key in (first, second, other, actions.issue_visit_link(visit))
    ]
    assert opened == [404, 404, 200, 200]
    assert "Made the links in earlier mails useless by dana, Monday 23 November, 08:00" in words(
        desk.get(desk_url("appointment", visit))
    )


def _another_visit(visit: Appointment) -> Appointment:
    copy = Appointment.objects.get(pk=visit.pk)
    copy.pk, copy.reference, copy.status = None, "K7QF2M9D", "completed"
    copy.save()
    return copy


def test_the_desk_cancels_with_a_reason(desk: Browser, visit: Appointment) -> None:
    assert "Cancel this visit?" in words(desk.get(desk_url("cancel", visit)))
    answer = desk.post(
        desk_url("cancel", visit), {"sequence": visit.sequence, "reason": "Rang: has a cold."}
    )
    assert said(answer) == [
        "Cleo: cancelled, Tuesday 24 November, 10:00 with Mia is free again. No mail goes out."
    ]
    event = visit.events.get(kind="cancelled")
    assert (status_of(visit), event.reason, event.actor) == (
        "cancelled",
        "Rang: has a cold.",
        User.objects.get(username="dana"),
    )


def test_a_reason_that_is_too_long_is_kept_and_refused(desk: Browser, visit: Appointment) -> None:
    answer = desk.post(
        desk_url("cancel", visit), {"sequence": visit.sequence, "reason": "🌿" * 301}
    )
    assert answer.status_code == 200
    assert "Please keep it under 300 characters." in words(answer)
    assert "🌿" * 301 in answer.content.decode()
    assert status_of(visit) == "confirmed"


def test_cancelling_says_to_ring_where_there_is_no_mail(
    desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10), details=actions.Details("Cleo", "", "+442079460001"))
    assert "There is no e-mail address: please ring." in words(desk.get(desk_url("cancel", visit)))


def test_the_desk_grants_a_request_with_a_note_that_it_cannot_read_again(
    desk: Browser, asked: Appointment
) -> None:
    answer = desk.post(
        desk_url("decide", asked),
        {"sequence": asked.sequence, "decision": "grant", "note": "Letter of 3 November seen."},
    )
    assert said(answer) == [f"The visit of Cleo is confirmed. {MAIL}"]
    asked.refresh_from_db()
    check = asked.health_check
    assert check is not None
    assert (asked.status, check.review, check.review_note) == (
        "confirmed",
        "granted",
        "Letter of 3 November seen.",
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT review_note FROM bookings_healthcheck WHERE id = %s", [check.pk])
        assert "Letter" not in cursor.fetchone()[0]
    assert "Letter of 3 November" not in words(desk.get(desk_url("appointment", asked)))


def test_the_desk_declines_a_request(desk: Browser, asked: Appointment) -> None:
    page = desk.get(desk_url("decide", asked)).content.decode()
    assert page.index("<details") < page.index('value="decline"') < page.index("</details>")
    answer = desk.post(
        desk_url("decide", asked), {"sequence": asked.sequence, "decision": "decline"}
    )
    assert said(answer) == [f"The request of Cleo is declined and its time is free again. {MAIL}"]
    assert status_of(asked) == "declined"


@pytest.mark.parametrize("decision", ["", "maybe", "granted", "\x00"])
def test_a_decision_that_is_none_changes_nothing(
    decision: str, desk: Browser, asked: Appointment
) -> None:
    answer = desk.post(
        desk_url("decide", asked), {"sequence": asked.sequence, "decision": decision}
    )
    assert answer.status_code == 200
    assert status_of(asked) == "requested"


def test_a_confirmed_visit_has_nothing_to_decide(desk: Browser, visit: Appointment) -> None:
    answer = desk.get(desk_url("decide", visit))
    assert answer["Location"] == desk_url("appointment", visit)


def test_the_desk_moves_a_visit_to_a_free_time(
    desk: Browser, visit: Appointment, mia: Therapist
) -> None:
    page = words(
        desk.get(desk_url("move", visit), {"therapist": str(mia.pk), "date": "2026-11-25"})
    )
    assert "Wednesday 25 November" in page
    chosen = words(
        desk.get(desk_url("move", visit), {"therapist": str(mia.pk), "start": "2026-11-25T11:15Z"})
    )
    assert "Move it here? Wednesday 25 November, 11:15 – 12:15 with Mia" in chosen
    answer = desk.post(
        desk_url("move", visit),
        {"sequence": str(visit.sequence), "start": "2026-11-25T11:15Z", "therapist": str(mia.pk)},
    )
    assert said(answer) == [f"Cleo: moved to Wednesday 25 November, 11:15 with Mia. {MAIL}"]
    assert answer["Location"] == f"/desk/list/?date=2026-11-25#visit-{visit.reference}"
    visit.refresh_from_db()
    assert (visit.starts_at, visit.therapist) == (at(11, 15, days=2), mia)


def test_the_desk_moves_a_visit_to_another_therapist_and_within_the_notice(
    desk: Browser, visit: Appointment, noor: Therapist, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 20))
    answer = desk.post(
        desk_url("move", visit),
        {"sequence": str(visit.sequence), "start": "2026-11-24T09:30Z", "therapist": str(noor.pk)},
    )
    assert said(answer) == [f"Cleo: moved to Tuesday 24 November, 09:30 with Noor. {MAIL}"]
    visit.refresh_from_db()
    assert (visit.starts_at, visit.therapist) == (at(9, 30), noor)


def test_the_time_that_she_has_is_offered_with_somebody_else_only(
    desk: Browser, visit: Appointment, mia: Therapist, noor: Therapist
) -> None:
    def offers_ten(therapist: str) -> bool:
        asked = {"therapist": therapist, "date": "2026-11-24"}
        page = desk.get(desk_url("move", visit), asked).content.decode()
        assert "2026-11-24T10%3A15Z" in page
        return "2026-11-24T10%3A00Z" in page

    assert [offers_ten(one) for one in ("", str(mia.pk), str(noor.pk))] == [False, False, True]


def test_a_time_taken_meanwhile_offers_the_nearest(
    desk: Browser, visit: Appointment, book: Book, mia: Therapist
) -> None:
    book(at(13), details=OTTO)
    answer = desk.post(
        desk_url("move", visit),
        {"sequence": str(visit.sequence), "start": "2026-11-24T13:00Z", "therapist": str(mia.pk)},
    )
    assert answer.status_code == 200
    page = words(answer)
    assert "Mia is with Otto until 14:00. Nothing was changed." in page
    assert "Tuesday 24 November, 11:45 Tuesday 24 November, 14:15" in page
    visit.refresh_from_db()
    assert visit.starts_at == at(10)


@pytest.mark.parametrize("key", ["nobody", "999999", "-1", " ", "1e3", "\x00", "9" * 40])
def test_a_therapist_who_is_none_never_becomes_anyone(
    key: str, desk: Browser, visit: Appointment
) -> None:
    sent = {"sequence": str(visit.sequence), "start": "2026-11-24T13:00Z", "therapist": key}
    page = words(desk.post(desk_url("move", visit), sent))
    assert "That time has just been taken. These are the nearest free times." in page
    assert "Tuesday 24 November, 12:45 Tuesday 24 November, 13:00" in page
    shown = words(desk.get(desk_url("move", visit), sent))
    assert "That therapist cannot be booked for this. These are everybody's times." in (
        shown.replace("&#x27;", "'")
    )
    assert "Move it here?" not in shown
    visit.refresh_from_db()
    assert (visit.starts_at, visit.sequence) == (at(10), 1)


def test_a_therapist_who_has_left_is_not_replaced_in_silence(
    desk: Browser, visit: Appointment, mia: Therapist, noor: Therapist
) -> None:
    Therapist.objects.filter(pk=mia.pk).update(active=False)
    sent = {
        "sequence": str(visit.sequence),
        "start": "2026-11-24T13:00Z",
        "therapist": str(mia.pk),
    }
    page = words(desk.post(desk_url("move", visit), sent))
    assert "Mia takes no appointments at present. Nothing was changed." in page
    assert "Move it here?" not in words(desk.get(desk_url("move", visit), sent))
    visit.refresh_from_db()
    assert (visit.starts_at, visit.therapist) == (at(10), mia)


def test_no_therapist_means_anyone_the_same_one_first(
    desk: Browser, visit: Appointment, mia: Therapist, noor: Therapist
) -> None:
    sent = {"sequence": str(visit.sequence), "start": "2026-11-24T13:00Z", "therapist": ""}
    assert said(desk.post(desk_url("move", visit), sent)) == [
        f"Cleo: moved to Tuesday 24 November, 13:00 with Mia. {MAIL}"
    ]
    visit.refresh_from_db()
    assert (visit.starts_at, visit.therapist) == (at(13), mia)


@pytest.mark.parametrize(
    "start", ["", "soon", "9999-12-31T23:59Z", "2026-11-24T10:07Z", "2026-11-20T10:00Z", "\x00"]
)
def test_a_time_that_is_none_is_refused_kindly(
    start: str, desk: Browser, visit: Appointment
) -> None:
    sent = {"sequence": str(visit.sequence), "start": start, "therapist": "nobody"}
    answer = desk.post(desk_url("move", visit), sent)
    assert answer.status_code == 200
    assert "That time has just been taken." in words(answer)
    assert desk.get(desk_url("move", visit), sent).status_code == 200
    visit.refresh_from_db()
    assert visit.starts_at == at(10)


@pytest.mark.parametrize("status", ["completed", "cancelled", "no_show", "declined", "arrived"])
def test_a_visit_that_is_over_is_neither_moved_nor_cancelled(
    status: str, desk: Browser, visit: Appointment
) -> None:
    Appointment.objects.filter(pk=visit.pk).update(status=status)
    for name in ("move", "cancel", "decide"):
        assert desk.get(desk_url(name, visit))["Location"] == desk_url("appointment", visit)
    desk.post(desk_url("cancel", visit), {"sequence": visit.sequence})
    assert status_of(visit) == status


def test_the_visit_page_tells_its_history_in_words(
    desk: Browser, visit: Appointment, mia: Therapist, noor: Therapist
) -> None:
    desk.post(
        desk_url("move", visit),
        {"sequence": str(visit.sequence), "start": "2026-11-25T11:15Z", "therapist": str(noor.pk)},
    )
    page = words(desk.get(desk_url("appointment", visit)))
    assert (
        "Moved from Tuesday 24 November, 10:00 to Wednesday 25 November, 11:15, "
        "from Mia to Noor by dana, Monday 23 November, 08:00" in page
    )
    assert "Booked by the client, Monday 23 November, 08:00" in page


def test_the_visit_page_shows_its_messages_and_their_state(
    desk: Browser, visit: Appointment
) -> None:
    visit.messages.filter(kind="confirmation").update(
        state="failed", last_error="The address was refused (550)."
    )
    page = words(desk.get(desk_url("appointment", visit)))
    assert "Confirmation given up: The address was refused (550). Please ring." in page
    assert "Reminder, 3 hours before waits until Tuesday 24 November, 07:00" in page


@pytest.fixture
def autumn_night(
    desk: Browser,
    book: Book,
    mia: Therapist,
    fern: Room,
    hour: ServiceOption,
    clock: time_machine.Traveller,
) -> Appointment:
    """The night of 25 October 2026 in London: Cleo at 01:30 BST, Otto at 01:15 GMT, both 30 min.

    Looked at from the Saturday before, and Mia works from midnight.
    """
    saturday = datetime(2026, 10, 24, 8, tzinfo=UTC)
    clock.move_to(saturday)
    hour.minutes = 30
    hour.save()
    WorkingHours.objects.filter(therapist=mia).update(starts=time(0))
    book(
        datetime(2026, 10, 25, 1, 15, tzinfo=UTC),
        therapist=mia,
        details=OTTO,
        when=saturday,
    )
    return book(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), therapist=mia, when=saturday)


def test_equal_times_of_a_clock_change_night_are_told_apart_on_the_visit(
    desk: Browser, autumn_night: Appointment
) -> None:
    page = words(desk.get(desk_url("appointment", autumn_night)))
    assert "Sunday 25 October, 01:30 BST – 01:00 GMT" in page


def test_equal_times_of_a_clock_change_night_are_told_apart_when_moving(
    desk: Browser, autumn_night: Appointment, mia: Therapist
) -> None:
    WorkingHours.objects.filter(therapist=mia).update(ends=time(3))
    url = desk_url("move", autumn_night)
    actions.cancel_appointment(
        appointment=Appointment.objects.exclude(pk=autumn_night.pk).get(),
        by=actions.SYSTEM,
        spa=SpaProfile.load(),
        now=datetime(2026, 10, 24, 8, tzinfo=UTC),
    )
    day = words(desk.get(url, {"date": "2026-10-25"}))
    assert "01:00 BST 01:15 BST 01:45 BST 01:00 GMT 01:15 GMT 01:30 GMT" in day
    chosen = words(desk.get(url, {"start": "2026-10-25T01:30Z"}))
    assert "Move it here? Sunday 25 October, 01:30 GMT – 02:00" in chosen
    summer = words(desk.get(url, {"start": "2026-10-25T00:45Z"}))
    assert "Move it here? Sunday 25 October, 01:45 BST – 01:15 GMT" in summer
    WorkingHours.objects.filter(therapist=mia).update(starts=time(1, 30))
    assert "Next free times 01:30 GMT Tomorrow" in words(desk.get(url))


@pytest.mark.parametrize("count", [1, 3, 12])
def test_a_visit_costs_the_same_for_any_length_of_its_history(
    count: int, desk: Browser, visit: Appointment, spa: SpaProfile, mia: Therapist, now: datetime
) -> None:
    for number in range(count):
        visit = actions.reschedule_appointment(
            appointment=visit,
            starts_at=at(10, days=2 + number),
            by=actions.CLIENT,
            spa=spa,
            now=now,
        )
    with CaptureQueriesContext(connection) as queries:
        page = words(desk.get(desk_url("appointment", visit)))
    assert page.count("Moved from") == count
    # Session, person and profile; the bar's counts of requests and of
    # lost mail; the visit, its events and its messages, and what can be undone.
    assert len(queries) == 9
