"""The visit page: one key, every state in its own words, and nothing changed by reading."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client as Browser
from icalendar import Calendar

from bookings import actions
from bookings.models import Appointment, Event, Therapist, VisitLink
from services.models import Service, SpaProfile
from services.screening import Outcome
from tests.bookings.client_pages import DETAILS, TIMES, answers, hold, words
from tests.bookings.conftest import NOW, OTTO, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "mia", "fern")]

PAGES = ["", "reschedule/", "cancel/", "health/", "calendar.ics"]
Book = Callable[..., Appointment]


def opened(visit: Appointment) -> str:
    """A fresh address of the visit page."""
    return f"/visit/{actions.issue_visit_link(visit)}/"


def test_a_confirmed_visit_says_what_when_where_and_with_whom(client: Browser, book: Book) -> None:
    visit = book(at(10, days=4))
    Service.objects.update(preparation="<p>Wear loose clothes.</p>")
    SpaProfile.objects.update(getting_here="<p>The green door.</p>")
    address = opened(visit)
    text = words(client.get(address))
    for part in [
        'Friday 27&nbsp;November, <span class="nowrap">10:00 – 11:00</span> with Mia',
        "See you then, Cleo.",
        "Lymphatic drainage massage, 60 minutes, £75",
        "1 Test Row<br>London",
        visit.reference,
        "Wear loose clothes.",
        "The green door.",
        "Both cost nothing until Thursday 26 November, 10:00.",
        f'href="{address}reschedule/"',
        f'href="{address}cancel/"',
        f'href="{address}calendar.ics"',
    ]:
        assert part in text, part
    assert "Fern" not in text


def test_within_the_notice_the_phone_takes_the_place_of_the_buttons(
    client: Browser, book: Book
) -> None:
    address = opened(book(at(14, days=0)))
    text = words(client.get(address))
    assert "It is too close to your visit to change it online." in text
    assert 'href="tel:+44-20-7946-0018"' in text
    assert [client.get(f"{address}{page}")["Location"] for page in ("reschedule/", "cancel/")] == [
        address
    ] * 2
    notice = '<span class="visually-hidden">Please note:</span> It is too close to your visit'
    assert words(client.get(address)).count(notice) == 1
    assert notice not in words(client.get(address))
    assert client.post(f"{address}cancel/", {"sequence": 1})["Location"] == address
    assert (
        client.post(f"{address}reschedule/", {"start": "2026-11-26T10:00Z"})["Location"] == address
    )
    assert Appointment.objects.get().status == "confirmed"


@pytest.mark.parametrize(
    ("status", "later", "heading"),
    [
        ("requested", 0, "We are keeping"),
        ("requested", 5, "was not confirmed in time"),
        ("confirmed", 0, "with Mia"),
        ("confirmed", 5, "Your visit on"),
        ("arrived", 0, "Welcome. Mia will be with you in a moment."),
        ("arrived", 5, "Your visit on"),
        ("completed", 5, "Your visit on"),
        ("declined", 0, "We could not confirm"),
        ("cancelled", 0, "is cancelled"),
        ("no_show", 5, "We missed you on"),
    ],
)
def test_each_state_has_its_own_words(
    client: Browser, book: Book, status: str, later: int, heading: str
) -> None:
    address = opened(book(at(10, days=4)))
    Appointment.objects.update(status=status)
    with time_machine.travel(NOW + timedelta(days=later)):
        page = client.get(address)
    assert page.status_code == 200
    title = words(page).split("<h1>")[1].split("</h1>")[0]
    assert heading in title
    changeable = status in ("requested", "confirmed") and later == 0
    assert ("/reschedule/" in words(page)) is changeable


def test_a_request_says_what_happens_next_and_names_no_condition(
    client: Browser, book: Book
) -> None:
    text = words(client.get(opened(book(at(10, days=4), outcome=Outcome.CLEARANCE))))
    assert "we need a note from your doctor" in text
    assert "eart disease" not in text


@pytest.mark.parametrize(
    ("outcome", "look"), [(Outcome.CLEARANCE, "btn-quiet"), (Outcome.CLEAR, "btn-primary")]
)
def test_only_a_confirmed_visit_has_the_calendar_as_its_main_button(
    client: Browser, book: Book, outcome: Outcome, look: str
) -> None:
    address = opened(book(at(10, days=4), outcome=outcome))
    button = f'<a class="btn {look}" href="{address}calendar.ics">'
    assert button in words(client.get(address))


@pytest.mark.parametrize(
    ("days", "said", "cancellable"),
    [
        (4, "Please cancel it, or call us. We never mind a cancellation for your health", True),
        (0, "<p>Please call us. We never mind, however late.</p>", False),
    ],
)
def test_a_stop_for_a_booked_visit_offers_only_what_is_possible(
    client: Browser, book: Book, days: int, said: str, cancellable: bool
) -> None:
    visit = book(at(14, days=days))
    address = opened(visit)
    sent = answers(visit.service, {"tick-fever": "on"})
    text = words(client.post(f"{address}health/", sent))
    assert said in text
    assert (f'href="{address}cancel/"' in text, "cancel it" in text) == (cancellable, cancellable)


@pytest.mark.parametrize("token", ["x", "%00", "../admin", "a" * 4000, "☃", "' OR 1=1 --"])
def test_a_foreign_key_opens_nothing(client: Browser, book: Book, token: str) -> None:
    book(at(10))
    assert client.get(f"/visit/{token}/").status_code == 404


def test_unknown_revoked_and_unfinished_all_get_the_same_answer(
    client: Browser, book: Book, now: datetime
) -> None:
    visit = book(at(10, days=4))
    revoked = opened(visit)
    actions.revoke_visit_links(appointment=visit, by=actions.CLIENT, now=now)
    unfinished = opened(book(at(14, days=4), details=OTTO))
    Appointment.objects.filter(client__name="Otto").update(status="expired")
    addresses = [
        f"{key}{page}" for key in ("/visit/unknown/", revoked, unfinished) for page in PAGES
    ]
    answers = [client.get(address) for address in addresses]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert "Call +44 20 7946 0018" in words(answers[0])
    assert "Cleo" not in words(answers[0])


def test_a_key_opens_its_own_visit_only(client: Browser, book: Book) -> None:
    book(at(10, days=4))
    page = client.get(opened(book(at(14, days=4), details=OTTO)))
    assert "See you then, Otto." in words(page)
    assert "Cleo" not in words(page)


@pytest.mark.parametrize("page", PAGES)
def test_visit_pages_are_private(client: Browser, book: Book, page: str) -> None:
    answers = [
        client.get(f"{opened(book(at(10, days=4)))}{page}"),
        client.get(f"/visit/unknown/{page}"),
    ]
    for answer in answers:
        assert {
            name: answer[name] for name in ("Cache-Control", "Referrer-Policy", "X-Robots-Tag")
        } == {
            "Cache-Control": "private, no-store",
            "Referrer-Policy": "same-origin",
            "X-Robots-Tag": "noindex, nofollow",
        }


def test_following_links_changes_nothing(client: Browser, book: Book) -> None:
    visit = book(at(10, days=4))
    address = opened(visit)
    before = (Appointment.objects.values().get(), Event.objects.count(), VisitLink.objects.count())
    for page in [
        *PAGES,
        "reschedule/?start=2026-11-28T10:00Z&step=move&sequence=1",
        "cancel/?reason=x",
    ]:
        assert client.get(f"{address}{page}").status_code == 200
        client.head(f"{address}{page}")
    after = (Appointment.objects.values().get(), Event.objects.count(), VisitLink.objects.count())
    assert after == before


def test_reading_pages_take_no_posts(client: Browser, book: Book) -> None:
    address = opened(book(at(10, days=4)))
    assert [client.post(f"{address}{page}").status_code for page in ("", "calendar.ics")] == [
        405
    ] * 2


def test_the_calendar_file_is_discreet_and_right(client: Browser, book: Book) -> None:
    answer = client.get(f"{opened(book(at(10, days=4)))}calendar.ics")
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="visit.ics"'
    [event] = Calendar.from_ical(answer.content).walk("VEVENT")
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (at(10, days=4), at(11, days=4))
    assert b"ymph" not in answer.content


def test_a_treatment_off_the_menu_still_has_its_visits(client: Browser, book: Book) -> None:
    visit = book(at(10, days=4))
    address = opened(visit)
    Service.objects.update(status=Service.Status.DRAFT)
    Appointment.objects.update(status="cancelled")
    page = client.get(address)
    assert page.status_code == 200
    assert f'href="{TIMES}"' not in words(page)


def test_the_visit_page_costs_a_fixed_number_of_queries(
    client: Browser, book: Book, django_assert_num_queries: Callable[[int], Any]
) -> None:
    address = opened(book(at(10, days=4)))
    # The spa, the visit with all that belongs to it, and what was sent about it.
    with django_assert_num_queries(3):
        client.get(address)
    for days in range(5, 12):
        book(at(10, days=days))
    with django_assert_num_queries(3):
        client.get(address)


def test_a_cancelled_visit_frees_its_time_and_offers_another(client: Browser, book: Book) -> None:
    visit = book(at(10, days=4))
    address = opened(visit)
    page = client.get(f"{address}cancel/")
    assert 'name="sequence" value="1"' in words(page)
    answer = client.post(f"{address}cancel/", {"sequence": 1, "reason": "I am moving house."})
    assert answer["Location"] == address
    visit.refresh_from_db()
    assert visit.status == "cancelled"
    assert list(visit.events.values_list("kind", "actor_kind", "reason"))[-1] == (
        "cancelled",
        "client",
        "I am moving house.",
    )
    shown = words(client.get(address))
    assert "There is nothing to pay." in shown
    assert "too close to your visit" not in shown
    assert f'action="{address}again/"' in shown


def test_cancelling_twice_is_answered_with_the_cancelled_page(client: Browser, book: Book) -> None:
    visit = book(at(10, days=4))
    address = opened(visit)
    for _tap in range(2):
        assert client.post(f"{address}cancel/", {"sequence": 1})["Location"] == address
        assert "too close to your visit" not in words(client.get(address))
    assert visit.events.filter(kind="cancelled").count() == 1


@pytest.mark.parametrize("sequence", ["0", "", "x", "-1", "9" * 5000, "1.5", "\x00"])
def test_a_visit_that_changed_meanwhile_is_not_cancelled(
    client: Browser, book: Book, sequence: str
) -> None:
    visit = book(at(10, days=4))
    address = opened(visit)
    client.post(f"{address}cancel/", {"sequence": sequence})
    visit.refresh_from_db()
    assert visit.status == "confirmed"


def test_a_stale_cancel_page_says_that_the_visit_changed(
    client: Browser, book: Book, spa: SpaProfile, now: datetime
) -> None:
    visit = book(at(10, days=4))
    actions.reschedule_appointment(
        appointment=visit, starts_at=at(14, days=4), by=actions.CLIENT, spa=spa, now=now
    )
    answer = client.post(f"{opened(visit)}cancel/", {"sequence": 1}, follow=True)
    assert "This visit was changed by somebody else." in words(answer)
    assert Appointment.objects.get().status == "confirmed"


def test_a_reason_is_bounded(client: Browser, book: Book) -> None:
    visit = book(at(10, days=4))
    page = client.post(f"{opened(visit)}cancel/", {"sequence": 1, "reason": "x" * 301})
    assert "Please keep it under 300 characters." in words(page)
    assert "<title>Error: Cancel your visit" in words(page)
    assert Appointment.objects.get().status == "confirmed"


def test_a_token_is_needed_to_cancel(book: Book) -> None:
    address = opened(book(at(10, days=4)))
    strict = Browser(enforce_csrf_checks=True)
    assert strict.post(f"{address}cancel/", {"sequence": 1}).status_code == 403
    assert Appointment.objects.get().status == "confirmed"


def test_booking_again_brings_what_is_known_and_the_same_therapist(
    client: Browser, book: Book, lymph: Service, mia: Therapist, noor: Therapist
) -> None:
    # Mia would come first by her place in the list; Noor is the one whom Cleo knows.
    visit = book(at(10, days=4), therapist=noor)
    address = opened(visit)
    assert client.get(f"{address}again/").status_code == 405
    answer = client.post(f"{address}again/")
    assert answer["Location"] == f"{TIMES}?option={visit.option_id}"
    hold(client, lymph, at(10, days=5))
    assert Appointment.objects.get(status="held").therapist == noor
    form = client.get(DETAILS).context["form"]
    assert [form[name].value() for name in ("name", "email", "phone")] == [
        "Cleo",
        "cleo@example.com",
        "+44 20 7946 0001",
    ]


def test_nobody_books_again_with_a_key_that_opens_nothing(client: Browser, lymph: Service) -> None:
    assert client.post("/visit/nonsense/again/").status_code == 404
    assert "journeys" not in client.session
