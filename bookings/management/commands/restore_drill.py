"""Restore the latest backup into an empty database, and prove that it is whole."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from spa import backups
from spa.backups import BackupError, Database


class Command(BaseCommand):
    help = (
        "Restore the latest backup of a folder into a database made for it and removed "
        "afterwards, compare every count, and look through the diary there. "
        "Ends with 1 where anything is not as it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", default=settings.BACKUP_DIR)
        parser.add_argument(
            "--into",
            default="",
            help="Address of an empty database on another server; it is kept.",
        )

    def handle(self, *args: Any, folder: Path | None, into: str, **options: Any) -> None:
        found = backups.taken(folder) if folder is not None else []
        if not found:
            raise CommandError(_("There is no backup in %s.") % (folder or "BACKUP_DIR"))
        begun = time.monotonic()
        try:
            manifest = backups.manifest_of(found[-1])
            with _empty_database(into) as database:
                backups.restore(found[-1], database)
                self._compare(manifest["rows"], backups.counts(database))
                self._look_through(database, manifest["made_at"])
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            _("%(backup)s is whole: %(rows)d rows restored and looked through in %(seconds).1f s.")
            % {
                "backup": found[-1].name,
                "rows": sum(manifest["rows"].values()),
                "seconds": time.monotonic() - begun,
            }
        )

    def _compare(self, wanted: dict[str, int], restored: dict[str, int]) -> None:
        differing = {
            table for table in wanted | restored if wanted.get(table) != restored.get(table)
        }
        for table in sorted(differing):
            self.stdout.write(
                _("%(table)s: %(wanted)s rows were saved, %(restored)s restored.")
                % {
                    "table": table,
                    "wanted": wanted.get(table),
                    "restored": restored.get(table),
                }
            )
        if differing:
            raise BackupError(_("The restored diary is not the one that was saved."))

    def _look_through(self, database: Database, at: str) -> None:
        """Run check_diary there, in a process of its own, as of the moment of the backup."""
        checked = subprocess.run(
            [sys.executable, "manage.py", "check_diary", f"--at={at}"],
            cwd=settings.BASE_DIR,
            env={
                **os.environ,
                "DATABASE_URL": database.url,
                "DJANGO_SETTINGS_MODULE": "spa.settings",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.stdout.write(checked.stdout, ending="")
        if checked.returncode:
            raise BackupError(checked.stderr.strip().splitlines()[-1])


@contextmanager
def _empty_database(address: str) -> Iterator[Database]:
    """The database at an address, or one beside our own that goes when the block ends."""
    if not address:
        with backups.database_beside(f"spa_drill_{secrets.token_hex(4)}") as beside:
            yield beside
        return
    there = backups.database_at(address)
    if not backups.is_empty(there):
        raise BackupError(_("There are tables in that database already: nothing was restored."))
    yield there
