"""Booking at the desk: who, what, when, the health questions, done."""

import re
from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from bookings import actions
from bookings.actions import BookingError, HealthCheckNeeded
from bookings.clients import find_clients
from bookings.forms.desk_booking import search_words
from bookings.models import Appointment, Client, HealthCheck
from bookings.permissions import desk_only
from bookings.urls.converters import ReferenceConverter
from bookings.views.common import private, spa_of
from bookings.views.desk_answers import show_visit
from bookings.views.desk_draft import (
    Draft,
    Kept,
    from_visit,
    keep,
    keep_check,
    known_as,
    read_draft,
    read_kept,
)
from bookings.views.desk_health import Asked, ask_health, judge, refuse
from bookings.views.desk_parts import answer_part
from bookings.views.desk_stages import Clock, refused_context, stage_context
from bookings.views.journey import alone
from bookings.views.news_words import booked, mail_about
from bookings.views.panel import in_panel, with_news
from bookings.views.staff import booked_or_404, me

Status = Appointment.Status
FOUND_MOST = 7
FIRST_SEQUENCE = 1


@private
@desk_only
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """The people whom a search means, as options to choose from."""
    search = search_words(request.GET.get("q", ""))
    return render(
        request,
        "bookings/desk/book_people.html",
        {"people": find_clients(search, limit=FOUND_MOST), "search": search},
    )


@private
@desk_only
@require_http_methods(["GET", "HEAD", "POST"])
@alone
def book(request: HttpRequest) -> HttpResponse:
    """Ask for what is not known yet; with all of it known, book."""
    if request.method != "POST" and "again" in request.GET:
        _begin_again(request)
    spa = spa_of(request)
    draft = read_draft(request, spa=spa)
    kept = read_kept(request, draft)
    if kept.booked:
        return _booked_before(request, booked_or_404(kept.booked))
    if draft.client is None and kept.client and kept.newcomer == draft.entered:
        draft = known_as(draft, Client.objects.get(pk=kept.client))
    if draft.stage != "finish":
        return _page(request, draft)
    asked = ask_health(request, draft, kept)
    if not draft.books:
        return _page(request, draft, asked=asked)
    return _book(request, draft, asked)


def _begin_again(request: HttpRequest) -> None:
    given = request.GET.copy()
    reference = given.get("again", "")
    if not re.fullmatch(ReferenceConverter.regex, reference):
        raise Http404
    for name, value in from_visit(booked_or_404(reference)).items():
        given.setdefault(name, value)
    request.GET = given  # type: ignore[assignment]


def _book(request: HttpRequest, draft: Draft, asked: Asked) -> HttpResponse:
    """Judge the health answers, keep a newcomer, and book."""
    judged = judge(request, draft, asked)
    if judged.refusal is not None:
        refuse(request, draft)
        return answer_part(request, "refused", judged.refusal)
    if judged.check is not None:
        keep_check(request, draft, judged.check)
    if judged.check is None or not draft.finish.is_valid():
        return _page(request, draft, asked=judged)
    draft = _with_record(request, draft)
    try:
        visit = _place(request, draft, judged.check)
    except HealthCheckNeeded:
        keep(request, draft, replace(read_kept(request, draft), check=0))
        asked = ask_health(request, replace(draft, asks=True, do=""), Kept())
        return _page(request, draft, asked=asked, refused=HealthCheckNeeded())
    except BookingError as refused:
        asked = ask_health(request, draft, read_kept(request, draft))
        return _page(request, draft, asked=asked, refused=refused)
    keep(request, draft, replace(read_kept(request, draft), booked=visit.reference))
    return _booked(request, visit)


def _with_record(request: HttpRequest, draft: Draft) -> Draft:
    """Keep somebody new, once for each form."""
    if draft.client is not None:
        return draft
    assert draft.newcomer is not None
    client = actions.add_client(
        **draft.newcomer.contact, by=actions.staff(me(request)), now=timezone.now()
    )
    known = known_as(draft, client)
    kept = read_kept(request, draft)
    keep(request, known, replace(kept, who=known.who, newcomer=draft.entered, client=client.pk))
    return known


def _place(request: HttpRequest, draft: Draft, check: HealthCheck) -> Appointment:
    assert draft.client is not None
    assert draft.option is not None
    assert draft.start is not None
    return actions.book_at_desk(
        client=draft.client,
        service=draft.option.service,
        option=draft.option,
        starts_at=draft.start,
        therapist=draft.therapist,
        room=draft.room,
        minutes=draft.minutes,
        health_check=check,
        reason=draft.finish.reason_given,
        note=draft.finish.cleaned_data["note"],
        tell=draft.finish.cleaned_data["tell"],
        spa=spa_of(request),
        by=actions.staff(me(request)),
        now=timezone.now(),
    )


def _booked(request: HttpRequest, visit: Appointment) -> HttpResponse:
    """Say what was booked; a request stays to be read out."""
    words, more = booked(visit), mail_about(visit)
    waits = visit.status == Status.REQUESTED
    if not in_panel(request):
        messages.success(request, f"{words} {more}".rstrip())
        return redirect("bookings:desk_appointment", visit.reference)
    if not waits:
        return with_news(HttpResponse(""), words, more=more, undo=visit, close=True)
    done = answer_part(request, "done", {"visit": visit})
    return with_news(done, words, more=more, undo=visit)


def _booked_before(request: HttpRequest, visit: Appointment) -> HttpResponse:
    """Sent twice: both are told of the booking, unless it stands as booked no longer."""
    if visit.sequence == FIRST_SEQUENCE:
        return _booked(request, visit)
    words = _("This form was sent before, and its visit has changed since. Nothing new was booked.")
    if in_panel(request):
        return show_visit(request, visit, trouble=words)
    messages.error(request, words)
    return redirect("bookings:desk_appointment", visit.reference)


def _page(
    request: HttpRequest,
    draft: Draft,
    *,
    asked: Asked | None = None,
    refused: BookingError | None = None,
) -> HttpResponse:
    """The first thing that is still to be asked, and all that is known."""
    clock = Clock(spa_of(request), timezone.now())
    context = stage_context(draft, clock)
    if refused is not None:
        context |= refused_context(refused, draft, clock)
    return answer_part(request, "form", {"draft": draft, "asked": asked, **context})
