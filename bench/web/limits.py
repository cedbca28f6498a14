"""What no booking can be faster than: the database alone, asked from threads without Django."""

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg2
from django.db import connection

SECONDS = 2.0
# The therapist's and the room's constraints and every other index of the real table, no rows.
COPY = "CREATE TABLE bench_appointment (LIKE bookings_appointment INCLUDING ALL)"
ONE = """
    INSERT INTO bench_appointment (reference, client_id, service_id, option_id, therapist_id,
        room_id, starts_at, ends_at, busy_from, busy_until, status, price, source, client_note,
        staff_note, sequence, created_at)
    SELECT translate(lpad((%(line)s * 1000000 + %(number)s)::text, 8, '0'), '01', 'XZ'),
           client_id, service_id, option_id, %(line)s, %(line)s, at, at + interval '60 minutes', at,
           at + interval '75 minutes', 'confirmed', price, source, client_note, staff_note, 1, at
    FROM (SELECT *, timestamptz '2027-01-01 00:00Z' + %(number)s * interval '75 minutes' AS at
          FROM bookings_appointment ORDER BY id LIMIT 1) AS any_visit
"""


def inserts_per_second(threads: int) -> float:
    """Return how many appointments that many lines insert, each committed for itself."""
    with connection.cursor() as cursor:
        cursor.execute(COPY)
    try:
        return _rate(threads, lambda cursor, line, number: _insert(cursor, line, number))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE bench_appointment")


def selects_per_second(threads: int) -> float:
    """Return how often that many lines get an answer to a prepared ``SELECT 1``."""
    return _rate(threads, lambda cursor, line, number: cursor.execute("EXECUTE one"))


def _insert(cursor: Any, line: int, number: int) -> None:
    cursor.execute(ONE, {"line": line, "number": number})


def _rate(threads: int, work: Callable[[Any, int, int], None]) -> float:
    done, until = [0] * threads, time.monotonic() + SECONDS

    def go(line: int) -> None:
        with _line() as own, own.cursor() as cursor:
            cursor.execute("PREPARE one AS SELECT 1")
            while time.monotonic() < until:
                work(cursor, line, done[line])
                done[line] += 1
        own.close()

    running = [threading.Thread(target=go, args=[line]) for line in range(threads)]
    begun = time.monotonic()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(done) / (time.monotonic() - begun)


def _line() -> Any:
    own = psycopg2.connect(**connection.get_connection_params())
    own.autocommit = True
    return own
