"""The visit page and what a client does with her visit: move, cancel, answer anew."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings import limits
from bookings.actions import (
    CLIENT,
    BookingError,
    HealthCheckNeeded,
    NoticeTooShort,
    TimeTaken,
    affirm_health_check,
    cancel_appointment,
    check_still_holds,
    client_changes_until,
    discard_health_check,
    may_client_change,
    record_health_check,
    renew_health_check,
    reschedule_appointment,
    withdraw_health_check,
)
from bookings.calendar import visit_calendar
from bookings.forms.visit import CancelForm, SeenForm
from bookings.models import Appointment, HealthCheck, Therapist, VisitLink
from bookings.queries import last_bookable_day, rules_for
from bookings.told import told_of
from bookings.views.common import private, spa_of
from bookings.views.guard import limited, too_many_keys
from bookings.views.health import health_form, outcome_page
from bookings.views.journey import alone, journey_again, keep_journey, refuse_further
from bookings.views.times import (
    Times,
    gone,
    gone_url,
    keeps_focus,
    people,
    read_start,
    read_times,
    start_value,
)
from bookings.words import either, span_in_html
from services.models import SpaProfile
from services.screening import questions_version

Status = Appointment.Status
View = Callable[[HttpRequest, Appointment, str], HttpResponse]

page = require_http_methods(["GET", "HEAD", "POST"])

ENDED = {
    Status.COMPLETED: "past",
    Status.NO_SHOW: "missed",
    Status.CANCELLED: "cancelled",
    Status.DECLINED: "declined",
}


def opened(view: View) -> Callable[[HttpRequest, str], HttpResponse]:
    """Hand ``view`` the appointment that the token opens; any other token gets one same answer."""

    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponse:
        # As a value of its own: the order of one more table, joined with all the rest, takes the
        # database longer to plan than all else that the page costs.
        opened_by = Subquery(VisitLink.objects.opened_by(token).values("appointment")[:1])
        appointment = (
            Appointment.objects.booked()
            .filter(pk=opened_by)
            .select_related("service", "option", "therapist", "client", "health_check")
            .first()
        )
        if appointment is None:
            return unknown(request)
        return view(request, appointment, token)

    return guarded


def unknown(request: HttpRequest) -> HttpResponse:
    """Say that a link opens nothing, or nothing any more."""
    return too_many_keys(request) or render(request, "bookings/visit/unknown.html", status=404)


@require_safe
@private
@opened
def show(request: HttpRequest, appointment: Appointment, token: str) -> HttpResponse:
    """Show the visit in the words of its state."""
    spa, now = spa_of(request), timezone.now()
    stage = stage_of(appointment, now)
    return render(
        request,
        f"bookings/visit/{stage}.html",
        {
            "visit": appointment,
            "token": token,
            "told": told_of(appointment, now=now),
            "changeable": may_client_change(appointment, spa=spa, now=now),
            "change_until": client_changes_until(appointment, spa=spa),
            "bookable": appointment.service.status == "published",
            "check_open": appointment.health_check is None and appointment.is_upcoming,
            "asked_again": _is_asked_again(appointment),
        },
    )


@page
@limited(limits.CHANGES)
@private
@opened
def reschedule(request: HttpRequest, appointment: Appointment, token: str) -> HttpResponse:
    """Choose another time, say whether the health answers still hold, see both, and move."""
    spa, now = spa_of(request), timezone.now()
    if not may_client_change(appointment, spa=spa, now=now):
        return redirect("bookings:visit", token)
    given = request.POST if request.method == "POST" else request.GET
    shown, notices = read_times(
        given,
        service=appointment.service,
        option=appointment.option,
        spa=spa,
        now=now,
        path=reverse("bookings:visit_reschedule", args=[token]),
        keys={},
        moving=appointment,
        minutes=appointment.minutes,
    )
    if _is_the_same(appointment, appointment.starts_at, shown.wanted.therapist):
        shown = replace(shown, left_out=appointment.starts_at)
    start = read_start(given.get("start", ""), last_day=last_bookable_day(spa, now))
    if start is None or notices:
        return _times_page(request, appointment, token, shown, notices)
    if _is_the_same(appointment, start, shown.wanted.therapist):
        messages.info(request, _("That is the time you already have."))
        return redirect(shown.wanted.url())
    if not shown.is_on_offer(start):
        return redirect(gone_url(shown.wanted, start, spa))
    if request.method == "POST":
        return _next_step(request, appointment, token, shown, start)
    return _confirm_page(request, appointment, token, shown, start)


@page
@limited(limits.CHANGES)
@private
@alone
@opened
def health(request: HttpRequest, appointment: Appointment, token: str) -> HttpResponse:
    """Take new health answers for a visit that is still to come.

    What says "stop" counts though the page is older than the visit's state: she may have opened it
    before the desk marked her as arrived.
    """
    spa, now = spa_of(request), timezone.now()
    is_to_come = stage_of(appointment, now) in ("requested", "confirmed")
    if not is_to_come and (request.method != "POST" or now >= appointment.ends_at):
        return redirect("bookings:visit", token)
    service = appointment.service
    form = health_form(request, service)
    if request.method == "POST":
        form.is_valid()
    verdict = form.verdict if request.method == "POST" else None
    if verdict is not None and not verdict.may_book:
        refuse_further(request, service, now=now)
        _withdraw(request, appointment, now=now)
        changeable = may_client_change(appointment, spa=spa, now=now)
        return outcome_page(
            request,
            verdict=verdict,
            service=service,
            again_url=request.get_full_path(),
            booked=appointment.is_upcoming,
            is_here=appointment.status == Status.ARRIVED,
            cancel_url=reverse("bookings:visit_cancel", args=[token]) if changeable else "",
        )
    if not is_to_come:
        messages.warning(request, _("Too late to answer here: please tell your therapist instead."))
        return redirect("bookings:visit", token)
    if verdict is None or not form.is_valid():
        return render(
            request,
            "bookings/visit/health.html",
            {"form": form, "service": service, "visit": appointment, "token": token},
        )
    check = record_health_check(
        service=service, answers=form.answers, verdict=verdict, rules=form.rules, spa=spa, now=now
    )
    return _renew(request, appointment, token, check, now=now)


@page
@limited(limits.CHANGES)
@private
@opened
def cancel(request: HttpRequest, appointment: Appointment, token: str) -> HttpResponse:
    """Ask once, then cancel."""
    spa, now = spa_of(request), timezone.now()
    if not may_client_change(appointment, spa=spa, now=now):
        if stage_of(appointment, now) == "confirmed":
            messages.info(request, NoticeTooShort().message)
        return redirect("bookings:visit", token)
    form = CancelForm(request.POST or None, initial={"sequence": appointment.sequence})
    if request.method != "POST" or not form.is_valid():
        return render(
            request,
            "bookings/visit/cancel.html",
            {
                "form": form,
                "visit": appointment,
                "token": token,
                "change_until": client_changes_until(appointment, spa=spa),
            },
        )
    # The action refuses what is not the latest: it has to know which visit she saw.
    appointment.sequence = form.seen
    try:
        cancel_appointment(
            appointment=appointment,
            by=CLIENT,
            spa=spa,
            now=now,
            reason=form.cleaned_data["reason"],
        )
    except BookingError as refused:
        messages.warning(request, refused.message)
    return redirect("bookings:visit", token)


@require_POST
@private
@opened
def again(request: HttpRequest, appointment: Appointment, token: str) -> HttpResponse:
    """Begin another booking of the same treatment with what is known already."""
    service = appointment.service
    keep_journey(request, service, journey_again(appointment))
    address = reverse("bookings:times", args=[service.slug])
    return redirect(f"{address}?{urlencode({'option': appointment.option_id})}")


@require_safe
@private
@opened
def calendar(request: HttpRequest, appointment: Appointment, token: str) -> HttpResponse:
    """Hand out the visit as a calendar file."""
    content = visit_calendar(appointment, spa=spa_of(request))
    return HttpResponse(
        content,
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="visit.ics"'},
    )


def stage_of(appointment: Appointment, now: datetime) -> str:
    """Name what the visit page is about: requested, undecided, confirmed, arrived, past, …"""
    status = Status(appointment.status)
    if status in ENDED:
        return ENDED[status]
    if status == Status.REQUESTED:
        return "requested" if now < appointment.starts_at else "undecided"
    return status.value if now < appointment.ends_at else "past"


def _times_page(
    request: HttpRequest, appointment: Appointment, token: str, shown: Times, notices: list[str]
) -> HttpResponse:
    present = [one for one in shown.offer.therapists if one == appointment.therapist]
    return render(
        request,
        "bookings/visit/reschedule.html",
        {
            "visit": appointment,
            "token": token,
            "times": shown,
            "people": people(shown, present),
            "notices": notices,
            "gone": gone(request.GET, shown),
            "keep_focus": keeps_focus(request),
        },
    )


def _next_step(
    request: HttpRequest, appointment: Appointment, token: str, shown: Times, start: datetime
) -> HttpResponse:
    """Do what the pressed button says; every step but the last only leads on."""
    step = request.POST.get("step", "")
    here = shown.wanted.url(start=start_value(start))
    if step == "changed":
        query = here.partition("?")[2]
        return redirect(f"{reverse('bookings:visit_health', args=[token])}?{query}")
    if step == "unchanged":
        try:
            affirm_health_check(
                appointment=appointment,
                rules=rules_for(appointment.service),
                by=CLIENT,
                now=timezone.now(),
            )
        except HealthCheckNeeded as refused:
            messages.info(request, refused.message)
    if step == "move":
        return _move(request, appointment, token, shown, start)
    return redirect(here)


def _confirm_page(
    request: HttpRequest, appointment: Appointment, token: str, shown: Times, start: datetime
) -> HttpResponse:
    """Show the present and the new time; ask about the health first where answers are stale."""
    spa, now = spa_of(request), timezone.now()
    therapists = _who_would(appointment, shown, start)
    context: dict[str, Any] = {
        "visit": appointment,
        "token": token,
        "start": start_value(start),
        "new_time": _new_time(appointment, start, spa, now),
        "therapist_names": either([one.name for one in therapists]),
        # What she reads is what she gets: the one named therapist, even where any would do.
        "sent_therapist": therapists[0] if len(therapists) == 1 else None,
        "back_url": shown.wanted.url(),
    }
    if check_still_holds(appointment, on=start, spa=spa, now=now):
        return render(request, "bookings/visit/move.html", context)
    context["can_affirm"] = _questions_are_the_same(appointment)
    return render(request, "bookings/visit/still_well.html", context)


def _move(
    request: HttpRequest, appointment: Appointment, token: str, shown: Times, start: datetime
) -> HttpResponse:
    form = SeenForm(request.POST)
    form.is_valid()
    # The action refuses what is not the latest: it has to know which visit she saw.
    appointment.sequence = form.seen
    spa = spa_of(request)
    try:
        reschedule_appointment(
            appointment=appointment,
            starts_at=start,
            by=CLIENT,
            spa=spa,
            now=timezone.now(),
            therapist=shown.wanted.therapist,
        )
    except TimeTaken:
        return redirect(gone_url(shown.wanted, start, spa))
    except HealthCheckNeeded:
        return redirect(shown.wanted.url(start=start_value(start)))
    except BookingError as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, _("Your visit is moved."))
    return redirect("bookings:visit", token)


def _withdraw(request: HttpRequest, appointment: Appointment, *, now: datetime) -> None:
    try:
        withdraw_health_check(appointment=appointment, by=CLIENT, now=now)
    except BookingError as refused:
        messages.warning(request, refused.message)


def _renew(
    request: HttpRequest, appointment: Appointment, token: str, check: HealthCheck, *, now: datetime
) -> HttpResponse:
    try:
        renew_health_check(appointment=appointment, check=check, by=CLIENT, now=now)
    except BookingError as refused:
        discard_health_check(check)
        messages.warning(request, refused.message)
        return redirect("bookings:visit", token)
    messages.success(request, _("Thank you. Your therapist will see your new answers."))
    wish = {name: request.GET[name] for name in ("start", "therapist") if name in request.GET}
    if "start" not in wish:
        return redirect("bookings:visit", token)
    return redirect(f"{reverse('bookings:visit_reschedule', args=[token])}?{urlencode(wish)}")


def _new_time(
    appointment: Appointment, start: datetime, spa: SpaProfile, now: datetime
) -> SafeString:
    starts_at = start.astimezone(spa.zone)
    ends_at = (start + (appointment.ends_at - appointment.starts_at)).astimezone(spa.zone)
    return span_in_html(starts_at, ends_at, now.astimezone(spa.zone).date())


def _who_would(appointment: Appointment, shown: Times, start: datetime) -> list[Therapist]:
    """Who could treat her at ``start``: the wanted one, or the present one, or anyone free."""
    if shown.wanted.therapist is not None:
        return [shown.wanted.therapist]
    free = shown.offer.therapists_at(start)
    return [one for one in free if one == appointment.therapist] or free


def _is_the_same(appointment: Appointment, start: datetime, therapist: Therapist | None) -> bool:
    return start == appointment.starts_at and therapist in (None, appointment.therapist)


def _is_asked_again(appointment: Appointment) -> bool:
    """Whether the questions have changed since she answered them for a visit still to come."""
    check = appointment.health_check
    return appointment.is_upcoming and check is not None and check.asked_again_at is not None


def _questions_are_the_same(appointment: Appointment) -> bool:
    """Whether it is only time that has passed since the answers were given."""
    check = appointment.health_check
    asked_now = questions_version(rules_for(appointment.service))
    return check is not None and check.questions_version == asked_now
