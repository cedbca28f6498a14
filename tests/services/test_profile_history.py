"""What owners change of the spa's settings and texts is kept and readable."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from services.models import SpaProfile
from tests.services.owners_forms import edit, opened

PROFILE = "/admin/services/spaprofile/1/change/"
HISTORY = "/admin/services/spaprofile/1/history/"
PHONE = {"phone_0": "GB", "phone": "+442079460018"}


@pytest.fixture
def owner(client: Client, content: SpaProfile) -> Client:
    olive = User.objects.create_user("olive", is_staff=True, first_name="Olive")
    olive.groups.add(Group.objects.get(name="Owners"))
    client.force_login(olive)
    return client


def said(client: Client) -> list[list[tuple[str, list[tuple[str, str]]]]]:
    """Each step of the history: what changed, with the lines that went and came."""
    return [
        [(one.label, [(line.kind, line.text) for line in one.lines]) for one in step.changes]
        for step in client.get(HISTORY).context["steps"]
    ]


def change(client: Client, **changes: Any) -> None:
    assert edit(client, PROFILE, **PHONE, **changes).status_code == 302


def test_a_change_is_shown_with_who_and_from_what_to_what(owner: Client) -> None:
    assert "Nothing has been changed yet." in owner.get(HISTORY).content.decode()
    change(owner, minimum_notice_hours="5", reminder_lead_hours="24, 2")
    [step] = owner.get(HISTORY).context["steps"]
    assert step.by == "Olive"
    [changes] = said(owner)
    assert ("Notice before booking (h)", [("removed", "2"), ("added", "5")]) in changes
    assert changes[-1][0] == "Reminders (hours before)"


def test_of_a_long_text_only_the_lines_that_differ_are_shown(
    owner: Client, content: SpaProfile
) -> None:
    change(owner, booking_policy="<h2>Paying</h2><p>By card.</p><p>Be on time.</p>")
    change(owner, booking_policy="<h2>Paying</h2><p>By card or cash.</p><p>Be on time.</p>")
    assert said(owner)[0] == [
        ("Booking policy", [("removed", "By card."), ("added", "By card or cash.")])
    ]


def test_saving_without_a_change_adds_nothing(owner: Client) -> None:
    change(owner, booking_consent="I agree.\nAlways.")
    change(owner)
    # Browsers end the lines of a text in their own way.
    change(owner, booking_consent="I agree.\r\nAlways.")
    assert len(said(owner)) == 1


def test_the_second_of_two_owners_is_told_and_nothing_is_overwritten(owner: Client) -> None:
    mine = opened(owner, PROFILE) | PHONE | {"tagline": "Mine"}
    change(owner, story="<p>Theirs</p>", minimum_notice_hours="5")
    page = owner.post(PROFILE, mine)
    form = page.context["adminform"].form
    assert f'name="seen" value="{form["seen"].value()}"' in page.content.decode()
    [told] = form.non_field_errors()
    assert "saved here, last by Olive: Notice before booking (h), Story." in told
    assert form["tagline"].value() == "Mine"
    assert SpaProfile.load().minimum_notice_hours == 5
    # Now she has been told: what she sends next counts.
    assert owner.post(PROFILE, mine | {"seen": form["seen"].value()}).status_code == 302
    assert (SpaProfile.load().tagline, SpaProfile.load().minimum_notice_hours) == ("Mine", 2)


@pytest.mark.parametrize("seen", ["", "x", "tagline:", ":::", "\u202e☃:9", "9" * 9000])
def test_a_form_that_remembers_nonsense_is_refused(seen: str, owner: Client) -> None:
    page = edit(owner, PROFILE, **PHONE, seen=seen)
    assert page.context["adminform"].form.non_field_errors()


def test_hostile_words_are_shown_as_words(owner: Client) -> None:
    change(owner, tagline="<script>alert(1)</script>")
    assert "<script>alert" not in owner.get(HISTORY).content.decode()


def test_the_history_costs_the_same_for_one_and_for_many(owner: Client) -> None:
    change(owner, minimum_notice_hours="5")
    with CaptureQueriesContext(connection) as few:
        owner.get(HISTORY)
    for hours in ("6", "7", "8"):
        change(owner, minimum_notice_hours=hours)
    with CaptureQueriesContext(connection) as many:
        owner.get(HISTORY)
    assert len(many) == len(few)
