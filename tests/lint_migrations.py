"""Refuses migrations that would hurt a running site: ``python -m tests.lint_migrations``.

While new code is brought in, old code still runs on the new tables: a column that it needs must not
vanish or be renamed, one that it does not know must have a default in the database, and no index
may be built under a lock that keeps bookings waiting.
"""

import os
import sys

from spa import embedded

# Written before the first spa ran on it: they are run on empty tables.
ACCEPTED = {"bookings": 18, "services": 5}
# Read by a person: it makes a table, with columns and indexes of its own that nobody waits for, and
# the linter takes them for those of a table in use.
READ = {"0006_journal"}
LOCKING = ["CREATE_INDEX", "CREATE_INDEX_EXCLUSIVE", "DROP_INDEX", "REINDEX"]


def unsafe(*, accepted: dict[str, int], quiet: bool = False) -> int:
    """Return how many migrations later than ``accepted`` (by app) are unsafe; prints why."""
    from django.db.migrations.loader import MigrationLoader
    from django_migration_linter import MigrationLinter

    on_disk = [one for one in MigrationLoader(None).disk_migrations if one[0] in accepted]
    late = {name for app, name in on_disk if int(name[:4]) > accepted[app]}
    linter = MigrationLinter(
        include_apps=list(accepted),
        ignore_name=[name for _app, name in on_disk if name not in late or name in READ],
        warnings_as_errors_tests=LOCKING,
        quiet=["ok", "ignore"],
        no_output=quiet,
        no_cache=True,
    )
    linter.lint_all_migrations()
    return int(linter.nb_erroneous)


def main() -> int:
    """Lint every migration that is not accepted; 1 where one is unsafe."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spa.settings")
    embedded.start()
    django.setup()
    return int(unsafe(accepted=ACCEPTED) > 0)


if __name__ == "__main__":
    sys.exit(main())
