"""Visitors in a process of their own: each keeps one line to the server, like a browser.

Reads a ``Plan`` as JSON from stdin, writes what was measured as JSON to stdout. It stands where
the proxy would: it ends TLS, and names the visitor's address in ``X-Forwarded-For``. It knows the
site by its pages alone, and imports nothing of it.
"""

import gzip
import http.client
import json
import random
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

HOST = "spa.example"
# What a phone's browser sends.
ALWAYS = {
    "Host": HOST,
    "Origin": f"https://{HOST}",
    "X-Forwarded-Proto": "https",
    "Accept": "text/html,*/*",
    "Accept-Encoding": "gzip",
    "Accept-Language": "en-GB",
}
INPUT = re.compile(r"<input\b[^>]*>")
BUTTON = re.compile(r'name="start"\s+value="([^"]+)"|value="([^"]+)"\s+name="start"')


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``milliseconds`` from the first byte sent to the last one read."""

    status: int
    text: str
    location: str
    milliseconds: float
    queries: int


@dataclass
class Plan:
    """Who does what for how long.

    ``paths`` are fetched in turn; or ``walk`` names what each visitor does over and over.
    """

    port: int
    clients: int = 1
    seconds: float = 1.5
    paths: list[str] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    walk: str = ""
    given: dict[str, str] = field(default_factory=dict)


@dataclass
class Measured:
    """What all visitors met: seconds that passed, and of each done thing its time and its SQL."""

    seconds: float = 0
    milliseconds: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    went_wrong: dict[str, int] = field(default_factory=dict)
    steps: dict[str, list[tuple[float, int]]] = field(default_factory=dict)


class Visitor:
    """A browser with one line, its cookies, and an address of its own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.line = http.client.HTTPConnection("127.0.0.1", plan.port, timeout=60)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be somebody else from now on."""
        self.cookies = dict(self.plan.cookies)
        self.address = ".".join(str(random.randrange(1, 255)) for _part in range(4))
        self.answers: list[tuple[str, Answer]] = []

    def get(self, path: str, **headers: str) -> Answer:
        """Fetch a page."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        """Send a form."""
        return self._ask("POST", path, urlencode(fields).encode(), {})

    def _ask(self, method: str, path: str, body: bytes | None, more: dict[str, str]) -> Answer:
        sent = {**ALWAYS, "X-Forwarded-For": self.address, **self.plan.headers, **more}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            sent["Referer"] = f"https://{HOST}{path}"
        begun = time.perf_counter()
        came, raw = self._over_the_line(method, path, body, sent)
        taken = (time.perf_counter() - begun) * 1000
        self._keep_cookies(came)
        if came.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        answer = Answer(
            came.status,
            raw.decode(errors="replace"),
            came.headers.get("Location", ""),
            taken,
            int(came.headers.get("X-Queries", 0)),
        )
        self.answers.append((f"{method} {path}", answer))
        return answer

    def _over_the_line(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        try:
            self.line.request(method, path, body, headers)
            came = self.line.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # The server lets go of a line that has been idle; a browser makes a new one.
            self.line.close()
            self.line.request(method, path, body, headers)
            came = self.line.getresponse()
        return came, came.read()

    def _keep_cookies(self, came: http.client.HTTPResponse) -> None:
        for line in came.headers.get_all("Set-Cookie") or []:
            name, _sign, value = line.split(";")[0].partition("=")
            self.cookies[name] = value


class WentWrong(Exception):
    """A walk that did not come to its end, and at which step."""


def main() -> None:
    """Do what the plan says."""
    plan = Plan(**json.loads(sys.stdin.read()))
    walk = WALKS[plan.walk] if plan.walk else fetch
    json.dump(asdict(run(plan, walk)), sys.stdout)


def run(plan: Plan, walk: Callable[[Visitor, Iterator[str]], None]) -> Measured:
    """Let all visitors walk until the time is over."""
    measured, lock = Measured(), threading.Lock()
    # Warm up: every worker draws every page once before the clock runs.
    for _time in range(6 if plan.paths else 2):
        _walk_once(Visitor(plan), walk, iter(plan.paths * 2 or [""]), Measured(), lock)
    until = time.monotonic() + plan.seconds

    def visit(number: int) -> None:
        visitor, paths = Visitor(plan), _in_turn(plan.paths, number)
        while time.monotonic() < until:
            _walk_once(visitor, walk, paths, measured, lock)

    threads = [threading.Thread(target=visit, args=[number]) for number in range(plan.clients)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    measured.seconds = time.monotonic() - begun
    return measured


def fetch(visitor: Visitor, paths: Iterator[str]) -> None:
    """Fetch the next page."""
    answer = visitor.get(next(paths))
    if answer.status != 200:
        raise WentWrong(f"{answer.status}")


def book(visitor: Visitor, _paths: Iterator[str]) -> None:
    """Book a treatment as a client does: choose a time of a day, answer, say who comes."""
    given = visitor.plan.given
    times = f"/book/{given['slug']}/"
    page = _ok(visitor.get(f"{times}?date={random.choice(given['days'].split(','))}"))
    starts = [one or other for one, other in BUTTON.findall(page.text)]
    choice = _fields(page.text, "csrfmiddlewaretoken", "option")
    asked = _led(visitor, visitor.post(times, {**choice, "start": random.choice(starts)}), "health")
    said = _fields(asked.text, "csrfmiddlewaretoken", "version")
    said |= {"none_left": "on", "consent": "on"}
    details = _led(visitor, visitor.post(f"{times}health/", said), "details")
    who = _fields(details.text, "csrfmiddlewaretoken", "hold")
    number = random.randrange(10**9)
    who |= {"name": f"Cleo {number}", "email": f"cleo{number}@example.com"}
    who |= {"phone": "020 7946 0001", "note": "", "consent": "on"}
    _led(visitor, visitor.post(f"{times}details/", who), "visit")


def book_at_peer(visitor: Visitor, _paths: Iterator[str]) -> None:
    """Book at the peer as a client without an account does in a browser.

    Once somebody is chosen, the page's script asks twice when she works, and for the times of one
    day; the first day suits, as it does in ``book``. The code that is mailed is read from its own
    database, outside of every request's time.
    """
    given = visitor.plan.given
    staff, day = random.choice(given["staff"].split(",")), random.choice(given["days"].split(","))
    _ok(visitor.get(f"/request/{given['service']}/"))
    for _time in range(2):
        _peer_asks(visitor, "request_staff_info", staff_member=staff)
    asked = {"staff_member": staff, "selected_date": day, "service_id": given["service"]}
    slots = _peer_asks(visitor, "available_slots", **asked).get("available_slots", [])
    if not slots:
        raise WentWrong("nothing free on that day")
    starts = random.choice(slots)[0][11:16]
    minutes = int(starts[:2]) * 60 + int(starts[3:]) + int(given["minutes"])
    wish = {
        "csrfmiddlewaretoken": visitor.cookies["csrftoken"],
        "date": day,
        "start_time": starts,
        "end_time": f"{minutes // 60:02}:{minutes % 60:02}",
        "service": given["service"],
        "staff_member": staff,
    }
    client = _led(visitor, visitor.post("/request-submit/", wish), "client-info")
    path = visitor.answers[-1][0].removeprefix("GET ")
    email = f"cleo{random.randrange(10**9)}@example.com"
    who = _fields(client.text, "csrfmiddlewaretoken")
    who |= {"name": "Cleo Client", "email": email, "phone_0": "GB", "phone_1": "2079460001"}
    who |= {"address": "London", "additional_info": "", "payment_type": "full"}
    code_page = _led(visitor, visitor.post(path, who), "verification-code")
    path = visitor.answers[-1][0].removeprefix("GET ")
    proof = _fields(code_page.text, "csrfmiddlewaretoken") | {"code": _mailed_code(given, email)}
    _led(visitor, visitor.post(path, proof), "thank-you")


WALKS = {"book": book, "book_at_peer": book_at_peer}
STEPS = {
    "book": [
        "times",
        "choosing a time",
        "health check",
        "hold",
        "details",
        "confirm",
        "visit page",
    ]
}


def _walk_once(
    visitor: Visitor,
    walk: Callable[[Visitor, Iterator[str]], None],
    paths: Iterator[str],
    measured: Measured,
    lock: threading.Lock,
) -> None:
    visitor.begin_anew()
    try:
        walk(visitor, paths)
    except (WentWrong, IndexError, KeyError, OSError, http.client.HTTPException) as wrong:
        with lock:
            why = f"{type(wrong).__name__} {wrong}"[:200]
            measured.went_wrong[why] = measured.went_wrong.get(why, 0) + 1
        return
    answers = [answer for _name, answer in visitor.answers]
    with lock:
        measured.milliseconds.append(sum(one.milliseconds for one in answers))
        measured.queries.append(sum(one.queries for one in answers))
        measured.requests.append(len(answers))
        for step, one in zip(STEPS.get(visitor.plan.walk, []), answers, strict=False):
            measured.steps.setdefault(step, []).append((one.milliseconds, one.queries))


def _in_turn(paths: list[str], first: int) -> Iterator[str]:
    number = first
    while True:
        yield paths[number % len(paths)] if paths else ""
        number += 1


def _ok(answer: Answer) -> Answer:
    if answer.status != 200:
        raise WentWrong(f"{answer.status} where a page was expected: {answer.text[:80]}")
    return answer


def _led(visitor: Visitor, answer: Answer, towards: str) -> Answer:
    """Follow where a form leads; it must be ``towards`` the next step."""
    if answer.status not in (302, 303) or towards not in answer.location:
        raise WentWrong(f"no way to {towards}: {answer.status} {answer.location.split('?')[0]}")
    return _ok(visitor.get(urlsplit(urljoin("/", answer.location)).path))


def _fields(text: str, *names: str) -> dict[str, str]:
    """The values of a page's hidden inputs; those that it does not have are left out."""
    found: dict[str, str] = {}
    for tag in INPUT.findall(text):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value and name[1] in names:
            found.setdefault(name[1], value[1])
    return found


def _peer_asks(visitor: Visitor, address: str, **asked: str) -> dict[str, Any]:
    answer = visitor.get(
        f"/ajax/{address}/?{urlencode(asked)}", **{"X-Requested-With": "XMLHttpRequest"}
    )
    known: dict[str, Any] = json.loads(answer.text)
    return known


def _mailed_code(given: dict[str, str], email: str) -> str:
    import psycopg2

    with psycopg2.connect(given["database"]) as line, line.cursor() as cursor:
        cursor.execute(
            "SELECT code FROM appointment_emailverificationcode c JOIN auth_user u"
            " ON u.id = c.user_id WHERE u.email = %s ORDER BY c.id DESC LIMIT 1",
            [email],
        )
        row = cursor.fetchone()
    line.close()
    if row is None:
        raise WentWrong("no code")
    return str(row[0])


if __name__ == "__main__":
    main()
