"""The calendar of the desk: the day by therapist or room, a therapist's week, and its feed.

An open calendar asks for the feed every three seconds with the mark of what it shows. Where
nothing has changed the answer is ``304``: five short queries (session, person, groups, spa, and the
fingerprint), no body. See ``docs/desk-calendar.md`` for what that costs.
"""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from bookings import actions
from bookings.actions import BookingError, TimeTaken
from bookings.diary_feed import Json, Scope, diary, fingerprint
from bookings.forms.diary import PlaceForm
from bookings.history import history_of
from bookings.models import Appointment, Therapist
from bookings.permissions import desk_only
from bookings.views.common import private, spa_of
from bookings.views.diary_words import words
from bookings.views.staff import bar, booked_or_404, day_asked_for, me
from bookings.views.times import read_start
from bookings.words import moment_in_words

# Stands for a visit's reference in the addresses that the scripts fill in.
ANY_REFERENCE = "ZZZZZZZZ"
FURTHEST = timedelta(days=730)


@private
@desk_only
@require_GET
def day(request: HttpRequest) -> HttpResponse:
    """The day, one column for each therapist or, with ``?by=room``, for each room."""
    return _page(request, _scope(request, is_week=False))


@private
@desk_only
@require_GET
def week(request: HttpRequest) -> HttpResponse:
    """The week of one therapist."""
    return _page(request, _scope(request, is_week=True))


@private
@desk_only
@require_GET
def feed(request: HttpRequest) -> HttpResponseBase:
    """What the calendar shows, as JSON; ``304`` where it is what the calendar has already."""
    scope = _scope(request, is_week=request.GET.get("days") == "7")
    etag = _etag(scope)
    return get_conditional_response(request, etag=etag, response=None) or JsonResponse(
        _shown(scope, etag), headers={"ETag": etag}
    )


@private
@desk_only
@require_POST
def place(request: HttpRequest, reference: str) -> HttpResponse:
    """Put a visit where it was dragged; the answer is JSON, a refusal is ``409`` with its words."""
    visit = booked_or_404(reference)
    form = PlaceForm(_body(request))
    if not form.is_valid():
        return JsonResponse({"message": BookingError().message}, status=400)
    try:
        moved = _place(request, visit, form.cleaned_data)
    except BookingError as refused:
        return JsonResponse(_refusal(visit, refused), status=409)
    return JsonResponse({"news": _moved_to(moved), **_undo_of(moved)})


def _place(request: HttpRequest, visit: Appointment, wish: dict[str, Any]) -> Appointment:
    spa, now = spa_of(request), timezone.now()
    starts_at = read_start(wish["start"], last_day=(now + FURTHEST).date())
    therapist = Therapist.objects.filter(pk=wish["therapist"]).first()
    if starts_at is None or therapist is None:
        raise TimeTaken
    visit.sequence = wish["sequence"]
    return actions.reschedule_appointment(
        appointment=visit,
        starts_at=starts_at,
        by=actions.staff(me(request)),
        spa=spa,
        now=now,
        therapist=therapist,
    )


def _page(request: HttpRequest, scope: Scope) -> HttpResponse:
    shown = _shown(scope, _etag(scope))
    here = "week" if scope.is_week else "day"
    context = {
        "diary": shown,
        "scope": scope,
        "links": shown["links"],
        "words": words(),
        "desk_paths": _paths(),
        **bar(request, here),
    }
    return render(request, "bookings/desk/calendar.html", context)


def _paths() -> dict[str, str]:
    """The pages that the calendar opens; ``ANY_REFERENCE`` stands for a visit's."""
    any_visit = {"reference": ANY_REFERENCE}
    return {
        "visit": reverse("bookings:desk_appointment", kwargs=any_visit),
        "place": reverse("bookings:desk_place", kwargs=any_visit),
        "any": ANY_REFERENCE,
        "week": reverse("bookings:desk_week"),
        "feed": reverse("bookings:desk_feed"),
        "book": _url("desk_book"),
        "block": _url("desk_block"),
        "clients": _url("desk_clients"),
    }


def _scope(request: HttpRequest, *, is_week: bool) -> Scope:
    zone = spa_of(request).zone
    key = request.GET.get("therapist", "")
    return Scope(
        on=day_asked_for(request, timezone.localdate(timezone=zone)),
        zone=zone,
        is_week=is_week,
        by_room=request.GET.get("by") == "room" and not is_week,
        therapist=int(key) if key.isascii() and key.isdecimal() and len(key) < 10 else None,
    )


def _etag(scope: Scope) -> str:
    now = timezone.now()
    parts = [fingerprint(scope, now=now), f"{now.astimezone(scope.zone):%Y-%m-%d%z}"]
    mark = sha256(" ".join([*parts, get_language() or ""]).encode()).hexdigest()[:32]
    return f'"{mark}"'


def _shown(scope: Scope, etag: str) -> Json:
    found = diary(scope, now=timezone.now())
    return {**found, "etag": etag, "links": _links(scope, found["therapist"])}


def _links(scope: Scope, therapist: int | None) -> dict[str, str]:
    """The addresses of what lies around the days shown."""
    step = timedelta(days=7 if scope.is_week else 1)
    whose = str(therapist or "")
    by = "room" if scope.by_room else ""
    name = "desk_week" if scope.is_week else "desk"
    on, today = scope.on.isoformat(), timezone.localdate(timezone=scope.zone).isoformat()
    date = "" if on == today else on
    return {
        "here": _url(name, date=date, by=by, therapist=whose),
        "earlier": _url(name, date=(scope.on - step).isoformat(), by=by, therapist=whose),
        "later": _url(name, date=(scope.on + step).isoformat(), by=by, therapist=whose),
        "now": _url(name, by=by, therapist=whose),
        "jump": _url(name, by=by, therapist=whose),
        "day": _url("desk", date=date, therapist=whose),
        "week": _url("desk_week", date=date, therapist=whose),
        "rooms": _url("desk", date=date, by="room"),
        "list": _url("desk_list", date=date),
        "strip": _url("desk_strip", date=on),
        "sheet": _url("desk_sheet", date=on),
        "feed": _url(
            "desk_feed", date=on, days="7" if scope.is_week else "", by=by, therapist=whose
        ),
    }


def _url(name: str, **query: str) -> str:
    try:
        path = reverse(f"bookings:{name}")
    except NoReverseMatch:
        return ""
    asked = urlencode({key: value for key, value in query.items() if value})
    return f"{path}?{asked}" if asked else path


def _body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent, or nothing of it."""
    try:
        sent = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return sent if isinstance(sent, dict) else {}


def _refusal(visit: Appointment, refused: BookingError) -> Json:
    return {
        "message": _("%(name)s: %(refusal)s") % {"name": visit.client, "refusal": refused.message},
        "rules": list(getattr(refused, "rules", [])),
        "blockers": [one.words for one in getattr(refused, "blockers", [])],
        "nearest": [
            moment_in_words(timezone.localtime(at), timezone.localdate())
            for at in getattr(refused, "nearest", [])
        ],
        "latest": _latest_of(visit) if isinstance(refused, actions.ChangedMeanwhile) else "",
    }


def _latest_of(visit: Appointment) -> str:
    """Who changed the visit last, what and when."""
    lines = history_of(visit)[:1]
    return "".join(
        _("%(what)s by %(by)s, %(at)s.")
        % {
            "what": line.what,
            "by": line.by,
            "at": moment_in_words(timezone.localtime(line.at), timezone.localdate()),
        }
        for line in lines
    )


def _undo_of(visit: Appointment) -> Json:
    return {
        "reference": visit.reference,
        "sequence": visit.sequence,
        "undo": "",
    }


def _moved_to(visit: Appointment) -> str:
    words = {
        "name": visit.client,
        "when": moment_in_words(visit.starts_local, timezone.localdate()),
        "therapist": visit.therapist,
    }
    return _("%(name)s: moved to %(when)s with %(therapist)s.") % words
