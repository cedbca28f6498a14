"""The letter after a visit, and the way out of it."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from django.test import Client as Browser

from bookings import actions, delivery, messages
from bookings.models import Appointment, Client, Message, Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.conftest import NOW, OTTO, at

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
ADDRESS = re.compile(r"http://localhost:8000(/mail/stop/[^>\s]+/)")


@pytest.fixture
def visit(book_again: Book, lymph: Service, mia: Therapist, fern: Room) -> Appointment:
    """Cleo's visit tomorrow at 10:00, of a treatment with words for afterwards."""
    Service.objects.filter(pk=lymph.pk).update(aftercare="<p>Drink some water.</p>")
    lymph.refresh_from_db()
    return book_again(at(10))


def letter(visit: Appointment, spa: SpaProfile) -> EmailMessage:
    message = Message.objects.get(appointment=visit, kind="aftercare")
    raw = messages.compose(message, spa=spa, now=NOW).message().as_bytes()
    return message_from_bytes(raw, policy=policy.default)


@pytest.fixture
def address(visit: Appointment, spa: SpaProfile) -> str:
    found = ADDRESS.fullmatch(str(letter(visit, spa)["List-Unsubscribe"]).strip(" <>"))
    assert found is not None
    return found[1]


def aftercare(visit: Appointment) -> list[tuple[datetime, str]]:
    return list(visit.messages.filter(kind="aftercare").values_list("due_at", "state"))


def test_the_letter_goes_out_on_the_evening_after_a_visit_that_took_place(
    visit: Appointment, spa: SpaProfile
) -> None:
    evening = at(18, 30)
    assert aftercare(visit) == [(evening, "pending")]
    Appointment.objects.update(status="completed")
    delivery.deliver_due(now=evening - timedelta(seconds=1))
    assert aftercare(visit) == [(evening, "pending")]
    delivery.deliver_due(now=evening)
    assert aftercare(visit) == [(evening, "sent")]


@pytest.mark.parametrize("status", ["no_show", "cancelled"])
def test_nobody_is_thanked_for_a_visit_that_did_not_take_place(
    status: str, visit: Appointment
) -> None:
    Appointment.objects.update(status=status)
    delivery.deliver_due(now=at(18, 30))
    assert [state for _due, state in aftercare(visit)] == ["void"]


def test_it_waits_for_the_desk_to_say_that_the_visit_took_place(visit: Appointment) -> None:
    """Days are closed late: a letter dropped at its moment would never come back."""
    delivery.deliver_due(now=at(18, 30))
    letter = visit.messages.get(kind="aftercare")
    assert (letter.state, letter.attempts) == ("pending", 0)
    assert at(19) <= letter.due_at < at(19, 1)
    actions.mark_completed(appointment=visit, by=actions.SYSTEM, now=at(18, 45))
    delivery.deliver_due(now=at(19, 1))
    letter.refresh_from_db()
    assert letter.state == "sent"


def test_a_step_back_and_again_thanks_nobody_twice(visit: Appointment, spa: SpaProfile) -> None:
    completed = actions.mark_completed(appointment=visit, by=actions.SYSTEM, now=at(19))
    delivery.deliver_due(now=at(19))
    expected = actions.mark_expected(appointment=completed, by=actions.SYSTEM, spa=spa, now=at(19))
    actions.mark_completed(appointment=expected, by=actions.SYSTEM, now=at(19))
    delivery.deliver_due(now=at(19, 1))
    assert [state for _due, state in aftercare(visit)] == ["sent", "void"]
    letter = visit.messages.get(kind="aftercare", state="sent")
    actions.repeat_message(message=letter, by=actions.SYSTEM, now=at(19, 2))
    delivery.deliver_due(now=at(19, 3))
    assert [state for _due, state in aftercare(visit)] == ["sent", "void", "sent"]


@pytest.mark.parametrize(
    ("o_clock", "state"), [(at(10, 59, days=2), "pending"), (at(11, days=2), "void")]
)
def test_nobody_is_thanked_a_day_later_for_a_visit_of_which_nothing_was_said(
    o_clock: datetime, state: str, visit: Appointment
) -> None:
    delivery.deliver_due(now=o_clock)
    assert [now_is for _due, now_is in aftercare(visit)] == [state]


def test_a_day_later_it_is_too_late_for_it(visit: Appointment) -> None:
    Appointment.objects.update(status="completed")
    delivery.deliver_due(now=at(11, days=2))
    assert [state for _due, state in aftercare(visit)] == ["void"]


def test_it_says_how_to_rest_and_carries_the_way_out(
    visit: Appointment, spa: SpaProfile, address: str
) -> None:
    mail = letter(visit, spa)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (mail["Subject"], mail["Reply-To"]) == (
        "Thank you for your visit",
        "hello@qi-spa.example",
    )
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Afterwards\nDrink some water.\n" in body.get_content()
    assert f"No more letters after your visits:\nhttp://localhost:8000{address}" in (
        body.get_content()
    )


def test_what_is_about_a_booking_has_no_way_out(visit: Appointment, spa: SpaProfile) -> None:
    for message in Message.objects.filter(appointment=visit).exclude(kind="aftercare"):
        mail = messages.compose(message, spa=spa, now=NOW).message()
        assert mail["List-Unsubscribe"] is None
        assert mail["List-Unsubscribe-Post"] is None


def test_one_click_of_a_mail_program_stops_it_without_a_login(
    visit: Appointment, address: str
) -> None:
    program = Browser(enforce_csrf_checks=True)
    for _time in range(2):
        answer = program.post(address, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert Client.objects.get().aftercare_stopped_at is not None
    assert [state for _due, state in aftercare(visit)] == ["void"]
    assert [one.kind for one in visit.events.all()].count("aftercare_stopped") == 1


def test_a_scanner_that_follows_the_link_stops_nothing(visit: Appointment, address: str) -> None:
    answer = Browser().get(address)
    assert "No more letters after your visits?" in answer.content.decode()
    assert answer["Cache-Control"] == "private, no-store"
    assert Client.objects.get().aftercare_stopped_at is None
    assert [state for _due, state in aftercare(visit)] == ["pending"]


def test_who_has_stopped_it_gets_none_after_later_visits_until_she_wants_it_again(
    visit: Appointment, address: str, book: Book
) -> None:
    browser = Browser()
    page = browser.post(address).content.decode()
    assert "Done: no more letters after your visits" in page
    quiet = book(at(14, days=2))
    assert aftercare(quiet) == []
    assert quiet.messages.filter(kind="confirmation").exists()
    page = browser.post(address, {"again": "yes"}).content.decode()
    assert "We will write to you again" in page
    assert aftercare(book(at(14, days=3))) == [(at(18, 30, days=3), "pending")]


def test_it_concerns_nobody_else(visit: Appointment, address: str, book: Book) -> None:
    other = book(at(14), details=OTTO)
    Browser().post(address)
    assert [state for _due, state in aftercare(other)] == ["pending"]
    assert Client.objects.filter(aftercare_stopped_at=None).get() == other.client


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "K7QF2M9D",
        "K7QF2M9D." + "a" * 43,
        "\u0000",
        "💧.💧",
        "a" * 3000,
        "..%2f..",
        "x.y.z:1",
    ],
)
def test_a_key_that_is_not_ours_opens_nothing(key: str, visit: Appointment) -> None:
    for answer in (Browser().get(f"/mail/stop/{key}/"), Browser().post(f"/mail/stop/{key}/")):
        assert answer.status_code == 404
    assert Client.objects.get().aftercare_stopped_at is None


def test_a_key_is_tied_to_its_visit(visit: Appointment, address: str, book: Book) -> None:
    other = book(at(14), details=OTTO)
    forged = address.replace(visit.reference, other.reference)
    assert forged != address
    assert Browser().post(forged).status_code == 404


def test_a_merge_keeps_the_wish_of_either_record(
    visit: Appointment, address: str, cleo: Client
) -> None:
    Browser().post(address)
    assert visit.client is not None
    kept = Client.objects.create(name="Cleo B.", email="other@example.com")
    actions.merge_clients(kept=kept, merged=visit.client, by=actions.SYSTEM, now=NOW)
    kept.refresh_from_db()
    assert kept.aftercare_stopped_at is not None


def test_a_visit_that_ends_late_has_its_letter_in_the_morning(
    visit: Appointment, spa: SpaProfile
) -> None:
    from bookings.actions import owing

    visit.messages.filter(kind="aftercare").delete()
    visit.starts_at, visit.ends_at = at(19, 30), at(20, 30)
    owing.owe_later(visit, spa=spa, now=NOW)
    assert aftercare(visit) == [(at(7, days=2), "pending")]


def test_no_letter_where_the_owners_want_none_or_there_is_nothing_to_say(
    book: Book, lymph: Service, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    assert aftercare(book(at(10))) == []
    Service.objects.update(aftercare="<p>Rest.</p>")
    lymph.refresh_from_db()
    spa.aftercare_letters = False
    assert aftercare(book(at(12))) == []
