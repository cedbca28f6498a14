"""Gunicorn as in production, with two workers, and visitors in a process beside it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from django.conf import settings
from django.core.management import call_command

from bench.web.visitors import HOST, Measured, Plan

BASE_DIR = Path(__file__).resolve().parent.parent.parent
PLAIN = ("--threads=4", "--no-control-socket")
AS_DEPLOYED = ("--config=deploy/gunicorn.conf.py",)


def production(host: str, **more: str) -> dict[str, str]:
    """The environment of the site as in production, on the servers of this measurement."""
    return {
        **os.environ,
        "SECRET_KEY": settings.SECRET_KEY,
        "HEALTH_KEYS": ",".join(settings.HEALTH_KEYS),
        "ALLOWED_HOSTS": host,
        "SITE_URL": f"https://{host}",
        # Never used: no worker runs here, so nothing is sent.
        "EMAIL_URL": "smtp://127.0.0.1:9",
        **more,
    }


def counting() -> dict[str, str]:
    """The same, behind one proxy, with settings that count the statements of each request."""
    more = {"TRUSTED_PROXIES": "1", "DJANGO_SETTINGS_MODULE": "bench.web.settings"}
    return production(HOST, **more)


def collect_static() -> None:
    """Write the hashed names of the static files, as production has them."""
    call_command("collectstatic", interactive=False, verbosity=0)


@contextmanager
def served(
    application: str,
    port: int,
    *,
    environment: dict[str, str] | None = None,
    python: str = sys.executable,
    folder: Path = BASE_DIR,
    options: tuple[str, ...] = PLAIN,
    workers: int = 2,
) -> Iterator[int]:
    """Run gunicorn for as long as it is needed; gives its process number."""
    log = Path(settings.VAR_DIR, f"gunicorn-{port}.log")
    command = [python, "-m", "gunicorn", *options, f"--workers={workers}"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, f"--bind=127.0.0.1:{port}", application],
            cwd=folder,
            env=environment or dict(os.environ),
            stdout=output,
            stderr=output,
        )
    try:
        _wait_for(port, server, log)
        yield server.pid
    finally:
        server.terminate()
        server.wait()


def visit(plan: Plan) -> Measured:
    """Let visitors carry out ``plan`` in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.web.visitors"],
        input=json.dumps(asdict(plan)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=BASE_DIR,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    measured = Measured(**found)
    if not measured.milliseconds:
        raise RuntimeError(f"Nothing went well with {plan.walk or plan.paths}: {found}")
    return measured


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"gunicorn did not start: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
        except HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"gunicorn does not answer: {log.read_text()[-2000:]}")
