"""The demo spa under gunicorn, with settings and static files as in production."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

from django.conf import settings
from django.core.management import call_command
from django.test import Client as Browser
from django.utils import timezone

from bookings import demo
from services.models import Service
from tests.bookings.client_pages import DETAILS, SLUG, TIMES, pass_health

BASE_DIR = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
GUNICORN = ("--config=deploy/gunicorn.conf.py",)
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
    """The environment of the site as in production, on the servers of this measurement."""
    return {
        **os.environ,
        "SECRET_KEY": settings.SECRET_KEY,
        "HEALTH_KEYS": ",".join(settings.HEALTH_KEYS),
        "ALLOWED_HOSTS": HOST,
        "SITE_URL": f"https://{HOST}",
        # Lighthouse asks for robots.txt without the proxy's header.
        "SSL_REDIRECT": "off",
        # Never used: no worker runs beside it, so nothing is sent.
        "EMAIL_URL": "smtp://127.0.0.1:9",
    }


@contextmanager
def served(
    port: int, *, environment: dict[str, str], application: str = "spa.wsgi", workers: int = 2
) -> Iterator[int]:
    """Run gunicorn on ``port``, and give its process number."""
    command = [sys.executable, "-m", "gunicorn", *GUNICORN, f"--workers={workers}"]
    log = Path(environment["SPA_VAR_DIR"], f"web-{port}.log")
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, f"--bind={HOST}:{port}", application],
            cwd=BASE_DIR,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_for(port, server, log)
        yield server.pid
    finally:
        server.terminate()
        server.wait()


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


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"gunicorn did not start: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5).close()
        except HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"gunicorn does not answer: {log.read_text()[-2000:]}")
