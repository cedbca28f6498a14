"""The day on paper."""

from collections.abc import Callable
from datetime import time
from io import BytesIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Page
from pypdf import PdfReader
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Room, Therapist, TimeOff, WorkingHours
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import OTTO, at
from tests.bookings.crowd import crowd_of, everybody_has_a_visit
from tests.bookings.rows import make_appointment
from tests.bookings.staff_pages import browser_of, words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
TUESDAY = "/desk/sheet/?date=2026-11-24"


@pytest.fixture(autouse=True)
def _monday_morning(clock: time_machine.Traveller) -> None:
    """Let every test begin on the cast's Monday at eight."""


@pytest.fixture
def desk(dana: User, spa: SpaProfile) -> Browser:
    return browser_of(dana)


def test_a_sheet_has_time_client_treatment_room_state_and_what_is_free(
    desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    WorkingHours.objects.update(break_starts=time(13), break_ends=time(13, 30))
    TimeOff.objects.create(therapist=mia, starts_at=at(16), ends_at=at(20), reason="Dentist")
    book(at(10), therapist=mia, outcome=Outcome.ADAPT)
    page = words(desk.get(TUESDAY))
    order = [
        "Mia Tuesday 24 November 09:00 – 17:00 Qi Massage &amp; Natural Healing Spa",
        "10:00 – 11:00 Cleo Lymphatic drainage massage, 60 min Fern Confirmed; Adapt",
        "11:15 – 13:00 Free",
        "13:00 – 13:30 Break",
        "13:30 – 16:00 Free",
        "16:00 – 17:00 Dentist",
        "Printed Monday 23 November, 08:00.",
    ]
    assert sorted(order, key=page.index) == order


def test_paper_tells_neither_notes_nor_addresses(
    desk: Browser, mia: Therapist, fern: Room, book: Book
) -> None:
    book(at(10), details=actions.Details("Cleo", "cleo@example.com", "", note="Sore shoulder."))
    page = words(desk.get(TUESDAY))
    assert "note at the desk" in page
    assert "Sore shoulder." not in page
    assert "cleo@example.com" not in page


def test_what_is_cancelled_is_not_on_paper(
    desk: Browser, mia: Therapist, fern: Room, hour: ServiceOption, cleo: Any
) -> None:
    for status, start in (("cancelled", 9), ("declined", 11), ("confirmed", 13)):
        make_appointment(hour, mia, fern, at(start), status=status, client=cleo)
    page = words(desk.get(TUESDAY))
    assert page.count("Cleo") == 1
    assert "13:00 – 14:00 Cleo" in page


def test_one_therapist_alone_is_printed(desk: Browser, mia: Therapist, noor: Therapist) -> None:
    page = desk.get(f"{TUESDAY}&therapist={noor.pk}").content.decode()
    assert f'id="sheet-{noor.pk}"' in page
    assert f'id="sheet-{mia.pk}"' not in page


def test_a_day_with_nobody_in_says_so(desk: Browser) -> None:
    assert "Nobody is in on this day" in words(desk.get(TUESDAY))


@pytest.mark.parametrize("hostile", ["99999", "\x00", "-1", "9" * 5000])
def test_what_is_no_day_and_nobody_is_today_and_everybody(
    hostile: str, desk: Browser, mia: Therapist
) -> None:
    page = words(desk.get("/desk/sheet/", {"date": hostile, "therapist": hostile}))
    assert "Mia Monday 23 November" in page


@pytest.mark.parametrize("count", [1, 50])
def test_the_sheet_costs_the_same_for_any_number_of_therapists(
    count: int, desk: Browser, lymph: Service, hour: ServiceOption
) -> None:
    everybody_has_a_visit(crowd_of(lymph, count), hour, at(10))
    with CaptureQueriesContext(connection) as queries:
        page = words(desk.get(TUESDAY))
    assert page.count("10:00 – 11:00 Cleo") == count
    # Session, person and profile; six for the day, three for its gaps; the
    # bar's two counts.
    assert len(queries) == 14


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_each_therapist_who_is_in_gets_one_page_of_paper(
    page: Page,
    live_server: LiveServer,
    dana: User,
    book: Book,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    hour: ServiceOption,
    clock: time_machine.Traveller,
) -> None:
    away = Therapist.objects.create(name="Olu")
    WorkingHours.objects.create(therapist=away, weekday=1, starts=time(9), ends=time(17))
    TimeOff.objects.create(therapist=away, starts_at=at(0), ends_at=at(0, days=2))
    for start in (9, 11, 13, 15):
        book(at(start), therapist=mia, details=OTTO)
    cookie = browser_of(dana).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page.goto(live_server.url + TUESDAY)
    # As people print: the paper of the style sheet, in black and white.
    paper = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
    texts = [sheet.extract_text() for sheet in paper.pages]
    assert len(texts) == 2
    assert ("Mia" in texts[0], "Noor" in texts[1]) == (True, True)
    assert texts[0].count("Otto") == 4
    assert all("Tuesday 24 November" in text and "Printed" in text for text in texts)
    assert not any("Sign out" in text or "The day before" in text for text in texts)
    width, height = paper.pages[0].mediabox.width, paper.pages[0].mediabox.height
    assert (round(width), round(height)) == (595, 842)
