"""Visits that a change left without a place: listed, never forgotten, solved one by one."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.actions.hours import hours_as_seen
from bookings.models import Appointment, Event, Room, Therapist
from bookings.queries import hours_of
from bookings.standing import Why
from bookings.stranded import how_many_stranded, stranded_visits
from bookings.views.times import start_value
from bookings.weeks import NO_WEEK
from services.models import Service, SpaProfile
from tests.bookings.conftest import NOW, OTTO, at
from tests.bookings.staff_pages import browser_of, said, words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
URL = "/desk/to-move/"
TEN = start_value(at(10))


@pytest.fixture
def visit(
    clock: time_machine.Traveller, book_again: Book, mia: Therapist, fern: Room
) -> Appointment:
    return book_again(at(10), therapist=mia)


@pytest.fixture
def no_more_tuesdays(visit: Appointment, spa: SpaProfile, olive: User) -> dict[str, Any]:
    """Mia works no more from Tuesday on, which strands the visit."""
    mia = visit.therapist
    change = {
        "weeks": {mia.pk: NO_WEEK},
        "first_day": at(0).date(),
        "last_day": None,
        "seen": {mia.pk: hours_as_seen(hours_of([mia.pk])[mia.pk])},
        "by": actions.staff(olive),
        "spa": spa,
        "now": NOW,
    }
    return change


def why(spa: SpaProfile) -> dict[str, set[Why]]:
    return {
        one.card.appointment.reference: set(one.why) for one in stranded_visits(spa=spa, now=NOW)
    }


def test_a_visit_with_a_place_is_not_listed(spa: SpaProfile, visit: Appointment) -> None:
    assert why(spa) == {}
    assert how_many_stranded(spa=spa, now=NOW) == 0


def test_each_fact_of_the_house_can_leave_a_visit_without_a_place(
    spa: SpaProfile, visit: Appointment, massage: Service, dana: User
) -> None:
    mia, fern = visit.therapist, visit.room
    mia.working_hours.filter(weekday=1).delete()
    mia.services.set([massage])
    fern.services.set([massage])
    for therapist in (mia, None):
        actions.block_time(
            therapist=therapist,
            starts_at=at(10),
            ends_at=at(11),
            reason="",
            by=actions.staff(dana),
            now=NOW,
        )
    unsuited = {Why.HOURS, Why.OFF, Why.CLOSED, Why.NOT_GIVING, Why.ROOM_UNSUITED}
    assert why(spa) == {visit.reference: unsuited}
    Therapist.objects.update(active=False)
    Room.objects.update(active=False)
    gone = {Why.HOURS, Why.OFF, Why.CLOSED, Why.NOT_TAKING, Why.ROOM_SHUT}
    assert why(spa) == {visit.reference: gone}


def test_what_is_over_cancelled_or_here_is_not_listed(
    spa: SpaProfile, visit: Appointment, book: Book
) -> None:
    Therapist.objects.update(active=False)
    assert list(why(spa)) == [visit.reference]
    for status in ("cancelled", "declined", "completed", "no_show", "arrived"):
        Appointment.objects.update(status=status)
        assert why(spa) == {}
    Appointment.objects.update(status="requested")
    assert list(why(spa)) == [visit.reference]
    assert stranded_visits(spa=spa, now=visit.ends_at) == []


def test_hours_are_not_changed_over_a_visit_that_was_not_listed(
    no_more_tuesdays: dict[str, Any], visit: Appointment
) -> None:
    with pytest.raises(actions.VisitsStranded) as refused:
        actions.change_hours(**no_more_tuesdays, agreed=set())
    assert refused.value.reasons == {visit.reference: {Why.HOURS}}
    assert visit.therapist.working_hours.count() == 7
    assert not Event.objects.filter(kind="stranded").exists()


def test_hours_changed_all_the_same_leave_the_visit_and_a_mark_on_it(
    no_more_tuesdays: dict[str, Any], visit: Appointment, spa: SpaProfile, olive: User
) -> None:
    actions.change_hours(**no_more_tuesdays, agreed={visit.reference})
    assert why(spa) == {visit.reference: {Why.HOURS}}
    mark = visit.events.get(kind="stranded")
    assert (mark.actor, mark.changes) == (olive, {"why": ["", "hours"]})
    visit.refresh_from_db()
    assert (visit.status, visit.starts_at) == ("confirmed", at(10))


def test_what_the_desk_placed_there_with_a_reason_is_meant_until_the_next_change(
    visit: Appointment, spa: SpaProfile, dana: User
) -> None:
    desk: dict[str, Any] = {"by": actions.staff(dana), "now": NOW}
    actions.reschedule_appointment(
        appointment=visit, starts_at=at(7), spa=spa, reason="Before work.", **desk
    )
    assert why(spa) == {}
    actions.block_time(therapist=visit.therapist, starts_at=at(0), ends_at=at(8), reason="", **desk)
    assert why(spa) == {visit.reference: {Why.HOURS, Why.OFF}}


def test_a_visit_that_stays_for_a_reason_is_solved(
    visit: Appointment, spa: SpaProfile, dana: User
) -> None:
    Therapist.objects.update(active=False)
    desk = browser_of(dana)
    sent = {"reference": visit.reference, "sequence": visit.sequence, "reason": " "}
    page = words(desk.post(URL, sent))
    assert "Please say why the visit can stay." in page
    answer = desk.post(URL, {**sent, "reason": "Mia comes in for it."})
    assert (answer.status_code, answer["Location"]) == (302, URL)
    assert said(answer) == ["Cleo: the visit stays where it is."]
    assert why(spa) == {}
    page = words(desk.get(f"/desk/appointments/{visit.reference}/"))
    assert "Said that the visit stays as it is" in page
    assert "Mia comes in for it." in page


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"reference": "K7QF2M9D\x00", "sequence": "0", "reason": "x"},
        {"reference": "x" * 9999, "sequence": "-1", "reason": "x"},
        {"reference": "K7QF2M9D", "sequence": "9" * 99, "reason": "\u202e"},
    ],
)
def test_nonsense_keeps_nothing(sent: dict[str, str], visit: Appointment, dana: User) -> None:
    answer = browser_of(dana).post(URL, sent)
    assert answer.status_code == 200
    assert not Event.objects.filter(kind="kept").exists()


def test_a_visit_changed_meanwhile_is_not_kept(visit: Appointment, dana: User) -> None:
    sent = {"reference": visit.reference, "sequence": visit.sequence, "reason": "Agreed."}
    Appointment.objects.update(sequence=9)
    assert "changed by somebody else" in words(browser_of(dana).post(URL, sent))
    Appointment.objects.update(sequence=visit.sequence, status="cancelled")
    assert "no longer possible" in words(browser_of(dana).post(URL, sent))
    assert not Event.objects.filter(kind="kept").exists()


def test_after_each_move_the_others_are_shown_again(
    visit: Appointment, book: Book, noor: Therapist, dana: User, spa: SpaProfile
) -> None:
    other = book(at(12), therapist=visit.therapist, details=OTTO)
    Therapist.objects.filter(pk=visit.therapist_id).update(active=False)
    desk = browser_of(dana)
    page = words(desk.get(URL))
    assert "2 visits stand where they cannot be given" in page
    assert "Mia takes no appointments." in page
    move = f"/desk/appointments/{visit.reference}/move/"
    chosen = desk.get(f"{move}?back=to-move&therapist={noor.pk}&start={TEN}")
    assert 'name="back" value="to-move"' in chosen.content.decode()
    assert "back=to-move" in desk.get(f"{move}?back=to-move").content.decode()
    sent = {
        "sequence": visit.sequence,
        "start": TEN,
        "therapist": noor.pk,
        "back": "to-move",
    }
    answer = desk.post(move, sent, follow=True)
    assert answer.redirect_chain == [(URL, 302)]
    assert "Otto" in words(answer)
    assert list(why(spa)) == [other.reference]
    cancel = f"/desk/appointments/{other.reference}/cancel/"
    sent = {"sequence": other.sequence, "reason": "", "back": "to-move"}
    answer = desk.post(cancel, sent, follow=True)
    assert answer.redirect_chain == [(URL, 302)]
    assert "Every visit has its place" in words(answer)


def test_in_the_drawer_the_others_follow_after_a_move(
    visit: Appointment, book: Book, noor: Therapist, dana: User
) -> None:
    book(at(12), therapist=visit.therapist, details=OTTO)
    Therapist.objects.filter(pk=visit.therapist_id).update(active=False)
    sent = {
        "sequence": visit.sequence,
        "start": TEN,
        "therapist": noor.pk,
        "back": "to-move",
    }
    answer = browser_of(dana).post(
        f"/desk/appointments/{visit.reference}/move/", sent, headers={"HX-Target": "panel-body"}
    )
    assert "1 visit stands where it cannot be given" in words(answer)
    assert "diary-changed" in answer["HX-Trigger"]


def test_a_time_off_leads_to_its_visits_and_back_to_all(visit: Appointment, dana: User) -> None:
    off = actions.block_time(
        therapist=None,
        starts_at=at(9),
        ends_at=at(12),
        reason="Flood",
        by=actions.staff(dana),
        now=NOW,
    )
    page = browser_of(dana).get(f"/desk/time-off/{off.pk}/").content.decode()
    assert f'href="/desk/appointments/{visit.reference}/move/?back=to-move"' in page
    assert f'href="{URL}"' in page


def test_the_list_costs_the_same_for_one_visit_and_for_many(
    visit: Appointment, book: Book, dana: User
) -> None:
    desk = browser_of(dana)
    Therapist.objects.filter(pk=visit.therapist_id).update(active=False)
    first = _queries_of(desk)
    Therapist.objects.update(active=True)
    for number in range(4):
        book(at(12, days=2 + number), therapist=visit.therapist, details=OTTO)
    Therapist.objects.update(active=False)
    assert _queries_of(desk) == first


def _queries_of(browser: Browser) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(URL).status_code == 200
    return len(queries)
