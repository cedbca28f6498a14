"""One settings file: a trial by default, production where secrets are given."""

import io
import json
import logging
import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils.module_loading import import_string

from spa.logs import HidePeople, HideVisitLinks
from tests.spa.commands import PRODUCTION, newcomers_environment, processes_of, run


def test_production_passes_djangos_deployment_check(var: Path) -> None:
    environment = newcomers_environment(var, **PRODUCTION)
    checked = run("manage.py", "check", "--deploy", "--fail-level=WARNING", env=environment)
    assert (checked.stderr, checked.returncode) == ("", 0)
    assert checked.stdout == "System check identified no issues (0 silenced).\n"
    assert list(var.iterdir()) == []


@pytest.mark.parametrize("name", sorted(set(PRODUCTION) - {"SECRET_KEY"}))
def test_production_names_what_is_missing_and_starts_no_server(var: Path, name: str) -> None:
    environment = newcomers_environment(var, **{**PRODUCTION, name: ""})
    refused = run("manage.py", "migrate", env=environment)
    assert refused.returncode == 1
    assert f"production also needs: {name}. Set them, or unset SECRET_KEY" in refused.stderr
    assert processes_of(var) == []


def test_production_has_no_page_that_shows_mail(var: Path) -> None:
    script = (
        "import django; django.setup()\n"
        "from django.urls import resolve, Resolver404\n"
        "try: print(resolve('/demo/mail/'))\n"
        "except Resolver404: print('no such page')"
    )
    environment = newcomers_environment(var, DJANGO_SETTINGS_MODULE="spa.settings", **PRODUCTION)
    assert run("-c", script, env=environment).stdout == "no such page\n"


@pytest.mark.parametrize(
    ("given", "must"),
    [
        (PRODUCTION, "True 1"),
        ({**PRODUCTION, "STAFF_SECOND_FACTOR": "false", "TRUSTED_PROXIES": "2"}, "False 2"),
        ({}, "False 0"),
        ({"STAFF_SECOND_FACTOR": "true"}, "True 0"),
    ],
)
def test_staff_need_a_second_lock_in_production(
    var: Path, given: dict[str, str], must: str
) -> None:
    script = (
        "from django.conf import settings as s\n"
        "print(s.STAFF_SECOND_FACTOR, s.ALLAUTH_TRUSTED_PROXY_COUNT)"
    )
    environment = newcomers_environment(var, DJANGO_SETTINGS_MODULE="spa.settings", **given)
    assert run("-c", script, env=environment).stdout == f"{must}\n"


def test_trial_makes_its_secrets_once_for_this_user_only(var: Path) -> None:
    environment = newcomers_environment(var)
    secrets = var / "secrets.json"
    assert run("manage.py", "check", env=environment).returncode == 0
    made = secrets.read_text()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert len(json.loads(made)["SECRET_KEY"]) >= 50
    assert run("manage.py", "check", env=environment).returncode == 0
    assert secrets.read_text() == made


def test_socket_folder_in_the_database_address_is_the_host(var: Path) -> None:
    url = "postgresql://postgres@/spa?host=/Some/Folder%20here"
    script = "from django.conf import settings; d = settings.DATABASES['default']; print(d['HOST'])"
    environment = newcomers_environment(
        var, DATABASE_URL=url, DJANGO_SETTINGS_MODULE="spa.settings"
    )
    assert run("-c", script, env=environment).stdout == "/Some/Folder here\n"


def test_every_answer_carries_the_strict_headers(client: Client) -> None:
    headers = client.get("/healthz").headers
    assert sorted(headers["Content-Security-Policy"].split("; ")) == [
        "base-uri 'none'",
        "default-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "img-src 'self' data:",
        "object-src 'none'",
    ]
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Permissions-Policy"].startswith("camera=(), microphone=()")


@pytest.mark.parametrize("path", ["password/reset/key/", "confirm-email/"])
def test_log_does_not_open_a_login(path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(HideVisitLinks())
    logging.getLogger("django.request").warning("Gone: %s", f"/accounts/{path}1-a-secret/")
    assert caplog.messages == [f"Gone: /accounts/{path}…/"]


@pytest.mark.django_db
def test_log_does_not_open_a_visit(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(HideVisitLinks())
    with caplog.at_level(logging.WARNING, logger="django.request"):
        client.get("/visit/a-secret-of-the-link/nothing-here/")
    assert caplog.messages == ["Not Found: /visit/…/nothing-here/"]


@pytest.mark.parametrize("door", ["/mail/stop/", "/accounts/welcome/", "/start/key/"])
def test_log_opens_no_other_door(door: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(HideVisitLinks())
    logging.getLogger("django.server").warning("GET %sa-key.of-it/ HTTP/1.1", door)
    assert caplog.messages == [f"GET {door}…/ HTTP/1.1"]


def test_a_refused_page_is_one_line_in_the_log_and_a_fault_has_its_traceback() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    for name in settings.LOGGING["handlers"]["stderr"]["filters"]:
        handler.addFilter(import_string(settings.LOGGING["filters"][name]["()"])())
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        for fault in (PermissionDenied(), ValueError("Oh.")):
            logger.warning("Answered: %s", "/desk/", exc_info=fault)
    finally:
        logger.removeHandler(handler)
    assert written.getvalue().splitlines() == [
        "Answered: /desk/",
        "Answered: /desk/",
        "ValueError: Oh.",
    ]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("GET /desk/clients/?q=O'Hara+%40x HTTP/1.1", "GET /desk/clients/?q=… HTTP/1.1"),
        ('"/desk/clients/new/?name=Cleo" 200', '"/desk/clients/new/?name=…" 200'),
        ("/x/?date=2026-11-24&q=0001&by=room", "/x/?date=2026-11-24&q=…&by=room"),
        ("/login/?next=/desk/clients/%3Fq%3DCleo", "/login/?next=/desk/clients/%3Fq%3D…"),
        ("/desk/?date=2026-11-24", "/desk/?date=2026-11-24"),
    ],
)
def test_log_does_not_name_who_was_searched_for(
    said: str, kept: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(HidePeople())
    logging.getLogger("django.server").warning("%s", said)
    assert caplog.messages == [kept]


@pytest.mark.parametrize("name", ["root", "gunicorn.access"])
def test_every_log_of_the_server_is_blanked(name: str, var: Path) -> None:
    # The server sets up its own logs before it loads the application.
    script = (
        "import logging, sys\n"
        "server = logging.getLogger('gunicorn.access')\n"
        "server.propagate = False\n"
        "server.addHandler(logging.StreamHandler(sys.stderr))\n"
        "server.setLevel('INFO')\n"
        "import spa.wsgi\n"
        f"log = logging.getLogger({name!r})\n"
        "log.warning('%(r)s', {'r': 'GET /visit/a-secret/?q=Cleo HTTP/1.1'})\n"
    )
    environment = newcomers_environment(var, DJANGO_SETTINGS_MODULE="spa.settings", **PRODUCTION)
    line = run("-c", script, env=environment).stderr.splitlines()[-1]
    told = json.loads(line)["message"] if line.startswith("{") else line
    assert told == "GET /visit/…/?q=… HTTP/1.1"
