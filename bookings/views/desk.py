"""The front desk: one visit, the steps of its day, its end, its decision and its note."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bookings import actions
from bookings.actions import BookingError, ChangedMeanwhile, HealthCheckNeeded
from bookings.cards import Card
from bookings.forms.desk import DecideForm, DeskCancelForm, NoteForm, StepForm
from bookings.forms.visit import SeenForm
from bookings.models import Appointment
from bookings.permissions import desk_only
from bookings.views.common import private, spa_of
from bookings.views.desk_answers import (
    address_of,
    answer,
    back,
    done,
    refused,
    seen_again,
    show_visit,
    too_late,
)
from bookings.views.news_words import cancelled
from bookings.views.panel import in_panel
from bookings.views.staff import booked_or_404, me

read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@private
@desk_only
@require_GET
def appointment(request: HttpRequest, reference: str) -> HttpResponse:
    """All about one visit."""
    return show_visit(request, booked_or_404(reference))


@private
@desk_only
@require_POST
def step(request: HttpRequest, reference: str) -> HttpResponse:
    """Arrived, started, completed, did not come, one step back, or expected again."""
    visit = booked_or_404(reference)
    form = StepForm(request.POST)
    if not form.is_valid():
        trouble = _("That did not work. Nothing was changed. Please try again.")
        if in_panel(request):
            return show_visit(request, visit, trouble=trouble)
        messages.error(request, trouble)
        return back(request, visit)
    visit.sequence = form.seen
    try:
        words = _take_step(request, visit, form.cleaned_data["step"])
    except BookingError as error:
        return refused(request, visit, error)
    # What is offered to be undone is the step that was taken, never one more step back.
    return done(request, visit, words, undo=form.cleaned_data["step"] != "back")


@private
@desk_only
@require_POST
def note(request: HttpRequest, reference: str) -> HttpResponse:
    """Keep what the desk wants to remember about a visit."""
    visit = booked_or_404(reference)
    form = NoteForm(request.POST, of=visit)
    if not form.is_valid():
        return show_visit(request, visit, note_form=form)
    try:
        actions.note_on_appointment(
            appointment=visit,
            note=form.cleaned_data["note"],
            by=actions.staff(me(request)),
            now=timezone.now(),
            seen=visit.staff_note,
        )
    except ChangedMeanwhile as error:
        fresh = booked_or_404(reference)
        form = NoteForm(request.POST, of=fresh)
        form.add_error("note", error.message)
        return show_visit(request, fresh, note_form=form)
    words = _("%(name)s: the note is kept.") % {"name": visit.client}
    return done(request, visit, words, undo=False)


@private
@desk_only
@read_or_post
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask once, then cancel, with a mail or without."""
    visit = booked_or_404(reference)
    if not Card(visit, timezone.now()).can_change:
        return too_late(request, visit)
    form = DeskCancelForm(
        request.POST or None, address=address_of(visit), initial={"sequence": visit.sequence}
    )
    if form.is_valid():
        return _change(request, "cancel", visit, form, lambda: _cancel(request, visit, form))
    return _ask(request, "cancel", visit, form)


@private
@desk_only
@read_or_post
def decide(request: HttpRequest, reference: str) -> HttpResponse:
    """Grant or decline a request."""
    visit = booked_or_404(reference)
    if not Card(visit, timezone.now()).can_decide:
        return too_late(request, visit)
    form = DecideForm(request.POST or None, initial={"sequence": visit.sequence})
    if form.is_valid():
        return _change(request, "decide", visit, form, lambda: _decide(request, visit, form))
    return _ask(request, "decide", visit, form)


@private
@desk_only
@require_POST
def revoke_links(request: HttpRequest, reference: str) -> HttpResponse:
    """Make the links in earlier mails useless."""
    visit = booked_or_404(reference)
    actions.revoke_visit_links(appointment=visit, by=actions.staff(me(request)), now=timezone.now())
    words = _(
        "The links in earlier mails no longer open this visit. The next mail brings a new one."
    )
    if in_panel(request):
        return show_visit(request, visit, news=words)
    messages.success(request, words)
    return redirect("bookings:desk_appointment", visit.reference)


@private
@desk_only
@require_POST
def ask(request: HttpRequest, reference: str) -> HttpResponse:
    """Write to the client that health answers are missing."""
    visit, now = booked_or_404(reference), timezone.now()
    try:
        actions.ask_for_answers(
            appointment=visit, by=actions.staff(me(request)), spa=spa_of(request), now=now
        )
    except BookingError as refusal:
        words = refusal.message
    else:
        words = _("The questions are on their way by mail.")
    if in_panel(request):
        return show_visit(request, visit, news=words)
    messages.success(request, words)
    return redirect("bookings:desk_appointment", visit.reference)


def _take_step(request: HttpRequest, visit: Appointment, name: str) -> str:
    by, now = actions.staff(me(request)), timezone.now()
    who = {"name": visit.client}
    if name == "arrived":
        actions.mark_arrived(appointment=visit, by=by, now=now)
        return _("%(name)s is here.") % who
    if name == "started":
        actions.start_treatment(appointment=visit, by=by, now=now)
        return _("The treatment of %(name)s has begun.") % who
    if name == "completed":
        actions.mark_completed(appointment=visit, by=by, now=now)
        return _("The visit of %(name)s is completed.") % who
    if name == "no_show":
        actions.mark_no_show(appointment=visit, by=by, now=now)
        return _("Noted that %(name)s did not come.") % who
    if name == "back":
        former = actions.take_back_step(appointment=visit, by=by, spa=spa_of(request), now=now)
        status = Card(former, now).status.label
        return _("One step back: %(name)s, %(status)s.") % {**who, "status": status.lower()}
    actions.mark_expected(appointment=visit, by=by, spa=spa_of(request), now=now)
    return _("Taken back: %(name)s is expected again.") % who


def _cancel(request: HttpRequest, visit: Appointment, form: DeskCancelForm) -> str:
    actions.cancel_appointment(
        appointment=visit,
        by=actions.staff(me(request)),
        spa=spa_of(request),
        now=timezone.now(),
        reason=form.cleaned_data["reason"],
        tell=form.tells,
    )
    return cancelled(visit)


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


def _change(
    request: HttpRequest, name: str, visit: Appointment, form: SeenForm, change: Callable[[], str]
) -> HttpResponse:
    """Make a change that was asked for on the page ``name``, and answer what came of it."""
    visit.sequence = form.seen
    try:
        words = change()
    except ChangedMeanwhile as error:
        return _look_again(request, name, visit, form, error)
    except HealthCheckNeeded:
        # The page says it in its own words: the refusal's are for clients.
        return _ask(request, name, booked_or_404(visit.reference), form)
    except BookingError as error:
        return refused(request, visit, error)
    return done(request, visit, words, mails=True)


def _look_again(
    request: HttpRequest, name: str, visit: Appointment, form: SeenForm, error: ChangedMeanwhile
) -> HttpResponse:
    fresh = booked_or_404(visit.reference)
    card = Card(fresh, timezone.now())
    possible = card.can_decide if name == "decide" else card.can_change
    if not possible:
        return refused(request, visit, error)
    trouble = seen_again(form, fresh, error, seen=visit.sequence)
    return _ask(request, name, fresh, form, trouble=trouble)


def _ask(
    request: HttpRequest, name: str, visit: Appointment, form: SeenForm, **more: Any
) -> HttpResponse:
    return answer(request, name, {"card": Card(visit, timezone.now()), "form": form, **more})
