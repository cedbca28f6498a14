"""What a client on a slow phone waits for: page weight, paint, and what Lighthouse says.

Each page is loaded several times by somebody who was never here, over 1.6 Mbit/s and 150 ms with
a processor four times slower, beside the smallest page that there is (``/healthz``). The figures
are medians. ``BENCH_LIGHTHOUSE=1`` lets Lighthouse judge each page once instead of three times,
and 0, where there is no Node, not at all.
"""

import os
import statistics
from collections.abc import Iterator

from playwright.sync_api import Browser

from bench.front import lighthouse, phone, site
from bench.harness import Figure, write

ROUNDS = 3
LIGHTHOUSE_ROUNDS = int(os.environ.get("BENCH_LIGHTHOUSE", "3"))
SMALLEST = "/healthz"
BY_CATEGORY = {
    "performance": 95,
    "accessibility": 100,
    "best-practices": 100,
    "seo": 100,
}


def measure() -> list[Figure]:
    """Load the four pages, then let Lighthouse judge them."""
    with site.open_site() as address:
        session = site.held_session()
        with phone.open_browser() as browser:
            figures = list(_paint(browser, address, session))
        write("paint", figures)
        if LIGHTHOUSE_ROUNDS:
            lighthouse.install()
            for name, path in site.PAGES.items():
                figures += _lighthouse(name, address + path)
                write("paint", figures)
    return figures


def _paint(browser: Browser, address: str, session: str) -> Iterator[Figure]:
    smallest = [
        phone.first_and_second(browser, address + SMALLEST, "")[0].paint for _round in range(ROUNDS)
    ]
    for name, path in site.PAGES.items():
        loadings = [
            phone.first_and_second(browser, address + path, session if name == "details" else "")
            for _round in range(ROUNDS)
        ]
        yield from _page(name, loadings, statistics.median(smallest))


def _page(
    name: str, loadings: list[tuple[phone.Seen, phone.Seen]], smallest: float
) -> Iterator[Figure]:
    firsts = [first for first, _second in loadings]
    transferred = statistics.median(seen.transferred for seen in firsts)
    again = statistics.median(second.transferred for _first, second in loadings)
    unpacked = statistics.median(seen.unpacked for seen in firsts)
    paint = statistics.median(seen.paint for seen in firsts)
    tasks = statistics.median(seen.long_tasks for seen in firsts)
    yield Figure(f"{name}: transferred", transferred / 1000, "kB")
    yield Figure(f"{name}: requests", firsts[0].requests, "requests")
    yield Figure(f"{name}: transferred ÷ unpacked", transferred / unpacked, "times")
    yield Figure(f"{name}: second visit ÷ first", again / transferred, "times", 0.3)
    yield Figure(f"{name}: largest paint", paint / 1000, "s", 2.5)
    yield Figure(f"{name}: largest paint ÷ that of {SMALLEST}", paint / smallest, "times")
    yield Figure(f"{name}: layout shift", max(seen.shift for seen in firsts), "", 0.1)
    yield Figure(f"{name}: tasks over 50 ms", tasks, "tasks", 1)


def _lighthouse(name: str, address: str) -> list[Figure]:
    # A held time lapses after some minutes.
    session = site.held_session() if name == "details" else ""
    found = [lighthouse.judge(address, session) for _round in range(LIGHTHOUSE_ROUNDS)]
    return [
        Figure(
            f"{name}: Lighthouse, {category}",
            statistics.median(scores[category] for scores in found),
            "of 100",
            wanted,
            "at least",
        )
        for category, wanted in BY_CATEGORY.items()
    ]
