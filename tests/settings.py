"""The project's settings for the tests: the same engines, started for this run alone.

Importing this starts PostgreSQL and Valkey in a temporary folder where none are given, before
Django reads the settings. The processes of pytest-xdist inherit their addresses. The servers stop
when the run ends, however it ends (see ``spa.embedded``).
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from spa import embedded

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")


def _start_servers() -> None:
    # No setting of the developer's own may reach the tests; an empty one hides that of .env.
    for name in ("SECRET_KEY", "EMAIL_URL", "ALLOWED_HOSTS", "SITE_URL"):
        os.environ[name] = ""
    folder = Path(tempfile.mkdtemp(prefix="spa-tests-"))
    os.environ["SPA_VAR_DIR"] = str(folder)
    # WhiteNoise warns where the folder of the collected files is missing.
    (folder / "static").mkdir()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    embedded.start(throwaway=True)


def _own_redis_database(url: str) -> str:
    """Give each test process its own Redis database, as each has its own PostgreSQL database."""
    number = int(WORKER.removeprefix("gw")) + 1 if WORKER else 0
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


if not WORKER:
    _start_servers()
os.environ["REDIS_URL"] = _own_redis_database(os.environ["REDIS_URL"])
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

from spa.settings import *  # noqa: E402, F403

# A browser keeps its line to the live server open, and a kept session would hold up the removal of
# the test database.
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
# The manifest needs collectstatic, which takes longer than most tests.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The cast is logged in on Monday and works on Tuesday.
SESSION_COOKIE_AGE = 14 * 24 * 3600
