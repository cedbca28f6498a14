"""Faults told to Sentry, where an address of one is set: made so that they can name nobody.

What is sent is built anew from a short list. What the library gathers otherwise (bodies, cookies,
headers, queries, local variables, the steps before the fault) may hold health answers.
"""

from typing import Any

import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event, Hint
from structlog.contextvars import get_contextvars

from spa.faults import TELLING
from spa.logs import blank

KEPT = ("event_id", "timestamp", "platform", "level", "logger", "environment", "release")
OF_A_FRAME = (
    "filename",
    "function",
    "module",
    "lineno",
    "in_app",
    "pre_context",
    "context_line",
    "post_context",
)
TELLING_NAMES = {(kind.__module__, kind.__qualname__) for kind in TELLING}


def start(dsn: str) -> None:
    """Tell of every fault from now on to the Sentry at ``dsn``."""
    sentry_sdk.init(
        dsn=dsn,
        before_send=told,
        integrations=[
            DjangoIntegration(),
            CeleryIntegration(),
            LoggingIntegration(),
            DedupeIntegration(),
            ExcepthookIntegration(),
        ],
        default_integrations=False,
        auto_enabling_integrations=False,
        # All below is left out of what is told in any case; so it is not even gathered.
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        server_name="",
        release="",
        # These are sent past ``told``.
        auto_session_tracking=False,
        send_client_reports=False,
        enable_metrics=False,
        propagate_traces=False,
    )


def told(event: Event, _hint: Hint) -> Event:
    """Return what may be told of a fault: where in the code it came up, and on which page."""
    full: dict[str, Any] = dict(event)
    kept: dict[str, Any] = {name: full[name] for name in KEPT if full.get(name)}
    kept["tags"] = get_contextvars()
    if words := (full.get("logentry") or {}).get("message"):
        # The pattern, without what was to be filled in.
        kept["logentry"] = {"message": blank(words)}
    if page := full.get("transaction"):
        kept["transaction"] = blank(page)
    if request := full.get("request"):
        url = blank(request.get("url", "").partition("?")[0])
        kept["request"] = {"method": request.get("method"), "url": url}
    if faults := full.get("exception"):
        kept["exception"] = {"values": [_fault(one) for one in faults["values"]]}
    event.clear()  # type: ignore[attr-defined]
    event.update(kept)  # type: ignore[typeddict-item]
    return event


def _fault(given: dict[str, Any]) -> dict[str, Any]:
    kind = (given.get("module") or "builtins", given.get("type"))
    fault = {"type": kind[1], "module": kind[0]}
    if kind in TELLING_NAMES:
        fault["value"] = blank(str(given.get("value")))
    frames = (given.get("stacktrace") or {}).get("frames", [])
    kept = [{name: one[name] for name in OF_A_FRAME if name in one} for one in frames]
    return {**fault, "stacktrace": {"frames": kept}}
