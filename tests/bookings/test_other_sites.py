"""What another site, or a tool, sends to each address of the access table."""

import pytest
from django.db import transaction
from django.test import Client as Browser

from tests.bookings.access_table import ROLES, rows
from tests.bookings.access_world import World

METHODS = ("PUT", "PATCH", "DELETE", "BREW")
# The provider of mail and the mail program of a client send no token of ours.
NO_TOKEN = {"mail/news/<slug:provider>/", "mail/stop/<str:token>/"}


@pytest.mark.django_db
def test_nothing_is_taken_without_the_token_of_a_form(world: World) -> None:
    browsers = {role: world.browser(role) for role in ROLES}
    taken = set()
    for number, (route, cells) in enumerate(rows().items()):
        role = next((one for one, cell in zip(ROLES, cells, strict=True) if "200" in cell), "olive")
        browser = Browser(enforce_csrf_checks=True)
        browser.cookies = browsers[role].cookies
        # The mails of a trial are only read, and production has no such pages.
        if route.startswith("demo/"):
            continue
        address = world.address(route, role)
        with transaction.atomic():
            posted = browser.post(address)
            strange = browser.generic(
                METHODS[number % len(METHODS)], address, b"\xff", "text/plain"
            )
            transaction.set_rollback(True)
        assert strange.status_code in (403, 404, 405), route
        if posted.status_code != 403:
            taken.add(route)
    assert taken == NO_TOKEN


@pytest.mark.django_db
def test_only_its_button_takes_a_passkey_away(world: World) -> None:
    route = "accounts/2fa/webauthn/keys/<int:pk>/remove/"
    answers = {
        role: world.browser(role).delete(world.address(route, role)).status_code for role in ROLES
    }
    assert answers == dict.fromkeys(ROLES, 405)
