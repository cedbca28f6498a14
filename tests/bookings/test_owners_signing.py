"""The list of health questions: signed off by name and date, lapsed after any change."""

from datetime import date
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from services.loader import load_content
from services.models import Contraindication, Service, SignOff, SpaProfile
from services.sign_off import standing
from tests.bookings.staff_pages import browser_of

pytestmark = pytest.mark.django_db

SIGN = "/admin/services/contraindication/sign-off/"


@pytest.fixture
def owner(clock: time_machine.Traveller, spa: SpaProfile, lymph: Service, olive: User) -> Browser:
    return browser_of(olive)


def sign(browser: Browser, **changes: Any) -> Any:
    entry = {
        "name": "Dr Hale",
        "profession": "Physiotherapist",
        "signed_on": "2026-11-20",
        "note": "Read twice.",
        "read": "on",
        "version": browser.get(SIGN).context["form"].version,
    }
    return browser.post(SIGN, entry | changes)


def test_the_starting_list_ships_unsigned(db: None) -> None:
    load_content()
    found = standing()
    assert (found.sign_off, found.holds) == (None, False)


def test_a_sign_off_is_kept_with_name_profession_and_date(owner: Browser, olive: User) -> None:
    assert sign(owner).status_code == 302
    kept = SignOff.objects.get()
    assert (kept.name, kept.profession, kept.note) == ("Dr Hale", "Physiotherapist", "Read twice.")
    assert (kept.signed_on, kept.recorded_by) == (date(2026, 11, 20), olive)
    assert standing().holds
    page = owner.get("/admin/services/contraindication/").content.decode()
    assert "Signed off by Dr Hale, Physiotherapist, on 20 November 2026." in page


@pytest.mark.parametrize(
    ("field", "value", "before", "after"),
    [
        ("severity", "stop", "Adapt", "Stop"),
        ("question", "any asthma", "asthma", "any asthma"),
        ("advice", "Bring it.", "Ask us.", "Bring it."),
        ("areas", ["neck", "chest"], "neck", "neck, chest"),
        ("active", False, "yes", "no"),
        ("sources", "A book", "", "A book"),
    ],
)
def test_any_change_lapses_it_and_is_named(
    field: str, value: Any, before: str, after: str, owner: Browser
) -> None:
    sign(owner)
    Contraindication.objects.filter(slug="asthma").update(**{field: value})
    found = standing()
    [change] = found.changes
    assert not found.holds
    assert (change.name, change.before, change.after.lower()) == ("Asthma", before, after.lower())
    page = owner.get("/admin/services/contraindication/").content.decode()
    assert "has lapsed: 1 thing has changed since." in page


def test_treatments_and_notes_from_everyone_are_part_of_the_list(
    owner: Browser, lymph: Service, massage: Service
) -> None:
    sign(owner)
    massage.contraindications.remove(Contraindication.objects.get(slug="asthma"))
    Service.objects.filter(pk=lymph.pk).update(note_from_everyone=True)
    assert [(one.name, one.what, one.after) for one in standing().changes] == [
        ("Asthma", "Treatments", "Lymphatic drainage massage"),
        ("A doctor’s note from everyone", "Treatments", "Lymphatic drainage massage"),
    ]


def test_new_and_deleted_questions_are_named(owner: Browser, lymph: Service) -> None:
    sign(owner)
    row = Contraindication.objects.get(slug="over-60")
    row.pk, row.slug, row.name = None, "over-70", "Over 70"
    row.save()
    Contraindication.objects.get(slug="over-60").delete()
    assert [(one.name, one.what) for one in standing().changes] == [
        ("Over 60", "Question deleted"),
        ("Over 70", "New question"),
    ]


def test_a_change_that_is_taken_back_lets_it_hold_again(owner: Browser) -> None:
    sign(owner)
    asthma = Contraindication.objects.filter(slug="asthma")
    asthma.update(severity="stop")
    assert not standing().holds
    asthma.update(severity="adapt")
    assert standing().holds


def test_the_place_in_the_list_is_no_change(owner: Browser) -> None:
    sign(owner)
    Contraindication.objects.update(position=7)
    assert standing().holds


def test_a_list_that_changed_while_it_was_read_is_not_signed(owner: Browser) -> None:
    version = owner.get(SIGN).context["form"].version
    Contraindication.objects.filter(slug="asthma").update(severity="stop")
    page = sign(owner, version=version)
    assert "The list has changed since you opened this page." in page.content.decode()
    assert not SignOff.objects.exists()
    # What was typed stays.
    assert 'value="Dr Hale"' in page.content.decode()


def test_the_history_shows_each_sign_off_and_what_changed_after_it(owner: Browser) -> None:
    sign(owner)
    Contraindication.objects.filter(slug="asthma").update(severity="stop")
    sign(owner, name="Dr Moss")
    history = owner.get(SIGN).context["history"]
    assert [(one.sign_off.name, one.is_latest) for one in history] == [
        ("Dr Moss", True),
        ("Dr Hale", False),
    ]
    assert [len(one.changes) for one in history] == [0, 1]


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("name", "", "This field is required."),
        ("profession", "x" * 121, "Ensure this value has at most 120 characters (it has 121)."),
        ("signed_on", "2026-11-24", "This day is still to come."),
        ("signed_on", "0001-01-01", "Please look at the year."),
        ("signed_on", "soon", "Enter a valid date."),
        ("read", "", "This field is required."),
        ("name", "Dr\x00", "Null characters are not allowed."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    field: str, value: str, error: str, owner: Browser
) -> None:
    page = sign(owner, **{field: value})
    assert page.context["form"].errors[field] == [error]
    assert not SignOff.objects.exists()


def test_the_page_costs_the_same_however_long_the_list(owner: Browser, lymph: Service) -> None:
    sign(owner)
    owner.get(SIGN)
    with CaptureQueriesContext(connection) as queries:
        owner.get(SIGN)
    lymph.contraindications.exclude(slug="asthma").delete()
    with CaptureQueriesContext(connection) as fewer:
        owner.get(SIGN)
    assert len(queries) == len(fewer)


def test_words_of_people_are_shown_as_words(owner: Browser) -> None:
    sign(owner, name="<script>alert(1)</script>")
    page = owner.get(SIGN).content.decode()
    assert "<script>alert" not in page
