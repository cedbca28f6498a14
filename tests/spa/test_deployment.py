"""The files of the deployment agree with the settings, with each other and with what is told."""

import configparser
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.bin.celery import celery
from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError
from django.utils import timezone

from bookings.actions.heartbeats import note_heartbeat
from services import photos
from tests.conftest import BASE_DIR
from tests.spa.commands import newcomers_environment, run

COMPOSE = yaml.safe_load((BASE_DIR / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one}
UNITS = sorted((BASE_DIR / "deploy" / "systemd").glob("*.service"))
DOCS = (BASE_DIR / "docs" / "deploy.md").read_text()
# Of a trial, or of the system itself.
NOT_OF_PRODUCTION = {"DEBUG", "PORT", "PATH", "DJANGO_SETTINGS_MODULE"}
# Set by the images or by the web server for itself.
SET_BY_ITSELF = {"PROMETHEUS_MULTIPROC_DIR", "SPA_SERVES_PAGES"}


def read_by_the_code() -> set[str]:
    """Every variable that settings, commands and the web server's configuration ask for."""
    sources = [*(BASE_DIR / "spa").glob("*.py"), *(BASE_DIR / "deploy").glob("*.py")]
    asked = r"""(?:env\.\w+|environ\.get|_one_of)\(\s*"([A-Z][A-Z_]+)\""""
    return {name for one in sources for name in re.findall(asked, one.read_text())}


def in_env_example() -> set[str]:
    lines = (BASE_DIR / ".env.example").read_text()
    return set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", lines, re.MULTILINE))


def in_the_readme() -> set[str]:
    rows = re.findall(r"^\| (`[A-Z][^|]*) \|", (BASE_DIR / "README.md").read_text(), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z][A-Z_]+)`", row)}


def unit(path: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    # Names of options have capitals.
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser["Service"]


def words_of(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else command


def commands() -> list[list[str]]:
    """Every command line of compose and systemd that runs our code."""
    ours = [words_of(one["command"]) for one in OURS.values()]
    tests = [
        one["healthcheck"]["test"][1:] for one in OURS.values() if "test" in one["healthcheck"]
    ]
    units = [words_of(unit(path)["ExecStart"]) for path in UNITS]
    lines = [*ours, *tests, *units]
    shells = [words[2] for words in lines if words[:2] == ["sh", "-c"]]
    lines += [words_of(part) for shell in shells for part in shell.split("&&")]
    return [[words[0].rpartition("/")[2], *words[1:]] for words in lines if words[0] != "sh"]


def test_every_variable_is_explained_and_stands_in_the_example() -> None:
    needed = read_by_the_code() - NOT_OF_PRODUCTION - SET_BY_ITSELF
    assert needed >= {"SECRET_KEY", "HEALTH_KEYS", "METRICS_KEY", "WEB_CONCURRENCY"}
    assert needed - in_the_readme() == set()
    assert needed - in_env_example() == set()
    # The provider's keys are read by their first word; the password of compose's PostgreSQL.
    others = {"ANYMAIL_POSTMARK_SERVER_TOKEN", "ANYMAIL_WEBHOOK_SECRET", "POSTGRES_PASSWORD"}
    assert in_env_example() - needed == others


def test_compose_sets_and_asks_for_no_unknown_variable() -> None:
    known = in_env_example() | {"SPA_VERSION"}
    text = (BASE_DIR / "compose.yaml").read_text()
    assert set(re.findall(r"\$\{([A-Z_]+)", text)) <= known
    assert {name for one in OURS.values() for name in one["environment"]} <= known


def test_only_caddy_can_be_reached_from_outside() -> None:
    assert [name for name, one in SERVICES.items() if "ports" in one] == ["caddy"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert {name: one["networks"] for name, one in SERVICES.items()} == {
        "migrate": ["inside"],
        "web": ["inside", "outside"],
        "worker": ["inside", "outside"],
        "beat": ["inside"],
        "database": ["inside"],
        "valkey": ["inside"],
        "caddy": ["outside"],
    }


def test_each_service_starts_again_may_little_and_waits_for_what_it_needs() -> None:
    assert set(OURS) == {"migrate", "web", "worker", "beat"}
    for name, one in SERVICES.items():
        assert one["restart"] == ("no" if name == "migrate" else "unless-stopped")
    for one in OURS.values():
        assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
        assert one["security_opt"] == ["no-new-privileges:true"]
    migrated = {"migrate": {"condition": "service_completed_successfully"}}
    for name in ("web", "worker", "beat"):
        assert OURS[name]["depends_on"] == migrated
        assert "test" in OURS[name]["healthcheck"]
    healthy = {"condition": "service_healthy"}
    assert OURS["migrate"]["depends_on"] == {"database": healthy, "valkey": healthy}
    assert SERVICES["caddy"]["depends_on"] == {"web": healthy}
    named = {
        volume.split(":")[0]
        for one in SERVICES.values()
        for volume in one.get("volumes", [])
        if not volume.startswith(".")
    }
    assert named == set(COMPOSE["volumes"])


def test_nothing_begins_while_postgresql_still_makes_its_data() -> None:
    """Its image makes them with a server that only its own socket reaches, then starts it anew."""
    (_shell, asked) = SERVICES["database"]["healthcheck"]["test"]
    assert re.search(r"pg_isready --host=127\.0\.0\.1 ", asked)


def test_the_spas_user_of_postgresql_is_not_its_master() -> None:
    """Who it is instead is tried where a backup is restored (test_backups.py)."""
    database = SERVICES["database"]
    assert database["environment"]["POSTGRES_USER"] == "postgres"
    [script] = [one for one in database["volumes"] if "/docker-entrypoint-initdb.d/" in one]
    assert os.access(BASE_DIR / script.split(":")[0], os.X_OK)
    assert OURS["web"]["environment"]["DATABASE_URL"].startswith("postgresql://spa:")


def test_postgresql_does_not_repeat_rows_or_statements_in_its_log() -> None:
    quiet = {"log_error_verbosity": "terse", "log_min_error_statement": "panic"}
    given = re.findall(r"-c (\w+)=(\w+)", SERVICES["database"]["command"])
    assert dict(given) == quiet
    assert dict(re.findall(r"ALTER DATABASE spa SET (\w+) = (\w+)", DOCS)) == quiet


def test_every_command_of_the_deployment_exists() -> None:
    for words in commands():
        program, *rest = words
        if program == "celery":
            name = next(word for word in rest if word[0] != "-")
            options = [*celery.params, *celery.commands[name].params]
            known = {word for option in options for word in option.opts}
            assert {word.split("=")[0] for word in rest if word != name} <= known
        elif program == "python" and rest[0] == "manage.py":
            assert rest[1] in get_commands()
        elif program == "python":
            assert (BASE_DIR / rest[0]).is_file()
        else:
            assert (program, rest) == (
                "gunicorn",
                ["--config=deploy/gunicorn.conf.py", "spa.wsgi"],
            )


def test_the_proxy_hands_on_whole_forms_and_no_larger_ones_than_are_taken() -> None:
    caddy = (BASE_DIR / "deploy" / "Caddyfile").read_text()
    megabytes = dict(re.findall(r"request_body @(\w+) \{\s+max_size (\d+)MB", caddy))
    (buffered,) = re.findall(r"request_buffers (\d+)MB", caddy)
    text = settings.MOST_TEXT // 1_000_000
    assert (megabytes["others"], buffered) == (str(text), str(text))
    # The form around a field of the longest text, or around the largest photo.
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE < settings.MOST_TEXT
    assert int(megabytes["owners"]) * 1_000_000 > photos.MOST_MEGABYTES * 1024**2
    assert int(megabytes["owners"]) * 1_000_000 <= settings.MOST_BODY
    # Caddy reads as long as a browser sends, unless it is told how long that may take.
    assert {"read_header", "read_body", "idle"} <= set(re.findall(r"(\w+) \d+[sm]\n", caddy))


def test_what_the_proxy_says_itself_is_shielded_as_our_pages_are() -> None:
    caddy = (BASE_DIR / "deploy" / "Caddyfile").read_text()
    answers = re.findall(r"handle_errors [\d ]+ \{(.*?)respond", caddy, re.DOTALL)
    assert len(answers) == 2
    assert all("import shielded" in answer for answer in answers)
    assert "{$SITE_URL} {\n\tlog\n\timport shielded\n" in caddy
    assert '?Strict-Transport-Security "max-age=31536000; includeSubDomains; preload"' in caddy


def test_gunicorn_takes_its_flags(var: Path) -> None:
    (var / "static").mkdir()
    environment = newcomers_environment(var, DATABASE_URL="postgresql://spa@db/spa")
    (flags,) = {tuple(words[1:]) for words in commands() if words[0] == "gunicorn"}
    checked = run("-m", "gunicorn", "--check-config", *flags, env=environment)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_may_little_and_find_their_files(path: Path) -> None:
    service = unit(path)
    assert service["WorkingDirectory"] == "/opt/spa"
    assert service["ExecStart"].startswith("/opt/spa/.venv/bin/")
    assert service["User"] == "spa"
    assert (service["NoNewPrivileges"], service["ProtectSystem"]) == ("true", "strict")
    assert (service["PrivateTmp"], service["ProtectHome"]) == ("true", "true")
    assert service["CapabilityBoundingSet"] == ""
    assert service["EnvironmentFile"] == "/opt/spa/.env"
    set_here = {one.split("=")[0] for one in service["Environment"].split()}
    assert set_here - in_env_example() == {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    timed = path.with_suffix(".timer").exists()
    assert service.get("Restart", "never") == ("never" if timed else "always")


def test_image_runs_as_nobody_special_and_holds_no_secret() -> None:
    lines = (BASE_DIR / "Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", lines, re.MULTILINE) == ["spa"]
    # One step gets values that mean nothing; no other line, and no layer, knows any.
    keeps = "\n".join(re.findall(r"^(?:ENV|ARG) (?:.*\\\n)*.*$", lines, re.MULTILINE))
    assert not re.search("SECRET_KEY|HEALTH_KEYS|PASSWORD", keeps)
    everything, *kept = [
        line
        for line in (BASE_DIR / ".dockerignore").read_text().splitlines()
        if line and line[0] != "#"
    ]
    assert everything == "*"
    assert [line[1:] for line in kept if line[0] == "!"] == [
        "manage.py",
        "requirements.txt",
        "spa",
        "services",
        "bookings",
        "templates",
        "static",
        "deploy",
    ]


@pytest.mark.parametrize("page", ["deploy.md", "backup.md"])
def test_what_the_pages_tell_to_type_is_there(page: str) -> None:
    told = (BASE_DIR / "docs" / page).read_text()
    typed = "\n".join(re.findall(r"^    (.*)$", told, re.MULTILINE))
    for command in re.findall(r"manage\.py (\w+)", told):
        assert command in get_commands()
    of_services = r"docker compose (?:exec|logs|run)(?: --[\w-]+)* (\w+)"
    named = set(re.findall(of_services, typed))
    named |= set(" ".join(re.findall(r"docker compose stop (.*)", typed)).split())
    assert named
    assert named <= set(SERVICES)
    # Only what runs can be asked; what is stopped for a while is run anew.
    _before, *stopped = re.split(r"docker compose stop .*", typed)
    asked = re.findall(r"docker compose exec (\w+)", "".join(stopped).split(" up --detach")[0])
    assert set(asked) <= {"database"}
    names = {path.name for path in (BASE_DIR / "deploy" / "systemd").iterdir()}
    for name in set(re.findall(r"\bspa-([a-z-]+(?:\.timer)?)\b", typed)) - {"example"}:
        assert {f"spa-{name}", f"spa-{name}.service"} & names
    for path in re.findall(r"`?\b(?<!docs/)(deploy/[\w.-]+)", told):
        assert (BASE_DIR / path).exists()
    variables = set(re.findall(r"`([A-Z][A-Z_]{3,})`", told))
    assert variables <= in_env_example()


def test_fresh_env_makes_a_production_that_passes_the_check(var: Path) -> None:
    made = subprocess.run(
        [BASE_DIR / "deploy" / "make-env", "spa.test"], capture_output=True, text=True, check=True
    ).stdout
    given = dict(line.split("=", 1) for line in made.splitlines() if re.match("[A-Z_]+=", line))
    assert (given["SITE_URL"], given["ALLOWED_HOSTS"]) == ("https://spa.test", "spa.test")
    assert f"spa:{given['POSTGRES_PASSWORD']}@" in given["DATABASE_URL"]
    assert all(given.values())
    environment = newcomers_environment(var, **given)
    checked = run("manage.py", "check", "--deploy", "--fail-level=WARNING", env=environment)
    assert (checked.stderr, checked.returncode) == ("", 0)


@pytest.mark.django_db
@pytest.mark.parametrize("of", ["worker", "beat"])
def test_alive_says_whether_a_process_has_shown_itself(of: str) -> None:
    with pytest.raises(CommandError):
        call_command("alive", of)
    note_heartbeat(of=of, now=timezone.now())
    call_command("alive", of)
