"""The calendar of the desk: the day by therapist or room, a therapist's week, and its feed.

An open calendar asks for the feed every three seconds with the mark of what it shows. Where
nothing has changed the answer is ``304``: four short queries (session, person, spa, and the
fingerprint), no body. See ``docs/desk-calendar.md`` for what that costs.
"""

from copy import copy
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from bookings import actions
from bookings.actions import BookingError, TimeTaken
from bookings.clearances import waiting_terms
from bookings.diary_feed import Days, Json, Scope, diary, fingerprint
from bookings.forms.diary import PlaceForm, UndoForm
from bookings.history import history_of
from bookings.models import Appointment, Room, Therapist
from bookings.models.appointments import UPCOMING
from bookings.permissions import desk_only
from bookings.strip import Strip
from bookings.views.common import json_body, private, spa_of
from bookings.views.desk_answers import show_visit
from bookings.views.diary_words import words
from bookings.views.news_words import changed, mail_about
from bookings.views.panel import in_panel, with_news
from bookings.views.staff import bar, booked_or_404, day_asked_for, me
from bookings.views.times import read_start, start_value
from bookings.words import moment_in_words, near_moment

# They stand for one visit or one time off in the addresses that the scripts fill in.
ANY_REFERENCE = "ZZZZZZZZ"
ANY_KEY = 0
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
def feed(request: HttpRequest) -> HttpResponse:
    """What the calendar shows, as JSON; ``304`` where it is what the calendar has already."""
    scope = _scope(request, is_week=request.GET.get("days") == "7")
    etag = _etag(scope)
    known = get_conditional_response(request, etag=etag) is not None
    answer = (
        HttpResponseNotModified()
        if known
        else JsonResponse(_shown(Days(scope, timezone.now()), etag))
    )
    answer["ETag"] = etag
    return answer


@private
@desk_only
@require_POST
def place(request: HttpRequest, reference: str) -> HttpResponse:
    """Put a visit where it was dragged; the answer is JSON, a refusal is ``409`` with its words."""
    visit = booked_or_404(reference)
    form = PlaceForm(json_body(request))
    if not form.is_valid():
        return JsonResponse({"message": BookingError().message}, status=400)
    try:
        moved = _place(request, visit, form.cleaned_data)
    except BookingError as refused:
        wished = read_start(form.cleaned_data["start"], last_day=(timezone.now() + FURTHEST).date())
        return JsonResponse(_refusal(visit, refused, wished=wished), status=409)
    done = _done(moved, changed(visit, moved))
    return JsonResponse({**done, "more": mail_about(moved)})


@private
@desk_only
@require_POST
def undo(request: HttpRequest, reference: str) -> HttpResponse:
    """Take the latest change of a visit back.

    The calendar sends and gets JSON; a form without scripts is led to the visit's page.
    """
    visit = booked_or_404(reference)
    is_json = request.content_type == "application/json"
    form = UndoForm(json_body(request) if is_json else request.POST)
    try:
        back = _undo(request, visit, form)
    except BookingError as refused:
        answer = JsonResponse(_refusal(visit, refused), status=409)
        return answer if is_json else _to_visit(request, visit, _named(visit, refused.message))
    if is_json:
        return JsonResponse({**_done(back, _taken_back(back)), "undo": ""})
    return _to_visit(request, back, _taken_back(back), level=messages.SUCCESS)


def _place(request: HttpRequest, visit: Appointment, wish: dict[str, Any]) -> Appointment:
    spa, now = spa_of(request), timezone.now()
    starts_at = read_start(wish["start"], last_day=(now + FURTHEST).date())
    therapist = Therapist.objects.filter(pk=wish["therapist"]).first()
    room = Room.objects.filter(pk=wish["room"]).first() if wish["room"] else None
    if starts_at is None or therapist is None or (wish["room"] and room is None):
        raise TimeTaken
    looked_at = copy(visit)
    looked_at.sequence = wish["sequence"]
    return actions.reschedule_appointment(
        appointment=looked_at,
        starts_at=starts_at,
        by=actions.staff(me(request)),
        spa=spa,
        now=now,
        therapist=therapist,
        room=room,
        minutes=wish["minutes"],
        reason=wish["reason"],
    )


def _undo(request: HttpRequest, visit: Appointment, form: UndoForm) -> Appointment:
    if not form.is_valid():
        raise BookingError
    looked_at = copy(visit)
    looked_at.sequence = form.cleaned_data["sequence"]
    return actions.undo_change(
        appointment=looked_at,
        by=actions.staff(me(request)),
        spa=spa_of(request),
        now=timezone.now(),
    )


def _to_visit(
    request: HttpRequest, visit: Appointment, words: str, level: int = messages.ERROR
) -> HttpResponse:
    if in_panel(request):
        fresh = booked_or_404(visit.reference)
        if level == messages.SUCCESS:
            return with_news(show_visit(request, fresh), words, of=fresh)
        return show_visit(request, fresh, trouble=words)
    messages.add_message(request, level, words)
    return redirect("bookings:desk_appointment", visit.reference)


def _page(request: HttpRequest, scope: Scope) -> HttpResponse:
    etag, now = _etag(scope), timezone.now()
    days = Days(scope, now, has_strip=True)
    shown = _shown(days, etag)
    queue = waiting_terms(spa=spa_of(request), now=now)
    context = {
        "diary": shown,
        "scope": scope,
        "links": shown["links"],
        "words": words(),
        "desk_paths": _paths(),
        "strip": Strip(days.day, queue),
        **bar(request, "week" if scope.is_week else "day"),
        "requests_waiting": len(queue),
    }
    return render(request, "bookings/desk/calendar.html", context)


def _paths() -> dict[str, str]:
    """The pages that the calendar opens; ``ANY_REFERENCE`` and ``ANY_KEY`` stand for one."""
    any_visit = {"reference": ANY_REFERENCE}
    return {
        "visit": reverse("bookings:desk_appointment", kwargs=any_visit),
        "place": reverse("bookings:desk_place", kwargs=any_visit),
        "any": ANY_REFERENCE,
        "week": reverse("bookings:desk_week"),
        "feed": reverse("bookings:desk_feed"),
        "book": _url("desk_book"),
        "block": _url("desk_block"),
        "off": _url("desk_time_off", pk=ANY_KEY),
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


def _shown(days: Days, etag: str) -> Json:
    found = diary(days)
    links = _links(days.scope, found["therapist"])
    return {**found, "now": days.now.isoformat(), "etag": etag, "links": links}


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


def _url(name: str, *, pk: int | None = None, **query: str) -> str:
    try:
        path = reverse(f"bookings:{name}", kwargs={} if pk is None else {"pk": pk})
    except NoReverseMatch:
        return ""
    asked = urlencode({key: value for key, value in query.items() if value})
    return f"{path}?{asked}" if asked else path


def _refusal(visit: Appointment, refused: BookingError, *, wished: datetime | None = None) -> Json:
    """Why not, in words; ``rules`` may be broken with a reason, ``nearest`` are near ``wished``."""
    day = timezone.localtime(wished).date() if wished else None
    words = refused.message
    if isinstance(refused, actions.ChangedMeanwhile):
        words = _("Nothing was changed: %(news)s") % {"news": _latest_of(visit)}
    return {
        "message": _named(visit, words),
        "rules": refused.rules if isinstance(refused, actions.ReasonNeeded) else [],
        "nearest": [
            {"at": start_value(at), "words": near_moment(timezone.localtime(at), day)}
            for at in (refused.nearest if isinstance(refused, TimeTaken) else [])
        ],
    }


def _latest_of(visit: Appointment) -> str:
    """Who changed the visit last, what and when."""
    line = history_of(visit)[0]
    return _("%(what)s by %(by)s, %(at)s.") % {
        "what": line.what,
        "by": line.by,
        "at": moment_in_words(timezone.localtime(line.at), timezone.localdate()),
    }


def _named(visit: Appointment, words: str) -> str:
    return _("%(name)s: %(refusal)s") % {"name": visit.client, "refusal": words}


def _done(visit: Appointment, words: str) -> Json:
    """The news of a change, and how to take it back."""
    return {
        "news": words,
        "reference": visit.reference,
        "sequence": visit.sequence,
        "undo": reverse("bookings:desk_undo", args=[visit.reference]),
    }


def _taken_back(visit: Appointment) -> str:
    words = {
        "name": visit.client,
        "when": moment_in_words(visit.starts_local, timezone.localdate()),
        "therapist": visit.therapist,
    }
    if visit.status not in UPCOMING:
        return _("%(name)s: taken back.") % words
    return _("%(name)s: taken back, %(when)s with %(therapist)s as before.") % words
