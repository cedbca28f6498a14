"""The way to a booking: choose a time, answer the health check, say who comes."""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from functools import partial
from math import ceil
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from bookings import limits
from bookings.actions import (
    BookingError,
    HealthCheckNeeded,
    TimeTaken,
    TooManyHolds,
    confirm_appointment,
    hold_time,
    issue_visit_link,
    new_token,
    record_health_check,
)
from bookings.forms.details import DetailsForm
from bookings.forms.health import HealthForm
from bookings.models import Appointment, Client, HealthCheck, Therapist
from bookings.queries import last_bookable_day, seen_before
from bookings.views.common import private, spa_of, unkept
from bookings.views.guard import holder_of, limited, too_often, took_bait, wait_for_mail
from bookings.views.health import health_form, outcome_page
from bookings.views.journey import (
    VISIT_KEY,
    Journey,
    alone,
    finish_journey,
    held_time,
    journeys_of,
    keep_journey,
    let_others_go,
    own_hold,
    passing_check,
    read_journey,
    refuse_further,
    with_check,
)
from bookings.views.times import (
    Choice,
    Times,
    Wanted,
    gone,
    gone_url,
    keeps_focus,
    people,
    read_start,
    read_times,
    start_value,
)
from bookings.words import moment_in_words
from services.kept_pages import kept_page
from services.memory import remembered
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Outcome, Severity
from services.templatetags.menu import money

page = require_http_methods(["GET", "HEAD", "POST"])

_OTHER_TAB = gettext_lazy(
    "You have chosen another time in the meantime. This is the one that we keep for you now; "
    "please check it before you book."
)


@page
@limited(limits.HOLDS)
@alone
def times(request: HttpRequest, slug: str) -> HttpResponse:
    """Show when ``slug`` can start; a chosen time is remembered and leads on."""
    service, spa = _service(slug), spa_of(request)
    options = [one for one in _options(service) if one.active]
    if not options:
        return render(request, "bookings/client/not_online.html", {"service": service})
    given = request.POST if request.method == "POST" else request.GET
    option, notices = _wanted_option(given.get("option", ""), options)
    shown, more_notices = read_times(
        given,
        service=service,
        option=option,
        spa=spa,
        now=timezone.now(),
        path=reverse("bookings:times", args=[slug]),
        keys={} if option == options[0] else {"option": str(option.pk)},
        moving=own_hold(read_journey(request, service)),
    )
    notices += more_notices
    if request.method == "POST":
        return _choose(request, service, option, shown, notices)
    keep_focus = keeps_focus(request)
    return kept_page(
        request,
        "bookings/client/times.html",
        lambda: {
            "service": service,
            "times": shown,
            "lengths": _lengths(options, option, shown.wanted, spa),
            "people": people(shown, shown.offer.therapists),
            "option": option,
            "notices": notices,
            "gone": gone(request.GET, shown),
            "keep_focus": keep_focus,
        },
        # The same bits are other times from another first day: the notice reaches into the next.
        depends_on=(shown.bits, shown.offer.grid.first_day, shown.today, keep_focus),
    )


@page
@limited(limits.HOLDS)
@private
@alone
def health(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask what makes the treatment unsafe; a passing check leads on to the details."""
    service, spa, now = _service(slug), spa_of(request), timezone.now()
    journey = read_journey(request, service)
    form = health_form(request, service)
    if request.method != "POST":
        check = passing_check(journey, service=service, spa=spa, now=now)
        return _health_page(request, service, form, journey, check)
    if took_bait(request):
        return redirect("bookings:details", slug)
    form.is_valid()
    verdict = form.verdict
    if verdict is not None and not verdict.may_book:
        _refuse(request, service, everywhere=verdict.outcome is Outcome.URGENT, now=now)
        again = reverse("bookings:health", args=[slug])
        return outcome_page(request, verdict=verdict, service=service, again_url=again)
    if verdict is None or not form.is_valid():
        return _health_page(request, service, form, journey, None)
    check = record_health_check(
        service=service, answers=form.answers, verdict=verdict, rules=form.rules, spa=spa, now=now
    )
    journey = with_check(journey, check)
    keep_journey(request, service, journey)
    return _hold(request, service, journey, check)


@page
@limited(limits.CONFIRMATIONS)
@unkept
@alone
def details(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask who comes, and book the held time."""
    service, spa, now = _service(slug), spa_of(request), timezone.now()
    journey = read_journey(request, service)
    hold = held_time(journey)
    if hold is None:
        messages.info(request, _("Please choose a time first."))
        return redirect("bookings:times", slug)
    if hold.client_id is not None:
        # Without a key it was booked, but the answer was lost before she got hers.
        key = journey.typed.get(VISIT_KEY) or _finish(request, service, hold)
        return redirect("bookings:visit", key)
    if request.method != "POST":
        form = DetailsForm(spa=spa, initial={**journey.typed, "hold": hold.reference})
        check = passing_check(journey, service=service, spa=spa, now=now)
        return _details_page(request, form, hold, check)
    form = DetailsForm(request.POST, spa=spa)
    journey = replace(journey, typed=form.typed)
    keep_journey(request, service, journey)
    if form.data.get("hold") != hold.reference:
        messages.warning(request, _OTHER_TAB)
        return redirect("bookings:details", slug)
    if not form.is_valid():
        check = passing_check(journey, service=service, spa=spa, now=now)
        return _details_page(request, form, hold, check)
    if took_bait(request):
        # Looks like a booking and is none.
        return redirect("bookings:visit", new_token())
    return _book(request, service, journey, form, hold=hold)


def _book(
    request: HttpRequest,
    service: Service,
    journey: Journey,
    form: DetailsForm,
    *,
    hold: Appointment,
) -> HttpResponse:
    """Book the held time for whom the valid ``form`` names, and lead to the visit page."""
    if wait := wait_for_mail(request, form.cleaned_data["email"]):
        return too_often(request, wait)
    try:
        booked = confirm_appointment(
            hold=hold,
            details=form.details,
            # By its key alone: it is read, and judged, under its lock.
            health_check=HealthCheck(pk=journey.check) if journey.check else None,
            spa=spa_of(request),
            now=timezone.now(),
        )
    except BookingError as refused:
        return _refused(request, service, journey, refused)
    return redirect("bookings:visit", _finish(request, service, booked))


def _finish(request: HttpRequest, service: Service, booked: Appointment) -> str:
    """End the way to ``booked``; returns her key to its page."""
    key = issue_visit_link(booked)
    finish_journey(request, service, booked, key=key)
    return key


def _service(slug: str) -> Service:
    """Return the published treatment as it is remembered; each has her own copy."""
    published = partial(get_object_or_404, Service.objects.published(), slug=slug)
    service: Service = remembered(("published", slug), published)
    return copy(service)


def _options(service: Service) -> list[ServiceOption]:
    """The lengths of ``service``, on offer or not, as they are remembered."""
    return remembered(("options", service.pk), partial(list, service.options.all()))


def _option(service: Service, key: int) -> ServiceOption | None:
    """One of the lengths of ``service``; each has her own copy."""
    return copy(next((one for one in _options(service) if one.pk == key), None))


def _wanted_option(text: str, options: Sequence[ServiceOption]) -> tuple[ServiceOption, list[str]]:
    option = next((one for one in options if str(one.pk) == text), None)
    if option is not None:
        return option, []
    notice = _("That length is not on offer. These are the times for %(minutes)d minutes.")
    return options[0], [notice % {"minutes": options[0].minutes}] if text else []


def _lengths(
    options: Sequence[ServiceOption], chosen: ServiceOption, wanted: Wanted, spa: SpaProfile
) -> list[Choice]:
    """The choice of lengths; none where there is only one."""
    if len(options) == 1:
        return []
    label = _("%(minutes)d minutes, %(price)s")
    return [
        Choice(
            f"choice-length-{one.pk}",
            label % {"minutes": one.minutes, "price": money(one.price, spa.currency)},
            wanted.url(option="" if one == options[0] else str(one.pk)),
            one == chosen,
        )
        for one in options
    ]


def _choose(
    request: HttpRequest,
    service: Service,
    option: ServiceOption,
    shown: Times,
    notices: Sequence[str],
) -> HttpResponse:
    """Remember the chosen time, and go on to whatever is still to be asked."""
    spa, now = spa_of(request), timezone.now()
    start = read_start(request.POST.get("start", ""), last_day=last_bookable_day(spa, now))
    if start is None:
        notices = [*notices, _("Please choose one of these times.")]
    if start is None or notices:
        # Something other than what she saw is never chosen for her.
        for notice in notices:
            messages.info(request, notice)
        return redirect(shown.wanted.url())
    if not shown.is_on_offer(start):
        return redirect(gone_url(shown.wanted, start, spa))
    therapist = shown.wanted.therapist
    journey = replace(
        read_journey(request, service),
        start=start_value(start),
        option=option.pk,
        therapist=therapist.pk if therapist else 0,
    )
    keep_journey(request, service, journey)
    check = passing_check(journey, service=service, spa=spa, now=now)
    if check is None:
        return redirect("bookings:health", service.slug)
    return _hold(request, service, journey, check)


def _hold(
    request: HttpRequest, service: Service, journey: Journey, check: HealthCheck
) -> HttpResponse:
    """Hold the remembered time, where there is one, and ask for the details."""
    spa, now = spa_of(request), timezone.now()
    start = read_start(journey.start, last_day=last_bookable_day(spa, now))
    option = _option(service, journey.option)
    if start is None or option is None:
        messages.success(request, _("Thank you. Now choose a time, and we keep it for you."))
        return redirect("bookings:times", service.slug)
    wanted = Therapist.objects.filter(pk=journey.therapist) if journey.therapist else None
    therapist = wanted.first() if wanted else None
    try:
        if journey.therapist and therapist is None:
            raise TimeTaken
        hold = hold_time(
            service=service,
            option=option,
            starts_at=start,
            health_check=check,
            spa=spa,
            now=now,
            therapist=therapist,
            preferred=_seen_before(journey),
            replacing=own_hold(journey),
            holder=holder_of(request),
        )
    except TooManyHolds as refused:
        return too_often(request, _seconds_until(refused.free_again, now))
    except BookingError as refused:
        return _refused(request, service, journey, refused)
    keep_journey(request, service, replace(journey, hold=hold.pk))
    let_others_go(request, service, now=now)
    return redirect("bookings:details", service.slug)


def _seconds_until(then: datetime, now: datetime) -> int:
    return max(1, ceil((then - now).total_seconds()))


def _seen_before(journey: Journey) -> Therapist | None:
    client = Client.objects.filter(pk=journey.returning).first() if journey.returning else None
    return seen_before(client) if client else None


def _refused(
    request: HttpRequest, service: Service, journey: Journey, refused: BookingError
) -> HttpResponse:
    """Lead back to the step that has to be taken again."""
    if isinstance(refused, HealthCheckNeeded):
        messages.info(request, refused.message)
        return redirect("bookings:health", service.slug)
    keys = {"option": str(journey.option or ""), "therapist": str(journey.therapist or "")}
    wanted = Wanted(reverse("bookings:times", args=[service.slug]), keys)
    spa, now = spa_of(request), timezone.now()
    start = read_start(journey.start, last_day=last_bookable_day(spa, now))
    if isinstance(refused, TimeTaken) and start is not None:
        return redirect(gone_url(wanted, start, spa))
    messages.warning(request, refused.message)
    return redirect(wanted.url())


def _refuse(request: HttpRequest, service: Service, *, everywhere: bool, now: datetime) -> None:
    """End the journey for this treatment, or every journey where the person needs help now."""
    services = journeys_of(request) if everywhere else []
    for one in {*services, service}:
        refuse_further(request, one, now=now)


def _health_page(
    request: HttpRequest,
    service: Service,
    form: HealthForm,
    journey: Journey,
    check: HealthCheck | None,
) -> HttpResponse:
    already_passed = check is not None and bool(journey.hold)

    def wish() -> str:
        given = {"service": service, "wish": _wish_in_words(request, journey)}
        return render_to_string("bookings/client/_wish.html", given, request)

    def context() -> dict[str, Any]:
        return {
            "service": service,
            "form": form,
            "already_passed": already_passed,
            "back_url": reverse("bookings:times", args=[service.slug]),
        }

    template = "bookings/client/health.html"
    if form.is_bound:
        return render(request, template, {**context(), "wish": wish()})
    # Without answers it is the same for everybody.
    return kept_page(request, template, context, depends_on=already_passed, live={"wish": wish})


def _details_page(
    request: HttpRequest, form: DetailsForm, hold: Appointment, check: HealthCheck | None
) -> HttpResponse:
    if check is None:
        messages.info(request, HealthCheckNeeded().message)
        return redirect("bookings:health", hold.service.slug)
    return render(
        request,
        "bookings/client/details.html",
        {
            "form": form,
            "hold": hold,
            "service": hold.service,
            "lapsed": not hold.blocks(timezone.now()),
            "outcome": check.outcome,
            "needing_clearance": check.findings_at(Severity.CLEARANCE),
            "adapting": check.findings_at(Severity.ADAPT),
            "areas": check.areas if check.outcome != Outcome.CLEAR.value else [],
        },
    )


def _wish_in_words(request: HttpRequest, journey: Journey) -> str:
    """Tuesday 24 November, 10:15: the remembered time, or nothing."""
    spa, now = spa_of(request), timezone.now()
    start = read_start(journey.start, last_day=last_bookable_day(spa, now))
    if start is None:
        return ""
    return moment_in_words(start.astimezone(spa.zone), now.astimezone(spa.zone).date())
