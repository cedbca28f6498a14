"""The drawer beside the calendar: the same pages as fragments, and the news of what was done.

A page of the desk that is asked for by htmx into ``#panel-body`` answers with its fragment alone.
After a change the answer carries the event ``diary-changed``: the calendar fetches its day anew
and says what was done, with an undo where there is one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from bookings.models import Appointment

PANEL = "panel-body"


@dataclass(frozen=True, slots=True)
class Undo:
    """Where to send what, as JSON, so that a change is taken back."""

    url: str
    sent: Mapping[str, str | int]


def in_panel(request: HttpRequest) -> bool:
    """Whether the answer goes into the drawer."""
    return request.headers.get("HX-Target") == PANEL


def with_news(
    answer: HttpResponse,
    words: str,
    *,
    more: str = "",
    of: Appointment | None = None,
    undo: Appointment | Undo | None = None,
    close: bool = False,
) -> HttpResponse:
    """Let ``answer`` tell the calendar what was done.

    ``more`` is said in smaller letters. ``of`` is the appointment that the news is of and ``undo``
    the one whose latest change can be taken back, or how anything else is; ``close`` shuts the
    drawer.
    """
    detail: dict[str, object] = {"news": words, "close": close}
    if more:
        detail["more"] = more
    of = undo if isinstance(undo, Appointment) else of
    if of is not None:
        detail |= {"reference": of.reference, "sequence": of.sequence}
    if isinstance(undo, Undo):
        detail |= {"undo": undo.url, "sent": dict(undo.sent)}
    elif undo is not None:
        detail["undo"] = reverse("bookings:desk_undo", args=[undo.reference])
    # Header values are ASCII; json escapes every other letter.
    answer["HX-Trigger"] = json.dumps({"diary-changed": detail})
    return answer
