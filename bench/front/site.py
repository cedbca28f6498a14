"""The demo spa under gunicorn, with settings and static files as in production."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.conf import settings
from django.core.management import call_command
from django.test import Client as Browser
from django.utils import timezone

from bench.web import serving
from bookings import demo
from services.models import Service
from tests.bookings.client_pages import DETAILS, SLUG, TIMES, pass_health

BASE_DIR = serving.BASE_DIR
HOST = "127.0.0.1"
PAGES = {
    "home": "/",
    "treatment": f"/services/{SLUG}/",
    "times": TIMES,
    "details": DETAILS,
}
# What the proxy says; without it every page would lead to https.
BEHIND_TLS = {"X-Forwarded-Proto": "https"}


@contextmanager
def open_site() -> Iterator[str]:
    """Fill the demo spa, serve it, and give the address."""
    call_command("load_content", verbosity=0)
    demo.fill_diary(now=timezone.now())
    port = free_port()
    environment = production()
    collect_static(environment)
    with served(port, environment=environment):
        yield f"http://{HOST}:{port}"


def collect_static(environment: dict[str, str]) -> None:
    """Write the static files as production has them: by hashed names, and with Brotli."""
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
    subprocess.run(command, cwd=BASE_DIR, env=environment, check=True)


def production() -> dict[str, str]:
    """The environment of the site. Lighthouse asks for robots.txt without the proxy's header."""
    return serving.production(HOST, SSL_REDIRECT="off")


def served(
    port: int, *, environment: dict[str, str], application: str = "spa.wsgi", workers: int = 2
) -> AbstractContextManager[int]:
    """Run gunicorn as it is deployed; gives its process number."""
    return serving.served(
        application,
        port,
        environment=environment,
        options=serving.AS_DEPLOYED,
        workers=workers,
    )


def held_session() -> str:
    """Choose a time, pass the health check, and return the session that leads to the details."""
    browser = Browser(HTTP_HOST=HOST)
    start = re.search(r'name="start" value="([^"]+)"', browser.get(TIMES).content.decode())
    assert start is not None
    browser.post(TIMES, {"start": start[1]})
    pass_health(browser, Service.objects.get(slug=SLUG))
    assert browser.get(DETAILS).status_code == 200
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
