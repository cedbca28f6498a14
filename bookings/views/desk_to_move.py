"""Visits that a change left without a place: each moves, is cancelled, or stays for a reason."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import actions
from bookings.actions import BookingError, ReasonNeeded
from bookings.forms.diary import KeepForm
from bookings.permissions import desk_only
from bookings.views.common import private
from bookings.views.desk_answers import refusal, show_stranded
from bookings.views.panel import in_panel, with_news
from bookings.views.staff import booked_or_404, me


@private
@desk_only
@require_http_methods(["GET", "HEAD", "POST"])
def to_move(request: HttpRequest) -> HttpResponse:
    """List them by day, with the ways out of it; a POST keeps one where it is."""
    return _keep(request) if request.method == "POST" else show_stranded(request)


def _keep(request: HttpRequest) -> HttpResponse:
    form = KeepForm(request.POST)
    if not form.is_valid():
        return show_stranded(request, trouble=_("Please say why the visit can stay."))
    visit = booked_or_404(form.cleaned_data["reference"])
    try:
        actions.keep_in_place(
            appointment=visit,
            seen=form.cleaned_data["sequence"],
            reason=form.cleaned_data["reason"],
            by=actions.staff(me(request)),
            now=timezone.now(),
        )
    except ReasonNeeded:
        return show_stranded(request, trouble=_("Please say why the visit can stay."))
    except BookingError as error:
        trouble = refusal(visit, error, seen=form.cleaned_data["sequence"])
        return show_stranded(request, trouble=trouble)
    words = _("%(name)s: the visit stays where it is.") % {"name": visit.client}
    if in_panel(request):
        return with_news(show_stranded(request), words)
    messages.success(request, words)
    return redirect("bookings:desk_to_move")
