"""Every request knows the spa and runs in its time zone."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from services.models import SpaProfile


class SpaMiddleware:
    """Set ``request.spa`` and show all times in the spa's zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path in ("/healthz", "/readyz"):
            return self.get_response(request)
        spa = SpaProfile.objects.filter(pk=1).first()
        request.spa = spa  # type: ignore[attr-defined]
        if spa is None:
            return self.get_response(request)
        with timezone.override(spa.zone):
            return self.get_response(request)
