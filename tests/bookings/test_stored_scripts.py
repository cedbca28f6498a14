"""No words that anybody types become an element, an attribute or an address of anybody's page.

Every form that keeps a text is given hostile words, each named by its field. Then every page of
every role is read, with the mails and the files; and the busiest are opened in a real browser.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client as Browser

from bookings import delivery
from bookings.models import Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.access_table import ROLES, rows
from tests.bookings.access_world import World
from tests.bookings.client_pages import DETAILS, choose, pass_health
from tests.bookings.conftest import at
from tests.bookings.hostile import MARK, TYPED, Page
from tests.bookings.hostile_logins import pages_about_logins
from tests.bookings.hostile_story import Cast, done, told
from tests.conftest import MailServer

# These have worlds of their own: a new spa, and the letters of a trial.
ELSEWHERE = ("start/", "demo/")
FORMULA = tuple("=+-@\t\r")


@pytest.mark.django_db
def test_no_words_become_markup_on_any_page(
    clock: time_machine.Traveller,
    spa: SpaProfile,
    lymph: Service,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    dana: User,
    olive: User,
    smtp: MailServer,
) -> None:
    world, more = told(Cast(spa, lymph, mia, noor, dana, olive), clock)
    assert delivery.deliver_due(now=at(12, days=0)) > 4
    pages = {f"mail {number}": one for number, one in enumerate(mails(smtp))}
    pages |= {address: page_at(world.browser(role), address) for address, role in more.items()}
    # What was looked at is brought in.
    done(world.browser("olive").post(next(iter(more))))
    pages |= dict(walked(world))
    pages[DETAILS] = details_page(lymph)
    pages |= dict(pages_about_logins(dana, olive))
    faults = {name: page.faults for name, page in pages.items() if page.faults}
    assert faults == {}
    # The control: all that was typed was seen, as words.
    seen = {label for page in pages.values() for label in page.labels}
    assert seen == TYPED
    assert [cell for cell in cells_of(world) if cell.startswith(FORMULA)] == []


def walked(world: World) -> Iterator[tuple[str, Page]]:
    """Every page of the table, as somebody sees it who may see most of it."""
    for route, cells in rows().items():
        role = role_for(route)
        if route.startswith(ELSEWHERE):
            continue
        if not cells[ROLES.index(role)].startswith("200"):
            continue
        with transaction.atomic():
            answer = world.browser(role).get(world.address(route, role))
        if answer.headers["Content-Type"].startswith("text/html"):
            yield route, Page(answer.content.decode())


def role_for(route: str) -> str:
    if route.startswith(("visit", "book")):
        return "cleo"
    return "mia" if route.startswith("therapist") else "olive"


def page_at(browser: Browser, address: str) -> Page:
    answer = browser.get(address)
    assert answer.status_code == 200, address
    return Page(answer.content.decode())


def details_page(service: Service) -> Page:
    """The last step of a booking, with what the owners ask to agree to."""
    visitor = Browser()
    choose(visitor, at(15, days=4))
    pass_health(visitor, service)
    return page_at(visitor, DETAILS)


def mails(smtp: MailServer) -> Iterator[Page]:
    for one in smtp.messages:
        html = one.get_body(("html",))
        assert html is not None
        yield Page(html.get_content())


def cells_of(world: World) -> list[str]:
    """Every cell of the owners' own copy of everything that has hostile words in it."""
    answer: Any = world.browser("olive").post("/admin/transfer/everything.zip")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    files = [archive.read(one).decode("utf-8-sig") for one in archive.namelist()]
    rows_of = [row for text in files for row in csv.reader(io.StringIO(text, newline=""))]
    found = [cell for row in rows_of for cell in row if MARK in cell]
    assert len(found) > 10
    return found
