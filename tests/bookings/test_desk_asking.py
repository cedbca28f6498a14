"""The desk asks a client about her health anew, for a visit that stands."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client as Browser

from bookings import actions
from bookings.models import Appointment, HealthCheck, Message, Room, Therapist
from bookings.queries import rules_for
from services.models import Contraindication, Service
from tests.bookings.client_pages import answers
from tests.bookings.conftest import NOW, at
from tests.bookings.staff_pages import browser_of, desk_url, take, words
from tests.kept_rows import OnceForAll

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
PANEL = {"HX-Request": "true", "HX-Target": "panel-body"}


@pytest.fixture(autouse=True)
def _monday_morning(clock: time_machine.Traveller) -> None:
    """Let every test begin on the cast's Monday at eight."""


@pytest.fixture
def desk(dana: User) -> Browser:
    return browser_of(dana)


@pytest.fixture
def visit(book: Book, mia: Therapist, fern: Room, once_for_all: OnceForAll) -> Appointment:
    """Cleo's visit on Tuesday at ten with Mia."""
    return once_for_all(book, at(10), therapist=mia)


@pytest.fixture
def opened(visit: Appointment) -> Appointment:
    """The same, after Cleo has answered "stop" by herself: somebody has to talk to her."""
    actions.withdraw_health_check(appointment=visit, by=actions.CLIENT, now=NOW)
    return latest(visit)


def latest(visit: Appointment) -> Appointment:
    return Appointment.objects.select_related("health_check").get(pk=visit.pk)


def send(desk: Browser, visit: Appointment, said: dict[str, str] | None = None, **more: Any) -> Any:
    """Send the form for ``visit``; ``said`` adds to the answers of a healthy client."""
    sent = {"sequence": visit.sequence, **answers(visit.service, said), **more}
    return desk.post(desk_url("health", visit), sent, headers=PANEL)


def outcome_of(visit: Appointment) -> str:
    check = latest(visit).health_check
    return check.outcome if check else ""


def test_an_open_check_leads_to_the_questions(desk: Browser, opened: Appointment) -> None:
    assert desk_url("health", opened) in desk.get(desk_url("appointment", opened)).content.decode()
    page = words(desk.get(desk_url("health", opened)))
    assert "Read out each group" in page
    assert "Something has" not in page


def test_what_she_says_on_the_phone_closes_it(
    desk: Browser, opened: Appointment, dana: User
) -> None:
    answer = send(desk, opened)
    assert "Cleo: the answers are kept. All is clear." in answer["HX-Trigger"]
    check = latest(opened).health_check
    assert check is not None
    assert (check.outcome, check.taken_by) == ("clear", dana)
    event = opened.events.latest("pk")
    assert (event.kind, event.actor, event.changes) == ("health_renewed", dana, {})
    assert "Health check open" not in words(answer)


def test_the_therapist_is_told_what_to_adapt_and_the_desk_only_that(
    desk: Browser, opened: Appointment
) -> None:
    answer = send(desk, opened, {"tick-asthma": "on"})
    assert "The therapist will see what to adapt." in answer["HX-Trigger"]
    assert "sthma" not in answer["HX-Trigger"] + answer.content.decode()
    assert outcome_of(opened) == "adapt"


def test_a_clearance_makes_it_a_request_and_says_what_to_tell(
    desk: Browser, visit: Appointment
) -> None:
    answer = send(desk, visit, {"tick-heart-disease": "on"})
    assert "we need a written note from the doctor" in answer["HX-Trigger"]
    assert (latest(visit).status, outcome_of(visit)) == ("requested", "clearance")
    assert Message.objects.filter(kind="request_received").count() == 1


@pytest.mark.parametrize(
    ("ticked", "told"),
    [
        ("tick-fever", "we cannot give you the treatment at the moment"),
        ("tick-chest-pain", "Please call the emergency number now."),
    ],
)
def test_a_stop_keeps_nothing_and_opens_all_her_visits(
    desk: Browser, visit: Appointment, book: Book, ticked: str, told: str
) -> None:
    other = book(at(14, days=3))
    before = HealthCheck.objects.count()
    page = send(desk, visit, {ticked: "on"})
    assert told in words(page)
    for one in (visit, other):
        assert desk_url("appointment", one) in page.content.decode()
        assert (latest(one).health_check, latest(one).status) == (None, "confirmed")
    assert HealthCheck.objects.count() == before
    assert ticked.removeprefix("tick-") not in page.content.decode()


def test_a_stop_where_nothing_counted_any_more_is_remembered(
    desk: Browser, opened: Appointment
) -> None:
    page = send(desk, opened, {"tick-fever": "on"})
    assert desk_url("appointment", opened) in page.content.decode()
    assert opened.events.latest("pk").kind == "health_outdated"


def test_nothing_has_changed(desk: Browser, visit: Appointment) -> None:
    HealthCheck.objects.update(affirmed_at=NOW - timedelta(days=120))
    page = desk.get(desk_url("health", visit))
    assert "Has anything about your health changed since then?" in words(page)
    answer = desk.post(desk_url("health", visit), {"seen": visit.health_check_id}, headers=PANEL)
    assert "Cleo: nothing has changed. Noted." in answer["HX-Trigger"]
    check = latest(visit).health_check
    assert check is not None
    assert check.affirmed_at >= NOW
    # Pressed twice is said once.
    desk.post(desk_url("health", visit), {"seen": visit.health_check_id})
    assert visit.events.filter(kind="health_affirmed").count() == 1
    assert "Read out each group" in words(desk.get(desk_url("health", visit), {"all": "1"}))


def test_only_answers_that_were_read_out_can_be_unchanged(
    desk: Browser, visit: Appointment
) -> None:
    HealthCheck.objects.update(affirmed_at=NOW - timedelta(days=120))
    for foreign in ("", "0", str(visit.health_check_id) + "9", "\x00", "9" * 40):
        answer = desk.post(desk_url("health", visit), {"seen": foreign})
        assert "These answers do not hold any more" in words(answer)
    check = latest(visit).health_check
    assert check is not None
    assert check.affirmed_at < NOW


def test_changed_questions_are_asked_in_full(desk: Browser, visit: Appointment) -> None:
    Contraindication.objects.filter(slug="asthma").update(question="asthma or a cough")
    assert "Has anything" not in words(desk.get(desk_url("health", visit)))
    sent = desk.post(desk_url("health", visit), {"seen": visit.health_check_id})
    assert "These answers do not hold any more" in words(sent)


def test_whoever_has_said_stop_to_another_treatment_is_asked_in_full(
    desk: Browser, visit: Appointment, book: Book, massage: Service
) -> None:
    other = book(at(15, days=3), option=massage.options.get())
    later = NOW + timedelta(seconds=1)
    actions.withdraw_health_check(appointment=other, by=actions.CLIENT, now=later)
    assert "Has anything" not in words(desk.get(desk_url("health", visit)))
    sent = desk.post(desk_url("health", visit), {"seen": visit.health_check_id})
    assert "These answers do not hold any more" in words(sent)
    assert not visit.events.filter(kind="health_affirmed").exists()


def test_others_were_first_and_what_was_ticked_stays(desk: Browser, visit: Appointment) -> None:
    before = HealthCheck.objects.count()
    page = send(desk, visit, {"tick-asthma": "on"}, sequence=visit.sequence + 1)
    ticked = 'name="tick-asthma"'
    row = next(line for line in page.content.decode().split("<input") if ticked in line)
    assert "checked" in row
    assert 'role="alert"' in page.content.decode()
    assert HealthCheck.objects.count() == before
    assert "All is clear" in send(desk, visit)["HX-Trigger"]


@pytest.mark.parametrize("sequence", ["", "abc", "-1", "9" * 30, "\x00"])
def test_a_foolish_sequence_keeps_nothing(desk: Browser, visit: Appointment, sequence: str) -> None:
    check = visit.health_check_id
    assert send(desk, visit, sequence=sequence).status_code == 200
    assert latest(visit).health_check_id == check


def test_what_is_missing_is_said_at_its_place(desk: Browser, visit: Appointment) -> None:
    page = send(desk, visit, {"none_left": "", "consent": ""})
    problems = page.context["form"].problems
    assert [one.anchor for one in problems] == ["id_none_left", "id_consent"]
    empty = desk.post(desk_url("health", visit), {"sequence": visit.sequence})
    assert "Please read out these questions first." in words(empty)


def test_who_is_in_the_house_is_asked_after_one_step_back(
    desk: Browser, opened: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    take(desk, opened, "arrived")
    page = words(desk.get(desk_url("appointment", opened)))
    assert "take the arrival back and ask before the treatment" in page
    answer = send(desk, latest(opened))
    assert "take the arrival back first" in words(answer)
    take(desk, latest(opened), "back")
    assert "All is clear" in send(desk, latest(opened))["HX-Trigger"]
    take(desk, latest(opened), "arrived")
    assert latest(opened).status == "arrived"


def test_a_stop_counts_though_she_was_marked_as_arrived_meanwhile(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    take(desk, visit, "arrived")
    page = send(desk, visit, {"tick-fever": "on"})
    assert "we cannot give you the treatment at the moment" in words(page)
    assert (latest(visit).health_check, latest(visit).status) == (None, "arrived")


def test_what_is_over_is_not_asked_about(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(14))
    before = HealthCheck.objects.count()
    assert "no longer possible" in words(send(desk, visit))
    assert "no longer possible" in words(send(desk, visit, {"tick-fever": "on"}))
    seen = {"seen": visit.health_check_id}
    assert "no longer possible" in words(desk.post(desk_url("health", visit), seen, follow=True))
    assert "no longer possible" in words(desk.get(desk_url("health", visit), follow=True))
    assert HealthCheck.objects.count() == before
    assert latest(visit).health_check_id == visit.health_check_id


def test_the_page_costs_the_same_for_any_client(
    desk: Browser, visit: Appointment, book: Book, django_assert_num_queries: Any
) -> None:
    desk.get(desk_url("health", visit))
    with django_assert_num_queries(7):
        desk.get(desk_url("health", visit), {"all": "1"})
    for day in (3, 4, 5):
        book(at(14, days=day))
    with django_assert_num_queries(7):
        desk.get(desk_url("health", visit), {"all": "1"})


def test_answers_that_were_deleted_meanwhile_cannot_be_unchanged(
    visit: Appointment, dana: User, olive: User
) -> None:
    assert visit.client is not None
    assert visit.health_check is not None
    actions.withdraw_health_consent(client=visit.client, by=actions.staff(olive), now=NOW)
    with pytest.raises(actions.HealthCheckNeeded):
        actions.affirm_health_check(
            appointment=visit,
            rules=rules_for(visit.service),
            by=actions.staff(dana),
            now=NOW,
        )
