"""The day as a list, what is due right now, and the requests that wait."""

import re
from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from bookings import actions
from bookings.cards import shown
from bookings.clearances import waiting_requests, waiting_terms
from bookings.day import Column, Day, desk_day
from bookings.diary_feed import Days, Scope
from bookings.models import Appointment
from bookings.models.appointments import REFERENCE_ALPHABET
from bookings.permissions import desk_only
from bookings.strip import Strip
from bookings.views.common import private, spa_of
from bookings.views.desk_answers import answer
from bookings.views.panel import with_news
from bookings.views.staff import bar, day_asked_for, next_days
from bookings.views.times import Choice


@private
@desk_only
@require_GET
def day_list(request: HttpRequest) -> HttpResponse:
    """The day of everybody, or of one therapist, in the order of the clock."""
    strip = _strip(request)
    column = _asked_for(request, strip.day)
    return render(
        request,
        "bookings/desk/list.html",
        {
            "day": strip.day if column is None else replace(strip.day, columns=[column]),
            "strip": strip,
            "therapist": column.therapist if column else None,
            "therapists": _choices(strip.day, column),
            **next_days(strip.day.on),
            **bar(request, "list"),
        },
    )


@private
@desk_only
@require_GET
def sheet(request: HttpRequest) -> HttpResponse:
    """The day on paper: a page for each therapist who is in, or for one."""
    spa, now = spa_of(request), timezone.now()
    day = desk_day(day_asked_for(request, now.astimezone(spa.zone).date()), spa=spa, now=now)
    column = _asked_for(request, day)
    return render(
        request,
        "bookings/desk/sheet.html",
        {
            "day": day,
            "columns": [column] if column else day.columns,
            "therapist": column.therapist if column else None,
            **next_days(day.on),
            **bar(request, "list"),
        },
    )


@private
@desk_only
@require_GET
def strip(request: HttpRequest) -> HttpResponse:
    """What is due right now, as a fragment; after a step with what came of it."""
    # Only what a step in it came to: the words for the page of another tab wait for that page.
    said = list(messages.get_messages(request)) if "visit" in request.GET else []
    troubles = [one.message for one in said if one.level_tag == "error"]
    fragment = render(
        request,
        "bookings/desk/strip.html",
        {"strip": _at_a_glance(request), "troubles": troubles, "is_fragment": True},
    )
    done = " ".join(one.message for one in said if one.level_tag != "error")
    return with_news(fragment, done, undo=_just_changed(request)) if done else fragment


@private
@desk_only
@require_GET
def clearances(request: HttpRequest) -> HttpResponse:
    """The requests that wait for a decision, as a page or in the drawer."""
    queue = waiting_requests(spa=spa_of(request), now=timezone.now())
    return answer(request, "clearances", {"queue": queue}, here="clearances")


def _just_changed(request: HttpRequest) -> Appointment | None:
    """The visit whose step led here, where it can be taken back."""
    reference = request.GET.get("visit", "")
    if not re.fullmatch(f"[{REFERENCE_ALPHABET}]{{8}}", reference):
        return None
    visit = shown().booked().filter(reference=reference).first()
    return visit if visit is not None and actions.can_undo(visit) else None


def _strip(request: HttpRequest) -> Strip:
    spa, now = spa_of(request), timezone.now()
    chosen = day_asked_for(request, now.astimezone(spa.zone).date())
    return Strip(desk_day(chosen, spa=spa, now=now), waiting_terms(spa=spa, now=now))


def _at_a_glance(request: HttpRequest) -> Strip:
    """The same without what only the list shows of a visit."""
    spa, now = spa_of(request), timezone.now()
    chosen = day_asked_for(request, now.astimezone(spa.zone).date())
    days = Days(Scope(chosen, spa.zone), now, has_strip=True)
    return Strip(days.day, waiting_terms(spa=spa, now=now))


def _asked_for(request: HttpRequest, day: Day) -> Column | None:
    """The column of ``?therapist=``; none, which is everybody, where she is not in."""
    key = request.GET.get("therapist", "")
    return next((one for one in day.columns if str(one.therapist.pk) == key), None)


def _choices(day: Day, chosen: Column | None) -> list[Choice]:
    address = f"{reverse('bookings:desk_list')}?date={day.on:%Y-%m-%d}"
    everybody = Choice("", _("Everybody"), address, chosen is None)
    return [everybody, *(_choice(address, one, chosen) for one in day.columns)]


def _choice(address: str, column: Column, chosen: Column | None) -> Choice:
    pk = str(column.therapist.pk)
    is_chosen = chosen is not None and column.therapist == chosen.therapist
    return Choice(f"of-{pk}", column.therapist.name, f"{address}&therapist={pk}", is_chosen)
