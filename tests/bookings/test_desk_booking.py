"""Booking at the desk: each stage, the health questions, odd times, and hostile values."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings import actions
from bookings.models import Appointment, Client, Event, HealthCheck, Message, Room, Therapist
from bookings.views.times import start_value
from services.models import Contraindication, Service, ServiceOption, SpaProfile
from tests.bookings.client_pages import answers
from tests.bookings.conftest import at
from tests.bookings.staff_pages import browser_of, desk_url, login_of, said, words

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("spa", "clock", "mia", "noor", "fern", "moss"),
]

BOOK = "/desk/book/"
PANEL = {"HX-Request": "true", "HX-Target": "panel-body"}


@pytest.fixture
def desk(dana: User) -> Browser:
    return browser_of(dana)


@pytest.fixture
def seen(book_again: Callable[..., Appointment], mia: Therapist) -> Appointment:
    """A visit of Cleo's with Mia on Wednesday at ten; she has answered the health questions."""
    return book_again(at(10, days=2), therapist=mia)


def send(browser: Browser, **sent: Any) -> Any:
    """Press a button of the form in the drawer."""
    return browser.post(BOOK, {"nonce": "n" * 16, **sent}, headers=PANEL)


def wished(client: Client, option: ServiceOption, starts_at: Any = None, **more: Any) -> Any:
    """A form that knows who, what and when."""
    start = start_value(starts_at or at(14))
    return {"client": client.pk, "option": option.pk, "start": start, "finish": "1", **more}


def booked() -> list[Appointment]:
    return list(Appointment.objects.booked().order_by("pk"))


def client_of(visit: Appointment) -> Client:
    assert visit.client is not None
    return visit.client


# --- Stage by stage ---------------------------------------------------------------------------


def test_it_begins_with_the_search_and_keeps_the_time_that_was_clicked(
    desk: Browser, mia: Therapist
) -> None:
    page = desk.get(BOOK, {"start": start_value(at(14)), "therapist": str(mia.pk)}, headers=PANEL)
    assert page.context["stage"] == "who"
    assert ("start", "2026-11-24T14:00Z") in page.context["draft"].carried
    assert ("therapist", str(mia.pk)) in page.context["draft"].carried
    assert b"<html" not in page.content


def test_the_same_address_is_a_page_of_its_own(desk: Browser) -> None:
    page = desk.get(BOOK)
    assert page.content.count(b"<h1") == 1
    assert page["Cache-Control"] == "private, no-store"


def test_a_search_offers_people_and_somebody_new_last(desk: Browser, cleo: Client) -> None:
    page = desk.get("/desk/book/client/", {"q": "cle"})
    text = page.content.decode()
    assert text.index(f'data-value="{cleo.pk}"') < text.index("New client: cle")
    assert "… 0001" in text


def test_the_search_works_without_scripts_too(desk: Browser, cleo: Client) -> None:
    page = desk.post(BOOK, {"do": "find", "q": "cleo"})
    assert page.context["people"] == [cleo]
    assert f'name="choose_client" value="{cleo.pk}"' in page.content.decode()


def test_what_she_has_booked_already_stands_under_who(
    desk: Browser, seen: Appointment, book: Callable[..., Appointment], noor: Therapist
) -> None:
    book(at(15), therapist=noor)
    text = words(send(desk, choose_client=client_of(seen).pk))
    assert "has already: tomorrow, 15:00 with Noor; Wednesday 25 November, 10:00 with Mia" in text
    assert "has already" not in words(send(desk, do="new", q="Otto"))


def test_another_visit_at_that_time_is_told_before_anybody_is_asked_about_her_health(
    desk: Browser,
    seen: Appointment,
    hour: ServiceOption,
    noor: Therapist,
    fern: Room,
    lymph: Service,
) -> None:
    Room.objects.create(name="Sage").services.add(lymph)
    form = wished(client_of(seen), hour, at(10, 30, days=2), therapist=noor.pk)
    told = "Cleo has a visit then: 10:00 – 11:00 with Mia."
    assert told in words(send(desk, **form))
    assert send(desk, **form, do="unchanged").context["rules"] == [told]
    assert booked() == [seen]
    send(desk, **form, do="unchanged", reason="Both.", seen=seen.health_check_id)
    assert len(booked()) == 2


def test_what_she_had_last_leads_the_treatments(
    desk: Browser, seen: Appointment, hour: ServiceOption, mia: Therapist
) -> None:
    page = send(desk, choose_client=client_of(seen).pk)
    assert page.context["stage"] == "what"
    assert [one.value for one in page.context["usual"]] == [f"{hour.pk} {mia.pk}"]


def test_what_she_had_last_is_offered_only_while_it_can_be_had(
    desk: Browser, seen: Appointment, lymph: Service, mia: Therapist, hour: ServiceOption
) -> None:
    mia.services.remove(lymph)
    page = send(desk, choose_client=client_of(seen).pk)
    assert [one.value for one in page.context["usual"]] == [str(hour.pk)]
    lymph.status = Service.Status.DRAFT
    lymph.save()
    page = send(desk, choose_client=client_of(seen).pk)
    assert page.context["usual"] == []


def test_the_time_that_was_clicked_keeps_its_therapist(
    desk: Browser, seen: Appointment, hour: ServiceOption, mia: Therapist, noor: Therapist
) -> None:
    clicked = {"start": start_value(at(14)), "therapist": noor.pk}
    page = send(desk, client=client_of(seen).pk, usual=f"{hour.pk} {mia.pk}", **clicked)
    assert page.context["stage"] == "finish"
    assert page.context["draft"].therapist == noor


def test_without_a_time_the_usual_therapist_and_rhythm_are_proposed(
    desk: Browser, seen: Appointment, hour: ServiceOption, mia: Therapist
) -> None:
    page = send(desk, client=client_of(seen).pk, usual=f"{hour.pk} {mia.pk}")
    assert page.context["stage"] == "when"
    usual = page.context["usual_time"]
    assert usual.name == "Every 4 weeks: next Wednesday 23 December, 10:00"
    assert [button.clock for button in usual.buttons] == ["09:30", "09:45", "10:00", "10:15"]


def test_times_within_the_notice_are_for_walk_ins(
    desk: Browser, cleo: Client, hour: ServiceOption
) -> None:
    page = send(desk, client=cleo.pk, choose_option=hour.pk)
    assert [one.value for one in page.context["walk_in"]] == [
        "2026-11-23T09:00Z  walk-in",
        "2026-11-23T09:15Z  walk-in",
        "2026-11-23T09:30Z  walk-in",
    ]
    assert [one.clock for one in page.context["soonest"]][:2] == ["10:15", "12:00"]


def test_a_day_shows_its_own_free_times(
    desk: Browser, seen: Appointment, hour: ServiceOption, mia: Therapist
) -> None:
    page = send(
        desk,
        client=client_of(seen).pk,
        option=hour.pk,
        therapist=mia.pk,
        date="2026-11-25",
        do="times",
    )
    clocks = [one.clock for one in page.context["on_day"]]
    assert clocks[:2] == ["11:15", "11:30"]
    assert clocks[-1] == "15:45"


def test_an_exact_time_is_taken_by_the_spas_clock(
    desk: Browser, cleo: Client, hour: ServiceOption
) -> None:
    sent = {"client": cleo.pk, "option": hour.pk, "do": "take"}
    page = send(desk, **sent, date="2026-11-24", clock="14:05")
    assert page.context["stage"] == "finish"
    assert page.context["draft"].start == at(14, 5)


@pytest.mark.parametrize(
    ("date", "said_time", "words"),
    [
        ("", "14:00", "Please say the day."),
        ("2026-11-24", "", "Please say the time."),
        ("2026-11-24", "14:03", "Visits start at full five minutes."),
        ("2027-03-28", "01:30", "The clocks are put forward then: that time does not exist."),
        ("2027-10-31", "01:30", "The clock shows that time twice. Which one is meant?"),
        ("9999-12-31", "14:00", "That day is too far away."),
        ("1999-12-31", "14:00", "That day is too far away."),
        ("tomorrow", "14:00", "We could not read that day."),
        ("2026-11-24", "half past two", "We could not read that time, such as 14:30."),
    ],
)
def test_an_exact_time_that_cannot_be_is_explained(
    desk: Browser, cleo: Client, hour: ServiceOption, date: str, said_time: str, words: str
) -> None:
    page = send(desk, client=cleo.pk, option=hour.pk, do="take", date=date, clock=said_time)
    assert page.context["stage"] == "when"
    assert words in page.content.decode()


def test_a_time_that_the_clock_shows_twice_is_chosen_by_a_button(
    desk: Browser, cleo: Client, hour: ServiceOption
) -> None:
    sent = {"client": cleo.pk, "option": hour.pk, "do": "take"}
    page = send(desk, **sent, date="2027-10-31", clock="01:30")
    assert [(one.clock, one.value) for one in page.context["twice"]] == [
        ("01:30 BST", "2027-10-31T00:30Z"),
        ("01:30 GMT", "2027-10-31T01:30Z"),
    ]


def test_changing_the_time_shows_the_old_one_in_the_fields(
    desk: Browser, cleo: Client, hour: ServiceOption
) -> None:
    page = send(desk, **wished(cleo, hour), do="when")
    assert page.context["stage"] == "when"
    wish = page.context["draft"].wish
    assert (wish["date"].value(), wish["clock"].value()) == ("2026-11-24", "14:00")


def test_what_was_typed_stays_on_the_way_back(
    desk: Browser, cleo: Client, hour: ServiceOption
) -> None:
    page = send(desk, **wished(cleo, hour), note="Rings the bell twice", do="what")
    carried = dict(page.context["draft"].carried)
    assert (carried["note"], carried["told"]) == ("Rings the bell twice", "off")


def test_a_merged_record_leads_to_the_one_that_is_kept(
    desk: Browser, cleo: Client, dana: User
) -> None:
    twin = Client.objects.create(name="Cleopatra", email=cleo.email)
    now = at(8, days=0)
    actions.merge_clients(kept=cleo, merged=twin, by=actions.staff(dana), now=now)
    page = send(desk, choose_client=twin.pk)
    assert page.context["draft"].client == cleo


def test_a_dragged_range_suggests_the_lengths_that_fit_it(
    desk: Browser, seen: Appointment, hour: ServiceOption, lymph: Service, mia: Therapist
) -> None:
    longer = ServiceOption.objects.create(service=lymph, minutes=90, price=Decimal("90.00"))
    drawn = {"start": start_value(at(14)), "end": start_value(at(15, 15))}
    page = desk.get(BOOK, {**drawn, "client": str(client_of(seen).pk)}, headers=PANEL)
    assert page.context["fits"] == {longer.pk}
    assert page.content.decode().count('aria-current="true"') == 1
    usual = page.context["usual"][0]
    assert usual.value == f"{longer.pk} {mia.pk}"
    # A length that is chosen counts, whatever was drawn.
    carried = dict(page.context["draft"].carried)
    assert carried["minutes"] == "75"
    page = send(desk, **carried, choose_option=hour.pk)
    assert (page.context["stage"], page.context["draft"].length) == ("finish", 60)


@pytest.mark.parametrize("end", ["2026-11-24T13:00Z", "2026-11-24T23:30Z", "2026-11-24T14:00Z", ""])
def test_a_range_that_is_no_visit_suggests_nothing(desk: Browser, cleo: Client, end: str) -> None:
    drawn = {"start": start_value(at(14)), "end": end, "client": str(cleo.pk)}
    assert desk.get(BOOK, drawn, headers=PANEL).context["fits"] == set()


# --- Health -----------------------------------------------------------------------------------


def test_a_known_client_is_asked_whether_anything_has_changed(
    desk: Browser, seen: Appointment, hour: ServiceOption
) -> None:
    page = send(desk, **wished(client_of(seen), hour))
    assert page.context["asked"].standing == seen
    text = page.content.decode()
    assert "Cleo answered the health questions on Monday 23 November. Read out:" in text
    assert "asthma" not in text


def test_nothing_has_changed_books_at_once(
    desk: Browser, seen: Appointment, hour: ServiceOption, dana: User
) -> None:
    sent = wished(client_of(seen), hour, seen=seen.health_check_id, tell="on", note="Rings twice")
    answer = send(desk, **sent, do="unchanged")
    visit = booked()[-1]
    assert (visit.starts_at, visit.source, visit.status) == (at(14), "desk", "confirmed")
    assert (visit.staff_note, visit.health_check_id == seen.health_check_id) == (
        "Rings twice",
        False,
    )
    assert Event.objects.get(appointment=seen, kind="health_affirmed").actor == dana
    assert Message.objects.filter(appointment=visit, kind="confirmation").count() == 1
    news = answer["HX-Trigger"]
    assert "Cleo: booked for Tuesday 24 November, 14:00 with" in news
    assert reverse("bookings:desk_undo", args=[visit.reference]) in news
    assert answer.content == b""


def test_without_the_tick_no_confirmation_is_owed(
    desk: Browser, seen: Appointment, hour: ServiceOption
) -> None:
    send(desk, **wished(client_of(seen), hour, seen=seen.health_check_id), do="unchanged")
    assert not Message.objects.filter(appointment=booked()[-1], kind="confirmation").exists()


def test_as_a_page_the_booking_leads_to_the_visit(
    desk: Browser, seen: Appointment, hour: ServiceOption
) -> None:
    sent = wished(client_of(seen), hour, seen=seen.health_check_id, do="unchanged")
    answer = desk.post(BOOK, {**sent, "nonce": "n" * 16})
    visit = booked()[-1]
    assert answer["Location"] == reverse("bookings:desk_appointment", args=[visit.reference])
    assert said(answer) == [
        f"Cleo: booked for Tuesday 24 November, 14:00 with {visit.therapist}. No mail goes out."
    ]


@pytest.mark.parametrize("seen_check", ["", "0", "999999", "x"])
def test_other_answers_than_those_that_were_read_out_are_not_affirmed(
    desk: Browser, seen: Appointment, hour: ServiceOption, seen_check: str
) -> None:
    page = send(desk, **wished(client_of(seen), hour, seen=seen_check), do="unchanged")
    assert booked() == [seen]
    assert "Please ask whether anything has changed." in page.content.decode()


def test_book_alone_does_not_affirm(desk: Browser, seen: Appointment, hour: ServiceOption) -> None:
    send(desk, **wished(client_of(seen), hour, seen=seen.health_check_id), do="book")
    assert booked() == [seen]


def test_somebody_else_s_answers_serve_nobody(
    desk: Browser, seen: Appointment, cleo: Client, hour: ServiceOption
) -> None:
    otto = Client.objects.create(name="Otto")
    page = send(desk, **wished(otto, hour, seen=seen.health_check_id), do="unchanged")
    assert booked() == [seen]
    assert page.context["asked"].form is not None


def test_answers_for_another_treatment_do_not_serve(
    desk: Browser, seen: Appointment, massage: Service
) -> None:
    sent = wished(client_of(seen), massage.options.get(), seen=seen.health_check_id)
    page = send(desk, **sent, do="unchanged")
    assert booked() == [seen]
    assert page.context["asked"].form is not None


def test_changed_questions_are_asked_anew(
    desk: Browser, seen: Appointment, hour: ServiceOption
) -> None:
    Contraindication.objects.filter(slug="asthma").update(question="asthma or a cough")
    page = send(desk, **wished(client_of(seen), hour, seen=seen.health_check_id), do="unchanged")
    assert booked() == [seen]
    assert page.context["asked"].form is not None


def test_whoever_has_said_stop_since_is_asked_anew(
    desk: Browser, seen: Appointment, massage: Service, book: Callable[..., Appointment],
    hour: ServiceOption, clock: time_machine.Traveller,
) -> None:  # fmt: skip
    other = book(at(15, days=3), option=massage.options.get())
    actions.withdraw_health_check(appointment=other, by=actions.CLIENT, now=at(8, 5, days=0))
    page = send(desk, **wished(client_of(seen), hour, seen=seen.health_check_id), do="unchanged")
    assert len(booked()) == 2
    assert page.context["asked"].form is not None


def test_the_questions_are_answered_and_booked_in_one_step(
    desk: Browser, cleo: Client, hour: ServiceOption, lymph: Service, dana: User
) -> None:
    send(desk, **wished(cleo, hour, **answers(lymph)), do="book")
    visit = booked()[0]
    assert visit.status == "confirmed"
    assert visit.health_check is not None
    assert (visit.health_check.outcome, visit.health_check.taken_by) == ("clear", dana)


def test_a_clearance_books_a_request_and_says_what_to_tell(
    desk: Browser, cleo: Client, hour: ServiceOption, lymph: Service
) -> None:
    said_yes = answers(lymph, {"tick-heart-disease": "on"})
    answer = send(desk, **wished(cleo, hour, **said_yes), do="book")
    assert booked()[0].status == "requested"
    assert "we need a written note from your doctor" in answer.content.decode()
    assert "Heart" not in answer.content.decode()


@pytest.mark.parametrize(
    ("ticked", "words"),
    [
        ("tick-fever", "we cannot give you the treatment at the moment"),
        ("tick-chest-pain", "Please call the emergency number now."),
    ],
)
def test_stop_and_urgent_book_nothing_and_keep_nothing(
    desk: Browser, hour: ServiceOption, lymph: Service, ticked: str, words: str
) -> None:
    newcomer = {"newcomer": "1", "name": "Zed", "sure": "1"}
    start = {"option": hour.pk, "start": start_value(at(14)), "finish": "1"}
    page = send(desk, **newcomer, **start, **answers(lymph, {ticked: "on"}), do="book")
    assert words in page.content.decode()
    assert (booked(), HealthCheck.objects.count(), Client.objects.count()) == ([], 0, 0)


def test_after_a_stop_the_old_answers_cannot_be_affirmed(
    desk: Browser, seen: Appointment, hour: ServiceOption, lymph: Service
) -> None:
    sent = wished(client_of(seen), hour, seen=seen.health_check_id)
    send(desk, **sent, ask="1", **answers(lymph, {"tick-fever": "on"}), do="book")
    page = send(desk, **sent, do="unchanged")
    assert booked() == [seen]
    assert page.context["asked"].form is not None


def test_a_stop_at_the_desk_opens_what_is_booked_and_binds_every_other_form(
    desk: Browser, seen: Appointment, hour: ServiceOption, lymph: Service
) -> None:
    sent = wished(client_of(seen), hour, seen=seen.health_check_id)
    page = send(desk, **sent, ask="1", **answers(lymph, {"tick-fever": "on"}), do="book")
    assert "This visit still stands, and now says “Health check open: please call”." in words(page)
    assert desk_url("appointment", seen) in page.content.decode()
    seen.refresh_from_db()
    assert (seen.health_check, seen.status) == (None, "confirmed")
    event = seen.events.latest("pk")
    assert (event.kind, event.changes, event.reason) == ("health_withdrawn", {}, "")
    page = send(desk, **{**sent, "nonce": "n" * 22}, do="unchanged")
    assert page.context["asked"].form is not None
    assert booked() == [seen]


def test_missing_answers_are_one_error_and_book_nothing(
    desk: Browser, cleo: Client, hour: ServiceOption, lymph: Service
) -> None:
    sent = answers(lymph, {"none_left": "", "consent": ""})
    page = send(desk, **wished(cleo, hour, **sent), do="book")
    assert booked() == []
    problems = page.context["asked"].form.problems
    assert [one.anchor for one in problems] == ["id_none_left", "id_consent"]


def test_the_answers_are_not_shown_again_where_the_time_is_refused(
    desk: Browser, cleo: Client, hour: ServiceOption, lymph: Service, seen: Appointment,
    mia: Therapist,
) -> None:  # fmt: skip
    otto = Client.objects.create(name="Otto")
    sent = {**answers(lymph, {"tick-asthma": "on"}), "therapist": mia.pk}
    page = send(desk, **wished(otto, hour, at(10, days=2), **sent), do="book")
    assert page.context["asked"].check.outcome == "adapt"
    assert 'name="tick-asthma"' not in page.content.decode()
    # And they stand for another time of the same form.
    send(desk, **wished(otto, hour), do="book")
    assert client_of(booked()[-1]) == otto


def test_a_check_of_this_form_serves_nobody_else_and_nothing_else(
    desk: Browser, cleo: Client, hour: ServiceOption, lymph: Service, massage: Service,
    seen: Appointment, mia: Therapist,
) -> None:  # fmt: skip
    otto, anna = Client.objects.create(name="Otto"), Client.objects.create(name="Anna")
    busy = {**answers(lymph), "therapist": mia.pk}
    send(desk, **wished(otto, hour, at(10, days=2), **busy), do="book")
    send(desk, **wished(anna, hour), do="book")
    send(desk, **wished(otto, massage.options.get()), do="book")
    assert booked() == [seen]


def test_another_session_s_nonce_opens_nothing(
    desk: Browser, hour: ServiceOption, lymph: Service, seen: Appointment, mia: Therapist,
    olive: User,
) -> None:  # fmt: skip
    otto = Client.objects.create(name="Otto")
    busy = {**answers(lymph), "therapist": mia.pk}
    send(desk, **wished(otto, hour, at(10, days=2), **busy), do="book")
    send(browser_of(olive), **wished(otto, hour), do="book")
    assert booked() == [seen]


# --- Somebody new -----------------------------------------------------------------------------


def test_what_was_searched_for_is_put_where_it_belongs(desk: Browser) -> None:
    for typed, name in [
        ("Zed Zu", "name"),
        ("zed@example.com", "email"),
        ("07700 900123", "phone"),
    ]:
        page = send(desk, do="new", q=typed)
        assert page.context["newcomer"].initial == {name: typed}


def test_a_walk_in_leaves_a_name_and_is_booked_with_one_record(
    desk: Browser, hour: ServiceOption, lymph: Service
) -> None:
    newcomer = {"newcomer": "1", "name": "Zed", "phone": "", "email": ""}
    page = send(desk, **newcomer, do="next")
    assert page.context["stage"] == "what"
    start = {"option": hour.pk, "start": start_value(at(14)), "finish": "1"}
    send(desk, **newcomer, **start, **answers(lymph), do="book")
    visit = booked()[0]
    assert (client_of(visit).name, client_of(visit).email) == ("Zed", "")
    assert not Message.objects.filter(appointment=visit, kind="confirmation").exists()


def test_a_slip_in_the_address_is_asked_about_once(desk: Browser) -> None:
    newcomer = {"newcomer": "1", "name": "Zed", "email": "zed@gmial.com", "do": "next"}
    page = send(desk, **newcomer)
    assert (page.context["stage"], page.context["newcomer"].meant) == ("newcomer", "zed@gmail.com")
    page = send(desk, **newcomer, address_asked="zed@gmial.com")
    assert page.context["stage"] == "what"
    page = send(desk, **{**newcomer, "do": ""}, use_address="zed@gmail.com")
    assert dict(page.context["draft"].carried)["email"] == "zed@gmail.com"


def test_a_known_address_leads_to_the_record_that_has_it(desk: Browser, cleo: Client) -> None:
    newcomer = {"newcomer": "1", "name": "Cleo B", "email": cleo.email.upper(), "do": "next"}
    page = send(desk, **newcomer)
    assert (page.context["stage"], page.context["draft"].alike) == ("newcomer", [cleo])
    assert send(desk, **newcomer, sure="1").context["stage"] == "what"


def test_a_newcomer_whose_time_is_lost_gets_one_record(
    desk: Browser, hour: ServiceOption, lymph: Service, seen: Appointment, mia: Therapist
) -> None:
    newcomer = {"newcomer": "1", "name": "Zed", "option": hour.pk, "finish": "1"}
    busy = {"start": start_value(at(10, days=2)), "therapist": mia.pk}
    send(desk, **newcomer, **busy, **answers(lymph), do="book")
    send(desk, **newcomer, start=start_value(at(14)), do="book")
    assert Client.objects.filter(name="Zed").count() == 1
    assert client_of(booked()[-1]).name == "Zed"


def test_another_number_under_the_same_name_is_another_record(
    desk: Browser, hour: ServiceOption, lymph: Service, seen: Appointment, mia: Therapist
) -> None:
    newcomer = {"newcomer": "1", "name": "Zed", "option": hour.pk, "finish": "1", "do": "book"}
    busy = {"start": start_value(at(10, days=2)), "therapist": mia.pk}
    send(desk, **newcomer, **busy, **answers(lymph), phone="07700 900123")
    free = {"start": start_value(at(14)), **answers(lymph)}
    send(desk, **newcomer, **free, phone="07700 900124")
    assert str(client_of(booked()[-1]).phone) == "+447700900124"


# --- Odd times --------------------------------------------------------------------------------


def test_a_rule_is_told_before_anybody_is_asked_about_her_health(
    desk: Browser, seen: Appointment, hour: ServiceOption, mia: Therapist
) -> None:
    page = send(desk, **wished(client_of(seen), hour, at(18), therapist=mia.pk))
    assert page.context["rules"] == ["Mia works 09:00 – 17:00 on this day."]
    assert page.context["reason_missing"] is False


def test_a_rule_needs_a_reason_that_is_kept(
    desk: Browser, seen: Appointment, hour: ServiceOption, mia: Therapist
) -> None:
    late = wished(client_of(seen), hour, at(18), therapist=mia.pk, seen=seen.health_check_id)
    page = send(desk, **late, do="unchanged")
    assert (booked(), page.context["reason_missing"]) == ([seen], True)
    # The answers were affirmed: they are not asked about a second time.
    send(desk, **late, because="phone", do="book")
    visit = booked()[-1]
    assert visit.starts_at == at(18)
    assert visit.events.get(kind="booked").reason == "Agreed on the phone"


def test_a_walk_in_now_is_two_taps(desk: Browser, seen: Appointment, hour: ServiceOption) -> None:
    page = send(desk, client=client_of(seen).pk, option=hour.pk)
    now = page.context["walk_in"][0]
    page = send(desk, client=client_of(seen).pk, option=hour.pk, pick=now.value)
    assert page.context["finish"].reason_given == "Walk-in"
    sent = wished(client_of(seen), hour, at(9, days=0), seen=seen.health_check_id)
    send(desk, **sent, because="walk-in", do="unchanged")
    assert booked()[-1].events.get(kind="booked").reason == "Walk-in"


def test_who_is_in_the_way_is_named_with_the_nearest_free_times(
    desk: Browser, seen: Appointment, hour: ServiceOption, mia: Therapist
) -> None:
    otto = Client.objects.create(name="Otto")
    page = send(desk, **wished(otto, hour, at(10, 30, days=2), therapist=mia.pk))
    assert "Mia is with Cleo until 11:00" in page.content.decode()
    assert [one.value for one in page.context["nearest"]] == [
        f"2026-11-25T11:15Z {mia.pk}",
        f"2026-11-25T11:30Z {mia.pk}",
        f"2026-11-25T11:45Z {mia.pk}",
    ]
    assert ("note", "Two") in send(
        desk, **wished(otto, hour, at(10, 30, days=2), therapist=mia.pk, note="Two")
    ).context["draft"].said_already


def test_a_therapist_who_does_not_give_it_is_refused_in_words(
    desk: Browser, cleo: Client, hour: ServiceOption, lymph: Service, mia: Therapist
) -> None:
    mia.services.remove(lymph)
    page = send(desk, **wished(cleo, hour, therapist=mia.pk))
    assert "Mia does not give “Lymphatic drainage massage”" in page.content.decode()


def test_a_room_can_be_chosen(
    desk: Browser, seen: Appointment, massage: Service, moss: Room
) -> None:
    sent = wished(client_of(seen), massage.options.get(), room=moss.pk, **answers(massage))
    send(desk, **sent, do="book")
    assert booked()[-1].room == moss


def test_lost_at_the_last_moment_says_so_and_books_nothing(
    desk: Browser, cleo: Client, hour: ServiceOption, lymph: Service,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def lost(**_wish: Any) -> Appointment:
        raise actions.TimeTaken([at(15)])

    monkeypatch.setattr(actions, "book_at_desk", lost)
    page = send(desk, **wished(cleo, hour, **answers(lymph)), do="book")
    assert [one.clock for one in page.context["nearest"]] == ["15:00"]
    assert booked() == []


# --- Once -------------------------------------------------------------------------------------


def test_sent_twice_it_books_once_and_says_the_same(
    desk: Browser, seen: Appointment, hour: ServiceOption
) -> None:
    sent = wished(client_of(seen), hour, seen=seen.health_check_id, do="unchanged")
    first, second = send(desk, **sent), send(desk, **sent)
    assert first["HX-Trigger"] == second["HX-Trigger"]
    assert len(booked()) == 2


def test_sent_again_after_it_was_undone_it_does_not_say_booked(
    desk: Browser, seen: Appointment, hour: ServiceOption, dana: User, spa: SpaProfile
) -> None:
    sent = wished(client_of(seen), hour, seen=seen.health_check_id, do="unchanged")
    send(desk, **sent)
    visit = booked()[-1]
    actions.undo_change(appointment=visit, by=actions.staff(dana), spa=spa, now=at(8, days=0))
    words = "This form was sent before, and its visit has changed since. Nothing new was booked."
    panel = send(desk, **sent)
    assert words in panel.content.decode()
    assert "HX-Trigger" not in panel
    page = desk.post(BOOK, {**sent, "nonce": "n" * 16})
    assert page["Location"] == reverse("bookings:desk_appointment", args=[visit.reference])
    assert said(page) == [words]


def test_opening_an_address_never_books(
    desk: Browser, seen: Appointment, hour: ServiceOption, lymph: Service, mia: Therapist
) -> None:
    otto = Client.objects.create(name="Otto")
    busy = {**answers(lymph), "therapist": mia.pk}
    send(desk, **wished(otto, hour, at(10, days=2), **busy), do="book")
    page = desk.get(BOOK, {**wished(otto, hour), "nonce": "n" * 16, "do": "book"})
    assert (page.context["stage"], booked()) == ("finish", [seen])


def test_another_form_books_another_visit(
    desk: Browser, seen: Appointment, hour: ServiceOption
) -> None:
    sent = wished(client_of(seen), hour, seen=seen.health_check_id, do="unchanged")
    send(desk, **sent)
    send(desk, **{**sent, "nonce": "m" * 16, "start": start_value(at(11))})
    assert [visit.starts_at for visit in booked()] == [at(10, days=2), at(14), at(11)]


def test_again_begins_with_all_that_is_known(
    desk: Browser, seen: Appointment, hour: ServiceOption, mia: Therapist
) -> None:
    page = desk.get(BOOK, {"again": seen.reference}, headers=PANEL)
    draft = page.context["draft"]
    assert (draft.client, draft.option, draft.therapist) == (seen.client, hour, mia)
    assert page.context["stage"] == "when"


def test_again_keeps_a_length_of_its_own(
    desk: Browser, seen: Appointment, hour: ServiceOption, dana: User, spa: SpaProfile
) -> None:
    actions.reschedule_appointment(
        appointment=seen, starts_at=seen.starts_at, minutes=75, by=actions.staff(dana), spa=spa,
        now=at(8, days=0),
    )  # fmt: skip
    page = desk.get(BOOK, {"again": seen.reference}, headers=PANEL)
    carried = dict(page.context["draft"].carried)
    # Half past three would do for an hour; Mia works until five, with a quarter to clear up.
    mia = {"therapist": seen.therapist_id, "date": "2026-11-26"}
    page = send(desk, **carried, **mia, do="times")
    assert page.context["on_day"][-1].clock == "15:30"
    sent = {**carried, "start": start_value(at(14)), "finish": "1", "do": "unchanged"}
    send(desk, **sent, seen=seen.health_check_id)
    visit = booked()[-1]
    assert (visit.starts_at, visit.minutes, visit.option) == (at(14), 75, hour)


@pytest.mark.parametrize("reference", ["", "XXXXXXXX", "22222222", "\x00", "../../etc", "é" * 8])
def test_again_of_nothing_is_not_found(desk: Browser, reference: str) -> None:
    assert desk.get(BOOK, {"again": reference}).status_code == 404


# --- Hostile values ---------------------------------------------------------------------------

HOSTILE = [
    "",
    "0",
    "-1",
    "999999999999999999999999",
    "x",
    "\x00",
    "1 OR 1=1",
    "🙂",
    "\u202eevil",
    "z" * 10_000,
    "9999-12-31T23:59Z",
    "0001-01-01T00:00Z",
    "2026-11-24T14:00+99:99",
]
FIELDS = [
    "client",
    "choose_client",
    "option",
    "choose_option",
    "usual",
    "therapist",
    "room",
    "start",
    "end",
    "minutes",
    "pick",
    "date",
    "clock",
    "note",
    "reason",
    "because",
    "nonce",
    "seen",
    "do",
    "q",
    "name",
    "phone",
    "email",
    "newcomer",
    "version",
    "told",
    "ask",
]


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_values_are_answered_and_book_nothing(
    desk: Browser, cleo: Client, hour: ServiceOption, field: str
) -> None:
    known = {"client": cleo.pk, "option": hour.pk, "start": start_value(at(14)), "do": "book"}
    for value in HOSTILE:
        for sent in ({**known, field: value}, {field: value}):
            assert desk.post(BOOK, sent, headers=PANEL).status_code == 200
        assert desk.get(BOOK, {field: value}).status_code == 200
    assert booked() == []


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_search_finds_nobody(desk: Browser, cleo: Client, value: str) -> None:
    assert desk.get("/desk/book/client/", {"q": value}).status_code == 200


def test_what_is_not_on_offer_cannot_be_wished(
    desk: Browser, cleo: Client, lymph: Service, massage: Service, hour: ServiceOption,
    mia: Therapist, fern: Room,
) -> None:  # fmt: skip
    gone = ServiceOption.objects.create(
        service=lymph, minutes=30, price=Decimal("40.00"), active=False
    )
    page = send(desk, **wished(cleo, gone))
    assert page.context["stage"] == "what"
    assert "That treatment is not on offer. Please choose another." in page.context["problems"]
    Service.objects.filter(pk=massage.pk).update(status=Service.Status.DRAFT)
    assert send(desk, **wished(cleo, massage.options.get())).context["stage"] == "what"
    Therapist.objects.filter(pk=mia.pk).update(active=False)
    assert send(desk, **wished(cleo, hour, therapist=mia.pk)).context["stage"] == "when"
    Room.objects.filter(pk=fern.pk).update(active=False)
    assert send(desk, **wished(cleo, hour, room=fern.pk)).context["stage"] == "when"


def test_yesterday_cannot_be_booked(desk: Browser, seen: Appointment, hour: ServiceOption) -> None:
    sent = wished(client_of(seen), hour, at(14, days=-1), seen=seen.health_check_id)
    send(desk, **sent, because="walk-in", do="unchanged")
    assert booked() == [seen]


# --- Who may, and what it costs ---------------------------------------------------------------


def test_therapists_and_strangers_stay_outside(desk: Browser, mia: Therapist) -> None:
    user = login_of(mia)
    for address in (BOOK, "/desk/book/client/"):
        assert browser_of(user).get(address).status_code == 403
        assert browser_of(None).get(address).status_code == 302
    assert browser_of(user).post(BOOK, {"do": "book"}).status_code == 403


def test_without_the_forms_token_nothing_is_booked(dana: User, cleo: Client) -> None:
    browser = browser_of(dana, enforce_csrf_checks=True)
    assert browser.post(BOOK, {"client": cleo.pk}).status_code == 403


def _queries(desk: Browser, sent: dict[str, Any]) -> int:
    desk.post(BOOK, sent, headers=PANEL)
    with CaptureQueriesContext(
        connection,
    ) as found:
        assert desk.post(BOOK, sent, headers=PANEL).status_code == 200
    return len(found)


def test_every_stage_costs_the_same_for_fifty_therapists(
    desk: Browser, seen: Appointment, hour: ServiceOption, lymph: Service, mia: Therapist,
) -> None:  # fmt: skip
    client = client_of(seen).pk
    stages: list[dict[str, Any]] = [
        {"do": "find", "q": "cleo"},
        {"choose_client": client},
        {"client": client, "option": hour.pk},
        {"client": client, "option": hour.pk, "start": start_value(at(14))},
        {"client": client, "option": hour.pk, "start": start_value(at(10, days=2))},
    ]
    before = [_queries(desk, sent) for sent in stages]
    hours = list(mia.working_hours.all())
    for number in range(48):
        therapist = Therapist.objects.create(name=f"T{number:02}", position=9)
        therapist.services.add(lymph)
        for row in hours:
            row.pk, row.therapist = None, therapist
            row.save()
    assert [_queries(desk, sent) for sent in stages] == before


def test_the_unused_check_of_an_abandoned_form_is_forgotten(
    desk: Browser, hour: ServiceOption, lymph: Service, seen: Appointment, mia: Therapist
) -> None:
    otto = Client.objects.create(name="Otto")
    busy = {**answers(lymph), "therapist": mia.pk}
    send(desk, **wished(otto, hour, at(10, days=2), **busy), do="book")
    assert actions.purge_health_checks(now=at(8) + timedelta(days=2)) == 1
