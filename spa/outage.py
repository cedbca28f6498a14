"""What visitors are told while a server that the site needs is away, too slow or full.

The answer needs neither database nor Valkey: it has to come where they do not.
"""

import sys

from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from bookings.middleware import is_navigation
from services.card import last_known
from spa.faults import chain

RETRY_AFTER = 15  # seconds
# PostgreSQL has ended a session that waited too long amid its transaction.
ENDED_IDLE = "25P03"


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a request that failed: 503 where a server did not answer in time, else 500."""
    error = sys.exception()
    if error is None or not is_outage(error):
        return HttpResponse(loader.render_to_string("500.html", {"card": last_known()}), status=500)
    return unavailable(request)


def is_outage(error: BaseException) -> bool:
    """Whether an exception comes of a server that is away, overloaded or out of space.

    Whatever was under way was rolled back, so it is safe to send the same request again.
    """
    return any(_tells_of_outage(one) for one in chain(error))


def _tells_of_outage(error: BaseException) -> bool:
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "pgcode", "") == ENDED_IDLE
    return isinstance(error, (OperationalError, InterfaceError, RedisError))


def unavailable(request: HttpRequest) -> HttpResponse:
    """Say that nothing works for a moment, and whom to ring meanwhile."""
    card = last_known()
    answer: HttpResponse
    if is_navigation(request):
        sent = request.method not in ("GET", "HEAD")
        page = loader.render_to_string("503.html", {"card": card, "sent": sent})
        answer = HttpResponse(page, status=503)
    else:
        words = _("The diary does not answer at the moment. Please try again in a minute.")
        answer = JsonResponse({"message": words, "phone": card.phone}, status=503)
    answer["Retry-After"] = str(RETRY_AFTER)
    answer["Cache-Control"] = "private, no-store"
    return answer
