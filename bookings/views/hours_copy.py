"""Owners give the week of one therapist to others, or to other weeks of hers; a preview first."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import actions
from bookings.actions import BookingError, VisitsStranded
from bookings.actions.hours import hours_as_seen
from bookings.actions.stranding import Reasons
from bookings.availability import Hours
from bookings.forms.hours import CopyForm
from bookings.models import Therapist
from bookings.queries import hours_of
from bookings.stranded import by_day, stranded_of
from bookings.views.common import private, spa_of
from bookings.views.hours import PERMISSION, Plan, plan_of
from bookings.views.owners import agreed, carried, page, saved, with_permission
from bookings.views.staff import me
from bookings.week_words import by_days, period_in_words
from bookings.weeks import Period, period_on, periods, replaced
from bookings.words import all_of, day_in_words


@private
@with_permission(PERMISSION)
@require_http_methods(["GET", "HEAD", "POST"])
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for whom and when, show what would change, and do it."""
    plan = plan_of(request, get_object_or_404(Therapist, pk=pk))
    source = plan.on(_day(request))
    if request.method != "POST" or "edit" in request.POST:
        return _ask(request, plan, source, _fresh(request, plan, source))
    form = CopyForm(request.POST, today=plan.today)
    if not form.is_valid():
        return _ask(request, plan, source, form)
    return _copy(request, plan, source, form)


def _copy(request: HttpRequest, plan: Plan, source: Period, form: CopyForm) -> HttpResponse:
    asked = form.cleaned_data
    therapists = list(asked["therapists"])
    if request.POST.get("step") != "save":
        return _preview(request, plan, source, form)
    try:
        reasons = actions.change_hours(
            weeks={one.pk: source.week for one in therapists},
            first_day=asked["first_day"],
            last_day=asked["last_day"],
            seen=form.seen_by_key,
            agreed=agreed(request),
            by=actions.staff(me(request)),
            spa=spa_of(request),
            now=timezone.now(),
        )
    except VisitsStranded:
        return _preview(request, plan, source, form)
    except BookingError as error:
        form.add_error(None, error.message)
        data = request.POST.copy()
        data["seen"] = _seen(_everybody())
        form.data = data
        return _ask(request, plan, source, form)
    names = all_of([one.name for one in therapists])
    words = _("The hours are copied: %(names)s.") % {"names": names}
    return saved(request, words, reasons, to=reverse("admin:bookings_therapist_week"))


def _ask(request: HttpRequest, plan: Plan, source: Period, form: CopyForm) -> HttpResponse:
    return page(
        request,
        "hours_copy",
        _("Copy the hours of %(name)s") % {"name": plan.therapist.name},
        therapist=plan.therapist,
        form=form,
        when=period_in_words(source, plan.today),
        week=by_days(source.week),
    )


def _preview(request: HttpRequest, plan: Plan, source: Period, form: CopyForm) -> HttpResponse:
    """What each would work before and after, and the visits that would lose their place."""
    asked, now = form.cleaned_data, timezone.now()
    first, last = asked["first_day"], asked["last_day"]
    therapists = list(asked["therapists"])
    known = hours_of([one.pk for one in therapists])
    rows = {
        one.pk: replaced(known[one.pk], source.week, first=first, last=last) for one in therapists
    }
    reasons: Reasons = actions.stranded_by(
        lambda house: house.with_hours(rows), spa=spa_of(request), now=now
    )
    visits = stranded_of(reasons, now=now)
    return page(
        request,
        "hours_preview",
        _("Copy the hours of %(name)s") % {"name": plan.therapist.name},
        therapist=plan.therapist,
        when=period_in_words(Period(first, last, source.week), plan.today),
        week=by_days(source.week),
        targets=[(one, _before(known[one.pk], first)) for one in therapists],
        days=[(day_in_words(day, plan.today), some) for day, some in by_day(visits)],
        count=len(visits),
        references=" ".join(reasons),
        carried=carried(request),
    )


def _fresh(request: HttpRequest, plan: Plan, source: Period) -> CopyForm:
    if "edit" in request.POST:
        typed: dict[str, Any] = request.POST.dict()
        typed["therapists"] = request.POST.getlist("therapists")
        return CopyForm(initial=typed, today=plan.today)
    initial = {
        "first_day": plan.first_of(source),
        "last_day": source.last,
        "seen": _seen(_everybody()),
    }
    return CopyForm(initial=initial, today=plan.today)


def _everybody() -> Mapping[int, list[Hours]]:
    keys = list(Therapist.objects.values_list("pk", flat=True))
    known = hours_of(keys)
    return {pk: known[pk] for pk in keys}


def _seen(everybody: Mapping[int, list[Hours]]) -> str:
    return " ".join(f"{pk}:{hours_as_seen(hours)}" for pk, hours in everybody.items())


def _before(hours: list[Hours], first: date) -> list[tuple[str, str]]:
    return by_days(period_on(periods(hours), first).week)


def _day(request: HttpRequest) -> date:
    try:
        return date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        return date.min
