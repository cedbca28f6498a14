"""Two records of one person: looked at side by side, merged, and parted again."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from phonenumber_field.phonenumber import to_python

from bookings import actions
from bookings.actions import BookingError, Parting
from bookings.clients import find_clients
from bookings.duplicates import duplicates_of
from bookings.models import Appointment, Client, ClientMerge
from bookings.models.appointments import UPCOMING
from bookings.permissions import desk_only
from bookings.views.clients import answer, client_or_404, done, read_or_post, show_client
from bookings.views.common import private
from bookings.views.panel import in_panel
from bookings.views.staff import me

LONGEST_KEY = 18


@dataclass(frozen=True, slots=True)
class Side:
    """One of two records: all its visits, those that were given, and those still to come."""

    client: Client
    visits: int
    given: int
    ahead: int


@private
@desk_only
@read_or_post
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the other record, look at both, and merge it into this one."""
    kept = client_or_404(pk)
    if kept.merged_into is not None or kept.erased_at is not None:
        return show_client(request, kept)
    other = _other(request)
    if other is None:
        return _choose(request, kept)
    if request.POST.get("do") == "apart":
        return _tell_apart(request, kept, other)
    if request.method != "POST":
        return _look_at_both(request, kept, other)
    try:
        actions.merge_clients(
            kept=kept, merged=other, by=actions.staff(me(request)), now=timezone.now()
        )
    except BookingError as refused:
        return _choose(request, client_or_404(pk), trouble=refused.message)
    return done(request, kept, _("The records of %(name)s are one now.") % {"name": kept})


@private
@desk_only
@require_POST
def part(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a merge back; ``pk`` is that of the record that was kept."""
    key = request.POST.get("merge", "")
    mergings = ClientMerge.objects.select_related("kept", "merged")
    merging = get_object_or_404(mergings, pk=_key(key), kept=pk)
    try:
        parting = actions.part_clients(
            merge=merging, by=actions.staff(me(request)), now=timezone.now()
        )
    except BookingError as refused:
        return show_client(request, client_or_404(pk), trouble=refused.message)
    return done(request, merging.kept, _in_words(parting, merging.kept))


def _key(text: str) -> int:
    """The key that ``text`` names; 0, which is nobody's, where it is none."""
    is_key = text.isascii() and text.isdecimal() and len(text) <= LONGEST_KEY
    return int(text) if is_key else 0


def _other(request: HttpRequest) -> Client | None:
    sent = request.POST if request.method == "POST" else request.GET
    rows = Client.objects.select_related("preferred_therapist", "merged_into")
    return rows.filter(pk=_key(sent.get("with", ""))).first()


def _choose(request: HttpRequest, kept: Client, *, trouble: str = "") -> HttpResponse:
    if kept.merged_into is not None:
        return show_client(request, kept, trouble=trouble)
    text = request.GET.get("q", "")
    pairs = duplicates_of(kept)
    shared = {pair.other.pk for pair in pairs} | {kept.pk}
    context = {
        "client": kept,
        "title": _("Which record is the same person as %(name)s?") % {"name": kept},
        "text": text,
        "pairs": pairs,
        "found": [one for one in find_clients(text) if one.pk not in shared],
        "trouble": trouble,
    }
    return answer(request, "merge_choose", context)


def _tell_apart(request: HttpRequest, one: Client, other: Client) -> HttpResponse:
    """Remember that these are two people, and go on with the others who may be one."""
    try:
        actions.tell_apart(one=one, other=other, by=actions.staff(me(request)), now=timezone.now())
    except BookingError as refused:
        return _choose(request, one, trouble=refused.message)
    words = _("%(one)s and %(other)s stay two records.") % {"one": one, "other": other}
    if in_panel(request):
        return done(request, one, words)
    messages.success(request, words)
    return redirect("bookings:desk_client_duplicates")


def _look_at_both(request: HttpRequest, kept: Client, other: Client) -> HttpResponse:
    if refused := actions.why_not_merge(kept, other):
        return _choose(request, kept, trouble=refused)
    filled: dict[str, Any] = {
        name: after for name, (_old, after) in actions.fields_filled(kept, other).items()
    }
    sides = [_side(kept), _side(other)]
    context = {
        "client": kept,
        "title": _("Make these two records one?"),
        "sides": sides,
        "kept": sides[0],
        "merged": sides[1],
        "filled": filled,
        "phone": to_python(filled.get("phone", "")),
        "therapist": other.preferred_therapist if "preferred_therapist_id" in filled else None,
    }
    return answer(request, "merge", context)


def _side(client: Client) -> Side:
    ahead = Q(status__in=UPCOMING, ends_at__gt=timezone.now())
    rows = Appointment.objects.booked().filter(client=client)
    # As the record counts them: what was called off is a row, but no visit.
    given = Q(status=Appointment.Status.COMPLETED)
    found = rows.aggregate(
        visits=Count("pk"),
        given=Count("pk", filter=given),
        ahead=Count("pk", filter=ahead),
    )
    return Side(client, **found)


def _in_words(parting: Parting, kept: Client) -> str:
    """What came of a parting, and what stays with the record that was kept."""
    names = {"email": _("E-mail"), "phone": _("Phone"), "note": _("Note")}
    names["preferred_therapist_id"] = _("Preferred therapist")
    words = [_("%(name)s: a record of its own again.") % {"name": parting.client}]
    if parting.stayed:
        stayed = ngettext(
            "%(count)d visit that was booked since stays with %(kept)s.",
            "%(count)d visits that were booked since stay with %(kept)s.",
            parting.stayed,
        )
        words.append(stayed % {"count": parting.stayed, "kept": kept})
    for field in parting.left:
        left = _("%(field)s of %(kept)s was changed since and stays.")
        words.append(left % {"field": names.get(field, field), "kept": kept})
    return " ".join(words)
