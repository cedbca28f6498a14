"""Owners see who works when in a week."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from bookings.views.common import private, spa_of
from bookings.views.hours import PERMISSION
from bookings.views.owners import page, with_permission
from bookings.views.staff import day_asked_for
from bookings.week_table import week_table
from bookings.words import span_of_days

WEEK = timedelta(days=7)


@private
@with_permission(PERMISSION)
@require_GET
def week(request: HttpRequest) -> HttpResponse:
    """The week of ``?date=``: a row per therapist, a column per day, and how each is staffed."""
    spa = spa_of(request)
    today = timezone.now().astimezone(spa.zone).date()
    table = week_table(day_asked_for(request, today), zone=spa.zone)
    return page(
        request,
        "week_table",
        _("Who works when"),
        table=table,
        today=today,
        when=span_of_days(table.monday, table.sunday, today),
        earlier=table.monday - WEEK,
        later=table.monday + WEEK,
    )
