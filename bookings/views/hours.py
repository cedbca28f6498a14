"""Owners change the week of a therapist, and give it to others."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import actions
from bookings.actions import BookingError, VisitsStranded
from bookings.actions.hours import hours_as_seen
from bookings.availability import Hours
from bookings.forms.hours import (
    WeekForm,
    lines_in,
    typed_week,
    with_line,
    with_monday_until_friday,
)
from bookings.models import Therapist
from bookings.queries import hours_of
from bookings.views.common import private, spa_of
from bookings.views.owners import agreed, list_first, page, saved, with_permission
from bookings.views.staff import me
from bookings.week_words import by_days, period_in_words, week_in_words
from bookings.weeks import Period, period_on, periods

CHANGES_SHOWN = 8
PERMISSION = "bookings.change_workinghours"


@dataclass(frozen=True)
class Plan:
    """The hours of a therapist as a page shows them."""

    therapist: Therapist
    hours: list[Hours]
    today: date

    @property
    def periods(self) -> list[Period]:
        """The present period and those to come."""
        return [one for one in periods(self.hours) if one.last is None or one.last >= self.today]

    def on(self, day: date) -> Period:
        """The period of ``day``, or the present one."""
        return period_on(periods(self.hours), max(day, self.today))

    def in_words(self) -> list[dict[str, Any]]:
        """Each period: when it holds, its lines, and the day by which a page knows it."""
        return [
            {
                "when": period_in_words(one, self.today),
                "week": by_days(one.week),
                "day": self.first_of(one),
                "is_planned": one.first is not None and one.first > self.today,
            }
            for one in self.periods
        ]

    def first_of(self, period: Period) -> date:
        """The first day of ``period`` that can still be changed."""
        return max(period.first or self.today, self.today)


def plan_of(request: HttpRequest, therapist: Therapist) -> Plan:
    """Return her hours; one query."""
    today = timezone.now().astimezone(spa_of(request).zone).date()
    return Plan(therapist, hours_of([therapist.pk])[therapist.pk], today)


@private
@with_permission(PERMISSION)
@require_http_methods(["GET", "HEAD", "POST"])
def hours(request: HttpRequest, pk: int) -> HttpResponse:
    """What holds now and what comes next; a grid to change it from a day on."""
    therapist = get_object_or_404(Therapist, pk=pk)
    plan = plan_of(request, therapist)
    if request.method != "POST":
        return _show(request, plan, _fresh(request, plan))
    typed = request.POST.dict()
    if typed.get("step") == "drop":
        return redirect(_address(therapist)) if "edit" in typed else _drop(request, plan)
    if "add" in typed or "fill" in typed or "edit" in typed:
        return _show(request, plan, _typed_again(plan, typed))
    form = WeekForm(typed, lines=lines_in(typed), today=plan.today)
    if not form.is_valid():
        return _show(request, plan, form)
    return _save(request, plan, form)


def _save(request: HttpRequest, plan: Plan, form: WeekForm) -> HttpResponse:
    asked, therapist = form.cleaned_data, plan.therapist
    new = Period(asked["first_day"], asked["last_day"], asked["week"])
    who = {"name": therapist.name}
    try:
        reasons = actions.change_hours(
            weeks={therapist.pk: new.week},
            first_day=asked["first_day"],
            last_day=asked["last_day"],
            seen={therapist.pk: asked["seen"]},
            agreed=agreed(request),
            by=actions.staff(me(request)),
            spa=spa_of(request),
            now=timezone.now(),
        )
    except VisitsStranded as stranded:
        return list_first(
            request,
            stranded.reasons,
            title=_("New hours of %(name)s") % who,
            what=[period_in_words(new, plan.today), *week_in_words(new.week)],
            save=_("Save the hours"),
        )
    except BookingError as error:
        form.add_error(None, error.message)
        fresh = plan_of(request, therapist)
        form.data = {**form.data, "seen": hours_as_seen(fresh.hours)}
        return _show(request, fresh, form)
    words = _("The hours of %(name)s are saved.") % who
    return saved(request, words, reasons, to=_address(therapist))


def _drop(request: HttpRequest, plan: Plan) -> HttpResponse:
    """Take a planned change back: what held before it goes on."""
    known = {one.first.isoformat(): one for one in plan.periods if one.first}
    period = known.get(request.POST.get("day", ""))
    if period is None or period.first is None or period.first <= plan.today:
        return redirect(_address(plan.therapist))
    former = [one for one in periods(plan.hours) if one.last and one.last < period.first][-1]
    who = {"name": plan.therapist.name}
    try:
        reasons = actions.change_hours(
            weeks={plan.therapist.pk: former.week},
            first_day=period.first,
            last_day=period.last,
            seen={plan.therapist.pk: request.POST.get("seen", "")},
            agreed=agreed(request),
            by=actions.staff(me(request)),
            spa=spa_of(request),
            now=timezone.now(),
        )
    except VisitsStranded as stranded:
        return list_first(
            request,
            stranded.reasons,
            title=_("Take the planned hours of %(name)s back") % who,
            what=[period_in_words(period, plan.today), *week_in_words(former.week)],
            save=_("Take them back"),
        )
    except BookingError as error:
        messages.error(request, error.message)
        return redirect(_address(plan.therapist))
    words = _("The planned hours of %(name)s are taken back.") % who
    return saved(request, words, reasons, to=_address(plan.therapist))


def _show(request: HttpRequest, plan: Plan, form: WeekForm) -> HttpResponse:
    therapist = plan.therapist
    return page(
        request,
        "hours",
        _("Hours of %(name)s") % {"name": therapist.name},
        therapist=therapist,
        periods=plan.in_words(),
        form=form,
        seen=hours_as_seen(plan.hours),
        changes=_changes(therapist),
    )


def _fresh(request: HttpRequest, plan: Plan) -> WeekForm:
    """The grid of the period that was asked for by ``?day=``."""
    period = plan.on(_day(request.GET.get("day", ""), plan.today))
    typed = typed_week(period.week)
    initial = {
        **typed,
        "first_day": plan.first_of(period),
        "last_day": period.last,
        "seen": hours_as_seen(plan.hours),
    }
    return WeekForm(initial=initial, lines=lines_in(typed), today=plan.today)


def _typed_again(plan: Plan, typed: dict[str, str]) -> WeekForm:
    """The grid with what was typed, and with one more line or Monday's hours on other days."""
    if "fill" in typed:
        typed = with_monday_until_friday(typed)
    if typed.get("add", "") in map(str, range(7)):
        typed = with_line(typed, int(typed["add"]))
    return WeekForm(initial=typed, lines=lines_in(typed), today=plan.today)


def _changes(therapist: Therapist) -> list[LogEntry]:
    """Who changed these hours, the latest first."""
    kind = ContentType.objects.get_for_model(Therapist)
    rows = LogEntry.objects.filter(content_type=kind, object_id=str(therapist.pk))
    told = rows.exclude(change_message__startswith="[").exclude(change_message="")
    return list(told.select_related("user").order_by("-action_time", "-pk")[:CHANGES_SHOWN])


def _day(text: str, today: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return today


def _address(therapist: Therapist) -> str:
    return reverse("admin:bookings_therapist_hours", args=[therapist.pk])
