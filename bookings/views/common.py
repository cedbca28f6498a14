"""What the client's pages share."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from services.models import SpaProfile

View = Callable[..., HttpResponse]


def spa_of(request: HttpRequest) -> SpaProfile:
    """Return the spa; raises ``Http404`` before its content is loaded."""
    spa: SpaProfile | None = request.spa  # type: ignore[attr-defined]
    if spa is None:
        raise Http404(_("The starting content has not been loaded yet."))
    return spa


def json_body(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object that was sent, or nothing of it."""
    try:
        sent = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return sent if isinstance(sent, dict) else {}


def private(view: View) -> View:
    """Keep the pages of ``view`` out of every cache, history and search engine."""
    kept = unkept(view)

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = kept(request, *args, **kwargs)
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return guarded


def unkept(view: View) -> View:
    """Keep the pages of ``view`` out of every cache and history.

    Enough where only the session that it belongs to ever sees a page: a search engine has none.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "private, no-store"
        # Not "no-referrer": with it browsers send "Origin: null", which the CSRF check refuses.
        response["Referrer-Policy"] = "same-origin"
        return response

    return guarded
