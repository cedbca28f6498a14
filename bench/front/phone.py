"""A slow phone: Chromium with its network and its processor throttled."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.front.site import BEHIND_TLS

# 1.6 Mbit/s down, 750 kbit/s up, 150 ms there and back; a processor four times slower.
NETWORK = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
SLOWER = 4
SETTLED_AFTER_MS = 1500
WATCH = """
window.seen = {paint: 0, shift: 0, tasks: []};
const watch = (type, note) => new PerformanceObserver(
  (list) => list.getEntries().forEach(note)).observe({type, buffered: true});
watch('largest-contentful-paint', (entry) => { seen.paint = entry.startTime; });
watch('layout-shift', (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value; });
watch('longtask', (entry) => { seen.tasks.push(entry.duration); });
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One loading of a page: bytes over the wire and unpacked, times in milliseconds."""

    transferred: int
    unpacked: int
    requests: int
    paint: float
    shift: float
    long_tasks: int
    """How many times the page was busy for more than 50 ms."""


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Run the system's Chromium, else Playwright's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        try:
            yield browser
        finally:
            browser.close()


def first_and_second(browser: Browser, address: str, session: str) -> tuple[Seen, Seen]:
    """Load a page as somebody who was never here, and then once more."""
    context = _context(browser)
    if session:
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": address}
        context.add_cookies([cookie])
    try:
        return _load(context, address), _load(context, address)
    finally:
        context.close()


def _context(browser: Browser) -> BrowserContext:
    return browser.new_context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=3,
        is_mobile=True,
        has_touch=True,
        extra_http_headers=BEHIND_TLS,
    )


def _load(context: BrowserContext, address: str) -> Seen:
    page = context.new_page()
    wire = _throttle(page)
    page.add_init_script(WATCH)
    answer = page.goto(address, wait_until="load")
    assert answer is not None
    assert (answer.status, page.url) == (200, address), f"{address} led to {page.url}"
    page.wait_for_timeout(SETTLED_AFTER_MS)
    seen = page.evaluate("window.seen")
    page.close()
    return Seen(
        transferred=sum(wire["transferred"]),
        unpacked=sum(wire["unpacked"]),
        requests=len(wire["transferred"]),
        paint=seen["paint"],
        shift=seen["shift"],
        long_tasks=len(seen["tasks"]),
    )


def _throttle(page: Page) -> dict[str, list[int]]:
    """Make the phone slow; return what comes over the wire, growing while the page loads."""
    wire: dict[str, list[int]] = {"transferred": [], "unpacked": []}
    cached: set[str] = set()
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")
    tools.send("Network.emulateNetworkConditions", NETWORK)
    tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})

    def arrived(event: Any) -> None:
        if event["requestId"] not in cached:
            wire["transferred"].append(int(event["encodedDataLength"]))

    tools.on("Network.requestServedFromCache", lambda event: cached.add(event["requestId"]))
    tools.on("Network.dataReceived", lambda event: wire["unpacked"].append(event["dataLength"]))
    tools.on("Network.loadingFinished", arrived)
    return wire
