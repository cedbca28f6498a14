"""Run the measurements: ``python -m bench`` for all, ``python -m bench reports`` for one.

Each runs in a process with servers and a database of its own, and leaves its figures in
``bench/results/``; ``all.json`` gathers the last figures of every part. The exit code is 1 where
a figure misses its target.
"""

import subprocess
import sys
from pathlib import Path

from bench.table import gather

FOLDER = Path(__file__).parent
PARTS = {"__init__", "__main__", "data", "harness", "table"}


def main() -> int:
    """Run the named measurements, or all; return how it went."""
    every = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in PARTS)
    wanted = sys.argv[1:] or every
    if unknown := set(wanted) - set(every):
        print(
            f"There is no measurement {', '.join(sorted(unknown))}; there are: {', '.join(every)}."
        )
        return 2
    failed = [name for name in wanted if _run(name)]
    gather()
    return 1 if failed else 0


def _run(name: str) -> int:
    command = [sys.executable, "-m", "bench.harness", name]
    return subprocess.run(command, check=False, cwd=FOLDER.parent).returncode


if __name__ == "__main__":
    sys.exit(main())
