"""Rows that many tests begin with: written once by the project's own code, then put back."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from django.db import connection, transaction

from tests.emptying import KEPT

# Triggers write it, when rows are put back too.
JOURNAL = "services_change"


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


def _tables_with_rows() -> set[str]:
    every = connection.introspection.table_names()
    names = [name for name in every if name not in {*KEPT, JOURNAL}]
    asked = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return {name for (name,) in cursor.fetchall()}


def _copy_of(name: str) -> bytes:
    rows = BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(f'COPY "{name}" TO STDOUT', rows)
    return rows.getvalue()
