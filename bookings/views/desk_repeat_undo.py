"""Taking a series back that has just been booked: each visit of it that is as it was booked."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from bookings import actions
from bookings.actions import BookingError
from bookings.cards import shown
from bookings.forms.desk_repeat import UndoSeriesForm
from bookings.models import Appointment
from bookings.permissions import desk_only
from bookings.views.common import json_body, private, spa_of
from bookings.views.desk_booking import FIRST_SEQUENCE
from bookings.views.panel import Undo
from bookings.views.staff import booked_or_404, me


def undo_of(visit: Appointment, booked: Sequence[Appointment]) -> Undo:
    """What the calendar sends to take back what was ``booked`` after the pattern of ``visit``."""
    references = " ".join(one.reference for one in booked)
    return Undo(
        reverse("bookings:desk_repeat_undo", args=[visit.reference]), {"visits": references}
    )


@private
@desk_only
@require_POST
def undo_series(request: HttpRequest, reference: str) -> HttpResponse:
    """Take back what was booked after the pattern of a visit; what has changed since stays.

    The calendar sends and gets JSON; a form without scripts is led to the visit's page.
    """
    visit = booked_or_404(reference)
    is_json = request.content_type == "application/json"
    form = UndoSeriesForm(json_body(request) if is_json else request.POST)
    wanted = form.cleaned_data["visits"] if form.is_valid() else []
    # One series is one client's: a reference of somebody else's visit is left alone.
    found = shown().booked().filter(reference__in=wanted, client=visit.client).exclude(pk=visit.pk)
    rows = list(found.order_by("starts_at"))
    back = [one for one in rows if _take_back(request, one)]
    words = _in_words(visit, back=len(back), of=len(wanted))
    if is_json and back:
        changes = [[one.reference, FIRST_SEQUENCE + 1] for one in back]
        return JsonResponse({"news": words, "undo": "", "changes": changes})
    if is_json:
        return JsonResponse({"message": words}, status=409)
    messages.add_message(request, messages.SUCCESS if back else messages.ERROR, words)
    return redirect("bookings:desk_appointment", visit.reference)


def _take_back(request: HttpRequest, visit: Appointment) -> bool:
    """Let the booking not have been; false where the visit has changed since."""
    visit.sequence = FIRST_SEQUENCE
    try:
        actions.undo_change(
            appointment=visit,
            by=actions.staff(me(request)),
            spa=spa_of(request),
            now=timezone.now(),
        )
    except BookingError:
        return False
    return True


def _in_words(visit: Appointment, *, back: int, of: int) -> str:
    words = {"name": visit.client, "count": back, "of": of, "rest": of - back}
    if not back:
        return _("%(name)s: nothing was taken back, the visits have changed since.") % words
    if back == of:
        return (
            ngettext(
                "%(name)s: %(count)d visit taken back.",
                "%(name)s: %(count)d visits taken back.",
                back,
            )
            % words
        )
    return (
        ngettext(
            "%(name)s: %(count)d of %(of)d taken back. %(rest)d has changed since and stays.",
            "%(name)s: %(count)d of %(of)d taken back. %(rest)d have changed since and stay.",
            of - back,
        )
        % words
    )
