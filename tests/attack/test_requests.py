"""No address and no form fails at anything that is sent to it.

An address that is new to the urlconf is attacked without a new test, and a test fails for one that
no attack gets into. Whatever an attack does is taken back after it.
"""

from pathlib import Path

import pytest
from hypothesis import strategies as st
from pytest_django import Settings

from tests.attack import hostile, surface
from tests.attack.attacker import Attack, pairs, spoilings
from tests.attack.keys import MAIL_SECRET, METRICS_KEY, Keys
from tests.attack.surface import Target
from tests.bookings.access_table import rows
from tests.bookings.access_world import World

pytestmark = pytest.mark.django_db
METHODS = ("PUT", "PATCH", "DELETE", "TRACE", "BREW", "OPTIONS", "HEAD")
bodies = st.tuples(st.sampled_from(hostile.BODIES), st.sampled_from(hostile.KINDS))


strange = st.tuples(st.booleans(), st.sampled_from(hostile.PARTS), bodies, st.sampled_from(METHODS))


# What even an owner is kept out of; test_access.py has the answers.
SHUT = {
    "admin/(?P<url>.*)$",
    "admin/^(?P<app_label>auth|services|bookings)/$",
    "admin/auth/group/",
    "admin/auth/group/<path:object_id>/change/",
    "admin/auth/group/<path:object_id>/delete/",
    "admin/auth/group/<path:object_id>/history/",
    "admin/auth/group/add/",
    "admin/auth/user/<id>/password/",
    "admin/auth/user/<path:object_id>/delete/",
    # No field of the admin asks for it.
    "admin/autocomplete/",
    "admin/bookings/appointment/<path:object_id>/delete/",
    "admin/bookings/appointment/add/",
    "admin/bookings/client/<path:object_id>/delete/",
    "admin/bookings/client/add/",
    "admin/bookings/clientmerge/<path:object_id>/delete/",
    "admin/bookings/clientmerge/add/",
    "admin/bookings/message/<path:object_id>/delete/",
    "admin/bookings/message/add/",
    "admin/bookings/room/<path:object_id>/delete/",
    "admin/bookings/therapist/<path:object_id>/delete/",
    "admin/services/contraindication/<path:object_id>/delete/",
    "admin/services/spaprofile/<path:object_id>/delete/",
    "admin/services/spaprofile/add/",
    # This spa is set up; a new one has a test of its own.
    "start/<slug:step>/",
}


@pytest.fixture
def every(world: World, settings: Settings, tmp_path: Path) -> list[Target]:
    settings.METRICS_KEY = METRICS_KEY
    settings.EMAIL_PROVIDER = "postmark"
    settings.ANYMAIL = {"WEBHOOK_SECRET": MAIL_SECRET}
    settings.EMAIL_BACKEND = "spa.demo_mail.Backend"
    settings.DEMO_MAIL_DIR = tmp_path / "mail"
    return list(surface.targets(world, Keys(world)))


def _takes(target: Target, method: int) -> bool:
    """Whether anybody gets more than 405 for a GET (0) or a POST (1) there."""
    cells = [cell.split("/") if "/" in cell else [cell, cell] for cell in rows()[target.route]]
    return {cell[method] for cell in cells} - {"login", "403"} != {"405"}


def test_no_address_and_no_form_fails_at_what_is_sent_to_it(every: list[Target]) -> None:
    attack = Attack()
    for target, sent in hostile.rounds([one for one in every if _takes(one, 0)], pairs):
        attack.open(target, sent)
    # The suite sends to each address once: forms that are filled in come further.
    with_form = set() if hostile.IS_LONG else {route for route, _names in attack.forms}
    asked = [one for one in every if one.route not in with_form or surface.reads_json(one.route)]
    asked = [one for one in asked if _takes(one, 1)]
    for target, (sent, value) in hostile.rounds(asked, st.tuples(pairs, hostile.json_values)):
        attack.post(target, sent, value)
    for (target, form), spoiling in hostile.rounds(list(attack.forms.values()), spoilings):
        attack.fill_in(target, form, spoiling)
    for target, form in attack.forms.values():
        attack.send_twice(target, form)
    assert list(attack.faults.values()) == []
    assert attack.wrote >= 20
    assert {target.route for target in every} == set(rows())
    assert sorted({one.route for one in every} - attack.entered) == sorted(SHUT)


def test_no_address_fails_at_strange_parts_methods_and_bodies(every: list[Target]) -> None:
    attack = Attack()
    once = list({target.route: target for target in every}.values())
    for target, (is_method, part, (body, kind), method) in hostile.rounds(once, strange):
        if is_method:
            with surface.Writes() as writes:
                attack.send(target, method, target.address, body, kind)
            assert writes.found == [] or method == "HEAD", (method, target.route)
        elif bad := surface.with_parts(target.route, part):
            attack.send(target, "GET", bad)
        else:
            attack.send(target, "POST", target.address, body, kind)
    assert list(attack.faults.values()) == []
