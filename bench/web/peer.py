"""The peer: django-appointment, in an environment and a database of its own, on the same server.

It is installed once into ``var/bench-peer``; none of it belongs to this project.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psycopg2
from django.conf import settings
from django.db import connection

from bench.data import DAYS_AHEAD, DAYS_BACK, FUTURE_FULL, OPENS, Size
from bench.web.serving import BASE_DIR, served

PACKAGES = ["django-appointment==3.12.0", "Django==5.2.*", "gunicorn==27.*", "psycopg2-binary"]
PACKAGES += ["redis"]
HOME = BASE_DIR / "var" / "bench-peer"
PROJECT = Path(__file__).parent / "peer_project"


class NoPeer(Exception):
    """Why it cannot be measured here."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A served peer: what its visitors have to know."""

    port: int
    service: int
    staff: list[int]
    appointments: int
    minutes: int
    database: str

    @property
    def days(self) -> list[str]:
        """The days of one month from tomorrow."""
        return [(date.today() + timedelta(days=n)).isoformat() for n in range(1, 31)]  # noqa: DTZ011

    @property
    def given(self) -> dict[str, str]:
        """The same for a ``Plan``."""
        return {
            "service": str(self.service),
            "staff": ",".join(map(str, self.staff)),
            "days": ",".join(self.days),
            "minutes": str(self.minutes),
            "database": self.database,
        }


@contextmanager
def peer_of(size: Size, port: int) -> Iterator[Peer]:
    """Serve a peer with as many staff and appointments; raises ``NoPeer``."""
    python = _installed()
    params = connection.get_connection_params()
    _make_database()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "peer_settings",
        "PYTHONPATH": f"{PROJECT}{os.pathsep}{_counting()}",
        "PEER_USER": params["user"],
        "PEER_PASSWORD": params.get("password", ""),
        "PEER_HOST": params["host"],
        "PEER_PORT": str(params.get("port", "")),
    }
    filled = subprocess.run(
        [python, str(PROJECT / "peer_fill.py"), json.dumps(_wishes(size))],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    database = psycopg2.extensions.make_dsn(**{**_plain(params), "dbname": "peer"})
    with served("peer_wsgi", port, environment=environment, python=python, folder=PROJECT):
        known = json.loads(filled.stdout.splitlines()[-1])
        yield Peer(port=port, database=database, minutes=size.minutes, **known)


def _wishes(size: Size) -> dict[str, float]:
    minutes = size.slots * size.minutes
    return {
        "staff": size.therapists,
        "appointments": size.appointments,
        "opens": OPENS.hour,
        "closes": OPENS.hour + minutes // 60,
        "slots": size.slots,
        "minutes": size.minutes,
        # It knows neither buffers nor rooms: a visit takes the whole slot, which is easier.
        "visit": size.minutes,
        "full": FUTURE_FULL,
        "days_back": DAYS_BACK,
        "days_ahead": DAYS_AHEAD,
    }


def _installed() -> str:
    python = HOME / "bin" / "python"
    # Complete or not at all: an installation that broke off is made anew.
    ready = HOME / ("ready-" + "-".join(PACKAGES).replace("*", "x"))
    if not ready.exists():
        shutil.rmtree(HOME, ignore_errors=True)
        print("Installing the peer …", file=sys.stderr)
        venv.create(HOME, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise NoPeer(done.stderr.strip().splitlines()[-1])
        ready.touch()
    return str(python)


def _counting() -> Path:
    """A folder with the counter of SQL alone: the peer's Python must not see this project."""
    folder = Path(tempfile.mkdtemp(dir=settings.VAR_DIR))
    shutil.copy(Path(__file__).parent / "counting.py", folder)
    return folder


def _make_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS peer WITH (FORCE)")
        cursor.execute("CREATE DATABASE peer")


def _plain(params: dict[str, object]) -> dict[str, object]:
    known = ("user", "password", "host", "port")
    return {name: params[name] for name in known if params.get(name)}
