"""What would this answer do? Tried out as a client, with and without an edit; nothing is kept."""

from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client as Browser

from bookings.models import Event, HealthCheck, HealthReading
from services.models import Contraindication, Service, SpaProfile
from tests.bookings.staff_pages import browser_of
from tests.services.owners_forms import form_data

pytestmark = pytest.mark.django_db

TRY = "/admin/services/contraindication/try/"


@pytest.fixture
def owner(clock: time_machine.Traveller, spa: SpaProfile, lymph: Service, olive: User) -> Browser:
    return browser_of(olive)


def tried(browser: Browser, *ticked: str, page: Any = None, **more: Any) -> Any:
    """Answer the questions of a page (by default those of the lead treatment) and send them."""
    page = page or browser.get(TRY)
    sent: dict[str, Any] = {}
    for name, value in page.context["hidden"]:
        sent.setdefault(name, []).append(value)
    answers = {"version": page.context["form"].asked_version, "none_left": "on", "consent": "on"}
    return browser.post(TRY, sent | answers | {f"tick-{slug}": "on" for slug in ticked} | more)


def edit_of(browser: Browser, slug: str, **changes: Any) -> dict[str, Any]:
    row = Contraindication.objects.get(slug=slug)
    page = browser.get(f"/admin/services/contraindication/{row.pk}/change/")
    return form_data(page) | {"of": str(row.pk)} | changes


@pytest.mark.parametrize(
    ("ticked", "outcome", "says", "badge"),
    [
        ([], "clear", "she goes straight on", "Clear"),
        (["over-60"], "clear", "she goes straight on", "Clear"),
        (["asthma"], "adapt", "She or he leaves out: neck.", "Adapt"),
        (["heart-disease"], "clearance", "You are asking for this time", "Awaiting clearance"),
        (["fever"], "stop", "Not this time, for your own good", None),
        (["chest-pain", "asthma"], "urgent", "Call 999 now", None),
    ],
)
def test_the_verdict_is_shown_from_each_side(
    ticked: list[str], outcome: str, says: str, badge: str | None, owner: Browser
) -> None:
    page = tried(owner, *ticked)
    result = page.context["result"]
    assert result.verdict.outcome.value == outcome
    assert (result.badge.label if result.badge else None) == badge
    assert says in page.content.decode()


def test_the_therapist_reads_what_she_would_read(owner: Browser) -> None:
    page = tried(owner, "asthma")
    [finding] = page.context["result"].therapist_reads
    assert (finding["name"], finding["areas"]) == ("Asthma", ["neck"])
    assert finding["severity_in_words"] == "Adapt: the therapist adjusts the session"


def test_nothing_is_stored(owner: Browser) -> None:
    before = dict(owner.session.items())
    for ticked in ("asthma", "fever", "heart-disease"):
        tried(owner, ticked)
    assert HealthCheck.objects.count() == Event.objects.count() == 0
    assert HealthReading.objects.count() == 0
    assert dict(owner.session.items()) == before


def test_a_mistake_is_said_as_the_client_would_hear_it(owner: Browser) -> None:
    page = tried(owner, "asthma", **{"none-body": "on"})
    assert page.context["result"] is None
    assert "You ticked something and also “None of these”." in page.content.decode()


def test_an_edit_that_is_not_saved_is_tried(owner: Browser) -> None:
    edit = edit_of(owner, "asthma", severity="stop", question="asthma of any kind")
    page = owner.post(TRY, edit)
    assert "asthma of any kind" in page.content.decode()
    assert "which is not saved" in page.content.decode()
    result = tried(owner, "asthma", page=page)
    assert result.context["result"].verdict.outcome.value == "stop"
    assert Contraindication.objects.get(slug="asthma").severity == "adapt"
    assert tried(owner, "asthma").context["result"].verdict.outcome.value == "adapt"


def test_an_edit_that_switches_a_question_off_takes_it_away(owner: Browser) -> None:
    page = owner.post(TRY, edit_of(owner, "asthma", active=""))
    asked = [row.slug for row in page.context["form"].questions]
    assert asked == ["chest-pain", "fever", "heart-disease", "over-60"]


def test_a_new_question_is_tried_in_its_place(owner: Browser, lymph: Service) -> None:
    new = {
        "of": "",
        "name": "Gout",
        "slug": "gout",
        "active": "on",
        "group": "acute",
        "position": "5",
        "question": "gout",
        "severity": "stop",
        "why": "It hurts.",
        "advice": "Ask us.",
        "evidence": "general",
        "services": [str(lymph.pk)],
    }
    page = owner.post(TRY, new)
    assert [row.slug for row in page.context["form"].questions][1] == "gout"
    assert tried(owner, "gout", page=page).context["result"].verdict.outcome.value == "stop"
    assert not Contraindication.objects.filter(slug="gout").exists()


def test_an_edit_with_a_mistake_is_named(owner: Browser) -> None:
    page = owner.post(TRY, edit_of(owner, "asthma", question=""))
    assert page.context["problems"] == ["Question: This field is required."]
    assert page.context["draft"] is None


def test_another_treatment_is_chosen_with_the_edit_still_there(
    owner: Browser, massage: Service
) -> None:
    edit = edit_of(owner, "asthma", severity="stop")
    page = owner.post(TRY, edit | {"service": massage.slug})
    assert (page.context["service"], page.context["draft"].row.severity) == (massage, "stop")
    assert owner.get(f"{TRY}?service={massage.slug}").context["service"] == massage


@pytest.mark.parametrize(
    "junk",
    [
        {"of": "9" * 30},
        {"of": "\x00"},
        {"of": "-1"},
        {"of": "1", "services": ["x", "9" * 40], "severity": "worst"},
        {"service": "\x00' OR 1=1"},
        {"version": "x" * 9000, "tick-asthma": "\u202e"},
        {"version": "", "follow-asthma": "maybe"},
    ],
)
def test_hostile_input_breaks_nothing(junk: dict[str, Any], owner: Browser) -> None:
    assert owner.post(TRY, junk).status_code == 200
    assert owner.get(TRY, junk).status_code == 200


def test_a_spa_without_treatments_has_nothing_to_try(
    clock: object, spa: SpaProfile, olive: User
) -> None:
    assert "There is no treatment yet." in browser_of(olive).get(TRY).content.decode()
