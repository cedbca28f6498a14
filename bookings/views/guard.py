"""What keeps machines from the public's forms: counts by visitor and address, and a bait."""

import ipaddress
from collections.abc import Callable
from functools import wraps
from math import ceil
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac

from bookings import limits
from bookings.views.common import View

# A household or a telephone is given at least as much of an IPv6 network.
IPV6_PREFIX = 56
# The field that nobody sees; templates/components/bait.html.
BAIT = "extra"


def limited(policy: limits.Policy) -> Callable[[View], View]:
    """Let ``policy`` say how often one may post to a view; more get a kind page with status 429."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            wait = _wait(request, policy) if request.method == "POST" else 0
            return too_often(request, wait) if wait else view(request, *args, **kwargs)

        return guarded

    return decorate


def too_often(request: HttpRequest, seconds: int) -> HttpResponse:
    """Say when to try again, and keep what was sent: the page's button asks for it once more."""
    sent = [
        (name, value)
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken"
        for value in values
    ]
    context = {"minutes": ceil(seconds / 60), "sent": sent, "was_sent": request.method == "POST"}
    answer = render(request, "bookings/client/too_often.html", context, status=429)
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "private, no-store"
    return answer


def address_of(request: HttpRequest) -> str:
    """The visitor's address as our own proxy has seen it; of IPv6 the network.

    Empty where it is one of ``UNLIMITED_ADDRESSES``: nobody is counted by it.
    """
    try:
        given = get_adapter(request).get_client_ip(request)
        address = ipaddress.ip_address(given)
    except (ImproperlyConfigured, PermissionDenied, ValueError):
        # Asked past the proxy, or by a proxy that says nothing: all who come so are one.
        return request.META.get("REMOTE_ADDR") or "unknown"
    if any(address in ipaddress.ip_network(one) for one in settings.UNLIMITED_ADDRESSES):
        return ""
    if address.version == 6:
        return str(ipaddress.ip_network(f"{address}/{IPV6_PREFIX}", strict=False))
    return str(address)


def holder_of(request: HttpRequest) -> str:
    """What stands for the visitor's address at the times that she holds; nobody can turn it back.

    Without a key it could be: there are few addresses.
    """
    address = address_of(request)
    return (
        salted_hmac("bookings.holder", address, algorithm="sha256").hexdigest() if address else ""
    )


def wait_for_mail(request: HttpRequest, email: str) -> int:
    """In how many seconds somebody may book in the name of ``email`` again; 0 for now.

    Each booking sends a mail there: nobody shall flood somebody else.
    """
    if not address_of(request):
        return 0
    return limits.seconds_to_wait_if_known(limits.BOOKINGS_FOR_ADDRESS, of=email)


def too_many_keys(request: HttpRequest) -> HttpResponse | None:
    """The answer to a wrong key where there were too many before it; ``None`` for now.

    To be asked only where a key was wrong: whoever has the right one never waits for a neighbour.
    """
    address = address_of(request)
    wait = limits.seconds_to_wait_if_known(limits.WRONG_KEYS, of=address) if address else 0
    return too_often(request, wait) if wait else None


def took_bait(request: HttpRequest) -> bool:
    """Whether the field was filled that only machines see."""
    return bool(request.POST.get(BAIT))


def _wait(request: HttpRequest, policy: limits.Policy) -> int:
    address = address_of(request)
    if not address:
        return 0
    visitor = request.session.session_key
    of_visitor = limits.seconds_to_wait_if_known(policy.by_visitor, of=visitor) if visitor else 0
    return max(of_visitor, limits.seconds_to_wait_if_known(policy.by_address, of=address))
