"""Merging and parting at the desk, and who may open the clients' pages."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client as Browser

from bookings import actions
from bookings.duplicates import duplicates_of
from bookings.models import (
    Appointment,
    Client,
    ClientMerge,
    NotTheSame,
    Room,
    Therapist,
)
from services.models import SpaProfile
from tests.bookings.clients_at_desk import page, url
from tests.bookings.conftest import NOW, OTTO, at
from tests.bookings.staff_pages import browser_of, login_of, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(dana: User, spa: SpaProfile, clock: time_machine.Traveller) -> Browser:
    return browser_of(dana)


@pytest.fixture
def otto(db: None) -> Client:
    return Client.objects.create(name=OTTO.name, email=OTTO.email, phone=OTTO.phone)


def test_two_records_are_merged_by_the_desk(
    desk: Browser,
    dana: User,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    cleo: Client,
) -> None:
    otto = book(at(10), details=OTTO).client
    assert otto is not None
    page(desk.get(url(cleo, "merge/?q=otto")))
    shown = page(desk.get(url(cleo, f"merge/?with={otto.pk}")))
    assert "1 visit goes to Cleo, with its history and its health check." in shown
    # The visit is booked and not given yet: the record counts it no other way.
    assert "<dt>Visits</dt><dd>0, 1 still to come</dd>" in shown
    assert "Mails go to cleo@example.com." in shown
    assert not ClientMerge.objects.exists()
    answer = desk.post(url(cleo, "merge/"), {"with": otto.pk})
    assert answer["Location"] == url(cleo)
    assert said(answer) == ["The records of Cleo are one now."]
    assert Appointment.objects.get().client == cleo
    assert ClientMerge.objects.get().by == dana
    assert desk.get(url(otto))["Location"] == url(cleo)
    assert desk.get(url(otto, "edit/"))["Location"] == url(cleo)
    assert desk.get(url(otto, "merge/"))["Location"] == url(cleo)


def test_two_different_people_are_not_asked_about_again(
    desk: Browser, dana: User, cleo: Client
) -> None:
    anna = Client.objects.create(name="Anna", phone=cleo.phone)
    zoe = Client.objects.create(name="Zoe", email=cleo.email)
    shown = page(desk.get("/desk/clients/duplicates/"))
    assert f'name="with" type="hidden" value="{anna.pk}"' in shown
    answer = desk.post(url(anna, "merge/"), {"with": cleo.pk, "do": "apart"})
    assert answer["Location"] == "/desk/clients/duplicates/"
    assert said(answer) == ["Anna and Cleo stay two records."]
    desk.post(url(cleo, "merge/"), {"with": anna.pk, "do": "apart"})
    kept = NotTheSame.objects.get()
    assert (kept.one, kept.other, kept.by) == (cleo, anna, dana)
    pairs = desk.get("/desk/clients/duplicates/").context["pairs"]
    assert [pair.other for pair in pairs] == [zoe]
    assert [pair.other for pair in duplicates_of(cleo)] == [zoe]
    assert duplicates_of(anna) == []
    # Who is sure of the contrary can still merge them.
    assert "Make these two records one?" in page(desk.get(url(cleo, f"merge/?with={anna.pk}")))


def test_a_record_is_not_told_apart_from_itself(desk: Browser, cleo: Client) -> None:
    shown = page(desk.post(url(cleo, "merge/"), {"with": cleo.pk, "do": "apart"}))
    assert "This is the same record twice." in shown
    assert not NotTheSame.objects.exists()


def test_a_merge_is_parted_by_the_desk_and_says_what_stays(
    desk: Browser, book: Callable[..., Appointment], mia: Therapist, fern: Room, cleo: Client
) -> None:
    otto = book(at(10), details=OTTO).client
    assert otto is not None
    desk.post(url(cleo, "merge/"), {"with": otto.pk})
    merge = ClientMerge.objects.get()
    assert "1 visit goes back to the old record" in page(desk.get(url(cleo)))
    Appointment.objects.filter(pk=book(at(12)).pk).update(created_at=NOW + timedelta(days=1))
    answer = desk.post(url(cleo, "part/"), {"merge": merge.pk})
    assert answer["Location"] == url(cleo)
    assert said(answer) == [
        "Otto: a record of its own again. 1 visit that was booked since stays with Cleo."
    ]
    assert Client.objects.get(pk=otto.pk).appointments.count() == 1
    shown = page(desk.post(url(cleo, "part/"), {"merge": merge.pk}))
    assert "These two have been parted already." in shown


@pytest.mark.parametrize("other", ["", "0", "x", "-1", "9" * 30, "²", "\x00", "1 OR 1=1"])
def test_a_merge_with_nobody_leads_back_to_the_choice(
    other: str, desk: Browser, cleo: Client
) -> None:
    for answer in (
        desk.get(url(cleo, "merge/"), {"with": other}),
        desk.post(url(cleo, "merge/"), {"with": other}),
    ):
        assert "Which record is the same person as Cleo?" in page(answer)
    assert desk.post(url(cleo, "part/"), {"merge": other}).status_code == 404


def test_a_record_is_not_merged_with_itself(desk: Browser, cleo: Client) -> None:
    for answer in (
        desk.get(url(cleo, "merge/"), {"with": cleo.pk}),
        desk.post(url(cleo, "merge/"), {"with": cleo.pk}),
    ):
        assert "This is the same record twice." in page(answer)
    assert not ClientMerge.objects.exists()


def test_the_merge_of_somebody_else_is_not_parted_here(
    desk: Browser, cleo: Client, otto: Client, dana: User
) -> None:
    other = Client.objects.create(name="Otto H.")
    merge = actions.merge_clients(kept=otto, merged=other, by=actions.staff(dana), now=NOW)
    assert desk.post(url(cleo, "part/"), {"merge": merge.pk}).status_code == 404
    merge.refresh_from_db()
    assert merge.undone_at is None


@pytest.mark.parametrize("name", ["", "edit/", "merge/", "part/"])
def test_unknown_clients_have_no_page(name: str, desk: Browser) -> None:
    for pk in (0, 999_999, 10**18, 10**30):
        method = desk.post if name == "part/" else desk.get
        assert method(f"/desk/clients/{pk}/{name}").status_code == 404


@pytest.mark.parametrize(
    ("path", "reads"),
    [
        ("/desk/clients/", True),
        ("/desk/clients/new/", True),
        ("/desk/clients/duplicates/", True),
        ("/desk/clients/address/", False),
        ("/desk/clients/{pk}/", True),
        ("/desk/clients/{pk}/edit/", True),
        ("/desk/clients/{pk}/merge/", True),
        ("/desk/clients/{pk}/part/", False),
    ],
)
def test_the_clients_are_for_the_desk_and_the_owners(
    path: str,
    reads: bool,
    dana: User,
    olive: User,
    mia: Therapist,
    cleo: Client,
    spa: SpaProfile,
    clock: time_machine.Traveller,
) -> None:
    path = path.format(pk=cleo.pk)
    for user in (dana, olive):
        answer = browser_of(user).get(path)
        assert answer.status_code == (200 if reads else 405)
        assert answer["Cache-Control"] == "private, no-store"
    therapist = browser_of(login_of(mia))
    assert therapist.get(path).status_code == 403
    assert therapist.post(path, {"name": "Eve"}).status_code == 403
    nobody = browser_of(None)
    assert nobody.get(path)["Location"].startswith("/accounts/login/")
    assert nobody.post(path, {"name": "Eve"})["Location"].startswith("/accounts/login/")
    assert Client.objects.get().name == "Cleo"


@pytest.mark.parametrize("path", ["new/", "{pk}/edit/", "{pk}/merge/", "{pk}/part/", "address/"])
def test_a_change_from_another_site_is_refused(
    path: str, dana: User, cleo: Client, spa: SpaProfile
) -> None:
    browser = browser_of(dana, enforce_csrf_checks=True)
    sent = {"name": "Eve", "with": cleo.pk}
    assert browser.post(f"/desk/clients/{path.format(pk=cleo.pk)}", sent).status_code == 403
    assert Client.objects.get().name == "Cleo"
