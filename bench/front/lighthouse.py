"""Lighthouse from npm, as a phone sees a page; it needs Node 18.20 or newer, and Chromium."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings

from bench.front.site import BEHIND_TLS

# The last one for Node 20.
PACKAGE = "lighthouse@12.8.2"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "spa-bench", PACKAGE)
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
# As root Chromium has no sandbox; and nothing of its own may go over the network meanwhile.
CHROMIUM = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
TRIES = 3
# What has not come to a score by then hangs.
PATIENCE_SECONDS, GOODBYE_SECONDS = 150, 15

Scores = dict[str, int]


def install() -> None:
    """Fetch Lighthouse into the user's cache, once."""
    if not (CACHE / "node_modules/.bin/lighthouse").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        quiet = ["--silent", "--no-audit", "--no-fund"]
        subprocess.run(["npm", "install", *quiet, "--prefix", CACHE, PACKAGE], check=True)


def judge(address: str, session: str) -> Scores:
    """Return the four scores of a page, 0 to 100."""
    for _try in range(TRIES):
        report = _report(address, session)
        scores = _scores(report)
        # On a busy machine Chromium sometimes leaves no trace to judge by.
        if None not in scores.values():
            break
    else:
        raise RuntimeError(f"Lighthouse came to no score: {scores} {report.get('runtimeError')}")
    assert report["finalDisplayedUrl"] == address, f"It saw {report['finalDisplayedUrl']}"
    return {name: round(score * 100) for name, score in scores.items() if score is not None}


def _scores(report: dict[str, Any]) -> dict[str, float | None]:
    found = report.get("categories", {})
    return {name: found.get(name, {}).get("score") for name in CATEGORIES}


def _report(address: str, session: str) -> dict[str, Any]:
    cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"} if session else {}
    with tempfile.TemporaryDirectory(
        prefix="spa-lighthouse-", ignore_cleanup_errors=True
    ) as folder:
        headers, report = Path(folder, "headers.json"), Path(folder, "report.json")
        headers.write_text(json.dumps({**BEHIND_TLS, **cookie}))
        command = [
            CACHE / "node_modules/.bin/lighthouse",
            address,
            "--quiet",
            "--output=json",
            # Not to stdout: of a pipe it closes before all is through.
            f"--output-path={report}",
            f"--only-categories={','.join(CATEGORIES)}",
            f"--extra-headers={headers}",
            f"--chrome-flags={CHROMIUM} --user-data-dir={folder}/profile",
        ]
        return _run(command, report)


def _run(command: list[str | Path], report: Path) -> dict[str, Any]:
    """Run Lighthouse, and end its Chromium with it where it takes too long."""
    environment = {**os.environ, "CHROME_PATH": shutil.which("chromium") or ""}
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as running:
        try:
            running.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            # Asked so, it takes its Chromium along.
            running.send_signal(signal.SIGINT)
            try:
                running.wait(GOODBYE_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
            return {"runtimeError": f"no score within {PATIENCE_SECONDS} s"}
    found: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {}
    return found
