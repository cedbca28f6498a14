"""One visit at the desk: beside the calendar and on its page, step by step."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.models import Appointment, Client, Message, Room, Therapist, TimeOff, WorkingHours
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import OTTO, at
from tests.bookings.staff_pages import browser_of, desk_url, login_of, said, status_of, words

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
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's visit on Tuesday at ten with Mia."""
    return book_again(at(10), therapist=mia)


@pytest.fixture
def asked(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's request for Tuesday at ten with Mia."""
    return book_again(at(10), therapist=mia, outcome=Outcome.CLEARANCE)


def shown(desk: Browser, visit: Appointment, name: str = "appointment", **query: str) -> Any:
    """What the drawer gets."""
    return desk.get(desk_url(name, visit), query, headers=PANEL)


def sent(desk: Browser, visit: Appointment, name: str, **fields: Any) -> Any:
    """What the drawer gets after a form; the sequence is the visit's as the test knows it."""
    data = {"sequence": visit.sequence, **fields}
    return desk.post(desk_url(name, visit), data, headers=PANEL)


def change(desk: Browser, visit: Appointment, **fields: Any) -> Any:
    """Send the edit form as it was shown, but for ``fields``."""
    as_it_stands = {
        "day": f"{visit.starts_local:%Y-%m-%d}",
        "clock": f"{visit.starts_local:%H:%M}",
        "minutes": round((visit.ends_at - visit.starts_at).total_seconds() / 60),
        "therapist": visit.therapist_id,
        "room": visit.room_id,
        "tell": "on",
    }
    return sent(desk, visit, "change", **{**as_it_stands, **fields})


def news(answer: Any) -> dict[str, Any]:
    """What the calendar is told."""
    told: dict[str, Any] = json.loads(answer["HX-Trigger"])["diary-changed"]
    return told


def stored(visit: Appointment) -> Appointment:
    return Appointment.objects.get(pk=visit.pk)


# --- What is shown ---------------------------------------------------------------------------


def test_the_drawer_gets_the_fragment_alone(desk: Browser, visit: Appointment) -> None:
    page = shown(desk, visit).content.decode()
    assert "<html" not in page
    assert '<h2 class="panel-head__title" id="panel-title" tabindex="-1">' in page
    assert 'hx-target="#panel-body"' in page
    whole = desk.get(desk_url("appointment", visit)).content.decode()
    assert '<h1 class="panel-head__title" id="panel-title" tabindex="-1">' in whole
    assert "hx-" not in whole


def test_the_panel_says_who_when_where_with_whom_and_what(
    desk: Browser, visit: Appointment
) -> None:
    page = words(shown(desk, visit))
    assert (
        "Confirmed Clear Cleo Tuesday 24 November, 10:00 – 11:00 "
        "Lymphatic drainage massage, 60 minutes with Mia in Fern" in page
    )
    assert (
        f"Reference {visit.reference} Price £75 Booked Monday 23 November, 08:00, Website" in page
    )


@pytest.mark.parametrize(
    ("phone", "href", "number"),
    [
        ("+442079460001", "tel:+44-20-7946-0001", "020 7946 0001"),
        ("+33142685300", "tel:+33-1-42-68-53-00", "+33 1 42 68 53 00"),
    ],
)
def test_a_number_is_dialled_with_one_tap_and_read_as_people_dial_it(
    phone: str, href: str, number: str, desk: Browser, visit: Appointment
) -> None:
    Client.objects.update(phone=phone)
    answer = shown(desk, visit)
    assert f'href="{href}"' in answer.content.decode()
    assert f"Call Cleo: {number}" in words(answer)
    assert 'href="mailto:cleo@example.com"' in answer.content.decode()


def test_a_walk_in_without_any_contact_is_said_to_have_none(
    desk: Browser, visit: Appointment
) -> None:
    Client.objects.update(phone="", email="")
    page = words(shown(desk, visit))
    assert "Neither a phone number nor an e-mail address." in page


def test_a_length_that_is_not_on_the_menu_is_shown_as_it_is(
    desk: Browser, visit: Appointment
) -> None:
    Appointment.objects.update(ends_at=at(11, 10), busy_until=at(11, 25))
    assert "Lymphatic drainage massage, 70 minutes" in words(shown(desk, visit))


@pytest.mark.parametrize(
    ("when", "to_do"),
    [
        (at(8, days=0), "Awaiting clearance. Decide by today, 10:00."),
        (at(11, days=0), "Awaiting clearance. Overdue by 1 hour."),
        (at(10), "Awaiting clearance. The time has passed."),
    ],
)
def test_a_request_says_until_when_to_decide(
    when: datetime, to_do: str, desk: Browser, asked: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(when)
    assert to_do in words(shown(desk, asked)).replace("\xa0", " ")


def test_an_open_health_check_says_to_call(desk: Browser, visit: Appointment) -> None:
    actions.withdraw_health_check(appointment=visit, by=actions.CLIENT, now=at(8, days=0))
    page = words(shown(desk, visit))
    assert "Health check open: please call before the treatment." in page


def test_a_late_client_is_to_be_called(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(10, 12))
    assert "Late by 12 minutes: please call." in words(shown(desk, visit)).replace("\xa0", " ")


def test_a_visit_that_is_over_asks_for_nothing(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    Appointment.objects.update(status="completed", health_check=None)
    Message.objects.update(state="failed")
    clock.move_to(at(12))
    assert "panel-todo" not in shown(desk, visit).content.decode()


def test_the_answers_are_never_loaded(desk: Browser, asked: Appointment) -> None:
    for name in ("appointment", "change", "move", "cancel", "decide"):
        with CaptureQueriesContext(connection) as queries:
            assert shown(desk, asked, name).status_code == 200
        statements = " ".join(query["sql"] for query in queries)
        assert '"bookings_healthcheck"."outcome"' in statements
        for column in ("answers", "findings", "review_note"):
            assert f'"bookings_healthcheck"."{column}"' not in statements


def test_a_name_is_shown_as_written_and_never_run(desk: Browser, visit: Appointment) -> None:
    Client.objects.update(name="<script>alert(1)</script> نور 🌿")
    for name in ("appointment", "change", "move", "cancel"):
        page = shown(desk, visit, name).content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt; نور 🌿" in page
        assert "<script>alert" not in page


# --- Messages --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"due_at": at(8, 1, days=0)}, "Confirmation waits until 08:01"),
        ({"due_at": at(7, days=0)}, "Confirmation goes out at any moment"),
        ({"due_at": at(9)}, "Confirmation waits until Tuesday 24 November, 09:00"),
        ({"state": "sent", "sent_at": at(7, 30, days=0)}, "Confirmation sent 07:30"),
        (
            {"state": "failed", "last_error": "The address was refused (550)."},
            "Confirmation given up: The address was refused (550). Please ring.",
        ),
        (
            {"due_at": at(8, 4, days=0), "last_error": "The mail server did not answer."},
            "Confirmation not gone yet: The mail server did not answer. Next try 08:04.",
        ),
    ],
)
def test_a_message_says_how_it_stands(
    changes: dict[str, Any], expected: str, desk: Browser, visit: Appointment
) -> None:
    visit.messages.filter(kind="confirmation").update(**changes)
    assert expected in words(shown(desk, visit))


def test_the_next_reminder_is_named_and_what_nobody_needs_is_folded_away(
    desk: Browser, visit: Appointment
) -> None:
    visit.messages.filter(kind="confirmation").update(state="void")
    page = words(shown(desk, visit))
    assert "Messages Next reminder: Tuesday 24 November, 07:00." in page
    assert "Reminder, 3 hours before waits until Tuesday 24 November, 07:00" in page
    assert "1 never sent: no longer needed Confirmation no longer needed" in page


def test_a_reminder_whose_moment_has_come_is_not_the_next(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(7))
    page = words(shown(desk, visit))
    assert "Next reminder" not in page
    assert "Reminder, 3 hours before goes out at any moment" in page


def test_a_mail_that_did_not_arrive_says_to_call(desk: Browser, visit: Appointment) -> None:
    visit.messages.filter(kind="confirmation").update(state="failed", last_error="Refused.")
    assert "A mail did not arrive (confirmation): call Cleo, 020 7946 0001." in words(
        shown(desk, visit)
    )


# --- Steps -----------------------------------------------------------------------------------


def test_every_step_of_the_day_answers_with_the_visit_as_it_is_now(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    steps = [
        ("arrived", "Cleo is here.", "Arrived", 'value="started"'),
        ("started", "The treatment of Cleo has begun.", "In treatment", 'value="completed"'),
        ("completed", "The visit of Cleo is completed.", "Completed", 'value="back"'),
        ("back", "One step back: Cleo, in treatment.", "In treatment", 'value="completed"'),
        ("undo", "Taken back: Cleo is expected again.", "Confirmed", 'value="arrived"'),
    ]
    for step, told, badge, next_step in steps:
        clock.shift(timedelta(minutes=5))
        answer = sent(desk, stored(visit), "step", step=step)
        assert answer.status_code == 200
        assert news(answer)["news"] == told
        assert f"{badge} Clear Cleo" in words(answer)
        assert next_step in answer.content.decode()
    latest = stored(visit)
    assert (latest.status, latest.arrived_at, latest.started_at) == ("confirmed", None, None)


def test_a_step_can_be_undone(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    told = news(sent(desk, visit, "step", step="arrived"))
    assert (told["undo"], told["sequence"]) == (desk_url("undo", visit), visit.sequence + 1)


def test_one_step_back_keeps_the_steps_before_it(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    sent(desk, visit, "step", step="arrived")
    clock.move_to(at(10, 1))
    page = sent(desk, stored(visit), "step", step="started").content.decode()
    assert 'One step back<span class="visually-hidden">: Began the treatment</span>' in page
    told = news(sent(desk, stored(visit), "step", step="back"))
    assert told["news"] == "One step back: Cleo, arrived."
    latest = stored(visit)
    assert (latest.status, latest.started_at) == ("arrived", None)
    assert latest.arrived_at is not None
    assert "undo" not in told
    page = shown(desk, visit).content.decode()
    assert 'One step back<span class="visually-hidden">: Marked as arrived</span>' in page


def test_the_last_change_is_undone_from_the_menu_and_said(
    desk: Browser, visit: Appointment
) -> None:
    change(desk, visit, clock="12:00")
    assert (
        "Undo the last change Moved from Tuesday 24 November, 10:00 to Tuesday 24 November, 12:00"
        in words(shown(desk, visit))
    )
    told = sent(desk, stored(visit), "undo")
    assert news(told)["news"].startswith("Cleo: taken back")
    assert "Tuesday 24 November, 10:00 – 11:00 Lymphatic drainage massage" in words(told)
    refused = sent(desk, visit, "undo")
    assert "This visit was changed by somebody else." in words(refused)
    assert stored(visit).starts_at == at(10)


def test_a_no_show_is_offered_only_once_the_visit_has_begun(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    assert 'value="no_show"' not in shown(desk, visit).content.decode()
    clock.move_to(at(10))
    assert 'value="no_show"' in shown(desk, visit).content.decode()
    assert news(sent(desk, visit, "step", step="no_show"))["news"] == (
        "Noted that Cleo did not come."
    )
    assert status_of(visit) == "no_show"


def test_a_step_from_a_stale_drawer_tells_what_happened_and_shows_it(
    desk: Browser, visit: Appointment, olive: User, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    actions.mark_arrived(appointment=visit, by=actions.staff(olive), now=at(9, 55))
    answer = sent(desk, visit, "step", step="arrived")
    assert answer.status_code == 200
    assert "HX-Trigger" not in answer
    assert (
        "Cleo: This visit was changed by somebody else. Nothing was changed; please look again. "
        "Marked as arrived by olive, 09:55. Arrived Clear Cleo" in words(answer)
    )
    assert stored(visit).sequence == visit.sequence + 1


def test_a_note_is_no_news_to_a_stale_drawer(
    desk: Browser, visit: Appointment, olive: User, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    by = actions.staff(olive)
    arrived = actions.mark_arrived(appointment=visit, by=by, now=at(9, 55))
    actions.note_on_appointment(appointment=arrived, note="Gate code", by=by, now=at(9, 56))
    assert "please look again. Marked as arrived by olive, 09:55." in words(
        sent(desk, visit, "step", step="arrived")
    )


@pytest.mark.parametrize("step", ["", "explode", "cancelled", "arrived\x00", "x" * 5000])
def test_a_step_that_is_none_leaves_the_drawer_open(
    step: str, desk: Browser, visit: Appointment
) -> None:
    answer = sent(desk, visit, "step", step=step)
    assert "That did not work. Nothing was changed. Please try again." in words(answer)
    assert status_of(visit) == "confirmed"


# --- Cancelling and deciding -----------------------------------------------------------------


@pytest.mark.parametrize(("tick", "owed"), [({"tell": "on"}, 1), ({}, 0)])
def test_a_visit_is_cancelled_with_a_mail_or_without(
    tick: dict[str, str], owed: int, desk: Browser, visit: Appointment
) -> None:
    answer = sent(desk, visit, "cancel", reason="Rang: has a train to catch.", **tick)
    assert (
        news(answer)["news"]
        == "Cleo: cancelled, Tuesday 24 November, 10:00 with Mia is free again."
    )
    assert "Cancelled Clear Cleo" in words(answer)
    assert visit.messages.pending().filter(kind="cancelled").count() == owed
    assert not visit.messages.pending().exclude(kind="cancelled").exists()


def test_a_stale_cancellation_keeps_the_reason_and_asks_again(
    desk: Browser, visit: Appointment, olive: User, spa: SpaProfile
) -> None:
    actions.reschedule_appointment(
        appointment=visit,
        starts_at=at(12),
        by=actions.staff(olive),
        spa=spa,
        now=at(8, days=0),
    )
    answer = sent(desk, visit, "cancel", reason="Has a train to catch.")
    page = answer.content.decode()
    assert "Moved from Tuesday 24 November, 10:00 to Tuesday 24 November, 12:00" in words(answer)
    assert "Has a train to catch." in page
    assert f'name="sequence" value="{visit.sequence + 1}"' in page
    assert status_of(visit) == "confirmed"


def test_a_cancellation_that_came_second_shows_the_visit(
    desk: Browser, visit: Appointment, spa: SpaProfile
) -> None:
    actions.cancel_appointment(appointment=visit, by=actions.CLIENT, spa=spa, now=at(8, days=0))
    page = words(sent(desk, visit, "cancel", reason="Rang."))
    assert "so that step is no longer possible. Cancelled" in page


def test_a_request_without_a_health_check_can_only_be_declined(
    desk: Browser, asked: Appointment
) -> None:
    left = actions.withdraw_health_check(appointment=asked, by=actions.CLIENT, now=at(8, days=0))
    page = shown(desk, left, "decide")
    assert "The health check is open: please call before you decide." in words(page)
    assert 'value="grant"' not in page.content.decode()
    forged = sent(desk, left, "decide", decision="grant")
    assert "The health check is open: please call before you decide." in words(forged)
    assert status_of(asked) == "requested"
    told = news(sent(desk, left, "decide", decision="decline"))
    assert told["news"] == "The request of Cleo is declined and its time is free again."


def test_a_request_whose_time_has_come_can_only_be_declined(
    desk: Browser, asked: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(10))
    page = shown(desk, asked, "decide")
    assert "Its time has come, so it can no longer be confirmed" in words(page)
    assert 'value="grant"' not in page.content.decode()
    sent(desk, asked, "decide", decision="grant")
    assert status_of(asked) == "requested"


# --- The note --------------------------------------------------------------------------------


def keep_note(desk: Browser, visit: Appointment, note: str, page: Any = None) -> Any:
    """Send the note from the drawer as it was shown, or from an earlier ``page``."""
    html = (page or shown(desk, visit)).content.decode()
    mark = re.search(r'name="was" value="(\w+)"', html)
    assert mark is not None
    return sent(desk, visit, "note", note=note, was=mark[1])


def test_the_desk_keeps_a_note_where_it_stands(desk: Browser, visit: Appointment) -> None:
    answer = keep_note(desk, visit, "Comes with a friend.\r\nRing twice.")
    assert news(answer)["news"] == "Cleo: the note is kept."
    assert "Note of the desk Comes with a friend. Ring twice. Change the note" in words(answer)
    assert stored(visit).staff_note == "Comes with a friend.\nRing twice."
    with connection.cursor() as cursor:
        cursor.execute("SELECT staff_note FROM bookings_appointment WHERE id = %s", [visit.pk])
        assert "friend" not in cursor.fetchone()[0]
    event = visit.events.latest("pk")
    assert (event.kind, event.changes, event.reason) == ("noted", {}, "")


def test_after_a_note_no_undo_is_offered_that_would_undo_something_else(
    desk: Browser, visit: Appointment
) -> None:
    change(desk, visit, clock="12:00")
    assert "undo" not in news(keep_note(desk, stored(visit), "Ring twice."))
    assert "undo" not in news(change(desk, stored(visit)))


def test_a_note_that_is_too_long_is_kept_in_its_field(desk: Browser, visit: Appointment) -> None:
    answer = keep_note(desk, visit, "🌿" * 1001)
    assert "Please keep it under 1000 characters." in words(answer)
    assert "🌿" * 1001 in answer.content.decode()
    assert '<details class="fold" open>' in answer.content.decode()
    assert stored(visit).staff_note == ""


def test_a_note_never_overwrites_one_that_was_not_seen(desk: Browser, visit: Appointment) -> None:
    page = shown(desk, visit)
    keep_note(desk, visit, "Gate code 4711.")
    answer = keep_note(desk, visit, "Ring twice.", page)
    assert "Somebody has changed the note above. Keep yours instead?" in words(answer)
    assert "Gate code 4711." in words(answer)
    assert stored(visit).staff_note == "Gate code 4711."
    keep_note(desk, visit, "Gate code 4711. Ring twice.", answer)
    assert stored(visit).staff_note == "Gate code 4711. Ring twice."
    sent(desk, visit, "note", note="Forged.")
    assert stored(visit).staff_note == "Gate code 4711. Ring twice."


def test_a_note_that_came_second_by_a_moment_is_kept_in_its_field(
    desk: Browser, visit: Appointment, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = shown(desk, visit)
    real = actions.note_on_appointment

    def after_somebody_else(**asked: Any) -> Appointment:
        Appointment.objects.update(staff_note="Gate code 4711.")
        return real(**asked)

    monkeypatch.setattr(actions, "note_on_appointment", after_somebody_else)
    answer = keep_note(desk, visit, "Ring twice.", page)
    assert "This visit was changed by somebody else." in words(answer)
    assert ">\nRing twice.</textarea>" in answer.content.decode()
    assert stored(visit).staff_note == "Gate code 4711."


# --- The edit form ---------------------------------------------------------------------------


def test_the_edit_form_shows_the_visit_as_it_stands(
    desk: Browser, visit: Appointment, mia: Therapist, noor: Therapist, fern: Room, moss: Room
) -> None:
    page = shown(desk, visit, "change").content.decode()
    for value in ('value="2026-11-24"', 'value="10:00"', 'value="60"'):
        assert value in page
    assert f'<option value="{mia.pk}" selected>Mia</option>' in page
    assert f'<option value="{fern.pk}" selected>Fern</option>' in page
    assert f'<option value="{noor.pk}">Noor</option>' in page
    # The Moss room does not suit the treatment.
    assert "Moss" not in page


def test_a_typed_change_moves_lengthens_and_gives_to_another_therapist(
    desk: Browser, visit: Appointment, noor: Therapist
) -> None:
    answer = change(desk, visit, day="2026-11-25", clock="11:05", minutes="75", therapist=noor.pk)
    assert news(answer)["news"] == (
        "Cleo: moved to Wednesday 25 November, 11:05 with Noor, 75 minutes long."
    )
    latest = stored(visit)
    assert (latest.starts_at, latest.ends_at, latest.therapist) == (
        at(11, 5, days=2),
        at(12, 20, days=2),
        noor,
    )


def test_a_length_from_the_menu_brings_its_price(
    desk: Browser, visit: Appointment, lymph: Service
) -> None:
    ServiceOption.objects.create(service=lymph, minutes=90, price="105.00")
    assert "On the menu: 60 or 90 minutes. Another length keeps the price." in words(
        shown(desk, visit, "change")
    )
    assert news(change(desk, visit, minutes="90"))["news"] == "Cleo: now until 11:30 with Mia."
    assert (stored(visit).option.minutes, stored(visit).price) == (90, Decimal(105))


def test_a_change_of_nothing_changes_nothing(desk: Browser, visit: Appointment) -> None:
    assert news(change(desk, visit))["news"] == "Cleo: everything stays as it was."
    assert stored(visit).sequence == visit.sequence


def test_a_client_who_is_here_is_given_to_another_therapist_but_not_cancelled(
    desk: Browser, visit: Appointment, noor: Therapist, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(10, 5))
    sent(desk, visit, "step", step="arrived")
    here = stored(visit)
    page = shown(desk, here).content.decode()
    assert desk_url("change", here) in page
    assert desk_url("cancel", here) not in page
    assert 'name="tell"' not in shown(desk, here, "change").content.decode()
    change(desk, here, minutes="75", therapist=noor.pk)
    latest = stored(visit)
    assert (latest.therapist, latest.ends_at) == (noor, at(11, 15))
    assert not visit.messages.filter(kind="changed").exists()
    assert "Cleo is here already: take the arrival back first." in words(
        shown(desk, stored(visit), "cancel")
    )
    assert stored(visit).status == "arrived"


def test_a_change_sends_no_mail_where_none_is_wanted(desk: Browser, visit: Appointment) -> None:
    change(desk, visit, clock="12:00", tell="")
    assert not visit.messages.filter(kind="changed").exists()


@pytest.mark.parametrize(
    ("fields", "at_field"),
    [({"clock": "13:00"}, "id_clock"), ({"day": "2026-11-25", "clock": "09:00"}, "id_clock")],
)
def test_who_is_in_the_way_is_named_at_the_field_and_free_times_are_buttons(
    fields: dict[str, str],
    at_field: str,
    desk: Browser,
    visit: Appointment,
    book: Book,
    mia: Therapist,
) -> None:
    book(at(13), therapist=mia, details=OTTO)
    book(at(9, days=2), therapist=mia, details=OTTO)
    answer = change(desk, visit, **fields)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert f'<a href="#{at_field}">Mia' in page
    assert "Otto" in page
    assert 'name="at"' in page
    assert stored(visit).starts_at == at(10)


def test_the_only_field_that_was_changed_bears_the_refusal(
    desk: Browser, visit: Appointment, book: Book, noor: Therapist, lymph: Service, moss: Room
) -> None:
    moss.services.add(lymph)
    book(at(10), therapist=noor, details=OTTO)
    page = change(desk, visit, therapist=noor.pk).content.decode()
    assert '<a href="#id_therapist">Noor' in page


def test_a_button_with_a_free_time_takes_it(
    desk: Browser, visit: Appointment, book: Book, mia: Therapist
) -> None:
    book(at(13), therapist=mia, details=OTTO)
    page = change(desk, visit, clock="13:00").content.decode()
    assert 'name="at" value="2026-11-24T14:15Z"' in page
    answer = change(desk, visit, clock="13:00", at="2026-11-24T14:15Z")
    assert news(answer)["news"] == "Cleo: moved to Tuesday 24 November, 14:15 with Mia."
    assert stored(visit).starts_at == at(14, 15)


def test_a_broken_rule_asks_why_and_keeps_the_reason(desk: Browser, visit: Appointment) -> None:
    answer = change(desk, visit, clock="18:00")
    page = words(answer)
    assert "Mia works 09:00 – 17:00 on this day. Please give a reason if it has to be." in page
    assert stored(visit).starts_at == at(10)
    told = news(change(desk, visit, clock="18:00", reason="Comes straight from the train."))
    assert told["news"] == "Cleo: moved to Tuesday 24 November, 18:00 with Mia."
    assert visit.events.latest("pk").reason == "Comes straight from the train."
    assert "Exception Comes straight from the train." in words(shown(desk, visit))
    change(desk, stored(visit), clock="15:00")
    assert "Exception" not in words(shown(desk, visit))


def test_a_usual_reason_takes_one_tap(desk: Browser, visit: Appointment) -> None:
    page = change(desk, visit, clock="18:00").content.decode()
    assert 'name="quick" value="Agreed on the phone"' in page
    change(desk, visit, clock="18:00", quick="Agreed on the phone")
    assert stored(visit).starts_at == at(18)
    assert visit.events.latest("pk").reason == "Agreed on the phone"


def test_time_off_is_a_rule_that_a_reason_sets_aside(
    desk: Browser, visit: Appointment, mia: Therapist
) -> None:
    TimeOff.objects.create(therapist=mia, starts_at=at(12), ends_at=at(17), reason="Course")
    assert "Please give a reason if it has to be." in words(change(desk, visit, clock="13:00"))
    change(desk, visit, clock="13:00", reason="Agreed with Mia")
    assert stored(visit).starts_at == at(13)


def test_a_stale_edit_keeps_what_was_typed_and_tells_the_news(
    desk: Browser, visit: Appointment, olive: User, spa: SpaProfile
) -> None:
    actions.reschedule_appointment(
        appointment=visit, starts_at=at(12), by=actions.staff(olive), spa=spa, now=at(8, days=0)
    )
    answer = change(desk, visit, clock="15:00")
    page = answer.content.decode()
    assert "to Tuesday 24 November, 12:00 by olive, 08:00." in words(answer)
    assert 'value="15:00"' in page
    assert f'name="sequence" value="{visit.sequence + 1}"' in page
    assert stored(visit).starts_at == at(12)
    again = change(desk, stored(visit), clock="15:00")
    assert news(again)["news"] == "Cleo: moved to Tuesday 24 November, 15:00 with Mia."


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("day", "", "Please choose a day."),
        ("day", "24.11.2026", "We could not read that day."),
        ("day", "9999-12-31", "Please check the year."),
        ("day", "0001-01-01", "Please check the year."),
        ("clock", "", "Please choose a start."),
        ("clock", "25:00", "We could not read that time."),
        ("clock", "10:07", "Starts go by five minutes, such as 10:05."),
        ("clock", "\x00", "We could not read that time."),
        ("minutes", "", "Please give the length in minutes."),
        ("minutes", "an hour", "Please give the length in whole minutes."),
        ("minutes", "62", "Lengths go by five minutes."),
        ("minutes", "0", "Ensure this value is greater than or equal to 5."),
        ("minutes", "485", "Ensure this value is less than or equal to 480."),
        ("minutes", "9" * 40, "Ensure this value is less than or equal to 480."),
        ("therapist", "999999", "That therapist cannot be booked for this treatment."),
        ("therapist", "' OR 1=1 --", "That therapist cannot be booked for this treatment."),
        ("room", "999999", "That room cannot be booked for this treatment."),
        ("room", "\x00", "That room cannot be booked for this treatment."),
        ("reason", "🌿" * 301, "Please keep it under 300 characters."),
    ],
)
def test_what_cannot_be_read_is_kept_and_explained(
    field: str, value: str, expected: str, desk: Browser, visit: Appointment
) -> None:
    answer = change(desk, visit, **{field: value})
    assert answer.status_code == 200
    assert expected in words(answer)
    assert stored(visit).sequence == visit.sequence


@pytest.mark.parametrize("start", ["soon", "9999-12-31T23:59Z", "2026-13-01T10:00Z", "\x00"])
def test_a_forged_button_counts_for_nothing(start: str, desk: Browser, visit: Appointment) -> None:
    assert news(change(desk, visit, at=start))["news"] == "Cleo: everything stays as it was."


def test_a_room_or_therapist_without_the_treatment_cannot_be_forged(
    desk: Browser, visit: Appointment, moss: Room, noor: Therapist
) -> None:
    noor.services.clear()
    assert "That room cannot be booked" in words(change(desk, visit, room=moss.pk))
    assert "That therapist cannot be booked" in words(change(desk, visit, therapist=noor.pk))
    assert stored(visit).sequence == visit.sequence


@pytest.fixture
def autumn(
    desk: Browser,
    book: Book,
    mia: Therapist,
    fern: Room,
    hour: ServiceOption,
    clock: time_machine.Traveller,
) -> Appointment:
    """A visit of 30 minutes on 25 October 2026 at 10:00; the clocks go back at 02:00 that night."""
    saturday = datetime(2026, 10, 24, 8, tzinfo=UTC)
    clock.move_to(saturday)
    hour.minutes = 30
    hour.save()
    WorkingHours.objects.filter(therapist=mia).update(starts=time(0))
    return book(datetime(2026, 10, 25, 10, tzinfo=UTC), therapist=mia, when=saturday)


def test_a_time_that_comes_twice_is_asked_about(desk: Browser, autumn: Appointment) -> None:
    page = words(change(desk, autumn, clock="01:30"))
    assert "The clocks show this time twice. Which one?" in page
    assert "01:30 BST 01:30 GMT" in page
    change(desk, autumn, clock="01:30", which="1")
    assert stored(autumn).starts_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    shown_again = shown(desk, stored(autumn), "change").content.decode()
    assert 'name="which" value="1"' in shown_again.replace('class="form-check-input" ', "")
    change(desk, stored(autumn), clock="01:30", which="0")
    assert stored(autumn).starts_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_time_that_never_comes_is_refused(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    answer = change(desk, visit, day="2027-03-28", clock="01:30")
    assert "The clocks jump over this time on that day." in words(answer)


@pytest.mark.parametrize("status", ["completed", "cancelled", "no_show", "declined"])
def test_a_visit_that_is_over_has_no_edit_form(
    status: str, desk: Browser, visit: Appointment
) -> None:
    Appointment.objects.filter(pk=visit.pk).update(status=status)
    assert desk.get(desk_url("change", visit))["Location"] == desk_url("appointment", visit)
    assert "so that step is no longer possible." in words(change(desk, visit, clock="12:00"))
    assert stored(visit).starts_at == at(10)


def test_free_times_are_for_the_length_that_the_visit_has(
    desk: Browser, visit: Appointment, mia: Therapist, book: Book
) -> None:
    book(at(13), therapist=mia, details=OTTO)
    change(desk, visit, minutes="90")
    page = words(shown(desk, stored(visit), "move", therapist=str(mia.pk), date="2026-11-24"))
    assert "Morning 09:00 09:15 09:30 09:45 10:15 10:30 10:45 11:00 11:15 Afternoon" in page


# --- Moving ----------------------------------------------------------------------------------


def test_a_move_in_the_drawer_answers_with_the_visit(
    desk: Browser, visit: Appointment, mia: Therapist
) -> None:
    assert "Move it here?" in words(shown(desk, visit, "move", start="2026-11-24T12:00Z"))
    answer = sent(desk, visit, "move", start="2026-11-24T12:00Z", therapist=mia.pk, tell="on")
    assert news(answer)["news"] == "Cleo: moved to Tuesday 24 November, 12:00 with Mia."
    assert "Tuesday 24 November, 12:00 – 13:00" in words(answer)
    assert visit.messages.pending().filter(kind="changed").exists()


def test_a_free_time_at_which_she_has_another_visit_asks_why(
    desk: Browser, visit: Appointment, noor: Therapist, mia: Therapist, moss: Room, book: Book
) -> None:
    moss.services.add(visit.service)
    book(at(14), therapist=noor)
    asked = sent(desk, visit, "move", start="2026-11-24T14:00Z", therapist=mia.pk, tell="on")
    assert "Cleo has a visit then: 14:00 – 15:00 with Noor." in words(asked)
    assert 'name="reason"' in asked.content.decode()
    moved = change(desk, visit, clock="14:00", room="", reason="Agreed on the phone")
    assert news(moved)["news"] == "Cleo: moved to Tuesday 24 November, 14:00 with Mia, in Moss."


# --- Who may, and what it costs --------------------------------------------------------------

PLACES = ["appointment", "step", "note", "change", "move", "cancel", "decide", "revoke_links"]


@pytest.mark.parametrize("name", PLACES)
def test_the_desk_and_owners_may_and_nobody_else(
    name: str, visit: Appointment, dana: User, olive: User, mia: Therapist, noor: Therapist
) -> None:
    hers, other = login_of(mia), login_of(noor)
    url = desk_url(name, visit)
    for user in (dana, olive):
        assert browser_of(user).get(url).status_code in (200, 302, 405)
        assert browser_of(user).post(url, headers=PANEL).status_code in (200, 405)
    for user in (hers, other):
        assert browser_of(user).get(url).status_code == 403
        assert browser_of(user).post(url).status_code == 403
    for method in ("get", "post"):
        answer = getattr(browser_of(None), method)(url)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")
    if name != "revoke_links":
        assert stored(visit).sequence == visit.sequence


@pytest.mark.parametrize("name", PLACES)
def test_a_change_from_another_site_is_refused(name: str, visit: Appointment, dana: User) -> None:
    if name == "appointment":
        return
    answer = browser_of(dana, enforce_csrf_checks=True).post(desk_url(name, visit))
    assert answer.status_code == 403


@pytest.mark.parametrize("name", PLACES)
def test_what_is_nobodys_visit_is_not_found(name: str, desk: Browser, visit: Appointment) -> None:
    url = desk_url(name, visit)
    Appointment.objects.update(status="held", client=None, hold_expires_at=at(12))
    for place in (url, url.replace(visit.reference, "22222222")):
        assert desk.get(place).status_code in (404, 405)
        assert desk.post(place).status_code in (404, 405)
        assert 404 in (desk.get(place).status_code, desk.post(place).status_code)


@pytest.mark.parametrize("count", [1, 3, 12])
def test_the_panel_costs_the_same_for_any_history(
    count: int, desk: Browser, visit: Appointment, spa: SpaProfile
) -> None:
    for number in range(count):
        visit = actions.reschedule_appointment(
            appointment=visit,
            starts_at=at(10, days=2 + number),
            by=actions.CLIENT,
            spa=spa,
            now=at(8, days=0),
        )
    with CaptureQueriesContext(connection) as queries:
        assert words(shown(desk, visit)).count("Moved from") == count
    # Session, person, spa; the visit, its events, its messages, and what can be undone.
    assert len(queries) == 7


@pytest.mark.parametrize("count", [1, 12])
def test_the_edit_form_costs_the_same_for_any_number_of_people_and_rooms(
    count: int, desk: Browser, visit: Appointment, lymph: Service
) -> None:
    for number in range(count):
        Therapist.objects.create(name=f"Therapist {number}").services.add(lymph)
        Room.objects.create(name=f"Room {number}").services.add(lymph)
    with CaptureQueriesContext(connection) as queries:
        assert "Room 0" in words(shown(desk, visit, "change"))
    # Session, person, spa; the visit, therapists, rooms and lengths.
    assert len(queries) == 7


def test_without_the_drawer_every_step_leads_back_to_the_page(
    desk: Browser, visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, 55))
    answer = desk.post(
        desk_url("step", visit), {"step": "arrived", "sequence": visit.sequence, "back": "visit"}
    )
    assert answer["Location"] == desk_url("appointment", visit)
    assert said(answer) == ["Cleo is here."]
    mark = re.search(r'name="was" value="(\w+)"', shown(desk, visit).content.decode())
    assert mark is not None
    note = {"note": "Rang.", "was": mark[1], "back": "visit"}
    noted = desk.post(desk_url("note", visit), note)
    assert noted["Location"] == desk_url("appointment", visit)
