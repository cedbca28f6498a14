"""A page that is kept from one visitor's request shows nobody else anything of hers.

Each kind of visitor comes first to each page once, and all others after her. Every one of them
must be shown what she is shown where nothing is kept at all.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from pytest_django import Settings

from bookings.models import Room, Therapist
from services import kept_pages, memory
from services.models import Service
from tests.bookings.client_pages import DETAILS, HEALTH, TIMES, choose, pass_health
from tests.bookings.conftest import at
from tests.bookings.staff_pages import browser_of

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = ["/", "/services/lymphatic-drainage-massage/", TIMES, HEALTH]
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def _chooser(hour: int) -> Browser:
    browser = Browser()
    choose(browser, at(hour))
    return browser


def _told() -> Browser:
    browser = Browser()
    # Leads away, with a message for the next page that shows one.
    assert browser.get(DETAILS).status_code == 302
    return browser


def _always(browser: Browser) -> Callable[[], Browser]:
    return lambda: browser


@pytest.fixture
def visitors(
    clock: object,
    lymph: Service,
    mia: Therapist,
    noor: Therapist,
    fern: Room,
    olive: User,
    settings: Settings,
) -> dict[str, Callable[[], Browser]]:
    """How each kind of visitor comes; most come with the same browser each time."""
    settings.LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
    holder = _chooser(10)
    assert pass_health(holder, lymph)["Location"] == DETAILS
    known = {
        "new": Browser(),
        "chooser": _chooser(14),
        "holder": holder,
        "owner": browser_of(olive),
        "elsewhere": Browser(headers={"Host": "localhost"}),
        "german": Browser(headers={"Accept-Language": "de"}),
        "htmx": Browser(headers={"HX-Request": "true", "HX-Trigger": "choice-anyone"}),
    }
    return {**{name: _always(browser) for name, browser in known.items()}, "told": _told}


def test_whoever_came_before_each_is_shown_her_own_page(
    visitors: dict[str, Callable[[], Browser]],
) -> None:
    tokens: list[str] = []

    def seen(name: str, address: str) -> tuple[int, str, frozenset[str]]:
        answer: Any = visitors[name]().get(address)
        page = answer.content.decode()
        tokens.extend(TOKEN.findall(page))
        assert kept_pages._PROCESS not in page
        # Her own token and her own news are set anew for her.
        cookies = frozenset(answer.cookies) - {"csrftoken", "messages"}
        return answer.status_code, TOKEN.sub("", page), cookies

    unlike, alone = [], {}
    for address in PAGES:
        for name in visitors:
            memory.forget_everything()
            alone[address, name] = seen(name, address)
        for first in visitors:
            memory.forget_everything()
            seen(first, address)
            for name in visitors:
                if seen(name, address) != alone[address, name]:
                    unlike.append((address, first, name))
    assert unlike == []
    assert {alone[address, "new"][2] for address in PAGES} == {frozenset()}
    # The control: there was something to be seen of them.
    differ = {name for address, name in alone if alone[address, name] != alone[address, "new"]}
    assert differ >= {"chooser", "holder", "german", "htmx", "told"}
    # No form has the token of another.
    assert len(tokens) == len(set(tokens)) > 100
