"""The private treatment note: who writes it, who reads it, and that each reading is logged."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.models import Appointment, Event, HealthReading, Room, Therapist, TreatmentNote
from services.models import ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, at
from tests.bookings.rows import make_appointment
from tests.bookings.staff_pages import browser_of, login_of, words
from tests.bookings.therapist_pages import latest, own_url

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
TEXT = "Left shoulder tight.\nLight strokes, ten minutes."


@pytest.fixture(autouse=True)
def _tuesday_eleven(clock: time_machine.Traveller) -> None:
    """Let every test begin when Cleo's treatment is just over."""
    clock.move_to(at(11), tick=False)


@pytest.fixture
def as_mia(mias_login: User) -> Browser:
    return browser_of(mias_login)


@pytest.fixture
def visit(book_again: Book, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's visit, given by Mia on Tuesday at ten."""
    visit = book_again(at(10), therapist=mia)
    return actions.mark_completed(appointment=visit, by=actions.SYSTEM, now=at(11))


def write(browser: Browser, visit: Appointment, text: str, seen: str = "") -> object:
    return browser.post(own_url("note", visit), {"text": text, "seen": seen}, follow=True)


def noted(visit: Appointment, mia: Therapist, text: str = TEXT) -> TreatmentNote:
    """Mia's note of ``visit``, written at eleven."""
    assert mia.user is not None
    note = actions.write_treatment_note(
        appointment=visit, text=text, seen=None, by=actions.staff(mia.user), now=at(11)
    )
    assert note is not None
    return note


def earlier_visit(visit: Appointment, therapist: Therapist, days: int) -> Appointment:
    return make_appointment(
        visit.option,
        therapist,
        visit.room,
        at(10, days=-days),
        status="completed",
        client=visit.client,
    )


def test_she_writes_a_note_and_reads_it_again(as_mia: Browser, visit: Appointment) -> None:
    assert "Your note is kept." in words(write(as_mia, visit, TEXT))
    note = TreatmentNote.objects.get()
    assert (note.text, note.author.username, note.updated_at) == (TEXT, "mia", at(11))
    page = as_mia.get(own_url("visit", visit)).content.decode()
    assert "\nLeft shoulder tight.\nLight strokes, ten minutes.</textarea>" in page


def test_the_note_is_encrypted_and_the_history_tells_only_that_it_was_written(
    as_mia: Browser, visit: Appointment, dana: User
) -> None:
    write(as_mia, visit, TEXT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM bookings_treatmentnote")
        assert "shoulder" not in cursor.fetchone()[0]
    event = Event.objects.get(kind="treatment_note_written")
    assert (event.changes, event.reason) == ({}, "")
    desk = words(browser_of(dana).get(f"/desk/appointments/{visit.reference}/"))
    assert "Wrote the treatment note" in desk
    assert "shoulder" not in desk


def test_she_changes_the_note_that_she_saw(
    as_mia: Browser, visit: Appointment, mia: Therapist, clock: time_machine.Traveller
) -> None:
    note = noted(visit, mia)
    clock.move_to(at(12), tick=False)
    write(as_mia, visit, "Right shoulder.", seen=note.updated_at.isoformat())
    changed = TreatmentNote.objects.get()
    assert (changed.text, changed.updated_at) == ("Right shoulder.", at(12))
    assert Event.objects.filter(kind="treatment_note_written").count() == 2


def test_saving_what_is_there_already_changes_nothing(
    as_mia: Browser, visit: Appointment, mia: Therapist, clock: time_machine.Traveller
) -> None:
    note = noted(visit, mia)
    clock.move_to(at(12), tick=False)
    # Browsers send line ends of two letters.
    sent = TEXT.replace("\n", "\r\n")
    assert "Your note is kept." in words(
        write(as_mia, visit, sent, seen=note.updated_at.isoformat())
    )
    assert TreatmentNote.objects.get().updated_at == at(11)
    assert Event.objects.filter(kind="treatment_note_written").count() == 1


def test_an_emptied_note_is_taken_away(as_mia: Browser, visit: Appointment, mia: Therapist) -> None:
    note = noted(visit, mia)
    page = write(as_mia, visit, " \r\n ", seen=note.updated_at.isoformat())
    assert "There is no note now." in words(page)
    assert not TreatmentNote.objects.exists()
    assert Event.objects.filter(kind="treatment_note_removed").count() == 1


def test_an_empty_note_where_there_is_none_leaves_no_trace(
    as_mia: Browser, visit: Appointment
) -> None:
    write(as_mia, visit, "")
    assert not TreatmentNote.objects.exists()
    assert not Event.objects.filter(kind__startswith="treatment_note").exists()


@pytest.mark.parametrize(
    "seen", ["", "2026-11-24T10:00:00+00:00", "soon", "2026-13-45T99:99", "x" * 40]
)
def test_a_second_tab_is_told_what_stands_and_may_then_save(
    seen: str, as_mia: Browser, visit: Appointment, mia: Therapist
) -> None:
    note = noted(visit, mia, "From the first tab.")
    page = write(as_mia, visit, "From the second tab.", seen=seen)
    text = words(page)
    assert "This note was changed in another window." in text
    assert "As it was kept Tuesday 24 November, 11:00 From the first tab." in text
    assert "From the second tab. Keep the change" in text
    assert TreatmentNote.objects.get().text == "From the first tab."
    shown = f'name="seen" value="{note.updated_at.isoformat()}"'
    assert shown in page.content.decode()  # type: ignore[attr-defined]
    write(as_mia, visit, "Both.", seen=note.updated_at.isoformat())
    assert TreatmentNote.objects.get().text == "Both."


def test_a_note_that_was_taken_away_meanwhile_is_told_too(
    as_mia: Browser, visit: Appointment, mia: Therapist
) -> None:
    note = noted(visit, mia)
    write(as_mia, visit, "", seen=note.updated_at.isoformat())
    page = words(write(as_mia, visit, "Second thoughts.", seen=note.updated_at.isoformat()))
    assert "It was taken away in another window." in page
    assert "Second thoughts." in page
    assert not TreatmentNote.objects.exists()


def test_what_is_too_long_is_kept_on_the_page(
    as_mia: Browser, visit: Appointment, mia: Therapist
) -> None:
    note = noted(visit, mia)
    sent = "x" * 5007
    page = write(as_mia, visit, sent, seen=note.updated_at.isoformat())
    assert "This is 7 characters too long: 5000 fit. Please shorten it." in words(page)
    assert f"\n{sent}</textarea>" in page.content.decode()  # type: ignore[attr-defined]
    assert TreatmentNote.objects.get().text == TEXT
    write(as_mia, visit, "\r\n".join(["x" * 2499, "y" * 2500]), seen=note.updated_at.isoformat())
    assert len(TreatmentNote.objects.get().text) == 5000


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "</textarea><b>", "עברית \u202e", "🌊" * 100, "{{ x }}"]
)
def test_any_letters_come_back_as_they_were(text: str, as_mia: Browser, visit: Appointment) -> None:
    page = write(as_mia, visit, text)
    assert TreatmentNote.objects.get().text == text
    assert "<script>alert" not in page.content.decode()  # type: ignore[attr-defined]
    assert "</textarea><b>" not in page.content.decode()  # type: ignore[attr-defined]


def test_a_null_character_is_refused_kindly(as_mia: Browser, visit: Appointment) -> None:
    assert "Null characters are not allowed." in words(write(as_mia, visit, "a\x00b"))
    assert not TreatmentNote.objects.exists()


def test_nobody_else_writes_it(
    visit: Appointment, noor: Therapist, dana: User, olive: User, mia: Therapist
) -> None:
    login_of(mia)
    note = noted(visit, mia)
    sent = {"text": "Mine.", "seen": note.updated_at.isoformat()}
    for user in (login_of(noor), dana, olive):
        answer = browser_of(user).post(own_url("note", visit), sent)
        assert answer.status_code == 403
        assert "shoulder" not in answer.content.decode()
    assert browser_of(None).post(own_url("note", visit), sent)["Location"] == "/accounts/login/"
    assert TreatmentNote.objects.get().text == TEXT
    assert HealthReading.objects.count() == 0


def test_the_action_refuses_whoever_does_not_treat(
    visit: Appointment, noor: Therapist, mia: Therapist
) -> None:
    with pytest.raises(actions.NoLongerPossible):
        actions.write_treatment_note(
            appointment=visit, text="x", seen=None, by=actions.staff(login_of(noor)), now=at(11)
        )


def test_a_note_from_another_site_is_refused(visit: Appointment, mia: Therapist) -> None:
    browser = browser_of(login_of(mia), enforce_csrf_checks=True)
    assert browser.post(own_url("note", visit), {"text": TEXT}).status_code == 403


@pytest.mark.parametrize("status", ["requested", "cancelled", "declined", "no_show"])
def test_there_is_no_note_of_what_was_not_given(
    status: str, as_mia: Browser, visit: Appointment
) -> None:
    Appointment.objects.update(status=status)
    assert "<textarea" not in as_mia.get(own_url("visit", visit)).content.decode()
    page = words(write(as_mia, visit, TEXT))
    assert "no longer possible" in page
    assert "Left shoulder tight." in page
    assert not TreatmentNote.objects.exists()


def test_a_note_can_begin_when_the_client_is_here(
    as_mia: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(14), therapist=mia)
    assert "You can write it once the client is here." in words(as_mia.get(own_url("visit", visit)))
    actions.mark_arrived(appointment=visit, by=actions.SYSTEM, now=at(11))
    write(as_mia, visit, TEXT)
    assert TreatmentNote.objects.count() == 1


def test_earlier_notes_of_the_client_stand_below_her_own_alone(
    as_mia: Browser, visit: Appointment, mia: Therapist, noor: Therapist, olive: User
) -> None:
    noor_login = login_of(noor)
    noted(earlier_visit(visit, mia, 20), mia, "First time, shy.")
    actions.write_treatment_note(
        appointment=earlier_visit(visit, noor, 10),
        text="Noor was here.",
        seen=None,
        by=actions.staff(noor_login),
        now=at(11),
    )
    page = words(as_mia.get(own_url("visit", visit)))
    assert "Earlier notes Tuesday 3 November, Lymphatic drainage massage First time, shy." in page
    assert "Noor was here." not in page
    owners = words(browser_of(olive).get(own_url("visit", visit)))
    assert "Friday 13 November, Lymphatic drainage massage by Noor Noor was here." in owners
    assert "First time, shy." in owners


def test_later_notes_and_those_of_other_clients_are_not_below(
    as_mia: Browser, visit: Appointment, mia: Therapist, hour: ServiceOption, cleo: object
) -> None:
    other = make_appointment(
        hour, mia, visit.room, at(10, days=-5), status="completed", client=cleo
    )
    noted(other, mia, "Another Cleo.")
    early = earlier_visit(visit, mia, 30)
    noted(visit, mia, "Later.")
    assert "Another Cleo." not in words(as_mia.get(own_url("visit", visit)))
    assert "Later." not in words(as_mia.get(own_url("visit", early)))


def test_three_notes_are_shown_and_the_older_ones_on_request(
    as_mia: Browser, visit: Appointment, mia: Therapist
) -> None:
    for number in range(1, 6):
        noted(earlier_visit(visit, mia, number), mia, f"Note {number}.")
    page = words(as_mia.get(own_url("visit", visit)))
    assert [f"Note {number}." in page for number in range(1, 6)] == [True] * 3 + [False] * 2
    assert "2 older notes" in page
    every = words(as_mia.get(own_url("visit", visit) + "?notes=all"))
    assert "Note 5." in every
    assert "older note" not in every


def test_each_note_that_is_shown_is_logged(
    as_mia: Browser, visit: Appointment, mia: Therapist
) -> None:
    earlier = earlier_visit(visit, mia, 7)
    noted(earlier, mia)
    noted(visit, mia)
    as_mia.get(own_url("visit", visit))
    logged = HealthReading.objects.order_by("pk").values_list("appointment", "health_check", "user")
    assert sorted(logged, key=str) == sorted(
        [
            (visit.pk, visit.health_check_id, mia.user_id),
            (visit.pk, None, mia.user_id),
            (earlier.pk, None, mia.user_id),
        ],
        key=str,
    )


def test_owners_see_who_has_read_a_note(
    as_mia: Browser, visit: Appointment, mia: Therapist, olive: User
) -> None:
    noted(visit, mia)
    Appointment.objects.update(health_check=None)
    as_mia.get(own_url("visit", visit))
    page = words(browser_of(olive).get(own_url("visit", visit)))
    assert "Treatment note by Mia, Tuesday 24 November, 11:00 Left shoulder tight." in page
    assert "Mia Tuesday 24 November, 11:00, the note, or a health check that is gone" in page


def test_the_note_moves_with_the_visit(
    as_mia: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room, spa: SpaProfile
) -> None:
    visit = book(at(14), therapist=mia)
    actions.reschedule_appointment(
        appointment=visit,
        starts_at=at(15),
        therapist=noor,
        by=actions.SYSTEM,
        spa=spa,
        now=NOW + timedelta(hours=1),
    )
    moved = actions.mark_arrived(appointment=latest(visit), by=actions.SYSTEM, now=at(14, 55))
    as_noor = browser_of(login_of(noor))
    assert as_mia.post(own_url("note", moved), {"text": "Mine."}).status_code == 403
    assert as_mia.get(own_url("visit", moved)).status_code == 403
    write(as_noor, moved, "Noor's.")
    assert TreatmentNote.objects.get().author.username == "noor"


@pytest.mark.parametrize("count", [1, 20])
def test_the_page_costs_the_same_for_any_number_of_earlier_notes(
    count: int, as_mia: Browser, visit: Appointment, mia: Therapist
) -> None:
    for number in range(1, count + 1):
        noted(earlier_visit(visit, mia, number), mia)
    with CaptureQueriesContext(connection) as queries:
        page = as_mia.get(own_url("visit", visit) + "?notes=all").content.decode()
    assert page.count('class="treatment-note"') == count
    counted = [one for one in queries if "SAVEPOINT" not in one["sql"]]
    assert len(counted) == 13


@pytest.mark.parametrize("reference", ["AAAAAAAA", "aaaaaaaa", "AAAA", "%00", "K7QF2M9D1"])
@pytest.mark.parametrize("name", ["", "note/", "step/"])
def test_a_visit_that_is_none_is_not_found(
    reference: str, name: str, as_mia: Browser, spa: SpaProfile
) -> None:
    path = f"/therapist/visits/{reference}/{name}"
    answer = as_mia.post(path, {"text": "x"}) if name else as_mia.get(path)
    assert answer.status_code == 404
