"""Fixtures for tests of the project's own machinery."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.spa.commands import processes_of


@pytest.fixture
def var() -> Iterator[Path]:
    """Return an empty ``var/`` of its own; end what a failed test left running in it.

    Not below pytest's folder: that is closed to the user that PostgreSQL runs as.
    """
    folder = Path(tempfile.mkdtemp(prefix="spa-var-", dir="/tmp"))
    yield folder
    left = processes_of(folder)
    for process in left:
        # A server that ended takes its own helpers along.
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(left, timeout=20)
    shutil.rmtree(folder, ignore_errors=True)
