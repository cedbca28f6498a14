"""Time off at the desk: block a time, see who is in the way, change it and take it back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from bookings import actions
from bookings.actions import BookingError, ChangedMeanwhile, NoLongerPossible
from bookings.forms.time_off import BlockForm, TimeOffChangeForm, as_seen
from bookings.models import TimeOff
from bookings.permissions import desk_only
from bookings.queries import last_bookable_day
from bookings.time_off import Clash, clash_of, when_in_words
from bookings.views.common import json_body, private, spa_of
from bookings.views.desk_answers import answer
from bookings.views.panel import in_panel, with_news
from bookings.views.staff import day_asked_for, me
from bookings.views.time_off_undo import Change
from bookings.views.times import read_start

read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@private
@desk_only
@read_or_post
def block(request: HttpRequest) -> HttpResponse:
    """Take no appointments for a while; visits in the way are listed first."""
    form = BlockForm(
        request.POST or None, spa=spa_of(request), now=timezone.now(), initial=_asked_for(request)
    )
    if not form.is_valid():
        return _ask(request, form)
    clash = clash_of(form.unsaved(), now=timezone.now())
    if clash.references - form.seen_references:
        return _ask(request, form, clash=clash)
    return _save(request, form)


@private
@desk_only
@read_or_post
def time_off(request: HttpRequest, pk: int) -> HttpResponse:
    """One time off: the visits still in the way, other times, or none at all any more."""
    off = get_object_or_404(TimeOff.objects.select_related("therapist"), pk=pk)
    if request.method == "POST" and not _is_as_seen(request, off):
        return _show(request, off, trouble=_changed_meanwhile(off))
    if request.POST.get("step") == "remove":
        return _remove(request, off)
    form = TimeOffChangeForm(
        request.POST or None, time_off=off, spa=spa_of(request), now=timezone.now()
    )
    if not form.is_valid():
        return _show(request, off, form=form)
    return _change(request, off, form)


@private
@desk_only
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take the change back that the signed words tell of, where it is still the latest.

    The calendar sends and gets JSON; a form without scripts is led to the list of the day.
    """
    is_json = request.content_type == "application/json"
    try:
        change = Change.read(json_body(request) if is_json else request.POST)
        restored = actions.undo_time_off(
            before=change.before,
            after=change.after,
            by=actions.staff(me(request)),
            now=timezone.now(),
        )
    except BookingError as error:
        return _not_undone(request, _why_not(error), is_json=is_json)
    words = _opened_in_words(change.known)
    if restored is not None:
        words = _blocked_in_words(restored, clash_of(restored, now=timezone.now()))
    if is_json:
        return JsonResponse({"news": words, "undo": ""})
    messages.success(request, words)
    return redirect(_list_of(restored or change.known))


def _not_undone(request: HttpRequest, words: str, *, is_json: bool) -> HttpResponse:
    if is_json:
        return JsonResponse({"message": words}, status=409)
    messages.error(request, words)
    return redirect("bookings:desk_list")


def _why_not(error: BookingError) -> str:
    if isinstance(error, ChangedMeanwhile | NoLongerPossible):
        return _("This time off was changed again in the meantime. Nothing was taken back.")
    return error.message


def _is_as_seen(request: HttpRequest, off: TimeOff) -> bool:
    # Both sides as a form reads them: blanks at the ends do not come back.
    return request.POST.get("seen", "").strip() == as_seen(off).strip()


def _ask(request: HttpRequest, form: BlockForm, *, clash: Clash | None = None) -> HttpResponse:
    shown = {"form": form, "clash": clash, "usual_reasons": _usual_reasons()}
    return answer(request, "block", shown)


def _save(request: HttpRequest, form: BlockForm) -> HttpResponse:
    off = form.unsaved()
    try:
        saved = actions.block_time(
            therapist=off.therapist,
            starts_at=off.starts_at,
            ends_at=off.ends_at,
            reason=off.reason,
            by=actions.staff(me(request)),
            now=timezone.now(),
        )
    except BookingError as error:
        form.add_error(None, error.message)
        return _ask(request, form)
    clash = clash_of(saved, now=timezone.now())
    words = _blocked_in_words(saved, clash)
    return _done(request, saved, words, clash=clash, change=Change(None, saved))


def _change(request: HttpRequest, off: TimeOff, form: TimeOffChangeForm) -> HttpResponse:
    asked = form.cleaned_data
    try:
        changed = actions.change_time_off(
            time_off=off,
            starts_at=asked["starts_at"],
            ends_at=asked["ends_at"],
            reason=asked["reason"],
            by=actions.staff(me(request)),
            now=timezone.now(),
        )
    except ChangedMeanwhile:
        return _show_latest(request, off)
    except BookingError as error:
        form.add_error(None, error.message)
        return _show(request, off, form=form)
    clash = clash_of(changed, now=timezone.now())
    words = _blocked_in_words(changed, clash)
    return _done(request, changed, words, clash=clash, change=Change(off, changed))


def _remove(request: HttpRequest, off: TimeOff) -> HttpResponse:
    try:
        actions.release_time(time_off=off, by=actions.staff(me(request)), now=timezone.now())
    except ChangedMeanwhile:
        return _show_latest(request, off)
    words, change = _opened_in_words(off), Change(off, None)
    if in_panel(request):
        return with_news(HttpResponse(), words, undo=change.undo, close=True)
    messages.success(request, words, extra_tags=change.signed)
    return redirect(_list_of(off))


def _done(
    request: HttpRequest, off: TimeOff, words: str, *, clash: Clash, change: Change
) -> HttpResponse:
    """Say what was done; as long as visits are in the way, they are what comes next."""
    if in_panel(request):
        if clash.visits:
            return with_news(_show(request, off), words, undo=change.undo)
        return with_news(HttpResponse(), words, undo=change.undo, close=True)
    messages.success(request, words, extra_tags=change.signed)
    here = reverse("bookings:desk_time_off", args=[off.pk])
    return redirect(here if clash.visits else _list_of(off))


def _show_latest(request: HttpRequest, off: TimeOff) -> HttpResponse:
    fresh = get_object_or_404(TimeOff.objects.select_related("therapist"), pk=off.pk)
    return _show(request, fresh, trouble=_changed_meanwhile(fresh))


def _show(
    request: HttpRequest,
    off: TimeOff,
    *,
    form: TimeOffChangeForm | None = None,
    trouble: str = "",
) -> HttpResponse:
    spa, now = spa_of(request), timezone.now()
    return answer(
        request,
        "time_off",
        {
            "off": off,
            "who": _who(off),
            "when": _when(off),
            "clash": clash_of(off, now=now),
            "form": form or TimeOffChangeForm(time_off=off, spa=spa, now=now),
            "trouble": trouble,
            "seen": as_seen(off),
            "usual_reasons": _usual_reasons(),
        },
    )


def _asked_for(request: HttpRequest) -> dict[str, Any]:
    """What the address fills in: ``?therapist=`` and ``?start=``, ``?end=`` or ``?date=``."""
    spa, now = spa_of(request), timezone.now()
    last_day = last_bookable_day(spa, now)
    day = day_asked_for(request, now.astimezone(spa.zone).date())
    found: dict[str, Any] = {"therapist": request.GET.get("therapist", ""), "first_day": day}
    start = read_start(request.GET.get("start", ""), last_day=last_day)
    end = read_start(request.GET.get("end", ""), last_day=last_day)
    if start is not None:
        local = start.astimezone(spa.zone)
        found |= {"first_day": local.date(), "first_time": local.time(), "length": "60"}
    if start is not None and end is not None and end > start:
        local = end.astimezone(spa.zone)
        found |= {"last_day": local.date(), "last_time": local.time(), "length": "until"}
    return found


def _blocked_in_words(off: TimeOff, clash: Clash) -> str:
    words = {"who": _who(off), "when": _when(off), "count": len(clash.visits)}
    if not clash.visits:
        return _("%(who)s: no appointments %(when)s.") % words
    return (
        ngettext(
            "%(who)s: no new appointments %(when)s. %(count)d visit stays until you move it.",
            "%(who)s: no new appointments %(when)s. %(count)d visits stay until you move them.",
            len(clash.visits),
        )
        % words
    )


def _opened_in_words(off: TimeOff) -> str:
    words = {"who": _who(off), "when": _when(off)}
    return _("%(who)s: open for booking again, %(when)s.") % words


def _changed_meanwhile(off: TimeOff) -> str:
    return _(
        "Somebody else changed this in the meantime. Nothing was changed; it is now: %(when)s."
    ) % {"when": _when(off)}


def _usual_reasons() -> list[str]:
    return [_("Break"), _("Meeting"), _("Training"), _("Holiday"), _("Away on business")]


def _who(off: TimeOff) -> str:
    return off.therapist.name if off.therapist else _("The whole spa")


def _when(off: TimeOff) -> str:
    starts, ends = timezone.localtime(off.starts_at), timezone.localtime(off.ends_at)
    return when_in_words(starts, ends, timezone.localdate())


def _list_of(off: TimeOff) -> str:
    day = timezone.localtime(off.starts_at).date()
    return f"{reverse('bookings:desk_list')}?date={day:%Y-%m-%d}"
