"""No words that anybody types become an element, an attribute or an address of anybody's page.

Every form that keeps a text is given hostile words, each named by its field. Then every page of
every role is read, with the mails and the files; and the busiest are opened in a real browser.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client as Browser
from pytest_django import Settings

from bookings import delivery
from bookings.models import Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.access_table import ROLES, rows
from tests.bookings.access_world import World
from tests.bookings.client_pages import DETAILS, choose, pass_health
from tests.bookings.conftest import at
from tests.bookings.hostile import MARK, TYPED, Page, hostile, short
from tests.bookings.hostile_logins import pages_about_logins
from tests.bookings.hostile_story import ADDRESS, Cast, done, told
from tests.bookings.test_first_start import OWNER, SPA, WEEK, holder  # noqa: F401
from tests.conftest import MailServer

# These have worlds of their own: a new spa, and the letters of a trial.
ELSEWHERE = ("start/", "demo/")
WORDS_ALONE = {"application/json", "text/calendar", "text/csv", "text/plain"}
# Where a script of ours makes markup of a text: a part of a page that our own server drew, and an
# inert template that is read for its words.
MAKES_MARKUP = re.compile(
    r"(?:inner|outer)HTML\s*=|insertAdjacentHTML|document\.write|\bsrcdoc\b|"
    r"createContextualFragment|setHTMLUnsafe|\beval\(|new Function"
)
MAKERS = {"admin/claims.js": "read.innerHTML =", "desk/fresh.js": "body.innerHTML ="}
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
    settings: Settings,
    tmp_path: Path,
) -> None:
    world, more = told(Cast(spa, lymph, mia, noor, dana, olive), clock)
    assert delivery.deliver_due(now=at(12, days=0)) > 4
    pages = {f"mail {number}": one for number, one in enumerate(mails(smtp))}
    settings.DEMO_MAIL_DIR = tmp_path
    pages |= dict(pages_of_a_trial(smtp, tmp_path))
    pages |= {address: page_at(world.browser(role), address) for address, role in more.items()}
    # What was looked at is brought in.
    done(world.browser("olive").post(next(iter(more))))
    pages |= dict(walked(world))
    pages[DETAILS] = details_page(lymph)
    pages |= dict(pages_about_logins(dana, olive))
    faults = {name: page.faults for name, page in pages.items() if page.faults}
    assert faults == {}
    assert "desk/feed/ application/json" in pages
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
        kind = answer.headers["Content-Type"].partition(";")[0]
        if kind == "text/html":
            yield route, Page(answer.content.decode())
        elif MARK in b"".join(answer).decode(errors="replace"):
            # A browser that is led there shows words, or keeps a file: it takes them for no page.
            assert kind in WORDS_ALONE, (route, kind)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            yield f"{route} {kind}", Page("")


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


def pages_of_a_trial(smtp: MailServer, folder: Path) -> Iterator[tuple[str, Page]]:
    """The mailbox that a trial has in place of real mail, and each letter in it."""
    names = [f"20261124120000-{number:032x}" for number in range(len(smtp.messages))]
    for name, one in zip(names, smtp.messages, strict=True):
        (folder / f"{name}.eml").write_bytes(bytes(one))
    for address in ["", *(f"{name}/{part}" for name in names for part in ("", "html/"))]:
        page = Browser().get(f"/demo/mail/{address}").content.decode()
        assert MARK in page, address
        yield f"demo {address}", Page(page)


@pytest.mark.django_db
def test_no_words_of_a_set_up_become_markup(request: pytest.FixtureRequest) -> None:
    """Who sets a new spa up types the first words of it, and reads them back."""
    browser = request.getfixturevalue("holder")
    steps = {
        "spa": {**SPA, "name": short("spa"), "address": hostile("address")},
        "treatments": {},
        "therapist": {**WEEK, "name": short("therapist")},
        "room": {"name": short("room")},
        "owner": {**OWNER, "name": short("first"), "email": ADDRESS},
    }
    pages = {}
    for step, given in steps.items():
        # What is not taken comes back.
        wrong = browser.post(f"/start/{step}/", {**given, "email": short("spa"), "from_0": "x"})
        pages[f"{step}, wrong"] = Page(wrong.content.decode()) if wrong.content else Page("")
        done(browser.post(f"/start/{step}/", given))
        if step != "owner":
            pages[step] = page_at(browser, f"/start/{step}/")
    for address in ("/", "/about/", "/admin/", "/accounts/", "/desk/"):
        pages[address] = page_at(browser, address)
    assert {name: page.faults for name, page in pages.items() if page.faults} == {}
    seen = {label for page in pages.values() for label in page.labels}
    assert seen == {"spa", "address", "therapist", "room", "first"}


def test_scripts_of_ours_make_no_markup_of_words() -> None:
    folder = Path(settings.BASE_DIR, "static", "js")
    found = {
        str(path.relative_to(folder)): hit[0]
        for path in folder.rglob("*.js")
        for hit in MAKES_MARKUP.finditer(path.read_text())
    }
    assert {name: MAKERS[name].endswith(hit) for name, hit in found.items()} == dict.fromkeys(
        MAKERS, True
    )


def cells_of(world: World) -> list[str]:
    """Every cell of the owners' own copy of everything that has hostile words in it."""
    answer: Any = world.browser("olive").post("/admin/transfer/everything.zip")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    files = [archive.read(one).decode("utf-8-sig") for one in archive.namelist()]
    rows_of = [row for text in files for row in csv.reader(io.StringIO(text, newline=""))]
    found = [cell for row in rows_of for cell in row if MARK in cell]
    assert len(found) > 10
    return found
