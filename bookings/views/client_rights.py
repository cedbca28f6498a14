"""What a client may ask of us, done by an owner: a copy, no health answers, or nothing kept."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from bookings import actions
from bookings.actions import BookingError
from bookings.client_copy import client_copy
from bookings.forms.clients import EraseForm
from bookings.models import Client, HealthCheck
from bookings.permissions import owners_only
from bookings.views.clients import answer, client_or_404, done, show_client
from bookings.views.common import private
from bookings.views.staff import bar, me
from bookings.views.therapist_visit import answers_in_words, findings_in_words, questions_of


@private
@owners_only
@require_GET
def rights(request: HttpRequest, pk: int) -> HttpResponse:
    """What can be done for her, and what each of it means."""
    client = client_or_404(pk)
    if _is_gone(client):
        return show_client(request, client)
    return _show(request, client)


@private
@owners_only
@require_POST
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """All that is kept of her, to print or to save; it is noted who has seen it."""
    client, now = client_or_404(pk), timezone.now()
    if _is_gone(client):
        return show_client(request, client)
    # Noted first: the copy tells of this reading too.
    try:
        actions.note_copy(client=client, user=me(request), now=now)
    except BookingError as refused:
        return show_client(request, client_or_404(pk), trouble=refused.message)
    found = client_copy(client, now=now)
    questions = questions_of(found.checks)
    told = {
        check.pk: {
            "findings": findings_in_words(check),
            "said": answers_in_words(check, questions),
        }
        for check in found.checks
    }
    visits = [(visit, told.get(visit.check.pk if visit.check else 0)) for visit in found.visits]
    context = {"copy": found, "client": client, "visits": visits, "at": now}
    return render(request, "bookings/desk/client_copy.html", context | bar(request, "clients"))


@private
@owners_only
@require_POST
def forget_health(request: HttpRequest, pk: int) -> HttpResponse:
    """She no longer agrees that her health answers are kept."""
    client = client_or_404(pk)
    try:
        deleted = actions.withdraw_health_consent(
            client=client, by=actions.staff(me(request)), now=timezone.now()
        )
    except BookingError as refused:
        return show_client(request, client_or_404(pk), trouble=refused.message)
    words = ngettext(
        "%(name)s: one health check is deleted.",
        "%(name)s: %(n)d health checks are deleted.",
        deleted,
    )
    if not deleted:
        words = _("%(name)s: no health answers are kept.")
    return done(request, client, words % {"name": client, "n": deleted})


@private
@owners_only
@require_POST
def erase(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete all that tells who she is, once her name has been typed."""
    client = client_or_404(pk)
    if _is_gone(client):
        return show_client(request, client)
    form = EraseForm(request.POST, name=client.name)
    if not form.is_valid():
        return _show(request, client, form=form)
    try:
        erased = actions.erase_client(
            client=client, by=actions.staff(me(request)), now=timezone.now()
        )
    except BookingError as refused:
        return _show(request, client, form=form, trouble=refused.message)
    return done(request, erased, _("The client is erased. Her visits stay without a name."))


def _is_gone(client: Client) -> bool:
    return client.erased_at is not None or client.merged_into is not None


def _show(
    request: HttpRequest, client: Client, *, form: EraseForm | None = None, trouble: str = ""
) -> HttpResponse:
    checks = HealthCheck.objects.filter(appointments__client=client).distinct().count()
    context: dict[str, Any] = {
        "client": client,
        "title": _("What %(name)s may ask of us") % {"name": client},
        "form": form or EraseForm(name=client.name),
        "checks": checks,
        "trouble": trouble,
    }
    return answer(request, "rights", context)
