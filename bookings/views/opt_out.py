"""The page behind "unsubscribe": for people, who confirm, and for mail programs, which post."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from bookings.actions import stop_aftercare, visit_of_key, want_aftercare
from bookings.views.common import private, spa_of
from bookings.views.visit import unknown

PAGE = "bookings/visit/opt_out.html"


# The signed key is all that a mail program has, and all that is needed to do this one thing.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@private
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Ask once, since scanners follow links; stop, or send again, by POST."""
    spa_of(request)
    visit = visit_of_key(token)
    if visit is None:
        return unknown(request)
    stage = "ask"
    if request.method == "POST" and "again" in request.POST:
        want_aftercare(appointment=visit, now=timezone.now())
        stage = "again"
    elif request.method == "POST":
        stop_aftercare(appointment=visit, now=timezone.now())
        stage = "stopped"
    return render(request, PAGE, {"stage": stage})
