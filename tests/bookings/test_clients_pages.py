"""The clients' pages at the desk."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client as Browser
from pytest_django import DjangoAssertNumQueries

from bookings import actions
from bookings.models import (
    Appointment,
    Client,
    ClientChange,
    ClientMerge,
    Message,
    Room,
    Therapist,
)
from services.models import ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import CLEO, NOW, OTTO, at, make_check
from tests.bookings.rows import make_appointment
from tests.bookings.staff_pages import browser_of, login_of, said

pytestmark = pytest.mark.django_db
# Session, user, groups, therapist, spa, the bar's count and the client, then the record's own.
RECORD_QUERIES = 18
PANEL: Any = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "panel-body"}


@pytest.fixture
def desk(dana: User, spa: SpaProfile, clock: time_machine.Traveller) -> Browser:
    return browser_of(dana)


@pytest.fixture
def otto(db: None) -> Client:
    return Client.objects.create(name=OTTO.name, email=OTTO.email, phone=OTTO.phone)


def page(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return answer.content.decode()


def url(client: Client, name: str = "") -> str:
    return f"/desk/clients/{client.pk}/{name}"


def form(client: Client, desk: Browser, **typed: str) -> dict[str, str]:
    """What the form of ``client`` sends, with some fields typed anew."""
    shown = desk.get(url(client, "edit/")).context["form"]
    return {name: str(shown[name].value() or "") for name in shown.fields} | typed


# Finding


def test_the_search_works_without_scripts(desk: Browser, cleo: Client, otto: Client) -> None:
    shown = page(desk.get("/desk/clients/?q=CLÉO"))
    assert url(cleo) in shown
    assert url(otto) not in shown
    assert "1 client" in shown
    assert 'value="CLÉO"' in shown
    assert "020 7946 0001" in shown


def test_the_search_as_one_types_answers_with_the_results_alone(
    desk: Browser, cleo: Client
) -> None:
    shown = page(desk.get("/desk/clients/?q=cleo", HTTP_HX_TARGET="clients-found"))
    assert "<html" not in shown
    assert url(cleo) in shown
    assert 'hx-swap-oob="innerHTML:#clients-news"' in shown


def test_nobody_found_leads_to_a_new_client(desk: Browser, cleo: Client) -> None:
    shown = page(desk.get("/desk/clients/?q=zimmer"))
    assert "Nobody is known by that" in shown
    assert "/desk/clients/new/" in shown


def test_with_nothing_typed_those_who_were_here_lately_are_shown(
    desk: Browser, mia: Therapist, fern: Room, hour: ServiceOption, cleo: Client, otto: Client
) -> None:
    make_appointment(hour, mia, fern, at(10, days=-3), client=cleo, status="completed")
    make_appointment(hour, mia, fern, at(10, days=-40), client=otto, status="completed")
    make_appointment(hour, mia, fern, at(10, days=2), client=otto, status="confirmed")
    answer = desk.get("/desk/clients/")
    assert answer.context["found"] == [cleo]
    assert "Here lately" in page(answer)


@pytest.mark.parametrize(
    "text", ["\x00", "%", "'", "<script>alert(1)</script>", "x" * 10_000, "🌿", "\u202e", "_"]
)
def test_a_hostile_search_is_answered(text: str, desk: Browser, cleo: Client) -> None:
    shown = page(desk.get("/desk/clients/", {"q": text}))
    assert "<script>alert" not in shown


def test_possible_duplicates_come_with_the_likeliest_first(desk: Browser, cleo: Client) -> None:
    mother = Client.objects.create(name="Margaret", phone=CLEO.phone)
    twice = Client.objects.create(name="Cléo H.", email="CLEO@example.com")
    Client.objects.create(name="Otto", email="otto@example.com")
    Client.objects.create(name="Cleo", email=CLEO.email, merged_into=cleo)
    pairs = desk.get("/desk/clients/duplicates/").context["pairs"]
    assert [(pair.one, pair.other, pair.words) for pair in pairs] == [
        (cleo, twice, "Same e-mail"),
        (cleo, mother, "Same phone, another name"),
    ]


def test_possible_duplicates_come_under_the_search_by_themselves(
    desk: Browser, cleo: Client
) -> None:
    other = Client.objects.create(name="Cleo H.", phone=CLEO.phone)
    assert 'href="/desk/clients/duplicates/"' in page(desk.get("/desk/clients/"))
    shown = page(desk.get("/desk/clients/duplicates/", HTTP_HX_TARGET="twice"))
    assert "<html" not in shown
    assert url(cleo, f"merge/?with={other.pk}") in shown
    other.delete()
    assert page(desk.get("/desk/clients/duplicates/", HTTP_HX_TARGET="twice")).strip() == ""
    assert "No doubles" in page(desk.get("/desk/clients/duplicates/"))


def test_each_of_many_records_is_compared_with_one_like_it(desk: Browser, cleo: Client) -> None:
    mother = Client.objects.create(name="Margaret", phone=CLEO.phone)
    others = [Client.objects.create(name="Cleo H", phone=CLEO.phone) for _number in range(3)]
    pairs = desk.get("/desk/clients/duplicates/").context["pairs"]
    assert [(pair.one, pair.other) for pair in pairs] == [
        *((cleo, other) for other in others),
        (cleo, mother),
    ]


def test_a_number_that_very_many_share_is_no_sign_of_a_duplicate(desk: Browser) -> None:
    for number in range(7):
        Client.objects.create(name=f"Walk-in {number}", phone="+442079460018")
    assert desk.get("/desk/clients/duplicates/").context["pairs"] == []


# Knowing


def test_a_record_says_what_the_desk_may_know(
    desk: Browser,
    spa: SpaProfile,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    hour: ServiceOption,
    cleo: Client,
) -> None:
    rows = [
        (mia, at(10, days=-40), "completed"),
        (mia, at(10, days=-30), "completed"),
        (noor, at(10, days=-20), "no_show"),
        (mia, at(10, days=-10), "cancelled"),
        (mia, at(10, days=2), "confirmed"),
    ]
    check = make_check(hour.service, NOW - timedelta(days=30), Outcome.ADAPT)
    for therapist, starts_at, status in rows:
        make_appointment(
            hour, therapist, fern, starts_at, client=cleo, status=status, health_check=check
        )
    late = Appointment.objects.get(status="cancelled")
    late.events.create(
        at=late.starts_at - timedelta(hours=23), actor_kind="staff", kind="cancelled"
    )
    answer = desk.get(url(cleo))
    record = answer.context["record"]
    counts = record.counts
    assert (counts.given, counts.missed, counts.called_off_late, counts.past) == (2, 1, 1, 4)
    assert record.habits.treatment == "Lymphatic drainage massage, 60 minutes"
    assert record.habits.therapist == "mostly Mia"
    assert [one.starts_at for one in record.upcoming] == [at(10, days=2)]
    assert [one.starts_at for one in record.past] == [
        at(10, days=days) for days in (-10, -20, -30, -40)
    ]
    assert record.checked.verdict.label == "Adapt"
    shown = page(answer)
    assert "2 visits" in shown
    assert "1 no-show" in shown
    assert "1 cancelled late" in shown
    assert 'href="tel:+44-20-7946-0001"' in shown
    assert 'href="mailto:cleo@example.com"' in shown
    assert f"/desk/appointments/{late.reference}/" in shown


def test_a_cancellation_in_time_is_not_counted(
    desk: Browser, mia: Therapist, fern: Room, hour: ServiceOption, cleo: Client
) -> None:
    visit = make_appointment(hour, mia, fern, at(10, days=-9), client=cleo, status="cancelled")
    visit.events.create(
        at=visit.starts_at - timedelta(hours=25), actor_kind="client", kind="cancelled"
    )
    assert desk.get(url(cleo)).context["record"].counts.called_off_late == 0


def test_the_stated_therapist_goes_before_the_usual_one(
    desk: Browser, mia: Therapist, noor: Therapist, fern: Room, hour: ServiceOption, cleo: Client
) -> None:
    for days in (-3, -2):
        make_appointment(hour, mia, fern, at(10, days=days), client=cleo, status="completed")
    Client.objects.update(preferred_therapist=noor)
    assert desk.get(url(cleo)).context["record"].habits.therapist == "Noor"


def test_a_record_never_shows_what_was_answered(
    desk: Browser, mia: Therapist, fern: Room, book: Callable[..., Appointment]
) -> None:
    visit = book(at(10), outcome=Outcome.ADAPT)
    assert visit.client is not None
    assert visit.health_check is not None
    visit.health_check.findings = [{"slug": "asthma", "areas": ["neck"], "severity": "adapt"}]
    visit.health_check.review_note = "Her doctor called."
    visit.health_check.save()
    shown = page(desk.get(url(visit.client))).lower()
    for word in ("asthma", "neck", "heart disease", "doctor called"):
        assert word not in shown


def test_a_message_that_was_given_up_asks_for_a_call(
    desk: Browser, mia: Therapist, fern: Room, book: Callable[..., Appointment]
) -> None:
    visit = book(at(10))
    assert visit.client is not None
    shown = page(desk.get(url(visit.client)))
    assert "could not be delivered" not in shown
    Message.objects.filter(kind="confirmation").update(state="failed")
    shown = page(desk.get(url(visit.client)))
    assert shown.count("could not be delivered: please ring.") == 1


def test_a_record_costs_the_same_for_one_and_for_many_visits(
    desk: Browser,
    dana: User,
    mia: Therapist,
    fern: Room,
    hour: ServiceOption,
    cleo: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    def more(count: int, first: int) -> None:
        for number in range(first, first + count):
            check = make_check(hour.service, NOW)
            visit = make_appointment(
                hour,
                mia,
                fern,
                at(10, days=number - 20),
                client=cleo,
                status="completed" if number < 20 else "confirmed",
                health_check=check,
            )
            visit.messages.create(kind="confirmation", sequence=0, due_at=NOW, state="failed")
            other = Client.objects.create(name=f"Cleo {number}")
            Client.objects.create(name=f"Twin {number}", phone=CLEO.phone)
            actions.merge_clients(kept=cleo, merged=other, by=actions.staff(dana), now=NOW)
            cleo.changes.create(kind="changed", at=NOW, by=dana, values={"name": ["a", "b"]})

    more(1, 0)
    with django_assert_num_queries(RECORD_QUERIES):
        page(desk.get(url(cleo)))
    more(24, 1)
    with django_assert_num_queries(RECORD_QUERIES):
        page(desk.get(url(cleo)))


def test_the_drawer_gets_the_fragment_alone(desk: Browser, cleo: Client, otto: Client) -> None:
    for name in ("", "edit/", "merge/", f"merge/?with={otto.pk}"):
        shown = page(desk.get(url(cleo, name), **PANEL))
        assert "<html" not in shown
        assert '<h2 class="panel-head__title" id="panel-title" tabindex="-1">' in shown
        assert 'hx-target="#panel-body"' in shown


# Entering and changing


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


# Merging


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


# Who may


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
