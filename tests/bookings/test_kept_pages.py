"""Pages that are kept show what is true, and to each visitor her own token."""

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings.models import Appointment, Client, Room, Therapist, WorkingHours
from services import kept_pages, memory
from services.models import Service, ServiceOption, SpaProfile
from tests.bookings.client_pages import TIMES
from tests.bookings.conftest import at
from tests.bookings.rows import make_appointment

pytestmark = pytest.mark.django_db(transaction=True)

PUBLIC = ["/", "/services/", "/services/lymphatic-drainage-massage/", "/about/", "/policies/"]
STARTS = re.compile(r'value="(2026-[^"]+Z)"')
FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def _without_tokens(page: str) -> str:
    return FIELD.sub("", page)


@pytest.mark.parametrize("address", [*PUBLIC, TIMES])
def test_a_kept_page_is_the_page_and_takes_one_statement(
    address: str, clock: object, hour: ServiceOption, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    drawn = Browser().get(address)
    with CaptureQueriesContext(connection) as queries:
        kept = Browser().get(address)
    assert len(queries) == 1
    assert kept.status_code == 200
    # Drawn, it knows its context; kept, it has none.
    assert drawn.context is not None
    assert _without_tokens(kept.content.decode()) == _without_tokens(drawn.content.decode())
    assert kept_pages._PROCESS not in kept.content.decode()


def test_each_visitor_has_a_token_of_her_own_that_works(
    clock: object, hour: ServiceOption, mia: Therapist, fern: Room
) -> None:
    Browser().get(TIMES)
    browser = Browser(enforce_csrf_checks=True)
    page, other = browser.get(TIMES).content.decode(), Browser().get(TIMES).content.decode()
    [token], [another] = FIELD.findall(page), FIELD.findall(other)
    assert token != another
    sent = {"option": hour.pk, "start": "2026-11-24T10:00Z"}
    assert browser.post(TIMES, {**sent, "csrfmiddlewaretoken": another}).status_code == 403
    assert browser.post(TIMES, {**sent, "csrfmiddlewaretoken": token}).status_code == 302


def test_a_page_without_a_form_sets_no_cookie(
    clock: object, lymph: Service, mia: Therapist, fern: Room
) -> None:
    for browser in (Browser(), Browser()):
        assert not browser.get("/about/").cookies


def test_a_new_word_a_new_price_and_a_new_booking_are_seen_at_once(
    clock: object, hour: ServiceOption, mia: Therapist, fern: Room, cleo: Client
) -> None:
    browser = Browser()
    page = browser.get("/services/lymphatic-drainage-massage/").content.decode()
    first = re.search(r'value="(2026-[^"]+Z)"', page)
    assert first
    SpaProfile.objects.update(name="Elm Spa")
    ServiceOption.objects.update(price="87.65")
    free = first[1]
    starts_at = at(int(free[11:13]), int(free[14:16]), days=int(free[8:10]) - 23)
    make_appointment(
        hour, mia, fern, starts_at, client=cleo, status="confirmed", hold_expires_at=None
    )
    page = browser.get("/services/lymphatic-drainage-massage/").content.decode()
    assert "Elm Spa" in page
    assert "87.65" in page
    assert free not in page
    assert free not in browser.get(TIMES).content.decode()


def test_a_page_begun_before_a_change_is_not_kept_after_it(
    spa: SpaProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one thread puts a page together, another learns of a change."""
    SpaProfile.objects.update(name="Fern Spa")
    drawn = kept_pages.kept_page

    def learn_of_a_change() -> None:
        SpaProfile.objects.update(name="Elm Spa")
        with memory.within_request():
            assert SpaProfile.load().name == "Elm Spa"
        connection.close()

    def interrupted(*given: Any, **how: Any) -> HttpResponse:
        other = threading.Thread(target=learn_of_a_change)
        other.start()
        other.join()
        return drawn(*given, **how)

    monkeypatch.setattr("services.views.kept_page", interrupted)
    assert "Fern Spa" in Browser().get("/about/").content.decode()
    monkeypatch.setattr("services.views.kept_page", drawn)
    for _visitor in range(2):
        page = Browser().get("/about/").content.decode()
        assert "Elm Spa" in page
        assert "Fern Spa" not in page


def test_the_same_bits_of_other_days_are_another_page(
    clock: time_machine.Traveller, hour: ServiceOption, mia: Therapist, fern: Room, cleo: Client
) -> None:
    """While the notice reaches into the next day, a later start is as far from its first day."""
    SpaProfile.objects.update(minimum_notice_hours=14, booking_horizon_days=3)
    WorkingHours.objects.update(starts="09:00", ends="10:15")
    [_tuesday, wednesday, _thursday] = (
        make_appointment(
            hour, mia, fern, at(9, days=day), client=cleo, status=status, hold_expires_at=None
        )
        for day, status in ((1, "cancelled"), (2, "confirmed"), (3, "confirmed"))
    )
    assert STARTS.findall(Browser().get(TIMES).content.decode()) == ["2026-11-24T09:00Z"] * 2
    Appointment.objects.filter(starts_at=at(9, days=1)).update(status="confirmed")
    Appointment.objects.filter(pk=wednesday.pk).update(status="cancelled")
    clock.shift(timedelta(hours=2, minutes=30))
    assert STARTS.findall(Browser().get(TIMES).content.decode()) == ["2026-11-25T09:00Z"] * 2


def test_a_treatment_that_is_taken_off_the_menu_is_gone_at_once(
    clock: object, lymph: Service, mia: Therapist, fern: Room
) -> None:
    browser = Browser()
    assert browser.get(TIMES).status_code == 200
    Service.objects.update(status="draft")
    assert browser.get(TIMES).status_code == 404
    assert browser.get("/services/lymphatic-drainage-massage/").status_code == 404


def test_what_a_member_of_staff_sees_is_kept_for_nobody(
    clock: object, olive: User, lymph: Service, mia: Therapist, fern: Room
) -> None:
    Service.objects.update(status="draft")
    owner = Browser()
    owner.force_login(olive)
    assert owner.get("/services/lymphatic-drainage-massage/").status_code == 200
    assert Browser().get("/services/lymphatic-drainage-massage/").status_code == 404


def test_many_addresses_fill_no_memory(
    clock: object, lymph: Service, mia: Therapist, fern: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_pages, "MOST_PAGES", 3)
    pages: dict[object, str] = {}
    monkeypatch.setattr(kept_pages, "remembered", lambda _key, _read: pages)
    for number in range(8):
        assert Browser().get(f"/about/?n={number}").status_code == 200
        assert 1 <= len(pages) <= 3
