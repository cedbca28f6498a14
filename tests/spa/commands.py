"""Real commands of the project, run as a person in a terminal would."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from cryptography.fernet import Fernet

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# What the tests set for themselves and a newcomer's terminal does not have.
OWN = (
    "DATABASE_URL",
    "REDIS_URL",
    "DJANGO_ALLOW_ASYNC_UNSAFE",
    "DJANGO_SETTINGS_MODULE",
    "PYTEST_XDIST_WORKER",
)

# What production needs at the least; no server answers at these addresses.
PRODUCTION = {
    "SECRET_KEY": "k7!" * 25 + "abcdefghijklmnop",
    "HEALTH_KEYS": Fernet.generate_key().decode(),
    "ALLOWED_HOSTS": "spa.example",
    "SITE_URL": "https://spa.example",
    "DATABASE_URL": "postgresql://spa@db.example/spa",
    "REDIS_URL": "redis://cache.example/0",
    "EMAIL_URL": "smtp+tls://mail.example:587",
}


def newcomers_environment(var: Path, **extra: str) -> dict[str, str]:
    """Return the environment of a terminal where nothing is set up, with ``var`` as ``var/``."""
    clean = {name: value for name, value in os.environ.items() if name not in OWN}
    return {**clean, "SPA_VAR_DIR": str(var), **extra}


def run(
    *arguments: str, env: dict[str, str], cwd: Path = BASE_DIR
) -> subprocess.CompletedProcess[str]:
    """Run Python with ``arguments`` to its end, in the project's folder if not told otherwise."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return every process that works in ``folder`` or has it as its ``var/``."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _works_in(process, str(folder))
    ]


def _works_in(process: psutil.Process, folder: str) -> bool:
    try:
        words = [*process.cmdline(), process.cwd(), process.environ().get("SPA_VAR_DIR", "")]
    except psutil.Error:
        return False
    return any(folder in word for word in words)


def wait_until(holds: Callable[[], object], seconds: float = 30) -> None:
    """Return as soon as a condition holds; fail where it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "It did not come true in time"
        time.sleep(0.05)
