"""Rows that many tests begin with: written once by the project's own code, then put back."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, TypeVar

import time_machine
from django.db import connection, models, transaction
from django.utils import timezone

from tests.emptying import KEPT

T = TypeVar("T")

# Triggers write it, when rows are put back too.
JOURNAL = "services_change"
SESSIONS = "django_session"


@dataclass(frozen=True)
class KeptRows:
    """What a piece of code writes into an empty database, as PostgreSQL copies it.

    The sequences have passed the keys of these rows for good: new rows never get them.
    """

    tables: dict[str, bytes]

    @classmethod
    def of(cls, write: Callable[[], object]) -> "KeptRows":
        """Let ``write`` do its work, keep what came of it, and take it back."""
        with transaction.atomic():
            before = _tables_with_rows()
            write()
            tables = {name: _copy_of(name) for name in sorted(_tables_with_rows() - before)}
            transaction.set_rollback(True)
        return cls(tables)

    def put_back(self) -> None:
        """Write the rows; foreign keys are checked when the transaction ends."""
        with transaction.atomic(), connection.cursor() as cursor:
            for name, rows in self.tables.items():
                cursor.copy_expert(f'COPY "{name}" FROM STDIN', BytesIO(rows))


@dataclass(frozen=True)
class Once:
    """What one call of a fixture's own code returned, and the statements that repeat its rows."""

    made: Any
    statements: str

    @classmethod
    def of(cls, write: Callable[[], object]) -> "Once":
        """Let ``write`` add its rows to what is there; it may change nothing that is there."""
        before = _rows_by_table()
        made = deepcopy(write())
        after = _rows_by_table()
        changed = [table for table, rows in before.items() if rows - after.get(table, set())]
        assert changed == [], f"What changes rows cannot be repeated: {changed}"
        added = {table: rows - before.get(table, set()) for table, rows in after.items()}
        return cls(
            made, ";".join(_insertion(table, sorted(rows)) for table, rows in added.items() if rows)
        )

    def again(self) -> Any:
        """Write the same rows, with the same keys, and return the same."""
        with connection.cursor() as cursor:
            cursor.execute(self.statements)
        return deepcopy(self.made)


class OnceForAll:
    """Small sets of rows that hundreds of tests begin with: written once, then put back."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Once] = {}

    def __call__(self, write: Callable[..., T], *wanted: Any, **named: Any) -> T:
        """Return ``write(*wanted, **named)``, which must depend on nothing else."""
        return self._once((), write, wanted, named)

    def among_these(self, write: Callable[..., T], *wanted: Any, **named: Any) -> T:
        """Return ``write(*wanted, **named)``, which may depend on the rows that are there too.

        Where a test has stopped the clock, it may also depend on the minute.
        """
        return self._once((_digest(), _stopped_at()), write, wanted, named)

    def _once(
        self,
        where: tuple[Any, ...],
        write: Callable[..., T],
        wanted: tuple[Any, ...],
        named: dict[str, Any],
    ) -> T:
        asked = (_key(wanted), _key(sorted(named.items())))
        call = (write.__module__, write.__qualname__, *asked, *where)
        if call in self._kept:
            made: T = self._kept[call].again()
            return made
        self._kept[call] = once = Once.of(lambda: write(*wanted, **named))
        return deepcopy(once.made)


def _key(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(_key, value))
    return (type(value), value.pk) if isinstance(value, models.Model) else value


def _stopped_at() -> datetime | None:
    if not time_machine.escape_hatch.is_travelling():
        return None
    return timezone.now().replace(second=0, microsecond=0)


def _digest() -> Any:
    """Where it is the same, the same rows are there, whoever has just signed in."""
    rows = " UNION ALL ".join(
        f"SELECT '{name}' || (to_jsonb(row) - 'last_login')::text FROM \"{name}\" AS row"
        for name in _tables()
        if name != SESSIONS
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT sum(hashtextextended(row, 0)) FROM ({rows}) AS every (row)")
        return cursor.fetchone()[0]


def _rows_by_table() -> dict[str, set[str]]:
    rows = {}
    with connection.cursor() as cursor:
        for name in sorted(_tables_with_rows()):
            cursor.execute(f'SELECT row::text FROM "{name}" AS row')
            rows[name] = {row for (row,) in cursor.fetchall()}
    return rows


def _insertion(table: str, rows: list[str]) -> str:
    with connection.cursor() as cursor:
        # What the database makes of other columns it makes again.
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid ="
            " %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
            [f'"{table}"'],
        )
        (columns,) = cursor.fetchone()
        values = cursor.mogrify(f'unnest(%s::"{table}"[])', [rows]).decode()
    return (
        f'INSERT INTO "{table}" ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {values}'
    )


def _tables() -> list[str]:
    every = connection.introspection.table_names()
    return [name for name in every if name not in {*KEPT, JOURNAL}]


def _tables_with_rows() -> set[str]:
    asked = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in _tables())
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return {name for (name,) in cursor.fetchall()}


def _copy_of(name: str) -> bytes:
    rows = BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(f'COPY "{name}" TO STDOUT', rows)
    return rows.getvalue()
