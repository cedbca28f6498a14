"""What the owners' pages share: who may open them, and the list of visits before a change."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.actions.stranding import Reasons
from bookings.stranded import by_day, stranded_of
from bookings.views.common import View
from bookings.words import day_in_words

AGREED_MOST = 50_000
# What a form sends beside what was typed.
BUTTONS = ("csrfmiddlewaretoken", "agreed", "add", "fill", "edit")


def with_permission(permission: str) -> Callable[[View], View]:
    """Let those in who have ``permission``; the admin has seen to the rest."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


def page(request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
    """Render a page of the owners, with all that the admin's own pages have."""
    frame = admin.site.each_context(request)
    return render(request, f"admin/bookings/{name}.html", {**frame, "title": title, **context})


def agreed(request: HttpRequest) -> set[str]:
    """The references of the visits that were listed when it was said to go on all the same."""
    return set(request.POST.get("agreed", "")[:AGREED_MOST].split())


def carried(request: HttpRequest) -> list[tuple[str, str]]:
    """All that was typed, to be sent again by the page that asks once more."""
    return [
        (name, str(value))
        for name, values in request.POST.lists()
        if name not in BUTTONS
        for value in values
    ]


def list_first(
    request: HttpRequest, reasons: Reasons, *, title: str, what: Collection[str], save: str
) -> HttpResponse:
    """List the visits that would be left without a place, before anything is saved.

    ``what`` says in lines what is to be saved, and ``save`` stands on the button that does it.
    """
    visits = stranded_of(reasons, now=timezone.now())
    days = [(day_in_words(day, timezone.localdate()), some) for day, some in by_day(visits)]
    return page(
        request,
        "stranded",
        title,
        what=what,
        days=days,
        count=len(visits),
        references=" ".join(reasons),
        carried=carried(request),
        save=save,
    )


def saved(request: HttpRequest, words: str, reasons: Reasons, *, to: str) -> HttpResponse:
    """Say what was saved; where visits were left without a place, they are what comes next."""
    if not reasons:
        messages.success(request, words)
        return redirect(to)
    count = len(reasons)
    more = ngettext(
        "%(count)d visit has to be moved.", "%(count)d visits have to be moved.", count
    ) % {"count": count}
    messages.success(request, _("%(done)s %(more)s") % {"done": words, "more": more})
    return redirect("bookings:desk_to_move")
