"""What holds for every request of somebody who is signed in."""

import time
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from bookings.logins import SEEN, has_second_factor, has_shown_second_factor
from bookings.permissions import works_here

GetResponse = Callable[[HttpRequest], HttpResponse]

SAFE = ("GET", "HEAD", "OPTIONS")
# How far the date of the last use may lag: a write at every request would be waste.
SEEN_EVERY = 600

ALWAYS_OPEN = {"account_logout", "healthz", "readyz", "metrics"}
# What somebody needs who has no second factor yet; a forgotten password stands in its way too.
SET_UP = {
    "second_factor",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "account_reauthenticate",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}
# Of these a spa without a name has nothing to say.
PUBLIC = ("home", "menu", "about", "policies")
# What somebody needs who has one, but not shown it in this session: it was set up elsewhere since.
PROOF = {"mfa_reauthenticate", "mfa_reauthenticate_webauthn"}


class SecondFactor:
    """Lead those who work here to their second factor; until then all else is closed to them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Answer in place of ``view`` where a second factor is missing."""
        assert request.resolver_match is not None
        name = request.resolver_match.view_name
        if not settings.STAFF_SECOND_FACTOR or name in ALWAYS_OPEN:
            return None
        if not request.user.is_authenticated:
            return None
        if has_second_factor(request.user):
            proven = name in PROOF or has_shown_second_factor(request)
            return None if proven else _lead_to(request, "mfa_reauthenticate", back=True)
        if name in SET_UP or not works_here(request.user):
            return None
        return _lead_to(request, "second_factor")


def needs_set_up(request: HttpRequest) -> bool:
    """Whether a second factor is a must for her and missing."""
    user = request.user
    return bool(settings.STAFF_SECOND_FACTOR and works_here(user) and not has_second_factor(user))


def _lead_to(request: HttpRequest, name: str, *, back: bool = False) -> HttpResponse:
    """Send the browser to the page ``name``, in whichever way it asked."""
    url = reverse(name)
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(url)
    if not is_navigation(request):
        words = _("Nothing was changed: your login needs a second factor first.")
        return JsonResponse({"error": words, "location": url}, status=403)
    if back and request.method in SAFE:
        url = f"{url}?{urlencode({'next': request.get_full_path()})}"
    return redirect(url)


def is_navigation(request: HttpRequest) -> bool:
    """Whether the browser shows the answer as a page; where it does not tell, it does."""
    accepts, sends = request.headers.get("Accept", ""), request.content_type or ""
    if "application/json" in (accepts, sends) or accepts == "text/event-stream":
        return False
    return request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"


def keep_sessions(get_response: GetResponse) -> GetResponse:
    """Let a session last while somebody uses it, and note when that was.

    A page that only asks for news by itself is not used: left alone, its session ends.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        used = request.method not in SAFE or is_navigation(request)
        # Where the request failed nothing is kept of it: the database may be away.
        if (
            response.status_code < 500
            and used
            and request.session.accessed
            and request.user.is_authenticated
        ):
            _note_use(request)
        return response

    return middleware


def _note_use(request: HttpRequest) -> None:
    now = time.time()
    if now - request.session.get(SEEN, 0) < SEEN_EVERY:
        return
    request.session[SEEN] = now
    UserSession.objects.filter(session_key=request.session.session_key).update(
        last_seen_at=timezone.now(), ip=get_adapter(request).get_client_ip(request)
    )


def account_pages(get_response: GetResponse) -> GetResponse:
    """Keep the pages about logins out of every cache and search engine."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith("/accounts/"):
            response["Cache-Control"] = "private, no-store"
            response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return middleware


def new_spa(get_response: GetResponse) -> GetResponse:
    """Lead from the public pages to the set-up as long as nothing is known of the spa."""

    def middleware(request: HttpRequest) -> HttpResponse:
        # Machines that watch the site ask for no spa.
        unknown = getattr(request, "spa", None) is None
        if unknown and request.path in {reverse(f"services:{name}") for name in PUBLIC}:
            return redirect("bookings:start")
        return get_response(request)

    return middleware
