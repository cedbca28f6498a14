"""Booking at the desk in a real browser: how many taps it takes, by keyboard, and for everybody."""

import re
import time as stopwatch
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client as Session
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Client, Therapist
from bookings.queries import rules_for
from services.models import Service, SpaProfile
from services.screening import Answer, Reply, screen
from tests.bookings.looks import PHONE, SCREEN, see_that_all_is_well

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def dana(lead: Service) -> User:
    user = User.objects.create_user("dana", password="rivers-and-moss")
    user.groups.add(Group.objects.get_or_create(name="Front desk")[0])
    return user


@pytest.fixture
def cleo(lead: Service, dana: User) -> Client:
    """A client who was with Mia three weeks ago, on the present questions."""
    now, spa = timezone.now(), SpaProfile.load()
    rules = rules_for(lead)
    said = {rule.slug: Answer(Reply.NO) for rule in rules}
    check = actions.record_health_check(
        service=lead,
        answers=said,
        verdict=screen(answers=said, rules=rules),
        rules=rules,
        spa=spa,
        now=now - timedelta(days=21),
    )
    client = actions.add_client(
        name="Cléo Marchand",
        email="cleo@example.com",
        phone="+447700900123",
        by=actions.staff(dana),
        now=now,
    )
    option = lead.options.order_by("minutes")[1]
    Appointment.objects.create(
        reference="22222222",
        client=client,
        service=lead,
        option=option,
        therapist=Therapist.objects.get(name="Mia"),
        room=lead.rooms.order_by("pk")[0],
        health_check=check,
        status="completed",
        price=option.price,
        starts_at=now - timedelta(days=21),
        ends_at=now - timedelta(days=21) + timedelta(minutes=option.minutes),
        busy_from=now - timedelta(days=21),
        busy_until=now - timedelta(days=21) + timedelta(minutes=option.minutes),
        created_at=now - timedelta(days=21),
    )
    return client


@pytest.fixture
def desk(
    open_page: Callable[..., Page], live_server: LiveServer, dana: User
) -> Callable[..., Page]:
    """Open an address as Dana."""
    session = Session()
    session.force_login(dana)
    key = session.cookies["sessionid"].value
    cookie = {"name": "sessionid", "value": key, "domain": "localhost", "path": "/"}

    def _open(address: str, **options: Any) -> Page:
        state = {"cookies": [cookie], "origins": []}
        return open_page(address, **{"viewport": SCREEN, "storage_state": state, **options})

    return _open


@pytest.fixture
def tomorrow(lead: Service) -> date:
    """The spa's tomorrow, read once: midnight may pass while a test runs."""
    return timezone.localdate(timezone=SpaProfile.load().zone) + timedelta(days=1)


def at_hour(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=SpaProfile.load().zone)


def address_at(day: date, hour: int) -> str:
    mia = Therapist.objects.get(name="Mia")
    start = at_hour(day, hour).astimezone(UTC)
    return f"/desk/book/?start={start:%Y-%m-%dT%H:%MZ}&therapist={mia.pk}"


def visits() -> Any:
    return Appointment.objects.exclude(reference="22222222").order_by("pk")


def search_field(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Who comes? Name, phone or e-mail")


def booked_soon(page: Page, count: int = 1) -> list[Appointment]:
    """The visits, as soon as there are so many."""
    for _attempt in range(100):
        found = list(visits())
        if len(found) == count:
            return found
        page.wait_for_timeout(50)
    raise AssertionError(f"{count} visits were expected, {visits().count()} are there")


def click_on_free_time(page: Page) -> None:
    """Click into the middle of Mia's column."""
    head = page.get_by_role("columnheader", name="Mia").bounding_box()
    grid = page.locator("#calendar").bounding_box()
    assert head is not None
    assert grid is not None
    page.mouse.click(head["x"] + head["width"] / 2, grid["y"] + grid["height"] / 2)


def test_a_known_client_is_booked_in_four_taps(
    desk: Callable[..., Page], cleo: Client, tomorrow: date
) -> None:
    page = desk(f"/desk/?date={tomorrow}")
    begun = stopwatch.monotonic()
    expect(page.get_by_role("columnheader", name="Mia")).to_be_visible()
    click_on_free_time(page)
    expect(search_field(page)).to_be_focused()
    page.keyboard.type("cleo")
    expect(search_field(page)).to_have_attribute("aria-activedescendant", f"person-{cleo.pk}")
    page.keyboard.press("Enter")
    expect(page.locator("[name=usual]").first).to_be_focused()
    page.keyboard.press("Enter")
    unchanged = page.get_by_role("button", name="Nothing has changed: book")
    expect(unchanged).to_be_focused()
    expect(unchanged).to_have_attribute("data-settle", "ready")
    page.keyboard.press("Enter")
    visit = booked_soon(page)[0]
    seconds = stopwatch.monotonic() - begun
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.get_by_text("Cléo Marchand: booked for").first).to_be_visible()
    assert (visit.client, visit.status, visit.source) == (cleo, "confirmed", "desk")
    # Four letters, four taps, and less time than it takes to say it on the phone.
    assert seconds < 20


def test_an_enter_too_many_does_not_answer_for_the_client(
    desk: Callable[..., Page], cleo: Client, tomorrow: date
) -> None:
    page = desk(address_at(tomorrow, 14))
    search_field(page).fill("cleo")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[name=usual]").first).to_be_focused()
    page.keyboard.press("Enter")
    unchanged = page.get_by_role("button", name="Nothing has changed: book")
    expect(unchanged).to_have_attribute("data-settle", "ready")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    # As at the moment when the question has just come.
    unchanged.evaluate("button => { button.dataset.settle = 'waits'; button.focus() }")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Something has: ask again").click()
    expect(page.get_by_role("heading", name="Health questions")).to_be_visible()
    assert [body for body in sent if "unchanged" in body] == []


def test_the_search_is_a_combobox(desk: Callable[..., Page], cleo: Client) -> None:
    page = desk("/desk/book/")
    field = search_field(page)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-expanded", "false")
    field.press_sequentially("marchnad")
    cleos = page.get_by_role("option", name="Cléo Marchand")
    somebody_new = page.get_by_role("option", name="New client: marchnad")
    expect(cleos).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(field).to_have_attribute("aria-activedescendant", f"person-{cleo.pk}")
    page.keyboard.press("ArrowDown")
    expect(somebody_new).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "person-new")
    page.keyboard.press("ArrowDown")
    expect(cleos).to_have_attribute("aria-selected", "true")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(field).to_have_attribute("aria-expanded", "false")
    field.fill("0123")
    page.get_by_role("option", name="Cléo Marchand").click()
    expect(page.get_by_role("heading", name="Which treatment?")).to_be_visible()


def test_enter_before_the_answer_waits_for_the_one_person_that_is_meant(
    desk: Callable[..., Page], cleo: Client
) -> None:
    page = desk("/desk/book/")
    search_field(page).press_sequentially("marchand")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Which treatment?")).to_be_visible()


def test_without_scripts_it_is_a_page_in_a_few_steps(
    desk: Callable[..., Page], cleo: Client
) -> None:
    page = desk("/desk/book/", java_script_enabled=False, viewport=PHONE)
    search_field(page).fill("cleo")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Cléo Marchand").click()
    page.locator("[name=usual]").first.click()
    page.locator("[name=pick]").last.click()
    page.get_by_role("button", name="Nothing has changed: book").click()
    expect(page).to_have_url(re.compile("/desk/appointments/"))
    assert booked_soon(page)[0].client == cleo


def test_somebody_new_is_asked_the_questions(
    desk: Callable[..., Page], lead: Service, tomorrow: date
) -> None:
    page = desk(address_at(tomorrow, 15))
    search_field(page).fill("Zed")
    page.get_by_role("option", name="New client: Zed").click()
    expect(page.get_by_label("Name")).to_have_value("Zed")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Lymphatic Drainage Massage 60 min").click()
    expect(page.get_by_text("no confirmation and no reminder")).to_be_visible()
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("link", name="Nothing is ticked yet.")).to_be_visible()
    first = page.locator("[data-group]").first
    fever = first.locator("[data-tick]").first
    fever.check()
    first.get_by_label("None of these").check()
    expect(fever).not_to_be_checked()
    page.get_by_label("None of these in any group that is left empty.").check()
    page.get_by_label("agree", exact=False).last.check()
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page).to_have_url(re.compile("/desk/appointments/"))
    visit = booked_soon(page)[0]
    assert (visit.starts_at, str(visit.client)) == (at_hour(tomorrow, 15), "Zed")


def test_without_a_connection_it_says_that_nothing_was_booked(
    desk: Callable[..., Page], cleo: Client, tomorrow: date
) -> None:
    page = desk(f"/desk/?date={tomorrow}")
    page.get_by_role("link", name="Book", exact=True).click()
    expect(search_field(page)).to_be_focused()
    page.context.set_offline(True)
    page.get_by_role("button", name="Somebody new").click()
    expect(page.get_by_text("Nothing was booked; please try again.")).to_be_visible()


def test_every_state_is_accessible(desk: Callable[..., Page], cleo: Client, tomorrow: date) -> None:
    page = desk("/desk/book/")
    search_field(page).fill("cleo")
    expect(page.get_by_role("option").first).to_be_visible()
    see_that_all_is_well(page)
    page.get_by_role("option", name="New client").click()
    page.get_by_label("E-mail").fill("zed@gmial.com")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Use zed@gmail.com")).to_be_visible()
    see_that_all_is_well(page)
    page.goto("/desk/appointments/22222222/repeat/")
    expect(page.get_by_role("heading", name="Which dates?")).to_be_visible()
    see_that_all_is_well(page)
    page.goto(f"/desk/book/?client={cleo.pk}")
    expect(page.get_by_role("heading", name="Which treatment?")).to_be_visible()
    see_that_all_is_well(page)
    page.locator("[name=usual]").first.click()
    expect(page.get_by_role("heading", name="When?")).to_be_visible()
    see_that_all_is_well(page)
    page.get_by_label("Day", exact=True).fill(f"{tomorrow}")
    page.get_by_label("Time", exact=True).fill("23:00")
    page.get_by_role("button", name="Take this time").click()
    expect(page.get_by_role("group", name="Why at this time?")).to_be_visible()
    see_that_all_is_well(page)
    page.get_by_role("button", name="Something has: ask again").click()
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("alert").first).to_be_visible()
    see_that_all_is_well(page)
    page.locator("[data-tick]").first.check()
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("heading", name="Not a booking: help comes first")).to_be_visible()
    see_that_all_is_well(page)
