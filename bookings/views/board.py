"""The day as a list: every step of the desk without a calendar, and all of it on paper."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from bookings.clearances import waiting_requests
from bookings.day import desk_day
from bookings.permissions import desk_only
from bookings.views.common import private, spa_of
from bookings.views.panel import in_panel
from bookings.views.staff import bar, day_asked_for, next_days


@private
@desk_only
@require_GET
def day_list(request: HttpRequest) -> HttpResponse:
    """The day by therapist, and the requests of all days."""
    spa, now = spa_of(request), timezone.now()
    chosen = day_asked_for(request, now.astimezone(spa.zone).date())
    found = desk_day(chosen, spa=spa, now=now)
    return render(
        request,
        "bookings/desk/list.html",
        {"day": found, **next_days(chosen), **bar(request, "list")},
    )


@private
@desk_only
@require_GET
def clearances(request: HttpRequest) -> HttpResponse:
    """The requests that wait for a decision, as a page or in the drawer."""
    panel = in_panel(request)
    template = "clearances_queue.html" if panel else "clearances.html"
    return render(
        request,
        f"bookings/desk/{template}",
        {
            "queue": waiting_requests(spa=spa_of(request), now=timezone.now()),
            "panel": panel,
            "level": 2 if panel else 1,
            **bar(request, "clearances"),
        },
    )
