"""Who may open and who may post to which address: one table of all of them.

A row per address, a column per role. A cell says what a GET and what an empty POST answer, such as
``200/302``; where both are the same it is said once. ``login`` is the way to the login, and
``away`` any other redirect. An address that has no row fails the test, and so does a row that has
no address.
"""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client as Browser
from django.urls import get_resolver, reverse

from tests.bookings.access_table import ROLES, TABLE, part_of, routes, rows
from tests.bookings.access_world import World

PARTS = sorted({part_of(route) for route in rows()})


def test_every_address_has_one_row() -> None:
    every = list(routes(get_resolver()))
    assert sorted(rows()) == sorted(set(every))
    written = [line for line in TABLE.read_text().splitlines() if line and line[0] != "#"]
    assert len(written) == len(rows())


@pytest.mark.django_db
@pytest.mark.parametrize("part", PARTS)
def test_each_address_answers_each_role_as_the_table_says(part: str, world: World) -> None:
    asked = [route for route in rows() if part_of(route) == part]
    assert {one: answers(one, world) for one in asked} == {one: rows()[one] for one in asked}


def answers(route: str, world: World) -> list[str]:
    """What each role gets at ``route``."""
    # Some addresses count how often they are asked.
    cache.clear()
    return [_cell(route, role, world) for role in ROLES]


def _cell(route: str, role: str, world: World) -> str:
    browser = world.browser(role)
    address = world.address(route, role)
    got = _in_words(_untouched(browser, "get", address))
    sent = _in_words(_untouched(browser, "post", address))
    return got if got == sent else f"{got}/{sent}"


def _untouched(browser: Browser, method: str, address: str) -> Any:
    """The answer, with all that it changed taken back."""
    with transaction.atomic():
        answer = getattr(browser, method)(address)
        transaction.set_rollback(True)
    return answer


def _in_words(answer: Any) -> str:
    if answer.status_code not in (301, 302, 303, 307, 308):
        return str(answer.status_code)
    to_login = answer["Location"].split("?")[0] in (reverse("account_login"), "/admin/login/")
    return "login" if to_login else "away"
