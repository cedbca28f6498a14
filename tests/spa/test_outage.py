"""What visitors and the desk are told while a server is away or too slow."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test import override_settings

from bookings.reports.facts import room_to_count
from services import card
from services.models import SpaProfile
from tests.bookings.conftest import make_spa
from tests.conftest import database_url
from tests.spa.commands import PRODUCTION, newcomers_environment, run

PHONE = "+44 20 7946 0018"
LINK = 'href="tel:+44-20-7946-0018"'


@pytest.fixture
def browser_of_cleo(transactional_db: None) -> Browser:
    """A browser that shows what visitors see where a page fails, and has seen the site."""
    make_spa()
    browser = Browser(raise_request_exception=False)
    assert browser.get("/policies/").status_code == 200
    return browser


@pytest.fixture
def database_away(browser_of_cleo: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From now on nobody answers at the database's address."""
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "/nowhere")
        yield
    connection.close()


def test_a_page_says_that_the_diary_is_away_and_whom_to_ring(
    browser_of_cleo: Browser, database_away: None
) -> None:
    answer = browser_of_cleo.get("/services/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "15")
    assert answer["Cache-Control"] == "private, no-store"
    assert "Content-Security-Policy" in answer
    page = answer.content.decode()
    assert "We are back in a moment" in page
    assert LINK in page
    assert PHONE in page
    assert ">Try again</a>" in page


def test_what_was_sent_can_be_sent_again(browser_of_cleo: Browser, database_away: None) -> None:
    answer = browser_of_cleo.post("/book/lymphatic-drainage-massage/details/", {"name": "Cleo"})
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "Go back and send the page again in a minute" in page
    assert ">Try again</a>" not in page
    assert LINK in page


def test_a_feed_answers_in_json(browser_of_cleo: Browser, database_away: None) -> None:
    answer = browser_of_cleo.get("/desk/feed/", headers={"Sec-Fetch-Mode": "cors"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "15")
    assert answer.json() == {
        "message": "The diary does not answer at the moment. Please try again in a minute.",
        "phone": PHONE,
    }


def test_a_process_that_starts_while_the_database_is_away_knows_the_number(
    browser_of_cleo: Browser, database_away: None
) -> None:
    card.forget()
    assert LINK in browser_of_cleo.get("/").content.decode()
    (Path(settings.VAR_DIR) / "card.json").unlink()
    page = browser_of_cleo.get("/").content.decode()
    assert "We are back in a moment" in page
    assert "tel:" not in page


def test_a_container_that_cannot_write_keeps_the_number_in_valkey(
    browser_of_cleo: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Path(settings.VAR_DIR) / "nowhere" / "card.json"
    monkeypatch.setattr("services.card._path", lambda: nowhere)
    card.forget()
    assert card.last_known() == card.Card()
    browser_of_cleo.get("/policies/")
    card.forget()
    assert card.last_known().phone == PHONE


def test_the_number_follows_what_the_owners_changed(browser_of_cleo: Browser) -> None:
    SpaProfile.objects.update(phone="+442079460099")
    browser_of_cleo.get("/policies/")
    kept = json.loads((Path(settings.VAR_DIR) / "card.json").read_text())
    assert card.last_known().phone == kept["phone"] == "+44 20 7946 0099"


def test_a_table_that_is_locked_is_not_waited_for(browser_of_cleo: Browser) -> None:
    other = psycopg2.connect(database_url())
    with other.cursor() as cursor, connection.cursor() as ours:
        # What every request asks for, whatever the process remembers.
        cursor.execute("LOCK TABLE services_change IN ACCESS EXCLUSIVE MODE")
        ours.execute("SET lock_timeout = '100ms'")
        slow = browser_of_cleo.get("/policies/")
        ours.execute("SET lock_timeout = 0; SET statement_timeout = '100ms'")
        slower = browser_of_cleo.get("/policies/")
    other.close()
    connection.close()
    assert (slow.status_code, slower.status_code) == (503, 503)
    assert browser_of_cleo.get("/policies/").status_code == 200


def test_a_fault_of_our_own_stays_a_fault(
    browser_of_cleo: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.middleware.remember", lambda spa: 1 / 0)
    answer = browser_of_cleo.get("/policies/")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.content.decode()
    assert LINK in answer.content.decode()
    assert '\\"' not in answer.content.decode()


def test_nobody_signs_in_while_limits_cannot_be_counted(browser_of_cleo: Browser) -> None:
    dana = User.objects.create_user("dana", "dana@qi-spa.example", "rivers-and-moss")
    nobody_listens = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    typed = {"login": dana.email, "password": "rivers-and-moss"}
    with override_settings(CACHES=nobody_listens):
        answer = browser_of_cleo.post("/accounts/login/", typed)
        menu = browser_of_cleo.get("/services/")
    assert (answer.status_code, menu.status_code) == (503, 200)
    assert "_auth_user_id" not in browser_of_cleo.session
    assert browser_of_cleo.post("/accounts/login/", typed).status_code == 302


def test_reports_and_archives_may_take_longer(db: None) -> None:
    def limit() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            return str(cursor.fetchone()[0])

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10s'")
    with room_to_count():
        assert limit() == "1min"


@pytest.mark.parametrize(
    ("program", "limits"),
    [
        ("spa.wsgi", (10_000, 4_000, 20_000)),
        ("spa.celery", (900_000, 30_000, 900_000)),
    ],
)
def test_pages_wait_shorter_than_commands(
    program: str, limits: tuple[int, int, int], var: Path
) -> None:
    script = (
        f"import {program}\n"
        "from django.conf import settings\n"
        "print(settings.DATABASES['default']['OPTIONS']['options'])"
    )
    environment = newcomers_environment(var, DJANGO_SETTINGS_MODULE="spa.settings", **PRODUCTION)
    statement, lock, idle = limits
    assert run("-c", script, env=environment).stdout.strip() == (
        f"-c statement_timeout={statement} -c lock_timeout={lock}"
        f" -c idle_in_transaction_session_timeout={idle}"
    )
