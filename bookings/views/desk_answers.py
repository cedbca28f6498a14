"""How the desk's pages about one visit answer: into the drawer, or as a page of their own."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings import actions
from bookings.actions import AlreadyHere, BookingError, ChangedMeanwhile
from bookings.actions.undo import standing_change
from bookings.cards import Card
from bookings.forms.desk import NoteForm
from bookings.forms.visit import SeenForm
from bookings.history import Line, history_of
from bookings.mails import post_of
from bookings.models import Appointment
from bookings.permissions import may_read_health
from bookings.stranded import by_day, stranded_visits
from bookings.to_do import exception_of, to_do
from bookings.views.common import spa_of
from bookings.views.news_words import mail_about
from bookings.views.panel import in_panel, with_news
from bookings.views.staff import bar, booked_or_404
from bookings.words import clock_time, day_in_words, moment_in_words

NEWS_AT_MOST = 3
# The pages that a step begun there returns to, by the name in ?back=.
TO_MOVE = "to-move"


def answer(
    request: HttpRequest, name: str, context: dict[str, Any], *, here: str = ""
) -> HttpResponse:
    """Render ``panel_<name>.html`` alone into the drawer, else the page ``<name>.html`` around it.

    ``level`` is the level of the fragment's heading and ``below`` that of its parts; ``here`` names
    the page in the bar.
    """
    context = {**context, "back": place_asked_for(request)}
    context["back_query"] = f"?back={context['back']}" if context["back"] else ""
    if in_panel(request):
        shown = {**context, "in_panel": True, "level": "h2", "below": "h3"}
        return render(request, f"bookings/desk/panel_{name}.html", shown)
    shown = {**context, "in_panel": False, "level": "h1", "below": "h2", **bar(request, here)}
    return render(request, f"bookings/desk/{name}.html", shown)


def show_visit(request: HttpRequest, visit: Appointment, **more: Any) -> HttpResponse:
    """All about one visit; ``trouble`` is what went wrong, ``note_form`` a note to put right."""
    now = timezone.now()
    card, history, post = Card(visit, now), history_of(visit), post_of(visit, now=now)
    return answer(
        request,
        "appointment",
        {
            "card": card,
            "history": history,
            "post": post,
            "to_do": to_do(card, history=history, post=post, spa=spa_of(request)),
            "exception": exception_of(history),
            "undoable": _undoable(visit, history),
            "may_read_health": may_read_health(request.user, visit),
            "note_form": NoteForm(of=visit),
            **more,
        },
    )


def _undoable(visit: Appointment, history: Sequence[Line]) -> Line | None:
    """The latest change of ``visit``, where it can be taken back."""
    latest = standing_change(line for line in history if line.is_change)
    return latest if actions.can_undo(visit) else None


def done(
    request: HttpRequest, visit: Appointment, words: str, *, undo: bool = True, mails: bool = False
) -> HttpResponse:
    """Say what was done: in the drawer with the visit as it is now, else where it was asked.

    ``undo`` is false where the latest change is not what was done just now; with ``mails`` it is
    said whether the client will hear of it.
    """
    fresh = booked_or_404(visit.reference)
    more = mail_about(fresh) if mails else ""
    if not in_panel(request):
        messages.success(request, f"{words} {more}".rstrip())
        return back(request, visit)
    undoable = fresh if undo and actions.can_undo(fresh) else None
    comes_next = _comes_next(request, fresh)
    return with_news(comes_next, words, more=more, of=fresh, undo=undoable)


def _comes_next(request: HttpRequest, visit: Appointment) -> HttpResponse:
    """What the drawer shows after a step: the visit, or the others that wait beside it."""
    if place_asked_for(request) == TO_MOVE:
        return show_stranded(request)
    return show_visit(request, visit)


def show_stranded(request: HttpRequest, *, trouble: str = "") -> HttpResponse:
    """The visits that stand where they cannot be given; ``trouble`` is what went wrong."""
    now = timezone.now()
    visits = stranded_visits(spa=spa_of(request), now=now)
    days = [(day_in_words(day, timezone.localdate()), some) for day, some in by_day(visits)]
    context = {"days": days, "count": len(visits), "trouble": trouble}
    return answer(request, "to_move", context, here="to_move")


def place_asked_for(request: HttpRequest) -> str:
    """The page outside of the visit that a step returns to, or empty."""
    asked = request.POST if request.method == "POST" else request.GET
    return TO_MOVE if asked.get("back") == TO_MOVE else ""


def refused(request: HttpRequest, visit: Appointment, error: BookingError) -> HttpResponse:
    """Say why nothing was done, and show the visit as it is now."""
    fresh = booked_or_404(visit.reference)
    trouble = refusal(fresh, error, seen=visit.sequence)
    if in_panel(request):
        return show_visit(request, fresh, trouble=trouble)
    messages.error(request, trouble)
    return back(request, fresh)


def too_late(request: HttpRequest, visit: Appointment) -> HttpResponse:
    """Say that the visit is no longer to be changed in this way."""
    is_here = visit.status == Appointment.Status.ARRIVED
    error = AlreadyHere(visit) if is_here else actions.NoLongerPossible()
    trouble = refusal(visit, error, seen=visit.sequence)
    if in_panel(request):
        return show_visit(request, visit, trouble=trouble)
    messages.error(request, trouble)
    return redirect("bookings:desk_appointment", visit.reference)


def refusal(visit: Appointment, error: BookingError, *, seen: int) -> str:
    """Return the refusal in words; where others were first, what they did since ``seen``."""
    words = {"name": visit.client, "refusal": error.message, "news": news_since(visit, seen)}
    if isinstance(error, AlreadyHere):
        return error.message
    if isinstance(error, ChangedMeanwhile) and words["news"]:
        return _("%(name)s: %(refusal)s %(news)s") % words
    return _("%(name)s: %(refusal)s") % words


def seen_again(form: SeenForm, fresh: Appointment, error: ChangedMeanwhile, *, seen: int) -> str:
    """Let a stale ``form``, with what was typed, be of the ``fresh`` visit; returns the news."""
    form.data = {**dict(form.data.items()), "sequence": fresh.sequence}
    return refusal(fresh, error, seen=seen)


def address_of(visit: Appointment) -> str:
    """Where mails about ``visit`` go, or empty."""
    return visit.client.email if visit.client else ""


def news_since(visit: Appointment, seen: int) -> str:
    """What happened to ``visit`` since its sequence was ``seen``, the latest first."""
    count = min(max(visit.sequence - seen, 1), NEWS_AT_MOST)
    lines = [line for line in history_of(visit) if line.is_change]
    return " ".join(_in_a_sentence(line) for line in lines[:count])


def back(request: HttpRequest, visit: Appointment) -> HttpResponse:
    """Return to where the step was taken: the visit's page, the strip or the list of its day."""
    place = request.POST.get("back")
    if place == TO_MOVE:
        return redirect("bookings:desk_to_move")
    if place == "visit":
        return redirect("bookings:desk_appointment", visit.reference)
    day = timezone.localtime(visit.starts_at).date()
    if place == "strip":
        asked = f"date={day:%Y-%m-%d}&visit={visit.reference}"
        return redirect(f"{reverse('bookings:desk_strip')}?{asked}")
    # The list of one therapist stays hers, unless the visit went to somebody else.
    hers = request.POST.get("of") == str(visit.therapist_id)
    of = f"&therapist={visit.therapist_id}" if hers else ""
    address = f"{reverse('bookings:desk_list')}?date={day:%Y-%m-%d}{of}"
    return redirect(f"{address}#visit-{visit.reference}")


def _in_a_sentence(line: Line) -> str:
    local, today = timezone.localtime(line.at), timezone.localdate()
    when = clock_time(local) if local.date() == today else moment_in_words(local, today)
    return _("%(what)s by %(by)s, %(when)s.") % {"what": line.what, "by": line.by, "when": when}
