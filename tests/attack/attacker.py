"""Sends attacks, and remembers what failed and what let them in."""

import traceback
from collections import defaultdict
from typing import NamedTuple

from django.db import transaction
from django.http import HttpResponse
from hypothesis import strategies as st

from tests.attack import hostile, surface
from tests.attack.surface import Answer, Form, Target

FORM = "application/x-www-form-urlencoded"
FAIR = {200, 204, 301, 302, 303, 304, 308, 400, 401, 403, 404, 405, 409, 410, 413, 414, 422, 429}
NEVER = (b"<script>hostile", b"<img src=x", b"Traceback (most recent")

# For each address: pairs of a field (by its number) and a text.
pairs = st.lists(st.tuples(st.integers(0, 400), hostile.texts), min_size=2, max_size=10)


class Spoiling(NamedTuple):
    """What is done to a form that is filled in; the numbers choose a field, 0 none."""

    hostile: list[tuple[int, str]]
    left_out: int
    doubled: int
    file: tuple[str, bytes]


spoilings = st.builds(
    Spoiling,
    pairs,
    st.integers(-40, 40).map(lambda number: max(number, 0)),
    st.integers(-40, 40).map(lambda number: max(number, 0)),
    st.sampled_from(hostile.FILES),
)

# Django notes in the admin's history that somebody pressed "Save", whether anything changed or not.
NOTES = {"admin.LogEntry"}
NOTED_EACH_TIME = {
    "visit/<str:token>/health/": {"bookings.Event"},
    "desk/messages/<int:pk>/send/": {"bookings.Event"},
    # Each reading of health answers is noted, and so is each copy.
    "desk/clients/<int:pk>/rights/copy/": {"bookings.ClientChange", "bookings.HealthReading"},
}


class Attack:
    """Attacks on addresses and on the forms found on the way; remembers what let it in."""

    def __init__(self) -> None:
        self.entered: set[str] = set()
        # What failed, told once for each way in which it does: a long run goes on.
        self.faults: dict[str, str] = {}
        # How many forms wrote something when they were sent.
        self.wrote = 0
        self.forms: dict[tuple[str, tuple[str, ...]], tuple[Target, Form]] = {}
        self.names: dict[str, set[str]] = defaultdict(set)

    def send(
        self, target: Target, method: str, address: str, body: bytes = b"", kind: str = ""
    ) -> Answer:
        what = f"{target.route}: {method} {address[:300]} {kind} {body[:3000]!r}"
        try:
            answer = surface.ask(target.browser(), method, address, body, kind)
        except Exception as fault:
            lines = traceback.format_exception(fault)[-4:]
            self.faults.setdefault(f"{target.route}: {fault!r:.200}", what + "\n" + "".join(lines))
            return Answer(HttpResponse(status=500))
        if answer.status not in FAIR or any(one in answer.content for one in NEVER):
            self.faults.setdefault(f"{target.route}: {answer.status}", what)
        if answer.is_entered:
            self.entered.add(target.route)
        return answer

    def names_at(self, target: Target) -> list[str]:
        return sorted({*surface.names_asked_at(target.route), *self.names[target.route]}) or ["a"]

    def open(self, target: Target, sent: list[tuple[int, str]]) -> None:
        """Open a page with strange questions, and note its forms."""
        query = hostile.query(_named(sent, self.names_at(target)))
        mark = "&" if "?" in target.address else "?"
        answer = self.send(target, "GET", f"{target.address}{mark}{query}")
        if not answer.is_page and answer.status != 405:
            answer = self.send(target, "GET", target.address)
        if not answer.is_page:
            return
        for to, form in surface.forms_of(answer.content.decode(), target.address):
            route = surface.route_of(to)
            self.names[route] |= set(form.names)
            if not form.is_get:
                one = Target(route, to, target.cookies, target.headers)
                self.forms.setdefault((route, tuple(form.names)), (one, form))

    def post(self, target: Target, sent: list[tuple[int, str]], value: object) -> None:
        """Send fields in any number, and JSON to what reads it."""
        fields = _named(sent, self.names_at(target))
        answer = self.send(target, "POST", target.address, hostile.encoded(fields), FORM)
        if answer.status != 405 and surface.reads_json(target.route):
            named = {name: value for name, _text in fields}
            self.send(target, "POST", target.address, hostile.as_json(named), "application/json")

    def fill_in(self, target: Target, form: Form, spoiling: Spoiling) -> None:
        """Send a form that is filled in but for what is spoilt; with a file where one is taken."""
        sent = _spoilt(form, self.names_at(target), spoiling)
        if form.files:
            file = (sorted(form.files)[0], *spoiling.file)
            self.send(target, "POST", target.address, *hostile.multipart(sent, [file]))
        else:
            self.send(target, "POST", target.address, hostile.encoded(sent), FORM)

    def send_twice(self, target: Target, form: Form) -> None:
        """A form that is filled in and sent again writes no second row of anything."""
        sent = hostile.encoded([*form.filled_in().items(), *form.buttons[:1]])
        browser = target.browser()
        with transaction.atomic():
            before = surface.rows_by_table()
            first = second = Answer(browser.post(target.address, sent, content_type=FORM))
            once = twice = surface.rows_by_table()
            if once != before:
                second = Answer(browser.post(target.address, sent, content_type=FORM))
                twice = surface.rows_by_table()
            transaction.set_rollback(True)
        assert {first.status, second.status} <= FAIR, target.address
        if first.is_entered:
            self.entered.add(target.route)
        self.wrote += once != before
        more = {table for table, count in twice.items() if count > once[table]}
        unexpected = more - {*NOTES, *NOTED_EACH_TIME.get(target.route, ())}
        assert unexpected == set(), (target.address, sorted(unexpected), sent)


def _named(sent: list[tuple[int, str]], names: list[str]) -> list[tuple[str, str]]:
    return [(names[number % len(names)], text) for number, text in sent]


def _spoilt(form: Form, names: list[str], spoiling: Spoiling) -> list[tuple[str, str]]:
    """What somebody fills in, some of it spoilt, left out or sent twice."""
    sent = [*form.filled_in().items(), *form.buttons[:1]]
    if not sent:
        return _named(spoiling.hostile, names)
    hostile_fields = dict(_named(spoiling.hostile[: 1 + len(sent) // 4], sorted(dict(sent))))
    left_out = sent[spoiling.left_out % len(sent)][0] if spoiling.left_out else ""
    doubled = sent[spoiling.doubled % len(sent)] if spoiling.doubled else ("", "")
    spoilt = [(name, hostile_fields.get(name, value)) for name, value in sent if name != left_out]
    return [*spoilt, doubled] if doubled[0] else spoilt
