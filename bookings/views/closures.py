"""Owners close the spa: for a day in three clicks, for a season, on public holidays."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import actions
from bookings.actions import BookingError, VisitsStranded
from bookings.closing_days import closing_days, next_days
from bookings.forms.closures import ClosureForm, HolidaysForm, whole_days
from bookings.forms.time_off import WHOLE_SPA
from bookings.models import TimeOff
from bookings.public_holidays import PublicHoliday, parts_of, public_holidays
from bookings.stranded import by_day, stranded_of
from bookings.views.common import private, spa_of
from bookings.views.owners import agreed, list_first, page, saved, with_permission
from bookings.views.staff import me
from bookings.words import day_in_words

PERMISSION = "bookings.add_timeoff"
DAYS_SHOWN = 14
PART = "holidays-part"
read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@private
@with_permission(PERMISSION)
@read_or_post
def close(request: HttpRequest) -> HttpResponse:
    """The next days as buttons, and a form for longer or for some therapists alone."""
    if request.method == "POST":
        return _close(request)
    day = _day(request.GET.get("day", ""))
    if day is not None:
        return _confirm_day(request, day)
    return _ask(request, ClosureForm(initial=_initial(request), **_frame(request)))


@private
@with_permission(PERMISSION)
@read_or_post
def holidays(request: HttpRequest) -> HttpResponse:
    """The public holidays of a year; those that are ticked are closed in one go."""
    spa, now = spa_of(request), timezone.now()
    today = now.astimezone(spa.zone).date()
    year, part = _year(request, today), _part(request, parts_of(spa.country))
    found = public_holidays(spa.country, part=part, year=year, language=get_language() or "en")
    days = closing_days([one for one in found if one.day >= today], spa=spa, now=now)
    offered = [PublicHoliday(one.day, one.name) for one in days if not one.is_closed]
    chooses = request.method == "POST" and "edit" not in request.POST
    form = HolidaysForm(
        request.POST if chooses else None,
        offered=offered,
        zone=spa.zone,
        initial={"days": request.POST.getlist("days")},
    )
    if form.is_valid():
        return _save(request, form, form.closures(), _("Close on these holidays"))
    shown = {"days": days, "form": form, "ticked": _ticked(form), "year": year, "part": part}
    return page(
        request,
        "holidays",
        _("Public holidays"),
        years=[today.year, today.year + 1],
        parts=parts_of(spa.country),
        country=spa.country,
        today=today,
        **shown,
    )


def _close(request: HttpRequest) -> HttpResponse:
    if "edit" in request.POST:
        typed: dict[str, Any] = request.POST.dict()
        typed["who"] = request.POST.getlist("who")
        return _ask(request, ClosureForm(initial=typed, **_frame(request)))
    form = ClosureForm(request.POST, **_frame(request))
    if not form.is_valid():
        return _ask(request, form)
    return _save(request, form, form.closures(), _("Close"))


def _save(
    request: HttpRequest,
    form: ClosureForm | HolidaysForm,
    closures: Sequence[TimeOff],
    save: str,
) -> HttpResponse:
    what = [str(one) for one in closures]
    try:
        reasons = actions.close(
            closures=closures,
            agreed=agreed(request),
            by=actions.staff(me(request)),
            now=timezone.now(),
        )
    except VisitsStranded as stranded:
        title = _("Visits are booked then")
        return list_first(request, stranded.reasons, title=title, what=what, save=save)
    except BookingError as error:
        form.add_error(None, error.message)
        assert isinstance(form, ClosureForm)
        return _ask(request, form)
    words = ngettext("Closed: %(what)s.", "Closed on %(count)d occasions: %(what)s.", len(what))
    told = words % {"count": len(what), "what": "; ".join(what)}
    return saved(request, told, reasons, to=reverse("admin:bookings_timeoff_changelist"))


def _ask(request: HttpRequest, form: ClosureForm) -> HttpResponse:
    spa, now = spa_of(request), timezone.now()
    return page(
        request,
        "close",
        _("Closing days"),
        form=form,
        days=next_days(count=DAYS_SHOWN, spa=spa, now=now),
        today=now.astimezone(spa.zone).date(),
    )


def _confirm_day(request: HttpRequest, day: date) -> HttpResponse:
    """One day of the whole spa: the visits in the way, a reason, and the button that does it."""
    form = ClosureForm(initial=_initial(request), **_frame(request))
    today = form.today
    asked = {"who": [WHOLE_SPA], "first_day": day.isoformat()}
    check = ClosureForm(asked, **_frame(request))
    if not check.is_valid():
        return _ask(request, check)
    now = timezone.now()
    off = whole_days(None, day, day, "", form.zone)
    reasons = actions.stranded_by_closing([off], spa=spa_of(request), now=now)
    visits = stranded_of(reasons, now=now)
    return page(
        request,
        "close_day",
        _("Close the spa for a day"),
        form=form,
        day=day,
        when=day_in_words(day, today),
        days=[(day_in_words(on, today), some) for on, some in by_day(visits)],
        count=len(visits),
        references=" ".join(reasons),
    )


def _frame(request: HttpRequest) -> dict[str, Any]:
    spa = spa_of(request)
    return {"zone": spa.zone, "today": timezone.now().astimezone(spa.zone).date()}


def _initial(request: HttpRequest) -> dict[str, Any]:
    return {"who": [request.GET.get("therapist") or WHOLE_SPA]}


def _ticked(form: HolidaysForm) -> list[str]:
    value = form["days"].value() or []
    return [str(one) for one in value]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _year(request: HttpRequest, today: date) -> int:
    asked = request.GET.get("year", "")
    return today.year + 1 if asked == str(today.year + 1) else today.year


def _part(request: HttpRequest, parts: Sequence[tuple[str, str]]) -> str:
    """The part of the country: as asked for now, or else as the last time."""
    codes = dict(parts)
    if request.GET.get("part", "") in codes:
        request.session[PART] = request.GET["part"]
    elif "part" in request.GET:
        request.session.pop(PART, None)
    kept = request.session.get(PART, "")
    return kept if kept in codes else ""
