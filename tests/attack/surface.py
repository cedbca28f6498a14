"""What there is to attack, read out of the site itself: a new address or form is found by itself.

Addresses come from the urlconf, by way of the access table; the names of fields from the forms of
the pages and from what the code asks a request for.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.forms import BaseForm
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from bookings.views.guard import BAIT
from tests.attack.keys import Keys
from tests.bookings.access_table import ROLES, rows
from tests.bookings.access_world import CONVERTER, REGULAR, World

ASKED = re.compile(
    r"""(?:GET|POST|FILES|given|sent|data|body|wish)(?:\.get(?:list)?\(|\[)\s*"(\w+)\""""
)
READS_JSON = re.compile(r"json_body|request\.body|json\.loads|webauthn|anymail")
WRITING = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "(?!django_session|usersessions_)')
# Who may do all that a role may has the most to lose; the first of them that comes in is taken.
FURTHEST = ("olive", "dana", "mia", "cleo", "noor", "otto", "nobody")


@dataclass(frozen=True)
class Target:
    """An address, and the browser of whoever comes furthest there."""

    route: str
    address: str
    cookies: dict[str, str]
    headers: dict[str, str] = field(default_factory=dict)

    def browser(self, *, checks_csrf: bool = False) -> Browser:
        """A fresh browser: what an earlier attack did to its session is forgotten."""
        browser = Browser(enforce_csrf_checks=checks_csrf, headers=self.headers)
        browser.cookies.load(self.cookies)
        return browser


def targets(world: World, keys: Keys) -> Iterator[Target]:
    """Each address of the access table, and those that open with a key only, with that key."""
    cookies = {role: _cookies(world.browser(role)) for role in ROLES}
    for route, cells in rows().items():
        role = furthest(cells)
        yield Target(route, world.address(route, role), cookies[role])
    for route, who, address, headers in keys.doors():
        browser = keys.browser(who) if who in keys.people else world.browser(who)
        yield Target(route, address, _cookies(browser), headers)


def _cookies(browser: Browser) -> dict[str, str]:
    return {name: one.value for name, one in browser.cookies.items()}


def furthest(cells: list[str]) -> str:
    """Whose answer is a page, or else whoever is not sent away."""
    by_role = dict(zip(ROLES, cells, strict=True))
    for good in ("200", "away", "40"):
        for role in FURTHEST:
            if any(part.startswith(good) for part in by_role[role].split("/")):
                return role
    return FURTHEST[0]


def with_parts(route: str, bad: str) -> str:
    """The address of ``route`` with ``bad`` for each of its parts; empty where it has none."""
    if route in REGULAR or not CONVERTER.search(route):
        return ""
    return "/" + CONVERTER.sub(lambda _part: bad, route)


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.chosen: tuple[str, bool] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            is_get = given.get("method", "get").lower() != "post"
            self.found.append(Form(given.get("action", ""), is_get=is_get))
        elif tag in ("input", "select", "textarea", "button") and self.found:
            self._field(tag, given)
        elif tag == "option" and self.chosen and self.found:
            self._option(given)

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form, name = self.found[-1], given.get("name", "")
        self.chosen = (name, False) if tag == "select" else None
        kind = given.get("type", tag)
        if not name or name == "csrfmiddlewaretoken":
            return
        if kind == "file":
            form.files.add(name)
        elif kind in ("radio", "checkbox") and "checked" not in given:
            form.fields.setdefault(name, "")
            form.choices.setdefault(name, given.get("value", "on"))
        elif kind in ("submit", "button") and name in form.fields:
            form.buttons.append((name, given.get("value", "")))
        else:
            form.fields[name] = given.get("value", "")
            form.kinds[name] = kind

    def _option(self, given: dict[str, str]) -> None:
        assert self.chosen is not None
        name, is_set = self.chosen
        if "selected" in given or not is_set:
            self.found[-1].fields[name] = given.get("value", "")
            self.chosen = (name, "selected" in given or is_set)


@dataclass
class Form:
    """A form of a page: where it goes, its fields as they stand, and what else can be chosen."""

    action: str
    is_get: bool
    fields: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    files: set[str] = field(default_factory=set)

    @property
    def names(self) -> list[str]:
        return sorted({*self.fields, *self.choices, *self.files})

    def filled_in(self) -> dict[str, str]:
        """What somebody would send who fills in all that is empty."""
        values = {**self.fields}
        for name, value in values.items():
            if not value and name != BAIT:
                values[name] = self.choices.get(name) or _plausible(name, self.kinds.get(name, ""))
        return values


def _plausible(name: str, kind: str) -> str:
    by_kind = {"date": "2026-11-26", "time": "11:00", "number": "1", "email": "zoe@example.com"}
    if kind in by_kind:
        return by_kind[kind]
    by_name = {"phone": "020 7946 0009", "email": "zoe@example.com", "date": "2026-11-26"}
    return next((value for part, value in by_name.items() if part in name), "Zoe")


def forms_of(page: str, address: str) -> Iterator[tuple[str, Form]]:
    """The forms of the page at ``address``, each with the path that it goes to."""
    path = address.split("?")[0]
    for form in _Forms(page).found:
        to = form.action.split("#")[0] or address
        if to.startswith("?"):
            to = path + to
        if to.startswith("/") and not to.startswith("//"):
            yield to, form


def route_of(address: str) -> str:
    """The route of an address, as the access table writes it."""
    return str(resolve(address.split("?")[0]).route)


@cache
def views() -> dict[str, Any]:
    """The view of each route."""
    return dict(_views(get_resolver()))


def _views(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, Any]]:
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLPattern):
            yield route, one.callback
        else:
            yield from _views(one, route)


def _module_of(route: str) -> Any:
    return sys.modules[getattr(inspect.unwrap(views()[route]), "__module__", __name__)]


@cache
def _source(module: Any) -> str:
    return inspect.getsource(module)


@cache
def names_asked_at(route: str) -> list[str]:
    """What the view of ``route`` asks a request for, by its module's words and its forms."""
    module = _module_of(route)
    found = set(ASKED.findall(_source(module)))
    for one in vars(module).values():
        if inspect.isclass(one) and issubclass(one, BaseForm):
            found |= set(getattr(one, "base_fields", {}))
    return sorted(found)


def reads_json(route: str) -> bool:
    """Whether the view of ``route`` may read a body that is no form."""
    return READS_JSON.search(_source(_module_of(route))) is not None


class Answer:
    """An answer read to its end."""

    def __init__(self, answer: Any) -> None:
        self.status: int = answer.status_code
        self.headers = answer.headers
        if answer.streaming:
            self.content = b"" if answer.is_async else b"".join(answer.streaming_content)
        else:
            self.content = answer.content

    @property
    def is_page(self) -> bool:
        return self.status == 200 and "html" in self.headers.get("Content-Type", "")

    @property
    def is_entered(self) -> bool:
        """Whether the view itself took the request, rather than a guard before it."""
        to = self.headers.get("Location", "")
        to_guard = "/login/?" in to or "/reauthenticate/?" in to
        return self.status not in (403, 404, 405, 410, 500) and not to_guard


def ask(browser: Browser, method: str, address: str, body: bytes = b"", kind: str = "") -> Answer:
    """The answer to a request, with all that it changed taken back."""
    with transaction.atomic():
        answer = browser.generic(method, address, body, kind or "application/octet-stream")
        read = Answer(answer)
        transaction.set_rollback(True)
    return read


def rows_by_table() -> dict[str, int]:
    """How many rows there are of each model."""
    tables = {model._meta.label: model._meta.db_table for model in apps.get_models()}
    counted = " UNION ALL ".join(
        f"SELECT '{label}', count(*) FROM \"{table}\"" for label, table in tables.items()
    )
    with connection.cursor() as cursor:
        cursor.execute(counted)
        return dict(cursor.fetchall())


class Writes:
    """Notes the statements within that write into a table; sessions and log books aside."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __enter__(self) -> "Writes":
        self.wrapper = connection.execute_wrapper(self._note)
        self.wrapper.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.wrapper.__exit__(*error)

    def _note(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if WRITING.match(sql):
            self.found.append(sql[:200])
        return execute(sql, params, many, context)
