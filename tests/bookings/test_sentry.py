"""A fault on the health check, as it goes over the wire to Sentry: it names nobody."""

import gzip
import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import brotli
import pytest
from django.db import connection

from services.models import Contraindication, Service
from tests.bookings.client_pages import HEALTH, answers
from tests.spa.conftest import var  # noqa: F401
from tests.spa.production import running

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]

ANSWER = "A mitral valve"
REQUEST = "8b0f3c6a2d7e4f519a0c1b2d3e4f5a6b"


class Sentry(http.server.ThreadingHTTPServer):
    """It keeps what it is sent, byte for byte."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.came = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def dsn(self) -> str:
        return f"http://a-key@127.0.0.1:{self.server_address[1]}/1"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Sentry

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        opened = {"gzip": gzip.decompress, "br": brotli.decompress}
        self.server.got.append(opened[self.headers["Content-Encoding"]](body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")
        self.server.came.set()

    def log_message(self, *said: object) -> None:
        """Say nothing."""


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    server = Sentry()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def broken_check(transactional_db: None) -> Iterator[None]:
    """The database refuses a health check and repeats what was told in it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_check() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'Cleo said: mitral valve, %', NEW; END $$;"
            "CREATE TRIGGER refuse_check BEFORE INSERT ON bookings_healthcheck"
            " FOR EACH ROW EXECUTE FUNCTION refuse_check()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TRIGGER refuse_check ON bookings_healthcheck; DROP FUNCTION refuse_check()"
        )


@pytest.mark.usefixtures("broken_check")
def test_a_fault_on_the_health_check_is_told_without_a_word_of_hers(
    sentry: Sentry,
    lymph: Service,
    var: Path,  # noqa: F811
) -> None:
    Contraindication.objects.filter(slug="heart-disease").update(detail="Which one?")
    said = {"tick-heart-disease": "on", "detail-heart-disease": ANSWER, "name": "Cleo"}
    typed = {**answers(lymph, said), "email": "cleo@example.com"}
    with running(var, WEB_CONCURRENCY="1", SENTRY_DSN=sentry.dsn) as server:
        page, headers = server.ask(HEALTH)[1:]
        token = re.findall('name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
        cookie = re.findall("csrftoken=([^;]+)", str(headers))[0]
        status = server.ask(
            f"{HEALTH}?q=Cleo",
            urlencode({**typed, "csrfmiddlewaretoken": token}).encode(),
            **{
                "Cookie": f"csrftoken={cookie}; seen=Cleo",
                "Referer": "https://spa.example/visit/a-secret/",
                "User-Agent": "Cleo's telephone",
                "X-Request-ID": REQUEST,
            },
        )[0]
        assert status == 500
        assert sentry.came.wait(20)
        told = server.log.read_text()
    (raw,) = sentry.got
    for text in (raw.decode(), told):
        lowered = text.lower()
        assert [
            one for one in ("cleo", "mitral", "heart-disease", "a-secret") if one in lowered
        ] == []
        assert token not in text
        assert cookie not in text
    event = told_in(raw)
    assert [one["type"] for one in event["exception"]["values"]] == [
        "RaiseException",
        "InternalError",
    ]
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert "record_health_check" in {one["function"] for one in frames}
    assert event["request"] == {"method": "POST", "url": f"https://spa.example{HEALTH}"}
    assert event["tags"] == {"request_id": REQUEST}
    assert set(event) <= {
        "event_id",
        "timestamp",
        "platform",
        "level",
        "logger",
        "environment",
        "tags",
        "transaction",
        "request",
        "exception",
        "logentry",
    }


def told_in(envelope: bytes) -> dict[str, Any]:
    """The event of an envelope: a line of headers, then one before each of its items."""
    _headers, item, payload = envelope.splitlines()[:3]
    assert json.loads(item)["type"] == "event"
    event: dict[str, Any] = json.loads(payload)
    return event
