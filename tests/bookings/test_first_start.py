"""A new spa is set up in the browser: with the server's key, once, to its first owner."""

import re
from datetime import time
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from pytest_django import Settings

from bookings import first_start
from bookings.models import FirstStart, Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.conftest import NOW
from tests.bookings.race.harness import at_once, tally
from tests.bookings.staff_pages import words

pytestmark = pytest.mark.django_db

SPA = {
    "name": "Still Water",
    "address": "3 Mill Lane\r\nDublin",
    "country": "IE",
    "phone": "01 234 5678",
    "email": "hello@still-water.example",
    "emergency_number": "112",
    "time_zone": "Europe/Dublin",
    "currency": "EUR",
}
OWNER = {
    "name": "Olive",
    "email": "Olive@still-water.example",
    "password1": "heron-and-reed",
    "password2": "heron-and-reed",
}
WEEK = {"name": "Mia", "from_0": "09:00", "until_0": "17:00", "from_2": "10:00", "until_2": "14:30"}


def printed_address() -> str:
    said = StringIO()
    call_command("first_start", stdout=said)
    found = re.search(r"http\S+?(/start/key/\S+)", said.getvalue())
    assert found
    return found[1]


@pytest.fixture
def holder() -> Browser:
    """The browser of the one who has the key."""
    browser = Browser()
    browser.get(printed_address())
    return browser


def test_an_empty_spa_is_set_up_to_its_first_owner(holder: Browser) -> None:
    assert holder.get("/")["Location"] == "/start/"
    assert holder.get("/start/")["Location"] == "/start/spa/"
    # Nothing of the others before the spa has its name.
    assert holder.get("/start/owner/")["Location"] == "/start/spa/"
    assert holder.post("/start/spa/", SPA)["Location"] == "/start/treatments/"
    spa = SpaProfile.load()
    assert (spa.name, str(spa.phone), spa.time_zone, spa.currency) == (
        "Still Water",
        "+35312345678",
        "Europe/Dublin",
        "EUR",
    )
    assert spa.address == "3 Mill Lane\nDublin"

    lead = Service.objects.get(slug="lymphatic-drainage-massage")
    holder.post("/start/treatments/", {"offered": [lead.pk]})
    assert list(Service.objects.published()) == [lead]

    holder.post("/start/therapist/", WEEK)
    mia = Therapist.objects.get()
    assert mia.services.count() == Service.objects.count()
    assert list(mia.working_hours.values_list("weekday", "starts", "ends")) == [
        (0, time(9), time(17)),
        (2, time(10), time(14, 30)),
    ]
    holder.post("/start/room/", {"name": "Fern"})
    assert Room.objects.get().services.filter(pk=lead.pk).exists()

    came = holder.post("/start/owner/", {**OWNER, "treats": "on"})
    assert came["Location"] == "/admin/"
    olive = User.objects.get()
    assert (olive.email, olive.is_staff, olive.is_superuser) == (
        "olive@still-water.example",
        True,
        False,
    )
    assert Therapist.objects.get().user == olive
    assert "Your spa is set up." in words(holder.get("/admin/"))
    # Closed for good, even for who holds the key and even without any owner.
    assert holder.get("/start/")["Location"] == "/"
    User.objects.all().delete()
    assert holder.get("/start/spa/")["Location"] == "/start/"
    with pytest.raises(CommandError, match="has an owner already"):
        call_command("first_start")


def test_a_stranger_gets_no_further_than_the_door(holder: Browser) -> None:
    stranger = Browser()
    assert "This spa is not set up yet" in words(stranger.get("/start/"))
    assert "python manage.py first_start" in words(stranger.get("/start/"))
    wrong = stranger.get(f"/start/key/{'x' * 32}/")
    assert wrong.status_code == 404
    for step in first_start.STEPS:
        assert stranger.get(f"/start/{step}/")["Location"] == "/start/"
        assert stranger.post(f"/start/{step}/", {**SPA, **OWNER})["Location"] == "/start/"
        assert stranger.post(f"/start/{step}/later/")["Location"] == "/start/"
    assert stranger.get("/start/anything/").status_code == 404
    assert not User.objects.exists()
    assert not SpaProfile.objects.exists()


def test_who_guesses_keys_waits_and_who_has_the_key_does_not(settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    guesser = Browser(headers={"X-Forwarded-For": "203.0.113.7"})
    wrong = [guesser.get(f"/start/key/{number:032}/") for number in range(21)]
    assert [answer.status_code for answer in wrong] == [404] * 20 + [429]
    assert 590 <= int(wrong[-1]["Retry-After"]) <= 600
    # The button asks for the page once more: nothing was sent that could be lost.
    page = wrong[-1].content.decode()
    assert '<form method="get">' in page
    assert "what you typed" not in page
    assert guesser.get(printed_address())["Location"] == "/start/"


def test_a_later_key_takes_the_place_of_the_earlier(holder: Browser) -> None:
    printed_address()
    assert holder.get("/start/spa/")["Location"] == "/start/"


def test_only_a_hash_of_the_key_is_kept_and_the_address_forgets_it() -> None:
    address, browser = printed_address(), Browser()
    key = address.split("/")[-2]
    assert len(key) == 32
    assert key not in FirstStart.objects.get().key_hash
    assert browser.get(address)["Location"] == "/start/"
    assert key not in str(dict(browser.session))


def test_it_goes_on_where_it_was_left(holder: Browser) -> None:
    holder.post("/start/spa/", SPA)
    holder.post("/start/treatments/later/")
    again = Browser()
    again.get(printed_address())
    assert again.get("/start/")["Location"] == "/start/therapist/"
    page = again.get("/start/spa/").content.decode()
    assert 'value="Still Water"' in page
    assert 'value="Europe/Dublin" selected' in page
    # The name of the spa cannot be put off.
    assert again.post("/start/spa/later/")["Location"] == "/start/"


def test_a_step_done_again_changes_and_doubles_nothing(holder: Browser) -> None:
    holder.post("/start/spa/", SPA)
    for name in ("Mia", "Noor"):
        holder.post("/start/therapist/", {**WEEK, "name": name})
        holder.post("/start/room/", {"name": f"Room of {name}"})
    assert Therapist.objects.get().name == "Noor"
    assert Therapist.objects.get().working_hours.count() == 2
    assert Room.objects.get().name == "Room of Noor"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"name": ""}, "Please enter the name of your spa."),
        ({"phone": "12"}, "That is no phone number of this country."),
        ({"phone": "\x00"}, "Null characters are not allowed."),
        ({"email": "nobody"}, "Enter a valid email address."),
        ({"time_zone": "Mars/Base"}, "Select a valid choice."),
        ({"currency": "QQQ"}, "Select a valid choice."),
        ({"country": "XX"}, "Select a valid choice."),
        ({"name": "x" * 121}, "at most 120 characters"),
    ],
)
def test_bad_words_about_the_spa_are_explained_and_kept(
    wrong: dict[str, str], complaint: str, holder: Browser
) -> None:
    answer = holder.post("/start/spa/", {**SPA, **wrong})
    assert answer.status_code == 200
    assert complaint in words(answer)
    assert "hello@still-water.example" in answer.content.decode() or "email" in wrong
    assert not SpaProfile.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"until_0": ""}, "A day needs both times, or neither."),
        ({"until_0": "08:00"}, "The day must end after it starts."),
        ({"from_0": "late"}, "We could not read that time"),
        ({"from_0": "09:03"}, "Hours go by five minutes"),
        ({"name": " "}, "Please enter a name."),
        (dict.fromkeys(("from_0", "until_0", "from_2", "until_2"), ""), "at least one day"),
    ],
)
def test_a_week_that_cannot_be_is_explained_at_its_day(
    wrong: dict[str, str], complaint: str, holder: Browser
) -> None:
    holder.post("/start/spa/", SPA)
    answer = holder.post("/start/therapist/", {**WEEK, **wrong})
    assert complaint in words(answer)
    assert not Therapist.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"password2": "something-else"}, "You must type the same password each time."),
        ({"password1": "abc", "password2": "abc"}, "This password is too short."),
        ({"email": "x"}, "Enter a valid email address."),
    ],
)
def test_a_login_that_will_not_do_is_explained(
    wrong: dict[str, str], complaint: str, holder: Browser
) -> None:
    holder.post("/start/spa/", SPA)
    assert complaint in words(holder.post("/start/owner/", {**OWNER, **wrong}))
    assert not User.objects.exists()


def test_where_a_second_lock_is_a_must_it_comes_next(holder: Browser, settings: Settings) -> None:
    holder.post("/start/spa/", SPA)
    settings.STAFF_SECOND_FACTOR = True
    came = holder.post("/start/owner/", OWNER)
    assert holder.get(came["Location"])["Location"] == "/accounts/second-factor/"


def test_a_spa_that_has_an_owner_needs_no_set_up(olive: User, spa: SpaProfile) -> None:
    with pytest.raises(CommandError, match="has an owner already"):
        call_command("first_start")
    assert Browser().get("/start/")["Location"] == "/"
    assert Browser().get("/").status_code == 200


def test_an_owner_without_content_is_told_what_to_do(olive: User) -> None:
    assert Browser().get("/")["Location"] == "/start/"
    page = Browser().get("/start/")
    assert page.status_code == 503
    assert "python manage.py load_content" in words(page)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_new_spa_tells_machines_that_it_is_alive(path: str) -> None:
    assert Browser().get(path).status_code == 200


@pytest.mark.race
@pytest.mark.xdist_group("race")
@pytest.mark.django_db(transaction=True)
def test_of_two_who_set_up_at_once_one_becomes_the_owner() -> None:
    def finish(number: int) -> Any:
        login = {"name": "O", "email": f"o{number}@example.com", "password": "heron-and-reed"}
        return lambda: first_start.make_owner(**login, treats=False, now=NOW)

    assert tally(at_once([finish(number) for number in range(4)])) == {"User": 1, "SetUpOver": 3}
    assert User.objects.count() == 1
