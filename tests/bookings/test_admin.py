"""What owners find in the admin, and what nobody finds there."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.actions.events import record, staff
from bookings.models import (
    Appointment,
    Client,
    HealthCheck,
    HealthReading,
    Room,
    Therapist,
    TimeOff,
    VisitLink,
)
from bookings.questions import outdated_visits
from services.models import Contraindication, Service
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, login_of, said, words
from tests.services.owners_forms import address_of, edit

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
LISTS = ["therapist", "room", "timeoff", "client", "clientmerge", "appointment", "message"]


@pytest.fixture
def visit(
    clock: time_machine.Traveller, book_again: Book, mia: Therapist, fern: Room
) -> Appointment:
    return book_again(at(10), therapist=mia)


@pytest.fixture
def owner(clock: time_machine.Traveller, olive: User) -> Browser:
    return browser_of(olive)


@pytest.mark.parametrize("name", LISTS)
def test_owners_list_and_search(name: str, owner: Browser, visit: Appointment) -> None:
    assert owner.get(f"/admin/bookings/{name}/").status_code == 200
    assert owner.get(f"/admin/bookings/{name}/?q=cleo").status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_nobody_else_opens_the_admin(
    name: str, visit: Appointment, dana: User, mia: Therapist
) -> None:
    for user in (None, dana, login_of(mia)):
        answer = browser_of(user).get(f"/admin/bookings/{name}/")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/?next=")


def test_the_admin_has_no_login_page_of_its_own(spa: object, client: Browser) -> None:
    answer = client.get("/admin/login/?next=/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/admin/")


def test_health_checks_are_not_registered() -> None:
    for model in (HealthCheck, HealthReading, VisitLink):
        assert not admin.site.is_registered(model)


def test_an_appointment_is_shown_with_the_way_to_the_desk(
    owner: Browser, visit: Appointment
) -> None:
    page = owner.get(f"/admin/bookings/appointment/{visit.pk}/change/").content.decode()
    assert f'href="/desk/appointments/{visit.reference}/"' in page
    assert "booked" in page
    assert 'name="_save"' not in page
    assert "client_note" not in page
    main = page.partition("<main")[2]
    assert "health" not in main.lower()


def test_appointments_are_neither_added_changed_nor_deleted(
    owner: Browser, visit: Appointment
) -> None:
    base = "/admin/bookings/appointment/"
    assert owner.get(f"{base}add/").status_code == 403
    assert owner.post(f"{base}{visit.pk}/change/", {"status": "cancelled"}).status_code == 403
    assert owner.post(f"{base}{visit.pk}/delete/", {"post": "yes"}).status_code == 403
    sent = {"action": "delete_selected", "_selected_action": [visit.pk], "post": "yes"}
    owner.post(base, sent)
    visit.refresh_from_db()
    assert visit.status == "confirmed"


def test_messages_are_read_only(owner: Browser, visit: Appointment) -> None:
    mail = visit.messages.get(kind="confirmation")
    base = f"/admin/bookings/message/{mail.pk}/"
    assert owner.get(f"{base}change/").status_code == 200
    assert owner.post(f"{base}change/", {"state": "sent"}).status_code == 403
    assert owner.post(f"{base}delete/", {"post": "yes"}).status_code == 403
    mail.refresh_from_db()
    assert mail.state == "pending"


def therapist_fields(mia: Therapist) -> dict[str, object]:
    return {
        "name": "Mia",
        "introduction": "Slow and light.",
        "colour": "#2f6f62",
        "active": "on",
        "position": 1,
        "email": "",
        "user": "",
        "services": [one.pk for one in mia.services.all()],
    }


def test_owners_edit_a_therapist(owner: Browser, visit: Appointment) -> None:
    mia = visit.therapist
    answer = owner.post(f"/admin/bookings/therapist/{mia.pk}/change/", therapist_fields(mia))
    assert answer.status_code == 302
    assert not [one for one in said(answer) if "moved" in one]
    mia.refresh_from_db()
    assert mia.introduction == "Slow and light."


def test_somebody_new_is_led_on_to_her_week_and_her_time_off_is_shown(
    owner: Browser, visit: Appointment
) -> None:
    fields = therapist_fields(visit.therapist) | {"name": "Ines"}
    answer = owner.post("/admin/bookings/therapist/add/", fields)
    ines = Therapist.objects.get(name="Ines")
    assert answer["Location"] == f"/admin/bookings/therapist/{ines.pk}/hours/"
    off = TimeOff.objects.create(
        therapist=ines, starts_at=at(9), ends_at=at(17), reason="<i>Course</i>"
    )
    page = owner.get(f"/admin/bookings/therapist/{ines.pk}/change/").content.decode()
    words_of_it = "Ines off, Tuesday 24 November (&lt;i&gt;Course&lt;/i&gt;)"
    assert f'<a href="/admin/bookings/timeoff/{off.pk}/change/">{words_of_it}</a>' in page


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"active": ""}, "Mia takes no appointments."),
        ({"services": []}, "Mia does not give Lymphatic drainage massage."),
    ],
)
def test_a_therapist_with_visits_is_not_switched_off_before_they_are_listed(
    change: dict[str, object], why: str, owner: Browser, visit: Appointment
) -> None:
    mia = visit.therapist
    url = f"/admin/bookings/therapist/{mia.pk}/change/"
    sent = therapist_fields(mia) | change
    answer = owner.post(url, sent)
    assert answer.status_code == 200
    page = words(answer)
    assert "1 booked visit would have no place" in page
    assert why in page
    mia.refresh_from_db()
    assert (mia.active, mia.introduction) == (True, "")
    answer = owner.post(url, {**sent, "agreed": visit.reference})
    assert answer.status_code == 302
    assert '1 visit has to be moved. <a href="/desk/to-move/">Move them</a>' in said(answer)
    assert visit.events.filter(kind="stranded").count() == 1
    assert why in words(owner.get("/desk/to-move/"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"active": ""}, "Fern is not in use."),
        ({"services": []}, "Fern does not suit Lymphatic drainage massage."),
    ],
)
def test_a_room_with_visits_is_not_taken_out_of_use_before_they_are_listed(
    change: dict[str, object], why: str, owner: Browser, visit: Appointment
) -> None:
    fern = visit.room
    url = f"/admin/bookings/room/{fern.pk}/change/"
    services = [one.pk for one in fern.services.all()]
    sent = {"name": "Fern", "active": "on", "position": 1, "services": services, **change}
    page = words(owner.post(url, sent))
    assert "1 booked visit would have no place" in page
    assert why in page
    answer = owner.post(url, {**sent, "agreed": visit.reference})
    assert answer.status_code == 302
    assert why in words(owner.get("/desk/to-move/"))


FLOOD = {
    "therapist": "",
    "starts_at_0": "2026-11-24",
    "starts_at_1": "00:00",
    "ends_at_0": "2026-11-26",
    "ends_at_1": "00:00",
    "reason": "Flood",
}


def test_closing_the_spa_over_visits_lists_them_first(
    owner: Browser, visit: Appointment, book: Book
) -> None:
    other = book(at(10, days=2), details=OTTO)
    book(at(10, days=3), details=OTTO)
    page = words(owner.post("/admin/bookings/timeoff/add/", FLOOD))
    assert "2 booked visits would have no place" in page
    assert "The spa is closed." in page
    assert not TimeOff.objects.exists()
    sent = {**FLOOD, "agreed": f"{visit.reference} {other.reference}"}
    answer = owner.post("/admin/bookings/timeoff/add/", sent)
    assert answer.status_code == 302
    assert '2 visits have to be moved. <a href="/desk/to-move/">Move them</a>' in said(answer)
    # They are known by now: a longer time off lists what is new in its way.
    off = TimeOff.objects.get()
    longer = {**FLOOD, "ends_at_0": "2026-11-27"}
    page = words(owner.post(f"/admin/bookings/timeoff/{off.pk}/change/", longer))
    assert "1 booked visit would have no place" in page


def test_time_off_lists_her_own_visits_only_and_names_are_never_run(
    owner: Browser, visit: Appointment, noor: Therapist
) -> None:
    off = {**FLOOD, "reason": "<b>Course</b>"}
    answer = owner.post("/admin/bookings/timeoff/add/", {**off, "therapist": noor.pk})
    assert answer.status_code == 302
    page = owner.post("/admin/bookings/timeoff/add/", {**off, "therapist": visit.therapist_id})
    assert "1 booked visit would have no place" in words(page)
    assert "<b>Course" not in page.content.decode()


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "reason", "words"),
    [
        (at(0), at(0, days=2), "Flood", "Whole spa off, Tuesday 24 November (Flood)"),
        (at(9), at(17), "", "Whole spa off, Tuesday 24 November"),
        (at(9), at(9, days=2), "", "Whole spa off, Tuesday 24 November – Wednesday 25 November"),
        (at(9, days=40), at(17, days=40), "", "Whole spa off, Saturday 2 January 2027"),
    ],
)
def test_time_off_says_who_when_and_why(
    starts_at: datetime, ends_at: datetime, reason: str, words: str, clock: time_machine.Traveller
) -> None:
    assert str(TimeOff(starts_at=starts_at, ends_at=ends_at, reason=reason)) == words


def test_a_therapist_with_visits_is_not_deleted(owner: Browser, visit: Appointment) -> None:
    answer = owner.post(f"/admin/bookings/therapist/{visit.therapist_id}/delete/", {"post": "yes"})
    assert answer.status_code == 403
    assert Therapist.objects.filter(pk=visit.therapist_id).exists()


def test_clients_are_found_by_name_mail_and_phone(owner: Browser, visit: Appointment) -> None:
    Client.objects.create(name="Otto", email="otto@example.com", phone="+442079460002")
    for typed in ("cleo", "cleo@example.com", "79460001"):
        page = owner.get("/admin/bookings/client/", {"q": typed}).content.decode()
        assert "cleo@example.com" in page
        assert "otto@example.com" not in page


def test_owners_change_a_client_at_the_desk(owner: Browser, visit: Appointment) -> None:
    url = f"/admin/bookings/client/{visit.client_id}/change/"
    page = owner.get(url).content.decode()
    assert f'href="/desk/clients/{visit.client_id}/"' in page
    assert owner.post(url, {"name": "Eve", "email": "eve@example.com"}).status_code == 403
    assert owner.post(url.replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert list(Client.objects.values_list("name", flat=True)) == ["Cleo"]


def test_owners_see_who_merged_whom_and_nothing_that_was_taken_over(
    owner: Browser, visit: Appointment, dana: User, now: datetime
) -> None:
    other = Client.objects.create(name="Cleo A.", note="Rings first.", phone="+447700900123")
    assert visit.client is not None
    merge = actions.merge_clients(kept=visit.client, merged=other, by=actions.staff(dana), now=now)
    listed = owner.get("/admin/bookings/clientmerge/").content.decode()
    assert "Cleo A." in listed
    page = owner.get(f"/admin/bookings/clientmerge/{merge.pk}/change/").content.decode()
    assert ">Cleo<" in page
    assert "Rings first." not in page
    assert "900123" not in page


@pytest.mark.parametrize("name", ["therapist", "room", "client", "appointment", "message"])
def test_a_list_costs_the_same_for_any_number_of_rows(
    name: str, owner: Browser, visit: Appointment, book: Book
) -> None:
    first = _queries_of(owner, f"/admin/bookings/{name}/")
    for number in range(3):
        Room.objects.create(name=f"Room {number}")
        Therapist.objects.create(name=f"Therapist {number}")
        book(at(12 + number, days=2 + number), details=OTTO)
    assert _queries_of(owner, f"/admin/bookings/{name}/") == first


def test_a_visit_costs_the_same_for_any_length_of_its_history(
    owner: Browser, visit: Appointment, dana: User, olive: User, now: datetime
) -> None:
    url = f"/admin/bookings/appointment/{visit.pk}/change/"
    visit.events.all().delete()
    record(visit, "arrived", by=staff(dana), now=now)
    owner.get(url)  # Content types are asked for once per process.
    first = _queries_of(owner, url)
    for number in range(11):
        record(visit, "expected_again", by=staff(olive if number % 2 else dana), now=now)
    assert visit.events.count() == 12
    assert _queries_of(owner, url) == first


def test_the_reason_of_a_change_is_not_shown(
    owner: Browser, visit: Appointment, dana: User, now: datetime
) -> None:
    record(visit, "cancelled", by=staff(dana), now=now, reason="Rang: has a cold.")
    page = owner.get(f"/admin/bookings/appointment/{visit.pk}/change/").content.decode()
    assert "dana" in page
    assert "has a cold" not in page


def _queries_of(browser: Browser, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(url).status_code == 200
    return len(queries)


def test_the_page_of_a_treatment_leaves_it_in_rooms_in_which_it_is_booked(
    owner: Browser, visit: Appointment, massage: Service, moss: Room
) -> None:
    answer = edit(owner, address_of(visit.service), rooms=[])
    assert list(answer.context["adminform"].form.errors["rooms"]) == [
        "1 visit is booked there. The page of the room lists it and takes the treatment out."
    ]
    assert visit.service in visit.room.services.all()
    edit(owner, address_of(massage), rooms=[visit.room.pk])
    assert list(massage.rooms.all()) == [visit.room]


def test_a_treatment_that_asks_otherwise_asks_its_coming_visits_again(
    owner: Browser, visit: Appointment, now: datetime
) -> None:
    edit(owner, address_of(visit.service), summary="Only words.")
    assert not visit.events.filter(kind="health_asked_again").exists()
    asked = Contraindication.objects.create(
        slug="new-stop", name="New", question="anything new", severity="stop"
    )
    reasons = [*visit.service.contraindications.values_list("pk", flat=True), asked.pk]
    answer = edit(owner, address_of(visit.service), contraindications=reasons)
    assert answer.status_code == 302
    assert "1 visit is marked for a new health check." in owner.get("/admin/").content.decode()
    assert visit.events.filter(kind="health_asked_again").count() == 1
    assert outdated_visits(now=now) == []


def test_the_diary_is_held_before_the_rooms_and_the_page_of_a_treatment(
    owner: Browser, visit: Appointment
) -> None:
    with CaptureQueriesContext(connection) as queries:
        edit(owner, address_of(visit.service), rooms=[])
    locks = [one["sql"] for one in queries if re.search(r"FOR (NO KEY )?UPDATE", one["sql"])]
    # One statement may lock in several tables, in the order in which they stand in it.
    tables = [table for sql in locks for table in re.findall(r'FROM "?(\w+_\w+)', sql)]
    assert tables[:3] == ["bookings_therapist", "bookings_room", "services_service"]
