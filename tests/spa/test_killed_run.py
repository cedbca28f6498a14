"""A test run that is killed leaves no server behind."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.spa.commands import BASE_DIR, newcomers_environment, processes_of, wait_until

WAITING_TEST = """
import time
from pathlib import Path

def test_waits():
    Path(__file__).with_suffix(".started").touch()
    time.sleep(120)
"""


@pytest.mark.parametrize("options", [[], ["-n1"]], ids=["one process", "xdist"])
def test_killed_test_run_leaves_no_server_behind(var: Path, options: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_waiting.py"
        test.write_text(WAITING_TEST)
        command = [sys.executable, "-m", "pytest", "-c", str(BASE_DIR / "pyproject.toml")]
        killed = subprocess.Popen(
            [*command, f"--rootdir={BASE_DIR}", "-p", "no:cacheprovider", *options, str(test)],
            cwd=BASE_DIR,
            env=newcomers_environment(var, TMPDIR=str(var)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: test.with_suffix(".started").exists() or killed.poll() is not None)
        running = {process.name() for process in processes_of(var)}
        assert {"postgres", "valkey-server"} <= running
        killed.kill()
        killed.wait()
        wait_until(lambda: processes_of(var) == [])
