"""The front desk: all that is done with a visit."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bookings import actions
from bookings.actions import BookingError, TimeTaken
from bookings.cards import Card
from bookings.forms.desk import DecideForm, DeskCancelForm, MoveForm, StepForm
from bookings.history import history_of
from bookings.models import Appointment, Therapist
from bookings.permissions import desk_only, may_read_health
from bookings.queries import last_bookable_day, offer
from bookings.views.common import private, spa_of
from bookings.views.staff import bar, booked_or_404, day_asked_for, me
from bookings.views.times import Choice, Times, Wanted, read_start
from bookings.words import moment_in_words, span_in_html

read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@private
@desk_only
@require_GET
def appointment(request: HttpRequest, reference: str) -> HttpResponse:
    """All about one visit."""
    visit = booked_or_404(reference)
    return render(
        request,
        "bookings/desk/appointment.html",
        {
            "card": Card(visit, timezone.now()),
            "history": history_of(visit),
            "mails": visit.messages.order_by("-due_at", "-pk"),
            "may_read_health": may_read_health(request.user, visit),
            **bar(request, ""),
        },
    )


@private
@desk_only
@require_POST
def step(request: HttpRequest, reference: str) -> HttpResponse:
    """Arrived, completed, did not come, or the last step back."""
    visit = booked_or_404(reference)
    form = StepForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("That did not work. Nothing was changed. Please try again."))
        return _back(request, visit)
    visit.sequence = form.seen
    _try(request, visit, lambda: _take_step(request, visit, form.cleaned_data["step"]))
    return _back(request, visit)


@private
@desk_only
@read_or_post
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask once, then cancel."""
    visit = booked_or_404(reference)
    form = DeskCancelForm(request.POST or None, initial={"sequence": visit.sequence})
    if form.is_valid():
        visit.sequence = form.seen
        _try(
            request,
            visit,
            lambda: (
                actions.cancel_appointment(
                    appointment=visit,
                    by=actions.staff(me(request)),
                    spa=spa_of(request),
                    now=timezone.now(),
                    reason=form.cleaned_data["reason"],
                )
                and _("%(name)s: cancelled, the time is free again.") % {"name": visit.client}
            ),
        )
        return _back(request, visit)
    return _page_of_change(request, "bookings/desk/cancel.html", visit, {"form": form})


@private
@desk_only
@read_or_post
def decide(request: HttpRequest, reference: str) -> HttpResponse:
    """Grant or decline a request."""
    visit = booked_or_404(reference)
    form = DecideForm(request.POST or None, initial={"sequence": visit.sequence})
    if form.is_valid():
        visit.sequence = form.seen
        _try(request, visit, lambda: _decide(request, visit, form))
        return _back(request, visit)
    if not Card(visit, timezone.now()).can_decide:
        return _too_late(request, visit)
    return _page_of_change(request, "bookings/desk/decide.html", visit, {"form": form})


@private
@desk_only
@read_or_post
def move(request: HttpRequest, reference: str) -> HttpResponse:
    """Free times for a visit; one is chosen, looked at again and taken."""
    visit = booked_or_404(reference)
    refused: BookingError | None = None
    form = MoveForm(request.POST or None)
    if request.method == "POST":
        try:
            moved = _move(request, visit, form)
        except BookingError as error:
            refused = error
        else:
            messages.success(request, _moved_to(moved))
            return _back(request, moved)
        if not isinstance(refused, TimeTaken):
            messages.error(request, _refusal(visit, refused))
            return _back(request, visit)
    return _page_of_change(
        request, "bookings/desk/move.html", visit, _free_times(request, visit, refused)
    )


@private
@desk_only
@require_POST
def revoke_links(request: HttpRequest, reference: str) -> HttpResponse:
    """Make the links in earlier mails useless."""
    visit = booked_or_404(reference)
    actions.revoke_visit_links(appointment=visit, by=actions.staff(me(request)), now=timezone.now())
    messages.success(
        request,
        _("The links in earlier mails no longer open this visit. The next mail brings a new one."),
    )
    return redirect("bookings:desk_appointment", visit.reference)


def _take_step(request: HttpRequest, visit: Appointment, name: str) -> str:
    by, now = actions.staff(me(request)), timezone.now()
    who = {"name": visit.client}
    if name == "arrived":
        actions.mark_arrived(appointment=visit, by=by, now=now)
        return _("%(name)s is here.") % who
    if name == "completed":
        actions.mark_completed(appointment=visit, by=by, now=now)
        return _("The visit of %(name)s is completed.") % who
    if name == "no_show":
        actions.mark_no_show(appointment=visit, by=by, now=now)
        return _("Noted that %(name)s did not come.") % who
    actions.mark_expected(appointment=visit, by=by, spa=spa_of(request), now=now)
    return _("Taken back: %(name)s is expected again.") % who


def _decide(request: HttpRequest, visit: Appointment, form: DecideForm) -> str:
    granted = form.cleaned_data["decision"] == "grant"
    actions.decide_request(
        appointment=visit,
        granted=granted,
        by=actions.staff(me(request)),
        spa=spa_of(request),
        now=timezone.now(),
        note=form.cleaned_data["note"],
    )
    who = {"name": visit.client}
    if granted:
        return _("The visit of %(name)s is confirmed.") % who
    return _("The request of %(name)s is declined and its time is free again.") % who


def _move(request: HttpRequest, visit: Appointment, form: MoveForm) -> Appointment:
    spa, now = spa_of(request), timezone.now()
    # A time that cannot be read is none that could be free.
    start = form.data.get("start", "")
    starts_at = read_start(start, last_day=last_bookable_day(spa, now))
    if not form.is_valid() or starts_at is None:
        raise TimeTaken
    visit.sequence = form.seen
    return actions.reschedule_appointment(
        appointment=visit,
        starts_at=starts_at,
        by=actions.staff(me(request)),
        spa=spa,
        now=now,
        therapist=_therapist(form.cleaned_data["therapist"]),
    )


def _moved_to(visit: Appointment) -> str:
    when = moment_in_words(visit.starts_local, timezone.localdate())
    return _("%(name)s: moved to %(when)s.") % {"name": visit.client, "when": when}


def _refusal(visit: Appointment, refused: BookingError) -> str:
    return _("%(name)s: %(refusal)s") % {"name": visit.client, "refusal": refused.message}


def _free_times(
    request: HttpRequest, visit: Appointment, refused: BookingError | None
) -> dict[str, Any]:
    spa, now = spa_of(request), timezone.now()
    today = now.astimezone(spa.zone).date()
    found = offer(
        service=visit.service,
        option=visit.option,
        first_day=today,
        last_day=last_bookable_day(spa, now),
        now=now,
        spa=spa,
        ignoring=visit,
        earliest=now,
    )
    asked = request.POST if request.method == "POST" else request.GET
    key = asked.get("therapist", "")
    therapist = next((one for one in found.therapists if str(one.pk) == key), None)
    day = day_asked_for(request, today) if "date" in request.GET else None
    wanted = Wanted(request.path, therapist=therapist, day=day)
    times = Times(found, wanted, today)
    start = read_start(asked.get("start", ""), last_day=found.grid.last_day)
    nobody = bool(key) and therapist is None
    is_free = start is not None and times.is_on_offer(start) and not nobody
    taken = refused is not None or (start is not None and not is_free)
    nearest = times.nearest(start) if start and taken else []
    return {
        "times": times,
        "therapist": therapist,
        "therapists": _choices(wanted, found.therapists),
        "nobody": nobody,
        "chosen": _span(start, visit, spa.zone, today) if start and not taken else "",
        "refused": TimeTaken([one.starts_at for one in nearest]) if taken else None,
        "nearest": [(one.starts_at, wanted.url(start=one.value)) for one in nearest],
        "soonest": [(one, wanted.url(start=one.value)) for one in times.soonest],
        "parts": [
            (part.name, [(one, wanted.url(start=one.value)) for one in part.times])
            for part in times.parts
        ],
    }


def _choices(wanted: Wanted, therapists: Any) -> list[Choice]:
    anyone = Choice("", _("Anyone"), wanted.url(therapist=""), wanted.therapist is None)
    return [
        anyone,
        *(
            Choice(
                str(one.pk), one.name, wanted.url(therapist=str(one.pk)), one == wanted.therapist
            )
            for one in therapists
        ),
    ]


def _span(starts_at: datetime, visit: Appointment, zone: ZoneInfo, today: date) -> SafeString:
    # Added in UTC: on the nights of a clock change a local time would end an hour off.
    ends_at = starts_at + (visit.ends_at - visit.starts_at)
    return span_in_html(starts_at.astimezone(zone), ends_at.astimezone(zone), today)


def _therapist(key: str) -> Therapist | None:
    """The therapist whom ``key`` names; ``None``, which means anyone, only where it is empty."""
    if not key:
        return None
    found = Therapist.objects.filter(pk=int(key)).first() if key.isdecimal() else None
    if found is None:
        raise TimeTaken
    return found


def _page_of_change(
    request: HttpRequest, template: str, visit: Appointment, context: dict[str, Any]
) -> HttpResponse:
    card = Card(visit, timezone.now())
    if not card.can_change:
        return _too_late(request, visit)
    return render(request, template, {"card": card, **context, **bar(request, "")})


def _too_late(request: HttpRequest, visit: Appointment) -> HttpResponse:
    messages.error(request, _refusal(visit, actions.NoLongerPossible()))
    return redirect("bookings:desk_appointment", visit.reference)


def _try(request: HttpRequest, visit: Appointment, change: Callable[[], str | Any]) -> None:
    """Make a change and say what came of it."""
    try:
        done = change()
    except BookingError as refused:
        messages.error(request, _refusal(visit, refused))
    else:
        messages.success(request, done)


def _back(request: HttpRequest, visit: Appointment) -> HttpResponse:
    """Return to the day of the visit, or to its page where the change was made there."""
    if request.POST.get("back") == "visit":
        return redirect("bookings:desk_appointment", visit.reference)
    day = timezone.localtime(visit.starts_at).date()
    return redirect(f"{reverse('bookings:desk_list')}?date={day:%Y-%m-%d}#visit-{visit.reference}")
