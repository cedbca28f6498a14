"""The second lock: who needs it, what it opens, and what stays closed without it."""

import re
from collections.abc import Callable, Iterator

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern
from pytest_django import Settings

from bookings.models import Appointment, Room, Therapist
from services.models import SpaProfile
from tests.bookings.conftest import at
from tests.bookings.second_factors import app_shows, put_lock_on
from tests.bookings.staff_pages import PASSWORD, browser_of, desk_url, login_of, status_of
from tests.conftest import MailServer

pytestmark = pytest.mark.django_db

SET_UP = "/accounts/second-factor/"
ASK = "/accounts/2fa/authenticate/"
PROVE = "/accounts/2fa/reauthenticate/"
APP = "/accounts/2fa/totp/activate/"
# What somebody may still open who has no second lock yet.
OPEN = {
    SET_UP,
    APP,
    "/accounts/2fa/webauthn/add/",
    "/accounts/logout/",
    "/accounts/reauthenticate/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/done/",
    "/healthz",
    "/metrics",
    "/readyz",
}


@pytest.fixture
def strict(settings: Settings) -> None:
    """As in production."""
    settings.STAFF_SECOND_FACTOR = True


def signed_in(user: User, *, code: str | None = None) -> Browser:
    """A browser after the login page, and after the page of the second lock where ``code`` is."""
    browser = Browser()
    browser.post("/accounts/login/", {"login": user.username, "password": PASSWORD})
    if code is not None:
        browser.post(ASK, {"code": code})
    return browser


def is_signed_in(browser: Browser) -> bool:
    return "_auth_user_id" in browser.session


def every_address() -> Iterator[str]:
    """Every address of the site, with something in the place of each part that varies."""
    yield from _paths(get_resolver().url_patterns, "")


def _paths(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    fill = {"reference": "22222222", "slug": "x", "token": "x"}
    for pattern in patterns:
        if not isinstance(pattern.pattern, RoutePattern):
            continue
        part = re.sub(
            r"<(?:(\w+):)?(\w+)>",
            lambda found: fill.get(found[2]) or fill.get(found[1] or "", "1"),
            str(pattern.pattern),
        )
        if isinstance(pattern, URLResolver):
            yield from _paths(pattern.url_patterns, before + part)
        else:
            yield f"/{before}{part}"


@pytest.mark.parametrize("who", ["dana", "olive", "mia"])
def test_without_a_second_lock_every_page_is_closed(
    who: str, strict: None, dana: User, olive: User, mia: Therapist, spa: SpaProfile
) -> None:
    login_of(mia)
    browser = browser_of(User.objects.get(username=who))
    addresses = set(every_address())
    assert {"/desk/", "/therapist/", "/admin/", "/", "/accounts/"} <= addresses
    assert addresses >= OPEN
    for path in sorted(addresses - OPEN):
        for answer in (browser.get(path), browser.post(path)):
            assert (answer.status_code, answer.get("Location")) == (302, SET_UP), path


def test_without_a_second_lock_nothing_changes(
    strict: None,
    dana: User,
    clock: time_machine.Traveller,
    book: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
) -> None:
    visit = book(at(10), therapist=mia)
    clock.move_to(at(10))
    sent = {"step": "arrived", "sequence": visit.sequence, "back": "day"}
    answer = browser_of(dana).post(desk_url("step", visit), sent)
    assert answer["Location"] == SET_UP
    assert status_of(visit) == "confirmed"


def test_scripts_are_told_in_their_own_way(strict: None, dana: User, spa: SpaProfile) -> None:
    browser = browser_of(dana)
    swapped = browser.get("/desk/", headers={"HX-Request": "true"})
    assert (swapped.status_code, swapped["HX-Redirect"]) == (200, SET_UP)
    assert swapped.content == b""
    asks: list[dict[str, str]] = [
        {"Accept": "application/json"},
        {"Sec-Fetch-Mode": "cors"},
        {"Accept": "text/event-stream"},
    ]
    for headers in asks:
        fetched = browser.get("/desk/", headers=headers)
        assert fetched.status_code == 403
        assert fetched.json()["location"] == SET_UP


def test_who_has_no_work_here_needs_no_second_lock(strict: None, spa: SpaProfile) -> None:
    otto = User.objects.create_user("otto")
    assert browser_of(otto).get("/").status_code == 200
    assert browser_of(otto).get("/desk/").status_code == 403


def test_a_trial_goes_without(dana: User, spa: SpaProfile) -> None:
    assert signed_in(dana).get("/desk/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_an_app_is_put_on_and_opens_the_desk(
    strict: None, dana: User, spa: SpaProfile, smtp: MailServer
) -> None:
    browser = signed_in(dana)
    assert browser.get("/desk/")["Location"] == SET_UP
    page = browser.get(SET_UP).content.decode()
    assert "One more lock on the door" in page
    assert "Back to work" not in page
    page = browser.get(APP).content.decode()
    found = re.search(r'account__secret">([A-Z2-7]{32})<', page)
    assert found is not None
    assert 'src="data:image/svg+xml;base64,' in page
    wrong = browser.post(APP, {"code": "000000"}).content.decode()
    assert "That code does not fit." in wrong
    assert found[1] in wrong, "the app that was scanned stays the right one"
    done = browser.post(APP, {"code": app_shows(found[1])}, follow=True)
    assert done.redirect_chain == [("/accounts/2fa/recovery-codes/", 302)]
    codes = re.findall(r"<code>(\d{8})</code>", done.content.decode())
    assert len(set(codes)) == 10
    assert browser.get("/desk/").status_code == 200
    assert smtp.wait_for(1)[0]["Subject"] == "Your login asks for an app now"
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert found[1] not in stored
    assert codes[0] not in stored


def test_an_older_session_must_show_the_lock_too(strict: None, dana: User, spa: SpaProfile) -> None:
    """Who got in with the password alone, before the lock was put on at another desk."""
    stranger = signed_in(dana)
    put_lock_on(dana)
    for path in ("/desk/", APP, "/accounts/2fa/webauthn/add/", "/accounts/reauthenticate/"):
        assert stranger.get(path)["Location"] == f"{PROVE}?next={path.replace('/', '%2F')}"
    assert stranger.post("/accounts/reauthenticate/", {"password": PASSWORD})["Location"] == PROVE
    assert "With your password" not in stranger.get(PROVE).content.decode()
    assert "That code does not fit." in stranger.post(PROVE, {"code": "1"}).content.decode()
    answer = stranger.post(f"{PROVE}?next=/desk/", {"code": app_shows()})
    assert answer["Location"] == "/desk/"
    assert stranger.get("/desk/").status_code == 200


def test_a_password_alone_opens_no_login_with_a_second_lock(dana: User, spa: SpaProfile) -> None:
    put_lock_on(dana)
    browser = Browser()
    answer = browser.post("/accounts/login/", {"login": "dana", "password": PASSWORD})
    assert answer["Location"] == ASK
    assert not is_signed_in(browser)
    assert browser.get("/desk/")["Location"] == "/accounts/login/?next=/desk/"
    wrong = browser.post(ASK, {"code": "000000"})
    assert "That code does not fit." in wrong.content.decode()
    assert browser.post(ASK, {"code": app_shows()})["Location"] == "/desk/"
    assert is_signed_in(browser)


def test_a_mailed_code_alone_opens_no_login_with_a_second_lock(
    strict: None, dana: User, spa: SpaProfile, smtp: MailServer
) -> None:
    put_lock_on(dana)
    browser = Browser()
    browser.post("/accounts/login/code/", {"email": dana.email})
    found = re.search(r"[A-Z]{4}-[A-Z]{4}", smtp.wait_for(1)[0].get_content())
    assert found is not None
    answer = browser.post("/accounts/login/code/confirm/", {"code": found[0]})
    assert answer["Location"] == ASK
    assert not is_signed_in(browser)
    browser.post(ASK, {"code": app_shows()})
    assert browser.get("/desk/").status_code == 200


def test_a_code_of_the_app_fits_once(
    dana: User, spa: SpaProfile, clock: time_machine.Traveller
) -> None:
    put_lock_on(dana)
    code = app_shows()
    assert is_signed_in(signed_in(dana, code=code))
    assert not is_signed_in(signed_in(dana, code=code))
    clock.shift(30)
    # By now allauth has forgotten it.
    cache.delete(f"allauth.mfa.totp.used?user={dana.pk}&code={code}")
    assert not is_signed_in(signed_in(dana, code=code))
    clock.shift(60)
    assert is_signed_in(signed_in(dana, code=app_shows()))


def test_a_clock_may_be_half_a_minute_off(dana: User, spa: SpaProfile) -> None:
    put_lock_on(dana)
    assert is_signed_in(signed_in(dana, code=app_shows(steps=1)))
    assert not is_signed_in(signed_in(dana, code=app_shows(steps=4)))


def test_a_recovery_code_opens_once(strict: None, dana: User, spa: SpaProfile) -> None:
    codes = put_lock_on(dana)
    browser = signed_in(dana, code=f"{codes[0][:4]} {codes[0][4:]}")
    assert browser.get("/desk/").status_code == 200
    assert "9 are left." in browser.get("/accounts/").content.decode()
    assert not is_signed_in(signed_in(dana, code=codes[0]))
    assert is_signed_in(signed_in(dana, code=codes[1]))


def test_guessing_codes_is_slowed_down(dana: User, spa: SpaProfile) -> None:
    put_lock_on(dana)
    browser = signed_in(dana)
    for number in range(5):
        browser.post(ASK, {"code": f"00000{number}"})
    answer = browser.post(ASK, {"code": app_shows()})
    assert "That did not fit too many times." in answer.content.decode()
    assert not is_signed_in(browser)


def test_who_takes_the_last_lock_off_is_led_to_a_new_one(
    strict: None, dana: User, spa: SpaProfile, smtp: MailServer
) -> None:
    put_lock_on(dana)
    browser = signed_in(dana, code=app_shows())
    assert browser.get("/desk/").status_code == 200
    browser.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists(), "recovery codes alone are no lock"
    assert browser.get("/desk/")["Location"] == SET_UP
    assert smtp.wait_for(1)[0]["Subject"] == "Your login asks for no app any more"


def test_taking_the_lock_off_takes_the_lock(
    strict: None, dana: User, spa: SpaProfile, clock: time_machine.Traveller
) -> None:
    put_lock_on(dana)
    browser = signed_in(dana, code=app_shows())
    clock.shift(301)
    answer = browser.post("/accounts/2fa/totp/deactivate/")
    assert answer["Location"].startswith(PROVE)
    assert Authenticator.objects.filter(user=dana, type="totp").exists()


def test_new_recovery_codes_replace_the_old_ones(dana: User, spa: SpaProfile) -> None:
    old = put_lock_on(dana)
    browser = signed_in(dana, code=app_shows())
    page = browser.post("/accounts/2fa/recovery-codes/generate/", follow=True).content.decode()
    new = re.findall(r"<code>(\d{8})</code>", page)
    assert (len(new), set(new) & set(old)) == (10, set())
    sheet = browser.get("/accounts/2fa/recovery-codes/download/")
    assert sheet["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert browser.delete("/accounts/2fa/recovery-codes/download/").status_code == 405
    assert sheet["Cache-Control"] == "private, no-store"
    assert re.findall(r"^\d{8}$", sheet.content.decode(), re.MULTILINE) == new


def test_passkeys_of_others_cannot_be_touched(dana: User, olive: User, spa: SpaProfile) -> None:
    hers = Authenticator.objects.create(user=olive, type="webauthn", data={"name": "Phone"})
    browser = signed_in(dana)
    for step in ("edit", "remove"):
        path = f"/accounts/2fa/webauthn/keys/{hers.pk}/{step}/"
        assert browser.get(path).status_code == 404
        assert browser.post(path, {"name": "Mine"}).status_code == 404
    assert Authenticator.objects.get().data == {"name": "Phone"}


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "null",
        "[]",
        "{}",
        "x",
        '{"id": 1}',
        '{"id": "MQ", "rawId": "MQ", "type": "public-key", "response": 3}',
        '{"response": {"userHandle": "MQ"}}',
        '{"id":"MQ","rawId":"MQ","type":"public-key","response":{"clientDataJSON":"e30",'
        '"authenticatorData":"MQ","signature":"MQ","userHandle":"MQ"}}',
        "9" * 5000,
    ],
)
def test_a_forged_passkey_opens_nothing(
    credential: str, dana: User, spa: SpaProfile, client: Browser
) -> None:
    options = client.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})
    assert options.json()["request_options"]["publicKey"]["userVerification"] == "required"
    answer = client.post("/accounts/2fa/webauthn/login/", {"credential": credential}, follow=True)
    assert answer.status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "[]",
        '{"id": 1}',
        '{"id":"MQ","rawId":"MQ","type":"public-key","response":{"clientDataJSON":"e30",'
        '"attestationObject":"MQ"}}',
        "9" * 5000,
    ],
)
def test_a_forged_new_passkey_is_not_kept(credential: str, dana: User, spa: SpaProfile) -> None:
    browser = signed_in(dana)
    path = "/accounts/2fa/webauthn/add/"
    browser.get(path)
    answer = browser.post(path, {"name": "Mine", "credential": credential})
    assert "No passkey was made." in answer.content.decode()
    assert not Authenticator.objects.exists()


def test_the_check_of_the_second_lock_costs_no_query(
    dana: User, spa: SpaProfile, settings: Settings
) -> None:
    put_lock_on(dana)
    browser = signed_in(dana, code=app_shows())
    counts = {}
    for strict in (False, True):
        settings.STAFF_SECOND_FACTOR = strict
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/desk/").status_code == 200
        counts[strict] = len(queries)
    assert counts[True] == counts[False]


@pytest.mark.parametrize(
    ("taken", "answer"),
    [
        (lambda: Group.user_set.through.objects.all().delete(), (403, "")),
        (lambda: User.objects.update(is_active=False), (302, "/accounts/login/?next=/desk/")),
        (lambda: User.objects.all().delete(), (302, "/accounts/login/?next=/desk/")),
        (lambda: Authenticator.objects.all().delete(), (302, SET_UP)),
    ],
    ids=["role", "login", "person", "lock"],
)
def test_what_is_taken_away_is_closed_from_the_next_request_on(
    taken: Callable[[], object],
    answer: tuple[int, str],
    strict: None,
    dana: User,
    spa: SpaProfile,
) -> None:
    put_lock_on(dana)
    browser = signed_in(dana, code=app_shows())
    assert browser.get("/desk/").status_code == 200
    taken()
    closed = browser.get("/desk/")
    assert (closed.status_code, closed.headers.get("Location", "")) == answer


def test_a_role_that_is_given_opens_at_the_next_request(
    strict: None, dana: User, spa: SpaProfile
) -> None:
    put_lock_on(dana)
    browser = signed_in(dana, code=app_shows())
    assert browser.get("/therapist/").status_code == 403
    Therapist.objects.create(name="Dana", user=dana)
    assert browser.get("/therapist/").status_code == 200
