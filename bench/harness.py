"""The form of figures, and the process in which one measurement runs.

``python -m bench.harness reports`` starts a private PostgreSQL and Valkey in a temporary folder,
makes the tables, and runs ``bench.reports.measure``. Whatever database the environment or ``.env``
names is not touched.
"""

import atexit
import importlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import django
from django.core.management import call_command
from django.db import connection

from spa import embedded

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure; ``target`` is where it must stay, if anywhere: ``holds`` says how."""

    name: str
    value: float
    unit: str
    target: float | None = None
    holds: Literal["below", "at most", "at least"] = "below"

    @property
    def met(self) -> bool:
        """Whether it stays on the right side of its target."""
        if self.target is None:
            return True
        if self.holds == "at least":
            return self.value >= self.target
        return self.value < self.target or (self.holds == "at most" and self.value == self.target)


def write(name: str, figures: list[Figure]) -> int:
    """Print ``figures`` and keep them as ``results/<name>.json``; 1 where a target is missed."""
    rows = [{**asdict(one), "met": one.met} for one in figures]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"figures": rows}, indent=2) + "\n")
    for one in figures:
        missed = "" if one.met else ": MISSED"
        target = "" if one.target is None else f"  ({one.holds} {one.target:g}{missed})"
        print(f"{one.name:<58} {one.value:>12,.3f} {one.unit}{target}")
    return int(not all(one.met for one in figures))


def seconds(work: Callable[[], object], *, times: int = 3) -> float:
    """Return the median time that ``work`` takes, after one run that warms the caches."""
    work()
    taken = []
    for _run in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the time that ``work`` keeps one core busy, here and in the database.

    Unlike the time that passes, it says the same on a machine that others use too. The database
    counts in hundredths, and is kept from sharing the work out among processes of its own.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        cursor.execute("SELECT pg_backend_pid()")
        backend = Path(f"/proc/{cursor.fetchone()[0]}/stat")
        before, begun = _ticks(backend), time.process_time()
        work()
        taken = time.process_time() - begun + (_ticks(backend) - before) / os.sysconf("SC_CLK_TCK")
        cursor.execute("RESET max_parallel_workers_per_gather")
    return taken


def _ticks(stat: Path) -> int:
    """The user and system time of a process, in ticks; Linux only."""
    fields = stat.read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def sizes() -> list[str]:
    """Return the sizes to measure at: those of ``BENCH_SIZES`` such as ``S,M``, or all."""
    return os.environ.get("BENCH_SIZES", "S,M,L").split(",")


def main(name: str) -> int:
    """Run ``measure`` of the module ``name`` on fresh servers; 1 where a target is missed."""
    start()
    return write(name, importlib.import_module(f"bench.{name}").measure())


def start() -> None:
    """Start the servers and Django. No model may have been imported before."""
    # No setting of the developer's own may reach a measurement; an empty one hides that of .env.
    for name in ("SECRET_KEY", "EMAIL_URL", "ALLOWED_HOSTS", "SITE_URL"):
        os.environ[name] = ""
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    folder = Path(tempfile.mkdtemp(prefix="spa-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["SPA_VAR_DIR"] = str(folder)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spa.settings")
    embedded.start(throwaway=True)
    django.setup()
    call_command("migrate", verbosity=0)
    print(f"Servers are up in {folder}.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
