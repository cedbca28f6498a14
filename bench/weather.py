"""Bad weather at full size: 20 seconds of each kind, amid six people who book and four who browse.

The limits are those of production. ``BENCH_SECONDS`` runs it shorter.
"""

import os

from bench.harness import Figure
from tests.faults.town import open_town
from tests.faults.weather import ALL, Balance, Crowd, Report, balance, let_it_rain

SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
BROWSERS, BOOKERS = 4, 6
# Eight threads answer ten people: two of them wait for a turn, then for the lock.
LONGEST = 10.0
RECOVERY = 5.0
UNITS = {"kills": "kills", "sessions": "sessions", "backup": "s", "restored": "s"}
# Two processes of four threads have one line to the database each.
MOST = {"sessions": 9.0}
# In these nobody may notice anything.
CALM = ("valkey away", "helpers killed", "backup amid")


def measure() -> list[Figure]:
    """Let each kind of weather pass, then compare the diary with what people were told."""
    figures: list[Figure] = []
    with open_town() as town:
        before = balance(town, set())
        figures.append(Figure("before all: visits", before.visits, "visits", 1))
        figures.append(Figure("before all: faults of the diary", _faults(before), "faults", 1))
        with Crowd(town, browsers=BROWSERS, bookers=BOOKERS) as crowd:
            for weather in ALL:
                figures += _of(let_it_rain(crowd, weather, seconds=SECONDS))
        figures += _after(balance(town, crowd.booked), told=len(crowd.booked))
    return figures


def _of(report: Report) -> list[Figure]:
    name, statuses = report.weather, report.statuses
    faults = sum(count for status, count in statuses.items() if status >= 500 and status != 503)
    most_away = 1 if name in CALM else None
    return [
        Figure(f"{name}: answers", statuses.total(), "answers"),
        Figure(f"{name}: answers that nothing works just now", statuses[503], "answers", most_away),
        Figure(f"{name}: of them without the number to ring", report.phoneless, "answers", 1),
        Figure(f"{name}: answers that something is broken", faults, "answers", 1),
        Figure(f"{name}: asked without an answer", report.silent, "times", most_away),
        Figure(f"{name}: had to choose another time", report.chose_again, "times", most_away),
        Figure(f"{name}: booked meanwhile", report.booked_meanwhile, "visits"),
        Figure(f"{name}: slowest answer", report.slowest, "s", LONGEST),
        Figure(f"{name}: until people book again", report.recovery, "s", RECOVERY),
        *(
            Figure(f"{name}: {what}", value, UNITS[what], MOST.get(what))
            for what, value in report.figures.items()
        ),
    ]


def _after(after: Balance, *, told: int) -> list[Figure]:
    return [
        Figure("after all: visits that people were told of", told, "visits"),
        Figure("after all: of them lost", told - after.told, "visits", 1),
        Figure("after all: visits that nobody was told of", after.visits - after.told, "visits", 1),
        Figure("after all: visits by half", after.halves, "visits", 1),
        Figure("after all: confirmations not sent", after.unsent, "mails", 1),
        Figure("after all: faults of the diary", _faults(after), "faults", 1),
    ]


def _faults(of: Balance) -> int:
    return len(of.faults.splitlines())
