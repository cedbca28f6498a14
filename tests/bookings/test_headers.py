"""What every answer of the site tells the browser to keep from happening.

Each address of the access table is asked by everybody whose answer differs, under the settings that
production has; then what no table lists: files, refusals and faults.
"""

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError
from django.test import Client as Browser
from django.test import RequestFactory
from pytest_django import Settings

from spa import settings as spa_settings
from tests.bookings.access_table import ROLES, rows
from tests.bookings.access_world import World
from tests.spa.commands import PRODUCTION

HERE = {**PRODUCTION, "ALLOWED_HOSTS": "testserver", "SITE_URL": "https://testserver"}
OURS = ("SECURE_", "SESSION_COOKIE_", "CSRF_", "X_FRAME", "CONTENT_SECURITY", "PERMISSIONS_POLICY")
POLICY = [
    "base-uri 'none'",
    "default-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "img-src 'self' data:",
    "object-src 'none'",
]
# Of the owners' pages with an editor of texts: what it adds carries this answer's own number.
EDITOR = re.compile(r"'self' 'nonce-[\w+/=-]{22,}'")
ALWAYS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": spa_settings.PERMISSIONS_POLICY,
}
# What anybody may keep: it says nothing of anybody.
PUBLIC = {
    "",
    "services/",
    "services/<slug:slug>/",
    "about/",
    "policies/",
    "book/<slug:slug>/",
    "sitemap.xml",
    "robots.txt",
    # Words of Django's own scripts.
    "admin/jsi18n/",
}
# Mails in a frame of our own pages: with styles of their own, and with nothing else.
FRAMED = {
    "admin/bookings/wording/<slug:kind>/letter/",
    "desk/messages/<int:pk>/html/",
    "demo/mail/<str:name>/html/",
}
# Programs ask whether it has changed, and keep it until then.
FEED = "therapist/calendar/<str:token>.ics"


@pytest.fixture
def production(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let answers be made under production's own settings about headers and cookies."""
    with monkeypatch.context() as patch:
        for name, value in HERE.items():
            patch.setenv(name, value)
        made = runpy.run_path(spa_settings.__file__)
    for name, value in made.items():
        if name.startswith(OURS):
            setattr(settings, name, value)
    # So long, that the cast's Monday outlasts the walk; see tests/settings.py.
    settings.SESSION_COOKIE_AGE = 14 * 24 * 3600


@pytest.mark.django_db
def test_every_answer_is_shielded(production: None, world: World) -> None:
    wrong = {}
    browsers = {role: world.browser(role) for role in ROLES}
    for route, cells in rows().items():
        got = [cell.partition("/")[0] for cell in cells]
        for cell in dict.fromkeys(got):
            role = ROLES[got.index(cell)]
            answer = browsers[role].get(world.address(route, role), secure=True)
            if faults := faults_of(answer, route):
                wrong[route, role] = faults
    assert wrong == {}


@pytest.mark.django_db
def test_files_refusals_and_faults_are_shielded_too(
    production: None, settings: Settings, tmp_path: Path
) -> None:
    settings.STATIC_ROOT = str(tmp_path)
    (tmp_path / "leaf.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    default_storage.save("services/leaf.webp", ContentFile(b"RIFF"))
    settings.UNLIMITED_ADDRESSES = []
    browser = Browser(enforce_csrf_checks=True, raise_request_exception=False)
    asked = {
        "/static/leaf.svg": 200,
        "/static/no-such-file.js": 404,
        "/media/services/no-such-photo.jpg": 404,
        "/media/services/leaf.webp": 200,
        "/no-such-page/": 404,
        "/visit/no-such-visit/": 404,
        "/services": 301,
    }
    answers = [(browser.get(path, secure=True), status) for path, status in asked.items()]
    answers += [
        (browser.post("/accounts/login/", secure=True), 403),
        (browser.options("/healthz", secure=True), 405),
        (browser.get("/", secure=True, headers={"host": "elsewhere.example"}), 400),
    ]
    large = str(settings.MOST_BODY + 1)
    answers.append((browser.post("/accounts/login/", secure=True, CONTENT_LENGTH=large), 413))
    with patch("bookings.limits.seconds_to_wait_if_known", return_value=60):
        answers.append((browser.get("/visit/no-such-visit/", secure=True), 429))
    with patch("allauth.core.internal.ratelimit.consume", return_value=None):
        answers.append((Browser().post("/accounts/login/", secure=True), 429))
    for error, status in ((ValueError("Oh."), 500), (OperationalError("Away."), 503)):
        with patch("spa.health._valkey_answers", side_effect=error):
            answers.append((browser.get("/readyz", secure=True), status))
    assert [one.status_code for one, _status in answers] == [status for _one, status in answers]
    assert [faults_of(one, "") for one, _status in answers] == [[]] * len(answers)


def test_production_speaks_https_alone(production: None) -> None:
    answer = Browser().get("/services/?a=b")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/services/?a=b")
    # What a browser heeds of them on the way there too; the first is for https alone.
    assert [one.partition(":")[0] for one in faults_of(answer, "")] == ["Strict-Transport-Security"]


def faults_of(answer: Any, route: str) -> list[str]:
    """Everything that the headers and cookies of ``answer`` leave open."""
    faults = [
        f"{name}: {answer.headers.get(name)}"
        for name, value in ALWAYS.items()
        if answer.headers.get(name) != value
    ]
    if route in FRAMED and answer["X-Frame-Options"] != "DENY":
        faults += faults_of_framed(answer)
    else:
        faults += faults_of_policy(answer)
    if route not in PUBLIC and answer.status_code == 200:
        faults += faults_of_caching(answer, "no-cache" if route == FEED else "no-store")
    return faults + faults_of_cookies(answer)


def faults_of_policy(answer: Any) -> list[str]:
    said = answer.headers.get("Content-Security-Policy", "")
    rules = [
        rule
        for rule in said.split("; ")
        if not (rule.startswith(("script-src", "style-src")) and EDITOR.search(rule))
    ]
    faults = [] if sorted(rules) == POLICY else [f"Policy: {said}"]
    if answer.headers.get("X-Frame-Options") != "DENY":
        faults.append(f"Frames: {answer.headers.get('X-Frame-Options')}")
    return faults


def faults_of_framed(answer: Any) -> list[str]:
    rules = dict(rule.partition(" ")[::2] for rule in answer["Content-Security-Policy"].split("; "))
    safe = rules.get("default-src") == "'none'" and "allow-scripts" not in rules["sandbox"]
    faults = [] if safe and "script-src" not in rules else [f"Policy: {rules}"]
    if (answer["X-Frame-Options"], rules.get("frame-ancestors")) != ("SAMEORIGIN", "'self'"):
        faults.append(f"Frames: {answer['X-Frame-Options']}")
    return faults


def faults_of_caching(answer: Any, must: str) -> list[str]:
    said = answer.headers.get("Cache-Control", "")
    return [] if {"private", must} <= set(said.split(", ")) else [f"Cache-Control: {said}"]


def faults_of_cookies(answer: Any) -> list[str]:
    return [
        f"Cookie: {name}"
        for name, one in answer.cookies.items()
        if one.value
        and not (one["secure"] and one["httponly"] and one["samesite"] in ("Lax", "Strict"))
    ]


@pytest.mark.django_db
def test_who_asks_for_the_headers_alone_is_sent_nothing_else() -> None:
    """By the web server's own way in: Django's test client would take a body away itself."""
    sent: dict[str, str] = {}

    def start(
        _status: str, headers: list[tuple[str, str]], _error: Any = None, /
    ) -> Callable[[bytes], object]:
        sent.update(headers)
        return len

    bodies = {}
    for method in ("GET", "HEAD"):
        asked = RequestFactory().generic(method, "/healthz", HTTP_HOST="localhost").environ
        bodies[method] = b"".join(WSGIHandler()(asked, start))
    assert bodies["GET"]
    assert bodies["HEAD"] == b""
    assert sent["Content-Length"] == str(len(bodies["GET"]))
