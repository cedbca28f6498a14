"""The therapist's own days, and the steps of her own visits."""

import hashlib
from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from bookings import actions
from bookings.actions import BookingError
from bookings.forms.therapist import OwnStepForm, ReadyForm
from bookings.models import Appointment, Therapist
from bookings.own import OwnDays, find_days
from bookings.permissions import therapist_of, therapists_only, works_at_desk
from bookings.views.common import private, spa_of
from bookings.views.staff import bar, booked_or_404, day_asked_for, me

DAYS_SHOWN = 7
REGION = "own-days"

OwnView = Callable[[HttpRequest, Therapist], HttpResponse]


def own_page(view: OwnView) -> Callable[[HttpRequest], HttpResponse]:
    """Hand ``view`` the therapist whose login it is; whoever else works at the desk goes there."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        therapist = therapist_of(request.user)
        if therapist is not None:
            return view(request, therapist)
        if works_at_desk(request.user):
            return redirect("bookings:desk")
        raise PermissionDenied

    return guarded


def own_visit_or_refuse(request: HttpRequest, reference: str) -> Appointment:
    """Return one of her own visits; ``PermissionDenied`` for anybody else's, an owner's too."""
    visit = booked_or_404(reference)
    if visit.therapist.user_id != me(request).pk:
        raise PermissionDenied
    return visit


@private
@therapists_only
@require_GET
@own_page
def days(request: HttpRequest, therapist: Therapist) -> HttpResponse:
    """Her own visits: who comes now, the rest of the day, and the next days.

    A phone that shows the page asks for the fragment alone every few seconds, and is answered
    with 304 where nothing has changed.
    """
    shown = _days(request, therapist)
    token = get_token(request)
    context = {"own": shown, "region": REGION, "csrf_token": token}
    fragment = render_to_string("bookings/therapist/now_and_days.html", context, request)
    # Form tokens are masked anew in every page.
    version = hashlib.sha256(fragment.replace(token, "").encode()).hexdigest()[:32]
    if request.headers.get("HX-Target") == REGION:
        return _fragment(request, fragment, f'"{version}"')
    return render(
        request,
        "bookings/therapist/days.html",
        {
            **context,
            "fragment": mark_safe(fragment),  # noqa: S308  Rendered by a template just above.
            "version": version,
            **bar(request, "own"),
        },
    )


@private
@therapists_only
@require_POST
def step(request: HttpRequest, reference: str) -> HttpResponse:
    """Arrived, started, completed, or the last step back, of one of her own visits."""
    visit = own_visit_or_refuse(request, reference)
    form = OwnStepForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("That did not work. Nothing was changed. Please try again."))
        return _back(request, visit)
    visit.sequence = form.seen
    try:
        done = _take_step(request, visit, form.cleaned_data["step"])
    except BookingError as refused:
        messages.error(request, _refusal(visit, refused))
    else:
        messages.success(request, done)
    return _back(request, visit)


@private
@therapists_only
@require_POST
@own_page
def ready(request: HttpRequest, therapist: Therapist) -> HttpResponse:
    """Tell the desk that she is ready for the next client, or not yet after all."""
    form = ReadyForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("That did not work. Nothing was changed. Please try again."))
        return redirect("bookings:therapist")
    if form.cleaned_data["wish"] == "not_yet":
        actions.say_not_ready(therapist=therapist)
        messages.success(request, _("Taken back: the desk sees that you are not ready yet."))
        return redirect("bookings:therapist")
    reference = form.cleaned_data["finished"]
    finished = own_visit_or_refuse(request, reference) if reference else None
    if finished is not None:
        finished.sequence = form.seen
    try:
        actions.say_ready(
            therapist=therapist,
            finished=finished,
            by=actions.staff(me(request)),
            now=timezone.now(),
        )
    except BookingError as refused:
        words = refused.message if finished is None else _refusal(finished, refused)
        messages.error(request, words)
    else:
        messages.success(request, _ready_news(finished))
    return redirect("bookings:therapist")


def _ready_news(finished: Appointment | None) -> str:
    # That she is ready, the page says all the time.
    if finished is None:
        return _("The desk has been told.")
    return _("The visit of %(name)s is completed.") % {"name": finished.client}


def _days(request: HttpRequest, therapist: Therapist) -> OwnDays:
    spa, now = spa_of(request), timezone.now()
    first = day_asked_for(request, now.astimezone(spa.zone).date())
    found = find_days(therapist, first, days=DAYS_SHOWN, spa=spa, now=now)
    # Today's alone: whoever looks at a week must not have read the health checks of a week.
    areas = actions.read_areas(appointments=found.expected_today, user=me(request), now=now)
    return found.with_areas(areas)


def _fragment(request: HttpRequest, fragment: str, version: str) -> HttpResponse:
    if not messages.get_messages(request):
        answer = HttpResponse(fragment, headers={"ETag": version})
        return get_conditional_response(request, etag=version, response=answer) or answer
    # What came of a step is no part of the version: it is said once.
    news = render_to_string("bookings/therapist/news_beside.html", {}, request)
    return HttpResponse(fragment + news, headers={"ETag": version})


def _take_step(request: HttpRequest, visit: Appointment, name: str) -> str:
    by, now = actions.staff(me(request)), timezone.now()
    who = {"name": visit.client}
    if name == "arrived":
        actions.mark_arrived(appointment=visit, by=by, now=now)
        return _("%(name)s is here.") % who
    if name == "started":
        actions.start_treatment(appointment=visit, by=by, now=now)
        return _("The treatment of %(name)s has begun.") % who
    if name == "completed":
        actions.mark_completed(appointment=visit, by=by, now=now)
        return _("The visit of %(name)s is completed.") % who
    return _take_back(request, visit)


def _take_back(request: HttpRequest, visit: Appointment) -> str:
    latest = actions.take_back_step(
        appointment=visit,
        by=actions.staff(me(request)),
        spa=spa_of(request),
        now=timezone.now(),
    )
    who = {"name": visit.client}
    if latest.status != Appointment.Status.ARRIVED:
        return _("Taken back: %(name)s is expected again.") % who
    if latest.started_at is None:
        return _("Taken back: %(name)s is here, and the treatment has not begun.") % who
    return _("Taken back: the treatment of %(name)s goes on.") % who


def _refusal(visit: Appointment, refused: BookingError) -> str:
    return _("%(name)s: %(refusal)s") % {"name": visit.client, "refusal": refused.message}


def _back(request: HttpRequest, visit: Appointment) -> HttpResponse:
    """Return to the page of the visit where the step was taken there, else to her days."""
    if request.POST.get("back") == "visit":
        return redirect("bookings:therapist_visit", visit.reference)
    return redirect("bookings:therapist")
