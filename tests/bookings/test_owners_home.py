"""The owners' home: what needs them, today in numbers, and the doors to their jobs."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings.models import Appointment, Heartbeat, Message, Room, Therapist, TimeOff
from services.models import Service, SignOff
from services.screening import Outcome
from services.sign_off import present_list, version_of
from tests.bookings.conftest import NOW, OTTO, at
from tests.bookings.staff_pages import browser_of

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
NOT_SIGNED = "list of health questions has not been signed off by a clinician."


@pytest.fixture
def owner(clock: time_machine.Traveller, spa: object, olive: User) -> Browser:
    return browser_of(olive)


def waiting(browser: Browser) -> dict[str, int]:
    """What needs the owner: how much by sentence; the list that is never signed here left out."""
    shown = browser.get("/admin/").context["matters"]
    return {one.words: one.count for one in shown if one.words != NOT_SIGNED}


def sign(name: str = "Dr Hale") -> None:
    """Have the present list of health questions signed off."""
    signed = present_list()
    SignOff.objects.create(
        name=name,
        profession="Physiotherapist",
        signed_on=NOW.date(),
        version=version_of(signed),
        signed=signed,
        recorded_at=NOW,
    )


def figures(browser: Browser) -> dict[str, tuple[str, str]]:
    shown = browser.get("/admin/").context["today"]
    return {one.name: (one.value, one.more) for one in shown}


def test_nothing_to_do_is_said_kindly(owner: Browser) -> None:
    sign()
    Heartbeat.objects.bulk_create([Heartbeat(of=one, at=NOW) for one in Heartbeat.Of])
    answer = owner.get("/admin/")
    assert answer.context["matters"] == []
    # A slow machine may take a second to answer.
    assert re.search(r"Mail: Last sweep \d seconds? ago\.", answer.content.decode())
    assert "Nothing waits for you." in answer.content.decode()


def test_a_request_waits(owner: Browser, book: Book, mia: Therapist, fern: Room) -> None:
    book(at(10), therapist=mia, outcome=Outcome.CLEARANCE)
    assert waiting(owner) == {"request waits for an answer.": 1}


def test_a_mail_that_was_given_up_waits_until_its_visit_is_over(
    owner: Browser, book: Book, mia: Therapist, fern: Room, clock: time_machine.Traveller
) -> None:
    visit = book(at(10), therapist=mia)
    visit.messages.filter(kind=Message.Kind.CONFIRMATION).update(state=Message.State.FAILED)
    assert waiting(owner) == {"mail about a coming visit did not arrive. Better call.": 1}
    clock.move_to(at(11))
    assert waiting(browser_of(User.objects.get(username="olive"))) == {}


def test_visits_in_the_way_of_time_off_wait(
    owner: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia)
    book(at(12), therapist=noor, details=OTTO)
    TimeOff.objects.create(therapist=mia, starts_at=at(9), ends_at=at(17))
    assert waiting(owner) == {"visit does not fit where it stands and has to be moved.": 1}
    TimeOff.objects.create(starts_at=at(12, 30), ends_at=at(17))
    assert waiting(owner) == {"visits do not fit where they stand and have to be moved.": 2}


def test_a_draft_waits(owner: Browser, lymph: Service) -> None:
    Service.objects.filter(pk=lymph.pk).update(status=Service.Status.DRAFT)
    assert waiting(owner) == {"treatment is a draft: clients do not see it yet.": 1}


def test_a_list_that_nobody_has_signed_waits_and_so_does_one_that_has_changed(
    owner: Browser, lymph: Service
) -> None:
    assert NOT_SIGNED in [one.words for one in owner.get("/admin/").context["matters"]]
    sign()
    assert waiting(owner) == {}
    lymph.contraindications.filter(slug="asthma").update(severity="stop")
    lapsed = "sign-off of the health questions has lapsed, since the list was changed."
    assert waiting(owner) == {lapsed: 1}


def test_pressing_matters_come_first(
    owner: Browser, lymph: Service, book: Book, mia: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia, outcome=Outcome.CLEARANCE)
    TimeOff.objects.create(therapist=mia, starts_at=at(9), ends_at=at(17))
    sign()
    shown = owner.get("/admin/").context["matters"]
    assert [one.is_pressing for one in shown] == [True, False]


def test_today_in_numbers(
    owner: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room, now: datetime
) -> None:
    book(at(11, days=0), therapist=mia)
    book(at(13, days=0), therapist=noor, details=OTTO)
    here = book(at(15, days=0), therapist=noor)
    Appointment.objects.filter(pk=here.pk).update(status=Appointment.Status.ARRIVED)
    gone = book(at(10), therapist=mia)
    Appointment.objects.filter(pk=gone.pk).update(created_at=now - timedelta(days=1))
    shown = figures(owner)
    assert shown["Visits"] == ("3", "")
    assert shown["In the house"] == ("1", "")
    assert shown["Today’s visits are worth"] == ("£225", "")
    assert shown["Booked today"] == ("3", "£225")


def test_the_home_costs_the_same_for_one_and_for_many(
    owner: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    book(at(10, days=0), therapist=mia, outcome=Outcome.CLEARANCE)
    TimeOff.objects.create(therapist=mia, starts_at=at(9, days=0), ends_at=at(17, days=0))
    owner.get("/admin/")
    first = _queries(owner)
    for hour in (9, 12, 14):
        book(at(hour), therapist=mia, outcome=Outcome.CLEARANCE)
        book(at(hour, 30, days=2), therapist=noor)
    TimeOff.objects.create(therapist=mia, starts_at=at(9), ends_at=at(17))
    assert (_queries(owner), first) == (first, first)


def _queries(browser: Browser) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("/admin/").status_code == 200
    return len(queries)


def test_each_door_opens(owner: Browser, spa: object) -> None:
    doors = owner.get("/admin/").context["jobs"]
    assert len(doors) >= 6
    for door in doors:
        assert owner.get(door.url, follow=True).status_code == 200, door.name


def test_the_bar_says_where_one_is(owner: Browser, mia: Therapist) -> None:
    for path, name in (
        ("/admin/bookings/therapist/", "Hours"),
        (f"/admin/bookings/therapist/{mia.pk}/change/", "Hours"),
        ("/admin/bookings/therapist/add/", "Add a therapist"),
        ("/admin/bookings/timeoff/", "Closing days"),
    ):
        doors = owner.get(path).context["jobs"]
        assert [door.name for door in doors if door.is_here] == [name], path


def test_the_way_to_the_desk_and_the_site_stands_on_each_page(owner: Browser) -> None:
    page = owner.get("/admin/bookings/room/").content.decode()
    for address in ("/desk/", "/", "/accounts/", "/admin/"):
        assert f'href="{address}"' in page, address


def test_staff_who_are_no_owners_see_what_they_may_and_no_numbers(
    clock: time_machine.Traveller, spa: object, dana: User
) -> None:
    dana.is_staff = True
    dana.save()
    dana.user_permissions.add(Permission.objects.get(codename="view_room"))
    answer = browser_of(dana).get("/admin/")
    assert [door.name for door in answer.context["jobs"]] == []
    assert "today" not in answer.context
    page = answer.content.decode()
    assert "/admin/bookings/room/" in page
    assert "/admin/bookings/therapist/" not in page
    questions = "/admin/services/contraindication/"
    for path in ("", "try/", "sign-off/", "outdated/"):
        assert browser_of(dana).get(questions + path).status_code == 403, path
    assert browser_of(dana).get("/admin/prices/").status_code == 403
