"""What a process remembers of the database, and how it learns that something is true no longer.

Triggers write a line into a journal with every change of the menu (spa, treatments, people, rooms,
hours, time off) and of the diary, in the transaction of the change itself (``services_change``).
A process keeps what it read, together with the snapshot that the database had before the reading.
One statement then tells which lines have been committed that this snapshot could not see: exactly
what has changed since, by whatever means it was changed. Nothing waits for anything: the journal
is only ever added to.

Only what is committed is kept, and only within a request: every request looks once, a write of its
own makes it look again, and so does ``look_again``. Everywhere else everything is read.
"""

import re
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar, cast

from django.db import connection

T = TypeVar("T")

# Lines of the journal are kept for a day. The newest that is deleted leaves its transaction behind:
# whose snapshot did not see all up to it has slept too long, whatever any clock says.
PURGE = """
    WITH gone AS (
        DELETE FROM services_change WHERE at < clock_timestamp() - interval '1 day' RETURNING xid
    )
    INSERT INTO services_change (topic, xid)
    SELECT 'purged', xid FROM gone ORDER BY xid DESC LIMIT 1
"""
FORGET_AFTER_CHANGES = 500
MOST_KEPT = 2_000
# Seconds that a request waits, once, for another one's reading: the database may be slow.
PATIENCE = 0.5

# A restored journal is another table, though its server and its database may go by the same names.
# A server that crashed and recovered by itself has not started anew, but it may give out once more
# the numbers of transactions that were rolled back: it is told by its statistics, begun anew.
LOOK = """
    SELECT pg_current_snapshot()::text,
           concat_ws(' ', pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time(),
                     current_database(), 'services_change'::regclass::oid),
           coalesce(json_agg(json_build_array(topic, therapist, room, first_day, last_day))
                    FILTER (WHERE topic IS NOT NULL), '[]')
    FROM (
        SELECT topic, therapist, room, first_day, last_day
        FROM services_change
        WHERE xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot)
          AND (topic = 'purged' OR NOT pg_visible_in_snapshot(xid, %(seen)s::pg_snapshot))
        LIMIT %(most)s
    ) AS unseen
"""
# A snapshot that has seen nothing, not even the first transaction.
NOTHING = "1:1:"
WRITES = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|TRUNCATE|MERGE|WITH)\b", re.IGNORECASE)
# The tables whose triggers write into the journal.
WATCHED = (
    "services_spaprofile",
    "services_category",
    "services_service",
    "services_service_contraindications",
    "services_serviceoption",
    "services_contraindication",
    "services_faq",
    "services_oldaddress",
    "bookings_therapist",
    "bookings_therapist_services",
    "bookings_room",
    "bookings_room_services",
    "bookings_workinghours",
    "bookings_timeoff",
    "bookings_appointment",
)
NAMES_WATCHED = re.compile(rf"\b(?:{'|'.join(WATCHED)})\b")


class Topic(StrEnum):
    """What a line of the journal is about."""

    MENU = "menu"
    DIARY = "diary"
    PURGED = "purged"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the journal; without days it may have changed everything of its topic."""

    topic: str
    therapist: int | None = None
    room: int | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(slots=True)
class _Kept:
    """A value that was read, and the changes of its topic since."""

    value: Any
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Look:
    """The present snapshot, which journal and day it is of, and what changed since the last one.

    ``is_too_much`` where the changes do not tell everything.
    """

    seen: str
    journal: str
    changes: list[Change]
    is_too_much: bool


class _Request(threading.local):
    """What the present request of this thread knows of its own looking."""

    is_open = False
    # How it looked last: outside a transaction, inside one, or not yet.
    looked: str = ""
    look: _Look | None = None
    # The state of the menu at its first look, or ``UNKNOWN``.
    menu: int | None = None
    # How long it still waits for another one's reading.
    patience = 0.0


_request = _Request()
_lock = threading.RLock()
_seen = NOTHING
_journal = ""
# Counts the states of the menu that this process has learned of.
_menu = 0
UNKNOWN = -1
_kept: dict[tuple[Topic, Hashable], _Kept] = {}


@contextmanager
def within_request() -> Iterator[None]:
    """Let what is done inside use the memory; the database is looked at when it is first needed."""
    _request.is_open, _request.looked, _request.menu = True, "", None
    _request.patience = PATIENCE
    try:
        with connection.execute_wrapper(_watch):
            yield
    finally:
        _request.is_open = False


def look_again() -> None:
    """Trust nothing that this request has seen: others may have written meanwhile."""
    _request.looked = ""


def remembered(
    key: Hashable,
    read: Callable[[], T],
    *,
    topic: Topic = Topic.MENU,
    renew: Callable[[T, list[Change]], T | None] | None = None,
) -> T:
    """Return what ``read`` returned earlier where nothing of ``topic`` has changed since.

    Where something has, ``renew`` may bring the value up to date by the changes; where it returns
    ``None``, or is not given, ``read`` is called. Values are shared by all requests: nobody may
    change them.
    """
    if not _request.is_open:
        return read()
    if not _lock.acquire(timeout=_request.patience):
        _request.menu, _request.patience = UNKNOWN, 0
        return read()
    try:
        if connection.in_atomic_block:
            return _in_transaction((topic, key), read, renew)
        _look()
        kept = _kept.get((topic, key))
        if kept is not None and not kept.changes:
            return cast(T, kept.value)
        value = _read_or_renewed(kept, [], read, renew)
        _keep((topic, key), value)
        return value
    finally:
        _lock.release()


def is_of_use(key: Hashable = None, *, topic: Topic = Topic.MENU) -> bool:
    """Whether anything may be remembered here: within a request, and in a transaction if kept.

    With a ``key``, whether its value is worth asking for: in a transaction it would be read whole
    where it is not kept, for nobody else.
    """
    if not _request.is_open or not connection.in_atomic_block:
        return _request.is_open
    return bool(_kept) if key is None else (topic, key) in _kept


def saw_present_menu() -> bool:
    """Whether all that this request read of the menu is as this process knows it by now.

    Another thread may have learned of a change meanwhile: what was put together here from the
    state before it must not be kept as if it were of the state after it.
    """
    return _request.is_open and _request.menu == _menu


def forget_everything() -> None:
    """Begin anew, as a process does that was just started."""
    global _seen
    with _lock:
        _kept.clear()
        _seen = NOTHING
        _request.looked = ""


def purge_journal() -> None:
    """Delete the lines that no process can still need."""
    with connection.cursor() as cursor:
        cursor.execute(PURGE)


def _in_transaction(
    key: tuple[Topic, Hashable],
    read: Callable[[], T],
    renew: Callable[[T, list[Change]], T | None] | None,
) -> T:
    """Use what is kept while it is true, and keep nothing: what is written may be taken back."""
    kept = _kept.get(key)
    if kept is None:
        return read()
    if not _request.looked:
        _request.looked, _request.look = "inside", _ask()
    unseen: list[Change] = []
    if _request.looked == "inside" and _request.look is not None:
        if _request.look.is_too_much:
            return read()
        unseen = [change for change in _request.look.changes if change.topic == key[0]]
    if not kept.changes and not unseen:
        return cast(T, kept.value)
    return _read_or_renewed(kept, unseen, read, renew)


def _read_or_renewed(
    kept: _Kept | None,
    unseen: list[Change],
    read: Callable[[], T],
    renew: Callable[[T, list[Change]], T | None] | None,
) -> T:
    value = renew(kept.value, [*kept.changes, *unseen]) if kept is not None and renew else None
    return read() if value is None else value


def _look() -> None:
    """Learn what has changed since the last look of this process, once a request."""
    global _seen, _journal, _menu
    if _request.looked == "outside":
        return
    look = _ask()
    if look.is_too_much:
        _kept.clear()
    for change in look.changes:
        _note(change)
    if look.is_too_much or any(change.topic == Topic.MENU for change in look.changes):
        _menu += 1
    _seen, _journal = look.seen, look.journal
    _request.looked = "outside"
    if _request.menu is None:
        _request.menu = _menu


def _note(change: Change) -> None:
    """Hold a change against all that is kept of its topic; what nobody asks for any more goes."""
    for key, kept in list(_kept.items()):
        if key[0] != change.topic:
            continue
        kept.changes.append(change)
        if len(kept.changes) >= FORGET_AFTER_CHANGES:
            del _kept[key]


def _ask() -> _Look:
    """Ask the database for what ``_seen`` could not see."""
    with connection.cursor() as cursor:
        most = FORGET_AFTER_CHANGES if _kept else 0
        cursor.execute(LOOK, {"seen": _seen, "most": most})
        seen, journal, rows = cursor.fetchone()
    # Much goes by the day: nobody would ask for yesterday's again, and it would stay for good.
    journal = f"{journal} {datetime.now(UTC).date()}"
    changes = [_change(*row) for row in rows]
    is_too_much = (
        journal != _journal
        or len(changes) >= FORGET_AFTER_CHANGES
        or any(change.topic == Topic.PURGED for change in changes)
    )
    return _Look(seen, journal, changes, is_too_much)


def _change(
    topic: str, therapist: int | None, room: int | None, first: str | None, last: str | None
) -> Change:
    if first is None or last is None:
        return Change(topic)
    return Change(topic, therapist, room, date.fromisoformat(first), date.fromisoformat(last))


def _keep(key: tuple[Topic, Hashable], value: Any) -> None:
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    _kept[key] = _Kept(value)


def _watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """Look again after a write of one's own to what others may have kept."""
    if WRITES.match(sql) and NAMES_WATCHED.search(sql):
        _request.looked = ""
    return execute(sql, params, many, context)
