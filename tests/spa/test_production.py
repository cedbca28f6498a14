"""The web server of production: its log, its figures, whoever of its workers answers."""

import re
from pathlib import Path

import pytest

from tests.spa.production import METRICS_KEY, running

REQUEST = "8b0f3c6a2d7e4f519a0c1b2d3e4f5a6b"


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_server_of_production_counts_over_all_its_workers_and_logs_json(var: Path) -> None:
    with running(var, WEB_CONCURRENCY="2") as server:
        for _each in range(40):
            server.ask("/healthz")
        missing = server.ask("/visit/a-secret/nothing/?q=Cleo", **{"X-Request-ID": REQUEST})
        assert (missing[0], missing[2]["X-Request-ID"]) == (404, REQUEST)
        for authorization in ("", "Bearer ", "Bearer wrong", METRICS_KEY, "Bearer \u00e9"):
            status, body, _headers = server.ask("/metrics", Authorization=authorization)
            assert (status, "spa_requests" in body) == (404, False)
        # Longer than any of ours: refused before the application is asked.
        long, many = f"/?q={'x' * 5000}", {f"X-{number}": "1" for number in range(80)}
        assert [server.ask(long)[0], server.ask("/", **many)[0]] == [414, 431]
        status, body, headers = server.ask("/metrics", Authorization=f"Bearer {METRICS_KEY}")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    counted = re.search(r'spa_requests_total\{[^}]*status="200"[^}]*view="healthz"\} (\d+)', body)
    assert counted is not None
    # One more asked whether the server was up.
    assert float(counted[1]) >= 41
    assert "spa_database_up 1.0\n" in body
    lines = server.lines()
    assert {line["level"] for line in lines} <= {"info", "warning"}
    pids = {line["message"] for line in lines if line["message"].startswith("Booting worker")}
    assert len(pids) == 2
    assert [
        (line["logger"], line["message"], line.get("status_code"))
        for line in lines
        if line.get("request_id") == REQUEST
    ] == [
        ("django.request", "Not Found: /visit/…/nothing/", 404),
        ("gunicorn.access", "GET /visit/…/nothing/", 404),
    ]
    assert "Cleo" not in server.log.read_text()
