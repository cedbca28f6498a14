"""Entering clients and changing their records, at the desk."""

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client as Browser

from bookings.models import (
    Client,
    ClientChange,
    Therapist,
)
from services.models import SpaProfile
from tests.bookings.clients_at_desk import PANEL, form, page, url
from tests.bookings.conftest import CLEO
from tests.bookings.staff_pages import browser_of, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(dana: User, spa: SpaProfile, clock: time_machine.Traveller) -> Browser:
    return browser_of(dana)


def test_a_new_client_is_entered(desk: Browser, dana: User, mia: Therapist) -> None:
    sent = {
        "name": " Cleo  Hart ",
        "email": "cleo@example.com",
        "phone": "0770 090 0123",
        "preferred_therapist": mia.pk,
        "note": "Parks behind.",
    }
    answer = desk.post("/desk/clients/new/", sent)
    entered = Client.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, url(entered))
    assert said(answer) == ["Cleo Hart is entered."]
    assert (entered.name, str(entered.phone), entered.note, entered.preferred_therapist) == (
        "Cleo Hart",
        "+447700900123",
        "Parks behind.",
        mia,
    )
    assert ClientChange.objects.get().by == dana


def test_a_name_alone_is_enough(desk: Browser) -> None:
    desk.post("/desk/clients/new/", {"name": "Walk-in"})
    assert Client.objects.get().name == "Walk-in"


def test_somebody_who_is_known_already_is_shown_once(desk: Browser, cleo: Client) -> None:
    sent = {"name": "Cléo", "phone": "020 7946 0001"}
    shown = page(desk.post("/desk/clients/new/", sent))
    assert "Is it one of these?" in shown
    assert url(cleo) in shown
    assert Client.objects.count() == 1
    desk.post("/desk/clients/new/", {**sent, "anyway": "yes"})
    assert Client.objects.count() == 2


def test_a_record_is_changed(desk: Browser, cleo: Client, noor: Therapist) -> None:
    sent = form(cleo, desk, email="new@example.com", preferred_therapist=str(noor.pk))
    answer = desk.post(url(cleo, "edit/"), sent)
    assert answer["Location"] == url(cleo)
    cleo.refresh_from_db()
    assert (cleo.email, cleo.name, str(cleo.phone), cleo.preferred_therapist) == (
        "new@example.com",
        "Cleo",
        CLEO.phone,
        noor,
    )
    shown = page(desk.get(url(cleo)))
    assert "E-mail: cleo@example.com → new@example.com" in shown
    assert "Preferred therapist: none → Noor" in shown
    assert "by dana" in shown


def test_in_the_drawer_a_change_answers_with_the_record_and_the_news(
    desk: Browser, cleo: Client
) -> None:
    answer = desk.post(url(cleo, "edit/"), form(cleo, desk, name="Cleo Hart"), **PANEL)
    assert "Cleo Hart" in page(answer)
    assert '"news": "The record of Cleo Hart is saved."' in answer["HX-Trigger"]


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(desk: Browser, cleo: Client) -> None:
    sent = form(cleo, desk, name="", email="cleo", phone="call me", note="x" * 2001)
    shown = page(desk.post(url(cleo, "edit/"), sent))
    for words in (
        "Please enter a name.",
        "That e-mail address is not complete.",
        "Please check the number.",
        "Please keep the note under 2000 characters.",
        'value="call me"',
    ):
        assert words in shown
    assert "<title>Error: Change the record of Cleo" in shown
    cleo.refresh_from_db()
    assert cleo.name == "Cleo"


def test_a_likely_slip_is_asked_about_and_then_kept_or_corrected(
    desk: Browser, cleo: Client
) -> None:
    sent = form(cleo, desk, email="cleo@gmial.com")
    answer = desk.post(url(cleo, "edit/"), sent)
    shown = page(answer)
    assert "Did you mean cleo@gmail.com?" in shown
    assert 'name="use_address" value="cleo@gmail.com"' in shown
    assert 'name="address_asked" type="hidden" value="cleo@gmial.com"' in shown
    desk.post(url(cleo, "edit/"), {**sent, "use_address": "cleo@gmail.com"})
    assert Client.objects.get(pk=cleo.pk).email == "cleo@gmail.com"
    sent = form(cleo, desk, email="cleo@gmial.com", address_asked="cleo@gmial.com")
    desk.post(url(cleo, "edit/"), sent)
    assert Client.objects.get(pk=cleo.pk).email == "cleo@gmial.com"


def test_an_address_is_looked_at_as_it_is_entered(desk: Browser, spa: SpaProfile) -> None:
    shown = page(desk.post("/desk/clients/address/", {"email": "cleo@gmial.com"}))
    assert "Use cleo@gmail.com" in shown
    assert page(desk.post("/desk/clients/address/", {"email": "cleo@gmail.com"})).strip() == ""
    hostile = page(desk.post("/desk/clients/address/", {"email": '"><script>@gmial.com'}))
    assert "<script>" not in hostile


def test_the_second_desk_is_told_and_keeps_what_it_typed(desk: Browser, cleo: Client) -> None:
    mine = form(cleo, desk, name="Cleo Hart")
    theirs = form(cleo, desk, phone="+44 7700 900999", note="Rings first.")
    desk.post(url(cleo, "edit/"), theirs)
    answer = desk.post(url(cleo, "edit/"), mine)
    assert "Somebody else has changed this record" in page(answer)
    cleo.refresh_from_db()
    assert (cleo.name, str(cleo.phone)) == ("Cleo", "+447700900999")
    # What was typed here stays; what was not takes over what the other desk wrote.
    again = answer.context["form"]
    sent = {name: str(again[name].value() or "") for name in again.fields}
    assert (sent["name"], sent["note"]) == ("Cleo Hart", "Rings first.")
    desk.post(url(cleo, "edit/"), sent)
    cleo.refresh_from_db()
    assert (cleo.name, str(cleo.phone), cleo.note) == (
        "Cleo Hart",
        "+447700900999",
        "Rings first.",
    )


@pytest.mark.parametrize("seen", ["", "x", "e30:1:x", "\x00", "x" * 10_000])
def test_a_form_that_cannot_tell_what_it_showed_saves_nothing(
    seen: str, desk: Browser, cleo: Client
) -> None:
    shown = page(desk.post(url(cleo, "edit/"), form(cleo, desk, name="Eve", seen=seen)))
    assert Client.objects.get().name == "Cleo"
    assert 'value="Eve"' in shown


@pytest.mark.parametrize("therapist", ["0", "-1", "x", "9" * 30, "\x00"])
def test_an_unknown_therapist_is_refused(therapist: str, desk: Browser, cleo: Client) -> None:
    sent = form(cleo, desk, preferred_therapist=therapist)
    answer = desk.post(url(cleo, "edit/"), sent | {"name": "Eve"})
    assert [*answer.context["form"].errors] == ["preferred_therapist"]
    assert Client.objects.get().name == "Cleo"


def test_a_therapist_who_left_stays_chosen(desk: Browser, cleo: Client, mia: Therapist) -> None:
    Client.objects.update(preferred_therapist=mia)
    Therapist.objects.update(active=False)
    desk.post(url(cleo, "edit/"), form(cleo, desk, name="Cleo Hart"))
    cleo.refresh_from_db()
    assert (cleo.name, cleo.preferred_therapist) == ("Cleo Hart", mia)
