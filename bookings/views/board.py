"""The day as a list: every step of the desk without a calendar, and all of it on paper."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from bookings.day import desk_day
from bookings.permissions import desk_only
from bookings.views.common import private, spa_of
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
