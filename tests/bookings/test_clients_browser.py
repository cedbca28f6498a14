"""Clients at the desk in a real browser: searching, correcting, merging, and for everybody."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings import actions
from bookings.models import Appointment, Client, ClientMerge, Room, Therapist
from services.models import SpaProfile
from tests.bookings.calendar_pages import card, open_calendar, until
from tests.bookings.conftest import CLEO, NOW, at
from tests.bookings.looks import PHONE, SCREEN, see_that_all_is_well, unfold
from tests.bookings.staff_pages import browser_of, come_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def people(
    spa: SpaProfile,
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
) -> dict[str, Client]:
    """Cleo, who comes tomorrow at ten, her older record with the same number, and Zoë."""
    cleo = book(at(10), therapist=mia).client
    assert cleo is not None
    old = Client.objects.create(name="Cleo H.", phone=CLEO.phone, note="Rings first.")
    zoe = Client.objects.create(name="Zoë Müller", email="zoe@example.com")
    return {"cleo": cleo, "old": old, "zoe": zoe}


@pytest.fixture
def open_page(
    browser: Browser, live_server: LiveServer, dana: User, people: dict[str, Client]
) -> Iterator[Callable[..., Page]]:
    """Open an address as Dana; what the browser complains about fails the test."""
    session = browser_of(dana).cookies["sessionid"].value
    complaints: list[str] = []
    contexts = []

    def _open(path: str, **options: Any) -> Page:
        shown = {"viewport": SCREEN, "locale": "en-GB", **options}
        context = browser.new_context(base_url=live_server.url, **shown)
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda told: complaints.append(told.text))
        page.goto(path)
        return page

    yield _open
    for context in contexts:
        context.close()
    assert complaints == []


def email_of(client: Client) -> str:
    return Client.objects.get(pk=client.pk).email


def test_a_client_is_found_while_her_name_is_typed_with_a_slip(
    open_page: Callable[..., Page], people: dict[str, Client]
) -> None:
    page = open_page("/desk/clients/")
    expect(page.get_by_role("heading", name="Perhaps one person with two records")).to_be_visible()
    search = page.get_by_label("Name, e-mail or phone")
    search.press_sequentially("zoe mulller")
    expect(page.locator("#clients-news")).to_have_text("1 client")
    expect(search).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Zoë Müller")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Zoë Müller", level=1)).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Name, e-mail or phone")).to_have_value("zoe mulller")
    expect(page.get_by_role("link", name="Zoë Müller")).to_be_visible()


def test_a_search_without_a_connection_says_so(
    browser: Browser, live_server: LiveServer, dana: User, people: dict[str, Client]
) -> None:
    context = browser.new_context(base_url=live_server.url, locale="en-GB")
    session = browser_of(dana).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto("/desk/clients/")
    expect(page.get_by_role("heading", name="Perhaps one person with two records")).to_be_visible()
    context.set_offline(True)
    page.get_by_label("Name, e-mail or phone").press_sequentially("zoe")
    expect(page.locator("#clients-news")).to_have_text(
        "There is no connection, so nothing was searched. Please try again."
    )
    context.close()


def test_an_address_that_looks_like_a_slip_is_corrected_with_one_tap(
    open_page: Callable[..., Page], people: dict[str, Client]
) -> None:
    page = open_page(f"/desk/clients/{people['zoe'].pk}/edit/")
    page.get_by_label("E-mail").fill("zoe@gmial.com")
    page.get_by_label("Phone").focus()
    page.get_by_role("button", name="Use zoe@gmail.com").click()
    expect(page.get_by_label("E-mail")).to_have_value("zoe@gmail.com")
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The record of Zoë Müller is saved.")).to_be_visible()
    until(lambda: email_of(people["zoe"]), "zoe@gmail.com")


def test_enter_keeps_an_address_that_was_asked_about(
    open_page: Callable[..., Page], people: dict[str, Client]
) -> None:
    page = open_page(f"/desk/clients/{people['zoe'].pk}/edit/")
    page.get_by_label("E-mail").fill("zoe@gmial.com")
    page.get_by_label("Name").focus()
    expect(page.get_by_role("button", name="Use zoe@gmail.com")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The record of Zoë Müller is saved.")).to_be_visible()
    until(lambda: email_of(people["zoe"]), "zoe@gmial.com")


def test_everything_works_without_scripts(
    open_page: Callable[..., Page], people: dict[str, Client]
) -> None:
    page = open_page("/desk/clients/", java_script_enabled=False, viewport=PHONE)
    page.get_by_label("Name, e-mail or phone").fill("cleo")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Cleo", exact=True).click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("E-mail").fill("cleo@gmal.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Did you mean cleo@gmail.com?")
    page.get_by_label("Name").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The record of Cleo is saved.")).to_be_visible()
    page.get_by_role("link", name="Compare with Cleo H.").click()
    page.get_by_role("button", name="Merge, and keep Cleo").click()
    expect(page.get_by_text("The records of Cleo are one now.")).to_be_visible()
    expect(page.get_by_text("Rings first.")).to_be_visible()
    page.get_by_text("Part it from Cleo H. again").click()
    page.get_by_role("button", name="Part them again").click()
    expect(page.get_by_text("Cleo H.: a record of its own again.")).to_be_visible()
    until(lambda: ClientMerge.objects.filter(undone_at=None).count(), 0)


def test_a_record_is_read_and_changed_in_the_drawer(
    browser: Browser, live_server: LiveServer, dana: User, people: dict[str, Client]
) -> None:
    context = browser.new_context(viewport=SCREEN, locale="en-GB")
    page = open_calendar(context, live_server, dana)
    card(page, Appointment.objects.get()).click()
    drawer = page.locator("#panel-body")
    drawer.get_by_role("link", name="Cleo", exact=True).click()
    expect(drawer.get_by_role("heading", name="Cleo", level=2)).to_be_focused()
    expect(drawer.get_by_role("heading", name="Next visits")).to_be_visible()
    drawer.get_by_role("link", name="Edit").click()
    drawer.get_by_label("Name").fill("Cleo Hart")
    drawer.get_by_role("button", name="Save").last.click()
    expect(drawer.get_by_role("heading", name="Cleo Hart", level=2)).to_be_visible()
    expect(page.get_by_text("The record of Cleo Hart is saved.")).to_be_visible()
    expect(card(page, Appointment.objects.get())).to_contain_text("Cleo Hart")
    context.close()


def test_nobody_is_kept_out(
    open_page: Callable[..., Page], people: dict[str, Client], dana: User
) -> None:
    cleo, old, zoe = people.values()
    actions.merge_clients(kept=cleo, merged=zoe, by=actions.staff(dana), now=NOW)
    # A request puts its number into the bar, which is then wider than a phone.
    Appointment.objects.update(status="requested")
    page = open_page("/desk/clients/")
    for path in (
        "/desk/clients/",
        "/desk/clients/?q=cleo",
        "/desk/clients/?q=zimmer",
        f"/desk/clients/{cleo.pk}/",
        f"/desk/clients/{cleo.pk}/edit/",
        f"/desk/clients/{cleo.pk}/merge/?q=cleo",
        f"/desk/clients/{cleo.pk}/merge/?with={old.pk}",
        "/desk/clients/duplicates/",
        "/desk/clients/new/",
    ):
        page.goto(path)
        unfold(page, "main")
        see_that_all_is_well(page)
    page.get_by_label("Name").fill("Cléo")
    page.get_by_label("Phone").fill(CLEO.phone)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Is it one of these?")).to_be_visible()
    # The words are there before the scripts are.
    page.wait_for_load_state("load")
    page.get_by_label("E-mail").fill("cleo@gmial.com")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Use cleo@gmail.com")).to_be_visible()
    unfold(page, "main")
    see_that_all_is_well(page, "a new client who is known")


def test_an_owner_shows_the_copy_and_erases_by_keyboard(
    browser: Browser,
    live_server: LiveServer,
    people: dict[str, Client],
    olive: User,
    spa: SpaProfile,
) -> None:
    cleo = people["cleo"]
    context = browser.new_context(base_url=live_server.url, viewport=SCREEN, locale="en-GB")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda told: complaints.append(told.text))
    come_in(page, live_server, olive, f"/desk/clients/{cleo.pk}/")
    page.get_by_role("link", name="Copy, or erase").press("Enter")
    unfold(page, "main")
    see_that_all_is_well(page, "her rights")
    page.get_by_role("button", name="Show the copy").press("Enter")
    expect(page.get_by_role("button", name="Print, or save as PDF")).to_be_visible()
    see_that_all_is_well(page, "her copy")
    page.get_by_role("link", name="Cleo", exact=True).press("Enter")
    page.get_by_text("Erase this client …").press("Enter")
    page.get_by_label("To erase, type the name of the client").fill("cleo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("One visit is still to come")
    visit = Appointment.objects.get()
    actions.cancel_appointment(appointment=visit, by=actions.CLIENT, spa=spa, now=NOW)
    page.get_by_text("Erase this client …").press("Enter")
    page.get_by_label("To erase, type the name of the client").fill("cleo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Erased client")
    context.close()
    assert complaints == []
