"""Brings the test database back to what the migrations wrote."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction

# Rows that only migrations write, and the journal of what was changed.
KEPT = {"django_migrations", "django_content_type", "auth_permission", "services_change"}
GROUPS = Group._meta.db_table
RIGHTS = Group.permissions.through._meta.db_table


@dataclass(frozen=True)
class AsMigrated:
    """The tables to empty, and the rows of the staff groups and of their rights."""

    tables: tuple[str, ...]
    groups: tuple[tuple[Any, ...], ...]
    rights: tuple[tuple[Any, ...], ...]

    @classmethod
    def read(cls) -> "AsMigrated":
        """Remember a database that has just been migrated."""
        with connection.cursor() as cursor:
            tables = [name for name in connection.introspection.table_names() if name not in KEPT]
            return cls(
                tuple(tables),
                _rows(cursor, f"SELECT id, name FROM {GROUPS}"),
                _rows(cursor, f"SELECT id, group_id, permission_id FROM {RIGHTS}"),
            )

    def restore(self) -> None:
        """Delete what tests have committed, without triggers: nothing refers to it any more."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in self._with_rows(cursor):
                cursor.execute(f'DELETE FROM "{table}"')
            cursor.executemany(f"INSERT INTO {GROUPS} VALUES (%s, %s)", self.groups)
            cursor.executemany(f"INSERT INTO {RIGHTS} VALUES (%s, %s, %s)", self.rights)

    def _with_rows(self, cursor: Any) -> list[str]:
        asked = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in self.tables)
        return [name for (name,) in _rows(cursor, " UNION ALL ".join(asked))]


def _rows(cursor: Any, sql: str) -> tuple[tuple[Any, ...], ...]:
    cursor.execute(sql)
    return tuple(cursor.fetchall())
