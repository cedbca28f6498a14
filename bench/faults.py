"""Every fault at full size: 5,000 messages, three workers, two beats, twenty kills.

``BENCH_MESSAGES`` and ``BENCH_FAULTS`` (names with commas) run it smaller; the figures are written
after each fault, and what an earlier run found about the others stays.
"""

import json
import os

from bench.harness import RESULTS, Figure, write
from tests.faults.house import open_house
from tests.faults.scenarios import FAULTS, Figures, run

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "5000"))
NAMES = os.environ.get("BENCH_FAULTS", "")
AN_HOUR = 3600


def measure() -> list[Figure]:
    """Let each fault happen."""
    chosen = [fault for fault in FAULTS if not NAMES or fault.__name__ in NAMES.split(",")]
    figures = _earlier()
    with open_house(MESSAGES) as house:
        for fault in chosen:
            found = run(house, fault, seconds=AN_HOUR)
            others = [one for one in figures if not one.name.startswith(f"{found.fault}:")]
            figures = [*others, *_figures(found)]
            write("faults", figures)
    return figures


def _figures(found: Figures) -> list[Figure]:
    lost = found.messages - found.delivered
    return [
        Figure(f"{found.fault}: messages", found.messages, "messages"),
        Figure(f"{found.fault}: lost", lost, "messages", 1),
        Figure(f"{found.fault}: twice", found.duplicates, "messages", found.most_twice + 1),
        Figure(f"{found.fault}: until all were settled", found.seconds, "s"),
    ]


def _earlier() -> list[Figure]:
    path = RESULTS / "faults.json"
    rows = json.loads(path.read_text())["figures"] if path.exists() else []
    return [
        Figure(**{key: row[key] for key in ("name", "value", "unit", "target")}) for row in rows
    ]
