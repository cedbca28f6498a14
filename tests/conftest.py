"""Fixtures for every test."""

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core.cache import cache
from django.db import connection, connections
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings
from playwright.sync_api import Playwright, expect
from pytest_django import DjangoDbBlocker, Settings

from services import memory
from services.loader import load_content
from spa import celery_app
from tests.emptying import AsMigrated
from tests.kept_rows import KeptRows, OnceForAll

BASE_DIR = Path(__file__).resolve().parent.parent
NUMBERS = count()

# The first has no window, and needs half of the time.
CHROMIUMS = ["chromium-headless-shell", "chromium", "chromium-browser"]
# The address bar of each window is a page of its own, which takes longer than most of ours. The
# others are those that Playwright leaves out: only the last such switch counts.
ADDRESS_BAR = ["WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"]
LEFT_OUT = [
    *ADDRESS_BAR,
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
]

# On a busy machine an example takes its time: slowness is measured in bench/, never here.
settings.register_profile(
    "spa", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("spa")

# Two processes share two cores: what comes at once on an idle machine may take its time there.
expect.set_options(timeout=15_000)

# Hardly anything of what is imported and collected is let go again.
gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long and often waits: at the end, the others would wait for it."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    # The tests of a group run one after another in one process: first the long groups, then
    # the tests that run the whole spa, then those with a browser.
    group = item.get_closest_marker("xdist_group")
    if group:
        return 0 if group.args[0] == "faults" else 1
    fixtures = getattr(item, "fixturenames", ())
    return next((2 + turn for turn, name in enumerate(("var", "page")) if name in fixtures), 4)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the garbage collector pass over what stays for the whole run: a million objects."""
    _refuse_scattered_groups(session)
    gc.enable()
    gc.collect()
    gc.freeze()


def _refuse_scattered_groups(session: pytest.Session) -> None:
    """Fail where pytest-xdist has not understood the groups: it would say nothing about that."""
    if getattr(session.config.option, "loadgroup", False):
        grouped = [one for one in session.items if one.get_closest_marker("xdist_group")]
        assert all("@" in one.nodeid for one in grouped), "pytest-xdist forgets the groups of tests"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make the database, and empty it faster after each test that commits.

    Django truncates every table, then writes content types and permissions anew one by one: half a
    second a time, and what migrations wrote is gone. Here they stay, only tables with rows are
    emptied, and the groups of the staff are put back.
    """
    with django_db_blocker.unblock():
        as_migrated = AsMigrated.read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: as_migrated.restore())
        yield


@pytest.fixture(scope="session")
def starting_list(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> KeptRows:
    """Return the starting content, to be put back in a hundredth of the time that loading takes."""
    with django_db_blocker.unblock():
        return KeptRows.of(load_content)


@pytest.fixture(scope="session")
def once_for_all() -> OnceForAll:
    """Return what lets the rows of a small cast be written once by each process."""
    return OnceForAll()


@pytest.fixture(autouse=True)
def _forget() -> None:
    """Let no test count on what the process remembers of an earlier one."""
    memory.forget_everything()


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    """Start each test with an empty Redis database: the queue of tasks is in it, not just a cache.

    A task that an earlier test left there would run in the worker of a later one.
    """
    cache.clear()


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> None:
    # A name alone: few tests keep a file, and a folder for each takes its time.
    settings.MEDIA_ROOT = tmp_path_factory.getbasetemp() / f"media-{next(NUMBERS)}"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the system's Chromium where there is one, else the one that Playwright downloaded."""
    found = (path for name in CHROMIUMS if (path := shutil.which(name)))
    chromium = next(found, None)
    return {
        **browser_type_launch_args,
        **({"executable_path": chromium} if chromium else {}),
        "args": [f"--disable-features={','.join(LEFT_OUT)}"],
    }


@pytest.fixture(scope="session")
def playwright(playwright: Playwright) -> Iterator[Playwright]:
    """Start Playwright; close what the tests beside it left open.

    Its event loop makes Django open another database session in this thread, which nobody finds
    once the loop is gone. The test database could then not be removed.
    """
    yield playwright
    connections.close_all()


@pytest.fixture(autouse=True)
def _let_the_server_finish(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty the database only after the live server has answered what pages still asked.

    The calendar asks for news every few seconds: a question under way while the tables are
    emptied would wait for them, and they for it.
    """
    marks = ("browser", "django_db")
    if not all(request.node.get_closest_marker(mark) for mark in marks):
        yield
        return
    # Asked for here, the database outlives this fixture, and the page does not.
    request.getfixturevalue("transactional_db")
    yield
    quiet = 0
    deadline = time.monotonic() + 10
    while quiet < 3 and time.monotonic() < deadline:
        quiet = 0 if _others_are_busy() else quiet + 1
        time.sleep(0.02)


def _others_are_busy() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state <> 'idle')"
        )
        return bool(cursor.fetchone()[0])


@dataclass
class MailServer:
    """A real SMTP server on a free port, and what it was given."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refuse: bool = False

    @property
    def url(self) -> str:
        """The server's address as ``EMAIL_URL``."""
        return f"smtp://127.0.0.1:{self.port}"

    def wait_for(self, count: int, seconds: float = 20) -> list[EmailMessage]:
        """Return all messages as soon as there are ``count``; fail where they do not come."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(self.messages) >= count, f"{len(self.messages)} of {count} messages came"
        return self.messages

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep one message, or refuse it for now where the test says so."""
        if self.refuse:
            return "451 Try again later"
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        self.recipients.append(list(envelope.rcpt_tos))
        self.messages.append(message)
        return "250 Kept"


@pytest.fixture
def smtp(settings: Settings) -> Iterator[MailServer]:
    """Return a running mail server, and point this process's settings at it."""
    mail_server = MailServer()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        mail_server.port = probe.getsockname()[1]
    controller = Controller(mail_server, hostname="127.0.0.1", port=mail_server.port)
    controller.start()
    settings.EMAIL_BACKEND = "spa.smtp.Backend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mail_server.port
    yield mail_server
    controller.stop()


@pytest.fixture
def celery_worker(
    transactional_db: None, smtp: MailServer, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real Celery worker on this test's database, Valkey and mail server."""
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "celery", "-A", "spa", "worker", "--concurrency=1"]
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [*command, "--loglevel=INFO", "--without-gossip", "--without-mingle"],
            cwd=BASE_DIR,
            env=worker_environment(smtp),
            stdout=output,
            stderr=output,
        )
    try:
        wait_for_worker(worker, log)
        yield worker
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=20)


def worker_environment(smtp: MailServer) -> dict[str, str]:
    """Return the environment of a process that shares this test's servers."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "spa.settings",
        "DATABASE_URL": database_url(),
        "EMAIL_URL": smtp.url,
    }


def database_url() -> str:
    """Return the address of this test's database."""
    parts = connection.settings_dict
    login = f"{parts['USER']}:{quote(parts['PASSWORD'])}"
    where = f"host={quote(parts['HOST'])}&port={parts['PORT']}"
    return f"postgresql://{login}@/{parts['NAME']}?{where}"


def wait_for_worker(worker: subprocess.Popen[bytes], log: Path) -> None:
    """Return as soon as the worker takes tasks; fail with its log where it never does."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and worker.poll() is None:
        if celery_app.control.ping(timeout=0.5):
            return
    pytest.fail(f"The worker did not start:\n{log.read_text()}")
