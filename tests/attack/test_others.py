"""Nobody reads or changes what belongs to others, whichever of their keys she writes where.

What is Cleo's and Mia's is marked. Otto has a visit of his own, Noor treats him, Dana is at the
desk; they send the references and numbers of Cleo's rows in every field of every page that they
may open, and in every address. Answers are searched for the marks, and rows are compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client as Browser
from hypothesis import strategies as st

from bookings import actions
from bookings.models import (
    Appointment,
    Client,
    HealthCheck,
    MailCopy,
    Therapist,
    TimeOff,
    TreatmentNote,
)
from services.models import SpaProfile
from tests.attack import hostile, surface
from tests.attack.surface import Answer, Target
from tests.bookings.access_table import ROLES, rows
from tests.bookings.access_world import CONVERTER, NOBODYS, World
from tests.bookings.conftest import NOW, OTTO, at, make_check

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
CONTACT = ("heron.mark@example.com", "7946 0777", "79460777")
MARKS = {
    "name": ("Heron-Mark",),
    "contact": CONTACT,
    "note": ("note-mark",),
    "answers": ("answer-mark",),
    "treatment": ("treatment-mark",),
    "absence": ("absence-mark",),
    "letter": ("letter-mark",),
}
# The desk sees whom it serves, and nothing of her health; a therapist nothing of others' clients.
HIDDEN = {"otto": set(MARKS), "noor": set(MARKS), "dana": {"answers", "treatment"}}
SHOWN = {"otto": (), "noor": (), "dana": ("name", "contact", "note", "absence", "letter")}


@dataclass
class Others:
    """The world with marks in what is Cleo's and Mia's, and with what is Otto's and Noor's."""

    world: World
    keys: list[str]
    rows_of_others: dict[str, tuple[int, ...]]
    otto: Browser
    token: str
    own: Appointment

    def marks(self, role: str) -> list[bytes]:
        words = [word for kind in HIDDEN[role] for word in MARKS[kind]]
        return [word.encode() for word in [*words, self.world.token, self.world.feed]]

    def browser(self, role: str) -> Browser:
        return self.otto if role == "otto" else self.world.browser(role)

    def targets(self, role: str) -> list[Target]:
        """The pages that ``role`` may open at all, and those about what is her own."""
        cookies = {name: one.value for name, one in self.browser(role).cookies.items()}
        number = ROLES.index(role)
        open_to = [route for route, cells in rows().items() if _is_open(cells[number])]
        found = [Target(route, self.world.address(route, role), cookies) for route in open_to]
        mine = {"<str:token>": self.token, "<reference:reference>": self.own.reference}
        for route in rows():
            if (role == "otto" and route.startswith("visit/")) or (
                role == "noor" and route.startswith("therapist/visits/")
            ):
                address = "/" + CONVERTER.sub(lambda part: mine[part[0]], route)
                found.append(Target(route, address, cookies))
        return found


def _is_open(cell: str) -> bool:
    return not set(cell.split("/")) <= {"login", "403", "404", "405", "410"}


@pytest.fixture
def others(world: World) -> Others:
    visit, client = world.visit, world.visit.client
    assert client is not None
    Client.objects.filter(pk=client.pk).update(
        name="Heron-Mark", email=CONTACT[0], phone="+442079460777"
    )
    Appointment.objects.filter(pk=visit.pk).update(client_note="note-mark")
    check = visit.health_check
    assert check is not None
    said = {"reply": "yes", "detail": "answer-mark"}
    answers = {slug: {**one, **said} for slug, one in check.answers.items()}
    HealthCheck.objects.filter(pk=check.pk).update(answers=answers)
    note = TreatmentNote.objects.create(
        appointment=visit, text="treatment-mark", author=world.users["mia"], updated_at=NOW
    )
    TimeOff.objects.filter(pk=world.time_off.pk).update(reason="absence-mark")
    copy = MailCopy.objects.get(message=world.message)
    copy.content = {"headers": [], "text": "letter-mark", "html": "<p>letter-mark</p>"}
    copy.save()
    noor = Therapist.objects.get(name="Noor")
    found = _rows(but={"bookings.Therapist": [noor.pk], "auth.User": [world.users["noor"].pk]})
    keys = [visit.reference, world.request.reference]
    keys += [str(row.pk) for row in (visit, client, check, note, world.time_off, world.message)]
    return Others(world, keys, found, *_of_otto(world))


def _of_otto(world: World) -> tuple[Browser, str, Appointment]:
    service, spa = world.visit.service, SpaProfile.load()
    check = make_check(service, NOW)
    hold = actions.hold_time(
        service=service,
        option=service.options.get(),
        starts_at=at(15, days=3),
        therapist=Therapist.objects.get(name="Noor"),
        health_check=check,
        spa=spa,
        now=NOW,
    )
    visit = actions.confirm_appointment(
        hold=hold, details=OTTO, health_check=check, spa=spa, now=NOW
    )
    token = actions.issue_visit_link(visit)
    browser = Browser()
    browser.get(f"/visit/{token}/")
    return browser, token, visit


def _rows(but: dict[str, list[int]]) -> dict[str, tuple[int, ...]]:
    """The keys of all rows of the spa, by table."""
    found = {}
    for model in apps.get_models():
        if model._meta.app_label in ("bookings", "services", "auth") and model._meta.managed:
            keys = model._default_manager.exclude(pk__in=but.get(model._meta.label, []))
            found[model._meta.db_table] = tuple(keys.values_list("pk", flat=True))
    return {table: keys for table, keys in found.items() if keys}


def _state(keys: dict[str, tuple[int, ...]]) -> list[Any]:
    """A sum over every column of the rows ``keys``, by table."""
    parts = [
        f"SELECT '{table}', md5(string_agg(t::text, '' ORDER BY id)) FROM \"{table}\" t"
        f" WHERE id IN ({', '.join(map(str, kept))})"
        for table, kept in sorted(keys.items())
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return cursor.fetchall()


@pytest.mark.parametrize("role", HIDDEN)
def test_whatever_key_of_others_is_sent_nothing_of_theirs_comes_back(
    role: str, others: Others
) -> None:
    key = st.tuples(st.integers(0, 400), st.sampled_from(range(len(others.keys))))
    before = _state(others.rows_of_others)
    seen = ""
    keys = st.lists(key, min_size=6, max_size=20)
    for target, pairs in hostile.rounds(others.targets(role), keys):
        names = surface.names_asked_at(target.route) or ["id"]
        sent = [(names[number % len(names)], others.keys[which]) for number, which in pairs]
        for answer in _answers(target, role, sent, others, before):
            found = [mark for mark in others.marks(role) if mark in answer.content]
            assert found == [], (target.address, sent)
            seen += answer.content.decode(errors="replace")
    # What she may see she has seen, so the others' marks could have been.
    assert [kind for kind in SHOWN[role] if not any(word in seen for word in MARKS[kind])] == []


def test_the_marks_stand_where_they_may_be_read(others: Others) -> None:
    page = others.browser("mia").get(f"/therapist/visits/{others.world.visit.reference}/")
    text = page.content.decode()
    assert [kind for kind, words in MARKS.items() if any(one in text for one in words)] == [
        "name",
        "note",
        "answers",
        "treatment",
    ]


def _answers(
    target: Target, role: str, sent: list[tuple[str, str]], others: Others, before: list[Any]
) -> Iterator[Answer]:
    """What a question and a form with ``sent`` in them are answered, where they are taken."""
    methods = _methods(rows()[target.route][ROLES.index(role)])
    if "GET" in methods:
        question = f"{target.address}?{hostile.query(sent)}"
        yield surface.ask(target.browser(), "GET", question)
    if "POST" in methods:
        unlike = before if role != "dana" else None
        yield _sent(target, hostile.encoded(sent), others, unlike)


def _methods(cell: str) -> list[str]:
    """The methods that a page takes from whoever gets the answers ``cell``."""
    get, post = cell.split("/") if "/" in cell else (cell, cell)
    # Where every method is refused alike, the guard before the page does it.
    taken = [("GET", get), ("POST", post)] if cell != "403" else [("GET", get)]
    return [method for method, answer in taken if answer != "405"]


def _sent(target: Target, body: bytes, others: Others, before: list[Any] | None) -> Answer:
    """What a post is answered; where it wrote, and ``before`` is given, nothing of it is theirs."""
    with transaction.atomic(), surface.Writes() as writes:
        answer = Answer(target.browser().post(target.address, body, content_type=FORM))
        if writes.found and before is not None:
            assert _state(others.rows_of_others) == before, (target.address, body)
        transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize("role", HIDDEN)
def test_what_is_somebody_elses_answers_like_what_is_nobodys(role: str, others: Others) -> None:
    unlike = {}
    for route, cells in rows().items():
        cell = cells[ROLES.index(role)]
        # Whoever is sent to the login is told nothing; the mails of a trial are for its one reader.
        if cell == "login" or route.startswith("demo/") or _is_open(cell):
            continue
        if "(?P" in route or not CONVERTER.search(route):
            continue
        theirs = others.world.address(route, role)
        nobodys = "/" + CONVERTER.sub(lambda part: NOTHING[part[0]], route)
        for method in _methods(cell):
            one = surface.ask(others.browser(role), method, theirs)
            other = surface.ask(others.browser(role), method, nobodys)
            assert [mark for mark in others.marks(role) if mark in one.content] == [], theirs
            if _told(one) != _told(other):
                unlike[route] = (one.status, other.status)
    # A colleague is told that the visit is another's, and no more.
    assert set(unlike.values()) <= ({(403, 404)} if role == "noor" else set())


def _told(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.headers.get("Location", "").split("?")[0]


NOTHING = {
    "<str:token>": NOBODYS[::-1] + "x",
    "<reference:reference>": "22222222",
    "<int:pk>": "999999",
    "<int:version>": "999999",
    "<int:number>": "7",
    "<slug:slug>": "nothing",
    "<slug:kind>": "nothing",
    "<slug:step>": "nothing",
    "<slug:provider>": "nothing",
    "<str:key>": "nothing",
    "<str:name>": "nothing",
    "<path:path>": "nothing",
    "<path:object_id>": "999999",
    "<path:content_type_id>": "999999",
    "<id>": "999999",
}
