"""What is too much, or cannot be read at all, is refused before it costs anything."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.template import loader

from services.card import last_known

TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The page for what cannot be read; too many fields or too long texts are said to be that."""
    words = {"card": last_known(), "too_large": isinstance(exception, TOO_LARGE)}
    return HttpResponse(loader.render_to_string("400.html", words), status=400)


def bounded(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse a body larger than any form of ours before anything of it is read."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if _says_more_than(settings.MOST_BODY, request):
            return _too_large()
        return get_response(request)

    return middleware


def strangers_bounded(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse the same to a stranger who sends more than texts: files come only from staff.

    The proxy hands on only texts when they are whole (deploy/Caddyfile): a few large bodies that
    come byte by byte would keep all threads of the web server waiting.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if _says_more_than(settings.MOST_TEXT, request) and not request.user.is_authenticated:
            return _too_large()
        return get_response(request)

    return middleware


def _says_more_than(most: int, request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return length.isascii() and length.isdigit() and int(length) > most


def _too_large() -> HttpResponse:
    words = {"card": last_known(), "too_large": True}
    return HttpResponse(loader.render_to_string("400.html", words), status=413)
