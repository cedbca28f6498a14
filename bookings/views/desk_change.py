"""The front desk types another time, length, therapist or room: what dragging does, by keyboard."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import actions
from bookings.actions import BookingError, ChangedMeanwhile, InTheWay, ReasonNeeded, TimeTaken
from bookings.cards import Card
from bookings.forms.desk_change import ChangeForm
from bookings.models import Appointment, Therapist
from bookings.permissions import desk_only
from bookings.queries import last_bookable_day
from bookings.views.common import private, spa_of
from bookings.views.desk_answers import (
    address_of,
    answer,
    done,
    refused,
    seen_again,
    too_late,
)
from bookings.views.news_words import changed
from bookings.views.staff import booked_or_404, me
from bookings.views.times import read_start, start_value
from services.templatetags.menu import lengths

PLACING = ("day", "clock", "minutes", "therapist", "room")


@private
@desk_only
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask for the new time, length, therapist and room, and make the change."""
    visit = booked_or_404(reference)
    if not Card(visit, timezone.now()).can_place:
        return too_late(request, visit)
    # Nobody writes to a client who is in the house.
    address = address_of(visit) if Card(visit, timezone.now()).can_change else ""
    form = ChangeForm(_typed(request), visit=visit, zone=spa_of(request).zone, address=address)
    if form.is_valid():
        return _save(request, visit, form)
    return _ask(request, visit, form)


def ask_why(
    request: HttpRequest,
    visit: Appointment,
    needed: ReasonNeeded,
    *,
    starts_at: datetime,
    therapist: Therapist | None,
) -> HttpResponse:
    """Ask for the reason of a time that was picked elsewhere, with that time in the form."""
    local = starts_at.astimezone(spa_of(request).zone)
    picked = {
        "day": f"{local:%Y-%m-%d}",
        "clock": f"{local:%H:%M}",
        "which": str(local.fold),
        "minutes": str(visit.minutes),
        "therapist": str(therapist.pk) if therapist else "",
        "room": "",
        "sequence": str(visit.sequence),
        **({"tell": "on"} if request.POST.get("tell") else {}),
    }
    form = ChangeForm(picked, visit=visit, zone=spa_of(request).zone, address=address_of(visit))
    form.add_error("reason", needed.message)
    return _ask(request, visit, form)


def _save(request: HttpRequest, visit: Appointment, form: ChangeForm) -> HttpResponse:
    """Make the change, or say at the right field why not."""
    visit.sequence = form.seen
    try:
        latest = _change(request, visit, form)
    except ChangedMeanwhile as error:
        return _look_again(request, visit, form, error)
    except ReasonNeeded as error:
        form.add_error("reason", error.message)
        return _ask(request, visit, form)
    except TimeTaken as error:
        _say_who_is_there(form, error)
        nearest = [(at, start_value(at)) for at in error.nearest]
        return _ask(request, visit, form, nearest=nearest)
    except BookingError as error:
        return refused(request, visit, error)
    is_new = latest.sequence != form.seen
    return done(request, latest, changed(visit, latest), undo=is_new, mails=is_new)


def _change(request: HttpRequest, visit: Appointment, form: ChangeForm) -> Appointment:
    asked = form.cleaned_data
    return actions.reschedule_appointment(
        appointment=visit,
        starts_at=asked["starts_at"],
        by=actions.staff(me(request)),
        spa=spa_of(request),
        now=timezone.now(),
        therapist=asked["therapist"],
        room=asked["room"],
        minutes=asked["minutes"],
        reason=asked["reason"],
        tell=form.tells,
    )


def _look_again(
    request: HttpRequest, visit: Appointment, form: ChangeForm, error: ChangedMeanwhile
) -> HttpResponse:
    fresh = booked_or_404(visit.reference)
    if not Card(fresh, timezone.now()).can_place:
        return refused(request, visit, error)
    trouble = seen_again(form, fresh, error, seen=visit.sequence)
    return _ask(request, fresh, form, trouble=trouble)


def _say_who_is_there(form: ChangeForm, error: TimeTaken) -> None:
    """Name who is in the way at the one field that was changed, else at the start."""
    changed = [name for name in PLACING if name in form.changed_data]
    field = changed[0] if len(changed) == 1 else "clock"
    if not isinstance(error, InTheWay):
        form.add_error(field, error.message)
        return
    for blocker in error.blockers:
        form.add_error(field, _("%(sentence)s.") % {"sentence": blocker.words})


def _ask(request: HttpRequest, visit: Appointment, form: ChangeForm, **more: Any) -> HttpResponse:
    """Show the form; ``nearest`` are free times for its buttons."""
    menu = visit.service.options.filter(active=True).order_by("minutes")
    shown = {
        "card": Card(visit, timezone.now()),
        "form": form,
        "menu": lengths(menu),
        "usual_reasons": [
            _("Agreed with the therapist"),
            _("Agreed on the phone"),
            _("Running late"),
        ],
        "asks_why": "reason" in form.errors or bool(form["reason"].value()),
    }
    return answer(request, "change", {**shown, **more})


def _typed(request: HttpRequest) -> dict[str, str] | None:
    """What was sent; the button of a free time or of a usual reason stands for what it says."""
    if request.method != "POST":
        return None
    sent: dict[str, str] = request.POST.dict()
    spa = spa_of(request)
    if sent.get("quick"):
        sent["reason"] = sent["quick"]
    start = read_start(sent.get("at", ""), last_day=last_bookable_day(spa, timezone.now()))
    if start is not None:
        local = start.astimezone(spa.zone)
        sent |= {"day": f"{local:%Y-%m-%d}", "clock": f"{local:%H:%M}", "which": str(local.fold)}
    return sent
