"""The clients at the desk: finding, knowing, changing, merging and parting them."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bookings import actions
from bookings.actions import RecordChanged, RecordMerged
from bookings.client_record import client_record
from bookings.clients import find_clients, recent_clients
from bookings.duplicates import possible_duplicates
from bookings.forms.clients import ClientForm
from bookings.forms.contact import likely_address
from bookings.models import Client
from bookings.permissions import desk_only, is_owner
from bookings.views.common import private, spa_of
from bookings.views.panel import in_panel, with_news
from bookings.views.staff import bar, me

FOUND_AT_MOST = 30
RESULTS, TWICE = "clients-found", "twice"

read_or_post = require_http_methods(["GET", "HEAD", "POST"])


@private
@desk_only
@require_GET
def clients(request: HttpRequest) -> HttpResponse:
    """Search as one types; with nothing typed, who was here lately."""
    text = request.GET.get("q", "")
    context: dict[str, Any] = {"text": text, "found": find_clients(text, limit=FOUND_AT_MOST)}
    if not text.strip():
        context["found"] = recent_clients(now=timezone.now())
    if request.headers.get("HX-Target") == RESULTS:
        return render(request, "bookings/desk/client_found.html", context)
    return render(request, "bookings/desk/clients.html", {**context, **bar(request, "clients")})


@private
@desk_only
@require_GET
def duplicates(request: HttpRequest) -> HttpResponse:
    """Records that may be of one person: under the search, or on a page of their own."""
    context = {"pairs": possible_duplicates(), "title": _("Perhaps one person with two records")}
    if request.headers.get("HX-Target") == TWICE:
        return render(request, "bookings/desk/client_twice.html", context)
    return answer(request, "duplicates", context)


@private
@desk_only
@require_GET
def client(request: HttpRequest, pk: int) -> HttpResponse:
    """All that the desk knows of one client."""
    return show_client(request, client_or_404(pk))


@private
@desk_only
@read_or_post
def add(request: HttpRequest) -> HttpResponse:
    """Enter a new client."""
    spa = spa_of(request)
    form = ClientForm(request.POST or None, spa=spa, initial={"name": request.GET.get("name", "")})
    if not form.is_valid():
        return answer(request, "edit", {"form": form, "title": _("New client")})
    entered = actions.add_client(**_values(form), by=actions.staff(me(request)), now=timezone.now())
    return done(request, entered, _("%(name)s is entered.") % {"name": entered})


@private
@desk_only
@read_or_post
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a record; the second of two who do so at once is told."""
    shown = client_or_404(pk)
    if shown.merged_into is not None or shown.erased_at is not None:
        return show_client(request, shown)
    form = ClientForm(request.POST or None, spa=spa_of(request), client=shown)
    trouble = ""
    if form.is_valid():
        try:
            changed = actions.change_client(
                client=shown,
                seen=form.seen_entry,
                **_values(form),
                by=actions.staff(me(request)),
                now=timezone.now(),
            )
        except RecordChanged as refused:
            form.look_again(refused.latest)
            trouble = refused.message
        except RecordMerged as refused:
            return show_client(request, refused.kept, trouble=refused.message)
        else:
            return done(request, changed, _("The record of %(name)s is saved.") % {"name": changed})
    title = _("Change the record of %(name)s") % {"name": shown}
    context = {"form": form, "client": shown, "title": title, "trouble": trouble}
    return answer(request, "edit", context)


@private
@desk_only
@require_POST
def check_address(request: HttpRequest) -> HttpResponse:
    """Say what was probably meant where an address looks like a slip."""
    typed = request.POST.get("email", "").strip()
    context = {"meant": likely_address(typed), "typed": typed}
    return render(request, "bookings/desk/client_meant.html", context)


def show_client(request: HttpRequest, shown: Client, *, trouble: str = "") -> HttpResponse:
    """All about a client; a merged record leads to the one that is kept."""
    if shown.merged_into is not None:
        return redirect("bookings:desk_client", shown.merged_into.pk)
    record = client_record(shown, spa=spa_of(request), now=timezone.now())
    return answer(
        request,
        "record",
        {
            "record": record,
            "client": shown,
            "title": shown.name,
            "trouble": trouble,
            "may_erase": is_owner(request.user),
        },
    )


def answer(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """Render ``client_<name>.html`` alone into the drawer, else a page around it.

    ``level`` is the level of the fragment's heading and ``below`` that of its parts.
    """
    part = f"bookings/desk/client_{name}.html"
    if in_panel(request):
        shown = {**context, "in_panel": True, "level": "h2", "below": "h3"}
        return render(request, part, shown)
    shown = {**context, "in_panel": False, "level": "h1", "below": "h2", "part": part}
    return render(request, "bookings/desk/client_page.html", {**shown, **bar(request, "clients")})


def done(request: HttpRequest, shown: Client, words: str) -> HttpResponse:
    """Say what was done, with the record as it is now."""
    if in_panel(request):
        return with_news(show_client(request, client_or_404(shown.pk)), words)
    messages.success(request, words)
    return redirect("bookings:desk_client", shown.pk)


def client_or_404(pk: int) -> Client:
    """Return a client with what every page shows of her."""
    rows = Client.objects.select_related("preferred_therapist", "merged_into")
    return get_object_or_404(rows, pk=pk)


def _values(form: ClientForm) -> dict[str, Any]:
    """What was typed, as the actions take it."""
    values = asdict(form.entry)
    del values["preferred_therapist_id"]
    return {**values, "preferred_therapist": form.cleaned_data["preferred_therapist"]}
