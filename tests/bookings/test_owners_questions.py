"""Changing a health question: whom it touches is shown first, then they are asked again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.actions import HealthCheckNeeded, staff
from bookings.actions.owing import is_still_true
from bookings.cards import Card, shown
from bookings.models import Appointment, Message, Room, Therapist
from bookings.questions import outdated_visits, versions
from services.models import Contraindication, Service, ServiceOption, SpaProfile
from services.screening import Outcome
from services.versions import page_of, versions_of
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of
from tests.services.owners_forms import form_data

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]


@pytest.fixture
def owner(clock: time_machine.Traveller, spa: object, olive: User) -> Browser:
    return browser_of(olive)


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    return book_again(at(10), therapist=mia)


def address(row: Contraindication) -> str:
    return f"/admin/services/contraindication/{row.pk}/change/"


def question(slug: str) -> Contraindication:
    return Contraindication.objects.get(slug=slug)


def edit(browser: Browser, row: Contraindication, **changes: Any) -> Any:
    data = form_data(browser.get(address(row)))
    return browser.post(address(row), data | changes)


def agree(browser: Browser, page: Any) -> Any:
    """Send what the page before saving would send."""
    sent: dict[str, list[str]] = {}
    for name, value in page.context["sent"]:
        sent.setdefault(name, []).append(value)
    return browser.post(page.request["PATH_INFO"], sent | {"touches": page.context["fingerprint"]})


def is_open(visit: Appointment, now: datetime) -> bool:
    return Card(shown().get(pk=visit.pk), now).health_is_open


@pytest.mark.parametrize(
    "change",
    [
        {"severity": "clearance"},
        {"question": "asthma or a weak chest"},
        {"active": ""},
        {"services": []},
        {"areas": ["neck", "chest"]},
        {"follow_up": "Did it come this week?", "follow_up_severity": "stop"},
    ],
)
def test_each_change_of_what_is_asked_shows_whom_it_touches_and_saves_nothing(
    change: dict[str, Any], owner: Browser, visit: Appointment, now: datetime
) -> None:
    page = edit(owner, question("asthma"), **change)
    assert page.status_code == 200
    [touched] = page.context["touched"]
    assert (touched.service, touched.count) == (visit.service, 1)
    assert (touched.first, touched.last) == (visit.starts_at, visit.starts_at)
    assert "This change touches 1 coming visit" in page.content.decode()
    row = question("asthma")
    assert (row.severity, row.active, row.areas, row.question) == (
        "adapt",
        True,
        ["neck"],
        "asthma",
    )
    assert not is_open(visit, now)


def test_with_consent_the_change_and_the_mark_come_together(
    owner: Browser, visit: Appointment, now: datetime, spa: SpaProfile, olive: User
) -> None:
    page = edit(owner, question("asthma"), severity="stop")
    answer = agree(owner, page)
    assert answer.status_code == 302
    assert question("asthma").severity == "stop"
    visit.refresh_from_db()
    assert is_open(visit, now)
    # What she answered still says what to leave out.
    assert visit.health_check is not None
    event = visit.events.get(kind="health_asked_again")
    assert (event.actor, event.reason, event.changes) == (olive, "", {})
    assert outdated_visits(now=now) == []


def test_words_that_change_no_verdict_are_saved_at_once(
    owner: Browser, visit: Appointment, now: datetime
) -> None:
    assert edit(owner, question("asthma"), advice="Bring your inhaler.").status_code == 302
    assert question("asthma").advice == "Bring your inhaler."
    assert not is_open(visit, now)


def test_the_second_of_two_owners_is_told_before_a_question_goes_back(
    owner: Browser, visit: Appointment
) -> None:
    row = question("asthma")
    mine = form_data(owner.get(address(row))) | {"advice": "Bring your inhaler."}
    agree(owner, edit(owner, row, severity="stop"))
    page = owner.post(address(row), mine)
    form = page.context["adminform"].form
    assert f'name="seen" value="{form["seen"].value()}"' in page.content.decode()
    [told] = form.non_field_errors()
    assert f", last by {page.wsgi_request.user.get_username()}: Severity." in told
    assert form["advice"].value() == "Bring your inhaler."
    assert (question("asthma").severity, question("asthma").advice) == ("stop", row.advice)
    # Now she has been told: what she sends next counts.
    owner.post(address(row), mine | {"seen": form["seen"].value()})
    assert question("asthma").severity == row.severity


def test_a_change_that_touches_nobody_is_saved_at_once(owner: Browser, lymph: Service) -> None:
    assert edit(owner, question("asthma"), severity="stop").status_code == 302
    assert question("asthma").severity == "stop"


def test_past_visits_and_other_treatments_are_not_touched(
    owner: Browser,
    visit: Appointment,
    book: Book,
    massage: Service,
    noor: Therapist,
    moss: Room,
    clock: time_machine.Traveller,
) -> None:
    other = book(at(12), therapist=noor, option=massage.options.get(), details=OTTO)
    asthma = question("asthma")
    massage.contraindications.remove(asthma)
    # Changed on another page, so her visit is outdated for a reason of its own.
    clock.move_to(at(9, 30))
    page = edit(owner, asthma, severity="stop")
    assert [one.service for one in page.context["touched"]] == [visit.service]
    clock.move_to(at(11, 5))
    assert edit(owner, asthma, severity="stop").status_code == 302
    assert other.events.filter(kind="health_asked_again").count() == 0


def test_a_visit_booked_meanwhile_is_shown_before_saving(
    owner: Browser, visit: Appointment, book: Book, noor: Therapist, fern: Room
) -> None:
    page = edit(owner, question("asthma"), severity="stop")
    book(at(12), therapist=noor, details=OTTO)
    again = agree(owner, page)
    assert again.status_code == 200
    assert again.context["total"] == 2
    assert "Meanwhile visits were booked" in again.content.decode()
    assert question("asthma").severity == "adapt"


def test_an_edit_with_a_mistake_shows_it_at_its_field(owner: Browser, visit: Appointment) -> None:
    page = edit(owner, question("asthma"), severity="stop", question="")
    assert "touched" not in page.context
    assert "question" in page.context["adminform"].form.errors


def test_a_change_taken_back_lifts_the_mark(
    owner: Browser, visit: Appointment, now: datetime
) -> None:
    agree(owner, edit(owner, question("asthma"), severity="stop"))
    assert is_open(visit, now)
    assert edit(owner, question("asthma"), severity="adapt").status_code == 302
    assert not is_open(visit, now)


def test_a_new_question_asks_again(owner: Browser, visit: Appointment, now: datetime) -> None:
    data = {
        "name": "Gout",
        "slug": "gout",
        "active": "on",
        "group": "body",
        "position": "5",
        "question": "gout",
        "severity": "adapt",
        "why": "It hurts.",
        "advice": "Ask us.",
        "evidence": "general",
        "services": [str(visit.service_id)],
    }
    page = owner.post("/admin/services/contraindication/add/", data)
    assert page.context["total"] == 1
    assert agree(owner, page).status_code == 302
    assert is_open(visit, now)
    assert question("gout").services.count() == 1  # type: ignore[attr-defined]


def test_a_marked_request_cannot_be_granted(
    owner: Browser, book: Book, mia: Therapist, fern: Room, dana: User, now: datetime, spa: Any
) -> None:
    request = book(at(10), therapist=mia, outcome=Outcome.CLEARANCE)
    agree(owner, edit(owner, question("asthma"), severity="stop"))
    request.refresh_from_db()
    with pytest.raises(HealthCheckNeeded):
        actions.decide_request(appointment=request, granted=True, by=staff(dana), spa=spa, now=now)


def test_the_client_is_asked_to_answer_again_and_then_all_is_well(
    owner: Browser, visit: Appointment, now: datetime
) -> None:
    token = actions.issue_visit_link(visit)
    agree(owner, edit(owner, question("asthma"), severity="clearance"))
    cleo = Browser()
    words = "Please answer our health questions once more"
    assert words in cleo.get(f"/visit/{token}/").content.decode()
    asked = cleo.get(f"/visit/{token}/health/").context["form"]
    answers = {"version": asked.asked_version, "none_left": "on", "consent": "on"}
    assert cleo.post(f"/visit/{token}/health/", answers).status_code == 302
    assert words not in cleo.get(f"/visit/{token}/").content.decode()
    assert not is_open(visit, now)


def test_the_client_is_written_to_two_days_before(
    owner: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    far = book(at(12, days=7), therapist=mia, details=OTTO)
    agree(owner, edit(owner, question("asthma"), severity="stop"))
    asking = far.messages.filter(kind=Message.Kind.WAITING_FOR_ANSWER)
    assert [one.due_at for one in asking] == [at(12, days=5)]


def test_the_letter_goes_out_while_the_answers_are_missing_and_no_longer(
    owner: Browser, visit: Appointment, now: datetime
) -> None:
    agree(owner, edit(owner, question("asthma"), severity="stop"))
    letter = Message.objects.get(kind=Message.Kind.WAITING_FOR_ANSWER)
    assert is_still_true(letter, now=now)
    edit(owner, question("asthma"), severity="adapt")
    letter = Message.objects.get(kind=Message.Kind.WAITING_FOR_ANSWER)
    assert not is_still_true(letter, now=now)


def test_the_desk_may_still_undo_what_came_before(
    owner: Browser, visit: Appointment, dana: User, spa: Any, now: datetime
) -> None:
    later = actions.reschedule_appointment(
        appointment=visit, starts_at=at(12), by=staff(dana), spa=spa, now=now
    )
    agree(owner, edit(owner, question("asthma"), severity="stop"))
    later.refresh_from_db()
    assert actions.can_undo(later)


def test_questions_changed_elsewhere_wait_on_the_home(
    owner: Browser, visit: Appointment, now: datetime
) -> None:
    visit.service.contraindications.remove(question("asthma"))
    words = "coming visit stands on answers to earlier health questions."
    assert words in [one.words for one in owner.get("/admin/").context["matters"]]
    page = owner.get("/admin/services/contraindication/outdated/")
    assert [(one.service, one.count) for one in page.context["touched"]] == [(visit.service, 1)]
    owner.post("/admin/services/contraindication/outdated/mark/")
    assert is_open(visit, now)
    assert words not in [one.words for one in owner.get("/admin/").context["matters"]]


def test_asking_again_twice_marks_and_records_once(
    visit: Appointment, olive: User, now: datetime, clock: object
) -> None:
    visit.service.contraindications.remove(question("asthma"))
    by = staff(olive)
    assert actions.ask_again(versions=versions(), by=by, now=now) == 1
    assert actions.ask_again(versions=versions(), by=by, now=now + timedelta(hours=1)) == 0
    assert visit.events.filter(kind="health_asked_again").count() == 1


def test_a_hold_with_answers_to_earlier_questions_is_not_booked(
    owner: Browser,
    spa: SpaProfile,
    lymph: Service,
    hour: ServiceOption,
    mia: Therapist,
    fern: Room,
    check: Any,
    now: datetime,
) -> None:
    hold = actions.hold_time(
        service=lymph, option=hour, starts_at=at(10), health_check=check, spa=spa, now=now
    )
    edit(owner, question("asthma"), severity="stop")
    with pytest.raises(HealthCheckNeeded):
        actions.confirm_appointment(hold=hold, details=OTTO, health_check=check, spa=spa, now=now)


def test_looking_costs_the_same_for_one_and_for_many(
    owner: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia)
    first = _queries_of_edit(owner)
    for hour in (12, 14):
        book(at(hour), therapist=mia, details=OTTO)
        book(at(hour, days=2), therapist=noor)
    assert _queries_of_edit(owner) == first


def _queries_of_edit(browser: Browser) -> int:
    row = question("asthma")
    data = form_data(browser.get(address(row)))
    with CaptureQueriesContext(connection) as queries:
        page = browser.post(address(row), data | {"severity": "stop"})
        assert page.context["touched"]
    _see_that_no_answers_are_read(queries)
    return len(queries)


def _see_that_no_answers_are_read(queries: CaptureQueriesContext) -> None:
    assert not any('"answers"' in one["sql"] or '"findings"' in one["sql"] for one in queries)


def test_marking_reads_nothing_that_a_client_has_said(
    visit: Appointment, olive: User, now: datetime, clock: object
) -> None:
    visit.service.contraindications.remove(question("asthma"))
    with CaptureQueriesContext(connection) as queries:
        assert actions.ask_again(versions=versions(), by=staff(olive), now=now) == 1
    _see_that_no_answers_are_read(queries)


def test_the_history_says_from_what_to_what(owner: Browser, lymph: Service) -> None:
    edit(owner, question("asthma"), severity="stop", services=[])
    said = LogEntry.objects.latest("action_time").get_change_message()
    assert said.splitlines() == [
        "Treatments: from “Lymphatic drainage massage” to “–”.",
        "Severity: from “Adapt” to “Stop”.",
    ]


def test_a_treatment_that_no_longer_asks_keeps_that_in_its_history(
    owner: Browser, lymph: Service, massage: Service, olive: User
) -> None:
    edit(owner, question("asthma"), services=[massage.pk])
    latest, found = versions_of(lymph)
    asked = [len(page_of(kept).fields["contraindications"]) for kept in (found, latest)]
    assert (asked, latest.revision.user) == ([5, 4], olive)
    assert not versions_of(massage).exists()


def test_the_list_is_grouped_and_costs_the_same_however_long(
    owner: Browser, lymph: Service
) -> None:
    path = "/admin/services/contraindication/"
    page = owner.get(path).content.decode()
    assert page.index("Right now, do you have any of these?") < page.index("over 60")
    with CaptureQueriesContext(connection) as queries:
        owner.get(path)
    lymph.contraindications.exclude(slug="asthma").delete()
    with CaptureQueriesContext(connection) as fewer:
        owner.get(path)
    assert len(queries) == len(fewer)


def test_a_question_is_switched_off_and_never_deleted(owner: Browser, lymph: Service) -> None:
    row = question("asthma")
    assert owner.post(f"/admin/services/contraindication/{row.pk}/delete/").status_code == 403


@pytest.mark.parametrize(
    "junk",
    [
        {"severity": "worst"},
        {"services": ["9" * 30]},
        {"services": ["x"]},
        {"areas": ["head\x00"]},
        {"question": "\u202e" * 250},
        {"position": "9" * 40},
        {"severity": "stop", "touches": "x" * 5000},
    ],
)
def test_hostile_edits_break_nothing(
    junk: dict[str, Any], owner: Browser, visit: Appointment
) -> None:
    assert edit(owner, question("asthma"), **junk).status_code == 200
    assert question("asthma").severity == "adapt"
