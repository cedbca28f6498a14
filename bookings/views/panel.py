"""The drawer beside the calendar: the same pages as fragments, and the news of what was done.

A page of the desk that is asked for by htmx into ``#panel-body`` answers with its fragment alone.
After a change the answer carries the event ``diary-changed``: the calendar fetches its day anew
and says what was done, with an undo where there is one.
"""

import json

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from bookings.models import Appointment

PANEL = "panel-body"


def in_panel(request: HttpRequest) -> bool:
    """Whether the answer goes into the drawer."""
    return request.headers.get("HX-Target") == PANEL


def with_news(
    answer: HttpResponse, words: str, *, undo: Appointment | None = None, close: bool = False
) -> HttpResponse:
    """Let ``answer`` tell the calendar what was done.

    ``undo`` is the appointment whose latest change can be taken back; ``close`` shuts the drawer.
    """
    detail: dict[str, object] = {"news": words, "close": close}
    if undo is not None:
        detail["undo"] = reverse("bookings:desk_undo", args=[undo.reference])
        detail["sequence"] = undo.sequence
    # Header values are ASCII; json escapes every other letter.
    answer["HX-Trigger"] = json.dumps({"diary-changed": detail})
    return answer
