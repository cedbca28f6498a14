"""Moving a visit: the time, the health answers, both shown, and then done."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client as Browser

from bookings import actions
from bookings.models import Appointment, HealthCheck, Room, Therapist
from bookings.views.times import start_value
from services.models import Contraindication
from tests.bookings.client_pages import HEALTH, answers, choose, hold, words
from tests.bookings.conftest import NOW, OTTO, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "mia", "fern")]

Book = Callable[..., Appointment]
TWO = "2026-11-28T14:00Z"


@pytest.fixture
def visit(book_again: Book, mia: Therapist) -> Appointment:
    """Cleo's visit on Friday at ten."""
    return book_again(at(10, days=4))


@pytest.fixture
def address(visit: Appointment) -> str:
    return f"/visit/{actions.issue_visit_link(visit)}/"


def grow_stale() -> None:
    HealthCheck.objects.update(affirmed_at=NOW - timedelta(days=86))


def when(visit: Appointment) -> datetime:
    visit.refresh_from_db()
    return visit.starts_at


def test_both_times_are_shown_before_it_is_done(
    client: Browser, visit: Appointment, address: str
) -> None:
    picked = client.post(f"{address}reschedule/", {"start": TWO})
    assert picked["Location"] == f"{address}reschedule/?start=2026-11-28T14%3A00Z"
    text = words(client.get(picked["Location"]))
    assert 'Friday 27&nbsp;November, <span class="nowrap">10:00 – 11:00</span> with Mia' in text
    assert 'Saturday 28&nbsp;November, <span class="nowrap">14:00 – 15:00</span> with Mia' in text
    assert when(visit) == at(10, days=4)
    done = client.post(f"{address}reschedule/", {"start": TWO, "sequence": 1, "step": "move"})
    assert done["Location"] == address
    assert when(visit) == at(14, days=5)
    assert "Your visit is moved." in words(client.get(address))


def test_her_own_time_is_free_for_her_and_no_move(
    client: Browser, visit: Appointment, address: str
) -> None:
    page = client.get(f"{address}reschedule/", {"date": "2026-11-27"})
    shown = [one.starts_at for part in page.context["times"].parts for one in part.times]
    assert at(10, 15, days=4) in shown
    assert at(10, days=4) not in shown
    same = client.post(f"{address}reschedule/", {"start": "2026-11-27T10:00Z"}, follow=True)
    assert "That is the time you already have." in words(same)


def test_she_may_stay_with_her_therapist_or_take_anyone(
    client: Browser, visit: Appointment, address: str, mia: Therapist, noor: Therapist
) -> None:
    page = client.get(f"{address}reschedule/")
    assert [one.label for one in page.context["people"]] == ["Anyone", "Mia"]
    picked = client.post(f"{address}reschedule/", {"start": TWO, "therapist": mia.pk})
    page = client.get(picked["Location"])
    assert f'name="therapist" value="{mia.pk}"' in words(page)
    client.post(
        f"{address}reschedule/",
        {"start": TWO, "sequence": 1, "step": "move", "therapist": mia.pk},
    )
    visit.refresh_from_db()
    assert (visit.starts_at, visit.therapist) == (at(14, days=5), mia)


def test_another_therapist_is_named_before_it_is_done(
    client: Browser, visit: Appointment, address: str, book: Book, mia: Therapist, noor: Therapist
) -> None:
    Room.objects.create(name="Lily").services.set([visit.service])
    book(at(14, days=5), details=OTTO, therapist=mia)
    text = words(client.get(f"{address}reschedule/", {"start": TWO}))
    assert '<span class="nowrap">14:00 – 15:00</span> with Noor' in text
    assert f'name="therapist" value="{noor.pk}"' in text


def test_a_lost_time_shows_the_nearest(
    client: Browser, visit: Appointment, address: str, book: Book
) -> None:
    client.post(f"{address}reschedule/", {"start": TWO})
    book(at(14, days=5), details=OTTO)
    answer = client.post(
        f"{address}reschedule/", {"start": TWO, "sequence": 1, "step": "move"}, follow=True
    )
    assert "That time has just been taken." in words(answer)
    assert [one.starts_at for one in answer.context["gone"].nearest] == [
        at(12, 30, days=5),
        at(12, 45, days=5),
        at(15, 15, days=5),
    ]
    assert when(visit) == at(10, days=4)


@pytest.mark.parametrize("sequence", ["0", "2", "", "x", "9" * 5000])
def test_a_visit_that_changed_meanwhile_is_not_moved(
    client: Browser, visit: Appointment, address: str, sequence: str
) -> None:
    answer = client.post(
        f"{address}reschedule/", {"start": TWO, "sequence": sequence, "step": "move"}, follow=True
    )
    assert "This visit was changed by somebody else." in words(answer)
    assert when(visit) == at(10, days=4)


@pytest.mark.parametrize(
    "start", ["x", "9999-12-31T23:59Z", "2026-11-23T08:15Z", "2026-11-28T03:00Z", "\x00"]
)
def test_a_foolish_time_moves_nothing(
    client: Browser, visit: Appointment, address: str, start: str
) -> None:
    answer = client.post(
        f"{address}reschedule/", {"start": start, "sequence": 1, "step": "move"}, follow=True
    )
    assert answer.status_code == 200
    assert when(visit) == at(10, days=4)


@pytest.mark.parametrize("step", ["", "Move", "\x00", "x" * 10_000])
def test_a_foolish_step_only_leads_on(
    client: Browser, visit: Appointment, address: str, step: str
) -> None:
    answer = client.post(f"{address}reschedule/", {"start": TWO, "sequence": 1, "step": step})
    assert answer["Location"] == f"{address}reschedule/?start=2026-11-28T14%3A00Z"
    assert when(visit) == at(10, days=4)


def test_stale_answers_are_asked_about_first(
    client: Browser, visit: Appointment, address: str
) -> None:
    grow_stale()
    text = words(client.get(f"{address}reschedule/", {"start": TWO}))
    assert "Has anything about your health changed since Saturday 29 August?" in text
    refused = client.post(f"{address}reschedule/", {"start": TWO, "sequence": 1, "step": "move"})
    assert "Has anything about your health changed" in words(client.get(refused["Location"]))
    assert when(visit) == at(10, days=4)


def test_nothing_changed_is_noted_and_leads_to_the_move(
    client: Browser, visit: Appointment, address: str
) -> None:
    grow_stale()
    answer = client.post(f"{address}reschedule/", {"start": TWO, "step": "unchanged"})
    assert "Move your visit?" in words(client.get(answer["Location"]))
    assert visit.events.filter(kind="health_affirmed", actor_kind="client").count() == 1
    client.post(f"{address}reschedule/", {"start": TWO, "sequence": 1, "step": "move"})
    assert when(visit) == at(14, days=5)


def test_a_change_leads_to_the_questions_and_back_to_the_move(
    client: Browser, visit: Appointment, address: str
) -> None:
    grow_stale()
    asked = client.post(f"{address}reschedule/", {"start": TWO, "step": "changed"})
    assert asked["Location"] == f"{address}health/?start=2026-11-28T14%3A00Z"
    assert "How are you now?" in words(client.get(asked["Location"]))
    answered = client.post(asked["Location"], answers(visit.service, {"tick-asthma": "on"}))
    assert answered["Location"] == f"{address}reschedule/?start=2026-11-28T14%3A00Z"
    assert "Move your visit?" in words(client.get(answered["Location"]))
    assert HealthCheck.objects.get(appointments=visit).outcome == "adapt"


def test_changed_questions_cannot_be_affirmed(
    client: Browser, visit: Appointment, address: str
) -> None:
    Contraindication.objects.filter(slug="asthma").update(question="asthma, even mild")
    page = client.get(f"{address}reschedule/", {"start": TWO})
    assert 'value="unchanged"' not in words(page)
    assert "Our questions have changed since you answered them." in words(page)
    client.post(f"{address}reschedule/", {"start": TWO, "step": "unchanged"})
    assert not visit.events.filter(kind="health_affirmed").exists()
    client.post(f"{address}reschedule/", {"start": TWO, "sequence": 1, "step": "move"})
    assert when(visit) == at(10, days=4)


@pytest.mark.parametrize(
    ("slug", "title"), [("fever", "Not this time"), ("chest-pain", "Please do not wait")]
)
def test_a_stop_keeps_nothing_and_offers_to_cancel(
    client: Browser, visit: Appointment, address: str, slug: str, title: str
) -> None:
    page = client.post(f"{address}health/", answers(visit.service, {f"tick-{slug}": "on"}))
    text = words(page)
    assert (page.status_code, title in text) == (200, True)
    assert f'href="{address}cancel/"' in text
    assert 'href="tel:+44-20-7946-0018"' in text
    assert HealthCheck.objects.count() == 1
    event = visit.events.latest("pk")
    assert (event.kind, event.changes, event.reason) == ("health_withdrawn", {}, "")
    assert "Please call us before you come" in words(client.get(address))
    # The check that she passed when she booked does not stand any longer.
    moved = client.post(
        f"{address}reschedule/",
        {"start": start_value(at(14, days=5)), "step": "move", "sequence": visit.sequence + 1},
    )
    assert moved.status_code == 302
    visit.refresh_from_db()
    assert (visit.health_check, visit.starts_at) == (None, at(10, days=4))


def test_a_stop_counts_though_the_desk_has_marked_her_as_arrived_meanwhile(
    client: Browser, visit: Appointment, address: str
) -> None:
    """The page was opened on the way, and is answered in the waiting room."""
    Appointment.objects.update(status="arrived")
    page = words(client.post(f"{address}health/", answers(visit.service, {"tick-fever": "on"})))
    assert "Not this time" in page
    assert "speak to the desk or to your therapist before the treatment begins" in page
    visit.refresh_from_db()
    assert (visit.status, visit.health_check) == ("arrived", None)
    assert visit.events.latest("pk").kind == "health_withdrawn"


def test_other_answers_of_her_who_is_here_are_for_her_therapist(
    client: Browser, visit: Appointment, address: str
) -> None:
    Appointment.objects.update(status="arrived")
    sent = answers(visit.service, {"tick-heart-disease": "on"})
    assert client.post(f"{address}health/", sent)["Location"] == address
    assert "please tell your therapist instead" in words(client.get(address))
    assert HealthCheck.objects.count() == 1


def test_a_stop_on_the_visit_page_ends_a_journey_for_the_same_treatment(
    client: Browser, visit: Appointment, address: str
) -> None:
    hold(client, visit.service, at(14, days=5))
    client.post(f"{address}health/", answers(visit.service, {"tick-fever": "on"}))
    assert not Appointment.objects.filter(status="held").exists()
    assert choose(client, at(14, days=5)).url == HEALTH


def test_a_new_need_for_clearance_makes_the_visit_a_request(
    client: Browser, visit: Appointment, address: str
) -> None:
    answered = client.post(
        f"{address}health/", answers(visit.service, {"tick-heart-disease": "on"})
    )
    assert answered["Location"] == address
    assert "We are keeping" in words(client.get(address))
    visit.refresh_from_db()
    assert (visit.status, visit.sequence) == ("requested", 3)


def test_new_answers_need_consent(client: Browser, visit: Appointment, address: str) -> None:
    page = client.post(f"{address}health/", answers(visit.service, {"consent": ""}))
    assert "<title>Error: Your health check" in words(page)
    assert HealthCheck.objects.count() == 1


def test_answers_for_a_past_visit_are_not_taken(
    client: Browser, visit: Appointment, address: str
) -> None:
    Appointment.objects.update(status="completed")
    assert client.get(f"{address}health/")["Location"] == address
    assert client.post(f"{address}health/", answers(visit.service))["Location"] == address
    assert HealthCheck.objects.count() == 1


def test_the_page_of_free_times_costs_the_same_for_one_and_for_many(
    client: Browser,
    visit: Appointment,
    address: str,
    book: Book,
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    # The spa, the visit; therapists, rooms, hours, time off, appointments.
    with django_assert_num_queries(6):
        client.get(f"{address}reschedule/")
    for days in range(5, 12):
        book(at(10, days=days), details=OTTO)
    with django_assert_num_queries(6):
        client.get(f"{address}reschedule/")
