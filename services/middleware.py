"""Every request knows the spa and runs in its time zone; old addresses lead on."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control

from services import memory
from services.card import remember
from services.models import SpaProfile
from services.queries import services_for


class SpaMiddleware:
    """Set ``request.spa`` and show all times in the spa's zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path in ("/healthz", "/readyz", "/metrics"):
            return self.get_response(request)
        with memory.within_request():
            spa = SpaProfile.known()
            request.spa = spa  # type: ignore[attr-defined]
            if spa is None:
                return self.get_response(request)
            remember(spa)
            with timezone.override(spa.zone):
                return self.get_response(request)


class OldAddresses:
    """Lead from an address that a treatment once had to the same page of the treatment."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 404 and (address := new_address(request)):
            # 308 lets a browser send a form again; 301 is what search engines know best.
            moved = HttpResponsePermanentRedirect(address)
            moved.status_code = 301 if request.method in ("GET", "HEAD") else 308
            # Kept by a browser, it would lead in a circle once the page has this address again.
            patch_cache_control(moved, private=True, no_cache=True)
            return moved
        return response


def new_address(request: HttpRequest) -> str | None:
    """Return where the page now lies whose address has an old slug of a treatment in it."""
    match = request.resolver_match
    if match is None or "slug" not in match.kwargs or request.path.startswith("/admin/"):
        return None
    service = services_for(request.user).filter(old_addresses__slug=match.kwargs["slug"]).first()
    if service is None:
        return None
    path = reverse(match.view_name, kwargs={**match.kwargs, "slug": service.slug})
    query = request.META.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path
