"""The front desk moves a visit to one of the free times."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import actions
from bookings.actions import BookingError, InTheWay, ReasonNeeded, TimeTaken
from bookings.cards import Card
from bookings.forms.desk import MoveForm
from bookings.models import Appointment, Therapist
from bookings.permissions import desk_only
from bookings.queries import last_bookable_day, offer
from bookings.views.common import private, spa_of
from bookings.views.desk_answers import (
    address_of,
    answer,
    done,
    place_asked_for,
    refused,
    too_late,
)
from bookings.views.desk_change import ask_why
from bookings.views.news_words import changed
from bookings.views.staff import booked_or_404, day_asked_for, me
from bookings.views.times import Choice, FreeTime, Times, Wanted, read_start
from bookings.words import span_in_html


@private
@desk_only
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, reference: str) -> HttpResponse:
    """Free times for a visit; one is chosen, looked at again and taken."""
    visit = booked_or_404(reference)
    if not Card(visit, timezone.now()).can_change:
        return too_late(request, visit)
    form = MoveForm(
        request.POST or None, address=address_of(visit), initial={"sequence": visit.sequence}
    )
    gone: TimeTaken | None = None
    if request.method == "POST":
        try:
            moved = _move(request, visit, form)
        except ReasonNeeded as needed:
            return _ask_why(request, visit, form, needed)
        except TimeTaken as error:
            gone = error
        except BookingError as error:
            return refused(request, visit, error)
        else:
            return done(request, moved, changed(visit, moved), mails=True)
    found = _free_times(request, visit, gone)
    return answer(request, "move", {"card": Card(visit, timezone.now()), "form": form, **found})


def _move(request: HttpRequest, visit: Appointment, form: MoveForm) -> Appointment:
    spa, now = spa_of(request), timezone.now()
    starts_at = _picked(request, form)
    # A time that cannot be read is none that could be free.
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
        tell=form.tells,
    )


def _ask_why(
    request: HttpRequest, visit: Appointment, form: MoveForm, needed: ReasonNeeded
) -> HttpResponse:
    """Free times keep the house's rules, but the client may have another visit then."""
    starts_at = _picked(request, form)
    assert starts_at is not None
    therapist = _therapist(form.cleaned_data["therapist"])
    return ask_why(request, visit, needed, starts_at=starts_at, therapist=therapist)


def _picked(request: HttpRequest, form: MoveForm) -> datetime | None:
    spa, now = spa_of(request), timezone.now()
    return read_start(form.data.get("start", ""), last_day=last_bookable_day(spa, now))


def _free_times(request: HttpRequest, visit: Appointment, gone: TimeTaken | None) -> dict[str, Any]:
    spa, now = spa_of(request), timezone.now()
    today = now.astimezone(spa.zone).date()
    found = offer(
        service=visit.service,
        option=visit.option,
        first_day=today,
        last_day=last_bookable_day(spa, now),
        now=now,
        spa=spa,
        minutes=visit.minutes,
        ignoring=visit,
        earliest=now,
    )
    asked = request.POST if request.method == "POST" else request.GET
    key = asked.get("therapist", "")
    therapist = next((one for one in found.therapists if str(one.pk) == key), None)
    day = day_asked_for(request, today) if "date" in request.GET else None
    keys = {"back": place_asked_for(request)}
    wanted = Wanted(request.path, keys, therapist=therapist, day=day)
    free = Times(found, wanted, today)
    # Her present time is no move, unless it is to somebody else.
    stays = therapist is None or therapist.pk == visit.therapist_id
    times = replace(free, left_out=visit.starts_at if stays else None)
    start = read_start(asked.get("start", ""), last_day=found.grid.last_day)
    nobody = bool(key) and therapist is None
    is_free = start is not None and free.is_on_offer(start) and not nobody
    taken = gone is not None or (start is not None and not is_free)
    nearest = times.nearest(start) if start and taken else []
    return {
        "times": times,
        "therapist": therapist,
        "therapists": _choices(wanted, found.therapists),
        "nobody": nobody,
        "start": asked.get("start", ""),
        "chosen": _span(start, visit, spa.zone, today) if start and not taken else "",
        "refused": _refusal(gone, nearest) if taken else None,
        "nearest": [(one.starts_at, wanted.url(start=one.value)) for one in nearest],
        "soonest": [(one, wanted.url(start=one.value)) for one in times.soonest],
        "parts": [
            (part.name, [(one, wanted.url(start=one.value)) for one in part.times])
            for part in times.parts
        ],
    }


def _refusal(gone: TimeTaken | None, nearest: Sequence[FreeTime]) -> TimeTaken:
    """The refusal with the times that the page offers: who is in the way, if that is known."""
    starts = [one.starts_at for one in nearest]
    if isinstance(gone, InTheWay):
        return InTheWay(gone.blockers, starts)
    return TimeTaken(starts)


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
