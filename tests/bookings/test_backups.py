"""A backup taken while people book is whole: restored elsewhere, it is the diary of its moment."""

import io
import json
import os
import stat
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from bookings.models import Appointment, Room, Therapist
from services.models import SpaProfile
from spa import backups
from spa.keeper import Postgres, postgres_bin
from tests.bookings.conftest import at
from tests.conftest import BASE_DIR
from tests.spa.commands import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(spa: SpaProfile, tmp_path: Path) -> Path:
    """The folder of the backups; there is a spa, and one photo."""
    photo = settings.MEDIA_ROOT / "services" / "photo.webp"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"a photo")
    return tmp_path / "backups"


def run(command: str, *arguments: object, **options: object) -> list[str]:
    told = io.StringIO()
    call_command(command, *map(str, arguments), stdout=told, **options)
    return told.getvalue().splitlines()


def made_by_compose(there: backups.Database) -> None:
    """Let the script that PostgreSQL's image runs make the spa's user and database."""
    known = {**there.environment, "PATH": f"{postgres_bin()}:{os.environ['PATH']}"}
    given = {"POSTGRES_USER": "postgres", "POSTGRES_PASSWORD": "it's \\ long"}
    subprocess.run(["dropdb", "spa"], env={**known, "PGDATABASE": "postgres"}, check=True)
    script = BASE_DIR / "deploy" / "postgres-init.sh"
    subprocess.run([script], env={**known, **given}, check=True)
    query = "SELECT rolsuper OR rolcreaterole OR rolreplication FROM pg_roles WHERE rolname = 'spa'"
    asked = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "-c", query, "spa"]
    told = subprocess.run(asked, env=known, check=True, capture_output=True, text=True)
    assert told.stdout == "f\n"


@contextmanager
def empty_server() -> Iterator[str]:
    """Run another PostgreSQL as compose.yaml has it, in which nothing is; its address."""
    # Its socket has a path that is not too long.
    with tempfile.TemporaryDirectory(prefix="spa-", dir="/tmp", ignore_cleanup_errors=True) as name:
        server = Postgres(Path(name), throwaway=True)
        try:
            address = server.start()
            made_by_compose(backups.database_at(address))
            # Whoever restores may make databases and no more.
            yield address.replace("postgres@", "spa@")
        finally:
            server.stop()


def databases() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'spa_drill%'")
        return {name for (name,) in cursor.fetchall()}


def test_a_backup_amid_bookings_restores_to_a_sound_diary_of_its_moment(
    folder: Path, book: Callable[..., Appointment], mia: Therapist, fern: Room, clock: object
) -> None:
    def book_on() -> None:
        """Somebody books every hour of the coming weeks while the backup is written."""
        for day in range(2, 40):
            for hour in (9, 11, 13, 15):
                if done.is_set():
                    return connection.close()
                book(at(hour, days=day), therapist=mia)
        return connection.close()

    book(at(9), therapist=mia)
    done = threading.Event()
    someone = threading.Thread(target=book_on)
    someone.start()
    run("backup", folder)
    done.set()
    someone.join()
    [backup] = backups.taken(folder)
    saved = json.loads((backup / "manifest.json").read_text())["rows"]
    assert 0 < saved["bookings_appointment"] < Appointment.objects.count()
    told = run("restore_drill", folder)
    assert told[0].startswith("The diary is sound: ")
    whole = f"{backup.name} is whole: {sum(saved.values())} rows restored and looked through in "
    assert told[1].startswith(whole)
    with empty_server() as elsewhere:
        told = run("restore_drill", folder, f"--into={elsewhere}")
        assert told[1].startswith(whole)
        assert backups.counts(backups.database_at(elsewhere)) == saved
    # All test processes share one server: what another has there is gone in a moment.
    wait_until(lambda: databases() == set())


def test_a_backup_is_for_nobody_else_and_holds_the_photos(folder: Path) -> None:
    run("backup", folder)
    [backup] = backups.taken(folder)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in backup.iterdir()}
    assert modes == {"diary.dump": 0o600, "media.tar": 0o600, "manifest.json": 0o600}
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    with tarfile.open(backup / "media.tar") as tar:
        assert "media/services/photo.webp" in tar.getnames()
    for key in settings.HEALTH_KEYS:
        assert all(key.encode() not in one.read_bytes() for one in backup.iterdir())


def test_the_journal_of_changes_stays_where_it_is_of_use(folder: Path) -> None:
    """Another server counts its transactions anew: for a day it would take each line for news."""
    run("backup", folder)
    [backup] = backups.taken(folder)
    listed = backups._run(
        "pg_restore", "--list", str(backup / "diary.dump"), on=backups.own_database()
    )
    assert " TABLE public services_change " in listed
    assert " TABLE DATA public services_spaprofile " in listed
    assert " TABLE DATA public services_change " not in listed


def test_the_latest_are_kept(folder: Path) -> None:
    now = timezone.now()
    for day in range(3):
        (folder / f"spa-{now - timedelta(days=9 - day):%Y%m%dT%H%M%SZ}").mkdir(parents=True)
    (folder / "something else").mkdir()
    (folder / "spa-20260101T000000Z.unfinished").mkdir()
    run("backup", folder, "--keep=2")
    names = sorted(one.name for one in folder.iterdir() if one.name != ".lock")
    assert len(names) == 3
    assert names[0] == "something else"
    assert names[1] == f"spa-{now - timedelta(days=7):%Y%m%dT%H%M%SZ}"


def test_an_altered_backup_is_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match=r"^There is no backup in "):
        run("restore_drill", folder)
    run("backup", folder)
    [backup] = backups.taken(folder)
    with (backup / "diary.dump").open("r+b") as dump:
        dump.seek(500)
        dump.write(b"\0\0\0\0")
    with pytest.raises(CommandError, match=r"^diary.dump of spa-\w+ is not as it was written"):
        run("restore_drill", folder)
    (backup / "media.tar").unlink()
    (backup / "diary.dump").unlink()
    with pytest.raises(CommandError, match=r"^spa-\w+ is not whole"):
        run("restore_drill", folder)


def test_rows_that_got_lost_are_named(folder: Path) -> None:
    run("backup", folder)
    manifest = backups.taken(folder)[0] / "manifest.json"
    manifest.write_text(
        manifest.read_text().replace('"services_spaprofile": 1', '"services_spaprofile": 2')
    )
    told = io.StringIO()
    with pytest.raises(CommandError, match="is not the one that was saved"):
        call_command("restore_drill", str(folder), stdout=told)
    assert told.getvalue() == "services_spaprofile: 2 rows were saved, 1 restored.\n"
    # All test processes share one server: what another has there is gone in a moment.
    wait_until(lambda: databases() == set())


def test_a_database_with_tables_is_not_restored_over(folder: Path) -> None:
    run("backup", folder)
    here = backups.own_database().url
    with pytest.raises(CommandError, match="There are tables in that database already"):
        run("restore_drill", folder, f"--into={here}")


def test_a_folder_that_cannot_be_written_is_told(folder: Path) -> None:
    folder.write_text("a file")
    with pytest.raises(CommandError, match=r"cannot be used: File exists"):
        run("backup", folder)


def test_two_backups_at_once_are_one(folder: Path) -> None:
    with backups._alone(folder), pytest.raises(CommandError, match="Another backup is being"):
        run("backup", folder)


@pytest.mark.parametrize(
    ("address", "again"),
    [
        ("postgresql://spa:p%40ss@db.example:6432/spa?sslmode=require",) * 2,
        ("postgresql://spa@/spa?host=%2Fvar%2Frun", "postgresql://spa@/spa?host=%2Fvar%2Frun"),
        ("postgresql://spa@db.example/spa", "postgresql://spa@db.example:5432/spa?"),
    ],
)
def test_an_address_survives_being_taken_apart(address: str, again: str) -> None:
    assert backups.database_at(address).url == again
