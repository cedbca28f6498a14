"""The same visit again and again: looked at date by date, then booked one by one."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from bookings import actions
from bookings.actions import BookingError, HealthCheckNeeded
from bookings.desk_offer import rhythm, standing_visit
from bookings.forms.desk_repeat import PLAIN_TIMES, LineForm, RhythmForm, SeriesForm
from bookings.models import Appointment, HealthCheck
from bookings.permissions import desk_only
from bookings.queries import rules_for
from bookings.series import FREE, TAKEN, Line, series_of
from bookings.views.common import private, spa_of
from bookings.views.desk_draft import NONCE, new_nonce, start_in_utc
from bookings.views.desk_parts import answer_part
from bookings.views.desk_repeat_undo import undo_of
from bookings.views.journey import alone
from bookings.views.news_words import mail_about
from bookings.views.panel import in_panel, with_news
from bookings.views.staff import booked_or_404, me
from bookings.words import full_day, moment_in_words
from services.models import Service

KEY, KEPT_MOST = "desk_series", 10


@dataclass(frozen=True)
class Row:
    """One date on the page, and what came of it."""

    line: Line
    form: LineForm
    visit: Appointment | None = None
    refused: str = ""

    @property
    def start(self) -> datetime:
        """The start that is chosen for it."""
        chosen: datetime | None = self.form.cleaned_data.get("start")
        return chosen or self.line.starts_at

    @property
    def is_wanted(self) -> bool:
        """Whether it is to be booked."""
        return bool(self.form.cleaned_data.get("wanted"))

    @property
    def can_choose(self) -> bool:
        """Whether there is another time than the date's own."""
        return self.line.state != FREE and bool(self.line.instead)

    @property
    def choices(self) -> list[tuple[str, datetime, bool]]:
        """The times to choose from where it is not simply free, each with whether it is chosen."""
        own = [self.line.starts_at] if self.line.can_be_booked else []
        times = [*own, *self.line.instead]
        chosen = self.start if self.start in times else next(iter(times), None)
        return [(start_in_utc(at), at, at == chosen) for at in times]


@private
@desk_only
@require_http_methods(["GET", "HEAD", "POST"])
@alone
def repeat(request: HttpRequest, reference: str) -> HttpResponse:
    """Show what could be booked on each date; book those that are wanted."""
    visit = booked_or_404(reference)
    kept = request.session.get(KEY, {}).get(_nonce(request))
    if kept is not None:
        return _report(request, visit, booked=_visits(kept), refused=[])
    standing = _standing(visit)
    if standing is None:
        return answer_part(request, "repeat_first", {"visit": visit})
    how = _how_often(request, visit)
    if not how.is_valid():
        return _page(request, visit, standing, how=how)
    spa, now = spa_of(request), timezone.now()
    found = series_of(visit, **how.cleaned_data, spa=spa, now=now)
    rows = [Row(line, _line_form(request, line)) for line in found.lines]
    form = SeriesForm(request.POST if request.POST.get("do") == "book" else None)
    ask_from = found.ask_again_from
    shown = {
        "how": how,
        "series": found,
        "rows": rows,
        "form": form,
        "ask_again_words": full_day(ask_from, now.astimezone(spa.zone).date()) if ask_from else "",
    }
    if not form.is_bound:
        return _page(request, visit, standing, **shown)
    wanted = [row for row in rows if row.is_wanted]
    if not wanted:
        form.add_error(None, _("Please choose at least one date."))
    if not form.is_valid() or form.cleaned_data["seen"] != str(standing.health_check_id):
        return _page(request, visit, standing, **shown)
    return _book(request, visit, standing, wanted, form)


def _book(
    request: HttpRequest,
    visit: Appointment,
    standing: Appointment,
    wanted: list[Row],
    form: SeriesForm,
) -> HttpResponse:
    """Affirm the answers once, then book each date by itself: one that is lost costs no other."""
    try:
        check = actions.affirm_health_check(
            appointment=standing,
            rules=rules_for(standing.service),
            by=actions.staff(me(request)),
            now=timezone.now(),
        )
    except HealthCheckNeeded:
        return answer_part(request, "repeat_first", {"visit": visit})
    rows = [_booked(request, visit, check, row, form) for row in wanted]
    booked = [row.visit for row in rows if row.visit is not None]
    _keep(request, [one.reference for one in booked])
    return _report(request, visit, booked=booked, refused=[row for row in rows if row.refused])


def _booked(
    request: HttpRequest, visit: Appointment, check: HealthCheck, row: Row, form: SeriesForm
) -> Row:
    assert visit.client is not None
    # What is free needs no reason, and must not get past the rules by one given for others.
    unusual = row.line.state not in (FREE, TAKEN) and row.start == row.line.starts_at
    try:
        booked = actions.book_at_desk(
            client=visit.client,
            service=visit.service,
            option=visit.option,
            starts_at=row.start,
            therapist=visit.therapist,
            minutes=visit.minutes,
            health_check=check,
            reason=form.cleaned_data["reason"] if unusual else "",
            tell=form.cleaned_data["tell"],
            spa=spa_of(request),
            by=actions.staff(me(request)),
            now=timezone.now(),
        )
    except BookingError as refused:
        return replace(row, refused=refused.message)
    return replace(row, visit=booked)


def _report(
    request: HttpRequest, visit: Appointment, *, booked: list[Appointment], refused: list[Row]
) -> HttpResponse:
    """Say exactly what was booked and what was not."""
    undo = undo_of(visit, booked)
    context = {"visit": visit, "booked": booked, "refused": refused, "undo": undo}
    answer = answer_part(request, "repeat_done", context)
    if not booked or not in_panel(request):
        return answer
    count = ngettext("%(count)d visit booked.", "%(count)d visits booked.", len(booked))
    words = count % {"count": len(booked)}
    return with_news(answer, words, more=mail_about(booked[0]), undo=undo)


def _page(
    request: HttpRequest, visit: Appointment, standing: Appointment, **shown: Any
) -> HttpResponse:
    spa = spa_of(request)
    today = timezone.now().astimezone(spa.zone).date()
    nonce = _nonce(request)
    context = {
        "visit": visit,
        "standing": standing,
        "nonce": nonce if NONCE.fullmatch(nonce) else new_nonce(),
        "weekday_and_time": moment_in_words(visit.starts_local, today),
        **shown,
    }
    return answer_part(request, "repeat", context)


def _how_often(request: HttpRequest, visit: Appointment) -> RhythmForm:
    """What the form says, or the client's habit and a few times more."""
    data = request.POST if request.method == "POST" else request.GET
    if "weeks" in data or "times" in data:
        return RhythmForm(data)
    assert visit.client is not None
    spa, now = spa_of(request), timezone.now()
    habit = rhythm(visit.client, visit.service, spa=spa, now=now)
    return RhythmForm({"weeks": habit.weeks if habit else 1, "times": PLAIN_TIMES})


def _line_form(request: HttpRequest, line: Line) -> LineForm:
    prefix = f"line{line.number}"
    if request.method == "POST" and request.POST.get("do") == "book":
        form = LineForm(request.POST, prefix=prefix)
    else:
        wanted = {f"{prefix}-wanted": "on"} if line.state == FREE else {}
        form = LineForm(wanted, prefix=prefix)
    form.is_valid()
    return form


def _standing(visit: Appointment) -> Appointment | None:
    """The visit whose answers may be affirmed, where the treatment can still be booked."""
    on_sale = visit.option.active and visit.service.status == Service.Status.PUBLISHED
    if visit.client is None or not on_sale:
        return None
    return standing_visit(visit.client, visit.service)


def _nonce(request: HttpRequest) -> str:
    return request.POST.get("nonce", "") if request.method == "POST" else ""


def _keep(request: HttpRequest, references: list[str]) -> None:
    nonce = _nonce(request)
    if not NONCE.fullmatch(nonce):
        return
    latest = list(request.session.get(KEY, {}).items())[-(KEPT_MOST - 1) :]
    request.session[KEY] = {**dict(latest), nonce: references}


def _visits(references: list[str]) -> list[Appointment]:
    found = Appointment.objects.select_related("client", "service", "therapist", "room")
    return list(found.filter(reference__in=references).order_by("starts_at"))
