"""Clients who book over HTTP, each request at another web node, all for one time."""

import http.client
import itertools
import re
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from threading import Barrier
from urllib.parse import urlencode

from bench.front.site import BEHIND_TLS, HOST
from tests.bookings.client_pages import CLEO, DETAILS, HEALTH, TIMES

PATIENCE = 60  # seconds
HOLD = re.compile(r'<input[^>]*name="hold"[^>]*>')
VALUE = re.compile(r'value="([^"]*)"')
BOOKED, REFUSED = "booked", "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node answered."""

    status: int
    location: str
    text: str

    def __str__(self) -> str:
        return f"{self.status} {self.location}".strip()


@dataclass
class Visitor:
    """One client with an address and cookies of her own; ``nodes`` are the ports she meets."""

    number: int
    nodes: Sequence[int]
    cookies: dict[str, str] = field(default_factory=lambda: {"csrftoken": secrets.token_hex(16)})

    def __post_init__(self) -> None:
        first = self.number % len(self.nodes)
        self._next = itertools.cycle([*self.nodes[first:], *self.nodes[:first]])

    def ask(self, path: str, sent: dict[str, str] | None = None) -> Answer:
        """Ask the next node for a page, or send it a form."""
        line = http.client.HTTPConnection(HOST, next(self._next), timeout=PATIENCE)
        body = None if sent is None else urlencode(sent)
        try:
            line.request("GET" if body is None else "POST", path, body, self._headers())
            answer = line.getresponse()
            text = answer.read().decode()
        finally:
            line.close()
        for header in answer.headers.get_all("Set-Cookie") or ():
            self.cookies.update({name: one.value for name, one in SimpleCookie(header).items()})
        return Answer(answer.status, answer.headers.get("Location", ""), text)

    def _headers(self) -> dict[str, str]:
        return {
            **BEHIND_TLS,
            "Host": HOST,
            "Origin": f"https://{HOST}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "X-CSRFToken": self.cookies["csrftoken"],
            # Limits count by address.
            "X-Forwarded-For": f"10.0.{self.number // 250}.{self.number % 250 + 1}",
        }


def rush(visitors: Sequence[Visitor], *, start: str, answers: dict[str, str]) -> Counter[str]:
    """Let every visitor choose ``start``, then hold it at one moment; count how they fared."""
    gate = Barrier(len(visitors), timeout=PATIENCE)
    with ThreadPoolExecutor(len(visitors)) as pool:
        ways = pool.map(lambda one: _book(one, start, answers, gate.wait), visitors)
        return Counter(ways)


def _book(
    visitor: Visitor, start: str, answers: dict[str, str], together: Callable[[], object]
) -> str:
    chosen = visitor.ask(TIMES, {"start": start})
    together()
    if chosen.location != HEALTH:
        return f"choosing: {chosen}"
    held = visitor.ask(HEALTH, answers)
    if "gone=" in held.location:
        return REFUSED
    if held.location != DETAILS:
        return f"holding: {held}"
    return _confirm(visitor)


def _confirm(visitor: Visitor) -> str:
    page = visitor.ask(DETAILS)
    hold = HOLD.search(page.text)
    if not hold:
        return f"details: {page}"
    reference = VALUE.search(hold[0])
    name = {"name": f"Client {visitor.number}", "email": f"client{visitor.number}@example.com"}
    booked = visitor.ask(DETAILS, {**CLEO, **name, "hold": reference[1] if reference else ""})
    if not booked.location.startswith("/visit/"):
        return f"confirming: {booked}"
    visit = visitor.ask(booked.location)
    return BOOKED if visit.status == 200 else f"visit page: {visit.status}"
