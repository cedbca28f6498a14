"""The set-up of a new spa in the browser: one thing per page, each kept as soon as it is said."""

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings import first_start
from bookings.first_start import CAN_WAIT, STEPS, SetUpOver
from bookings.forms.first_start import (
    OwnerForm,
    RoomForm,
    SpaForm,
    TherapistForm,
    TreatmentsForm,
    initial_spa,
    usual_week,
)
from bookings.models import Room, Therapist
from bookings.models.logins import hash_of
from bookings.views.common import private
from bookings.views.guard import too_many_keys
from services.models import Service, SpaProfile

SESSION = "first_start"
NAMES = {
    "spa": gettext_lazy("The spa"),
    "treatments": gettext_lazy("Treatments"),
    "therapist": gettext_lazy("Therapist"),
    "room": gettext_lazy("Room"),
    "owner": gettext_lazy("Your login"),
}


@require_safe
@private
def start(request: HttpRequest) -> HttpResponse:
    """Lead to the next step; without the key say where it is found."""
    if not first_start.is_open():
        return _over(request)
    if not _may(request):
        return render(request, "bookings/start/closed.html", {"wrong": False})
    done = first_start.steps_done()
    return redirect("bookings:start_step", next(step for step in STEPS if step not in done))


@require_safe
@private
def key(request: HttpRequest, key: str) -> HttpResponse:
    """Remember in this browser that it holds the key, and leave the key out of the address."""
    if not first_start.is_open():
        return _over(request)
    if not first_start.opens(hash_of(key)):
        return too_many_keys(request) or render(
            request, "bookings/start/closed.html", {"wrong": True}, status=404
        )
    request.session[SESSION] = hash_of(key)
    return redirect("bookings:start")


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@private
def step(request: HttpRequest, step: str) -> HttpResponse:
    """Show one step, or keep what it says and go on."""
    if step not in FORMS:
        raise Http404
    if not _may(request):
        return redirect("bookings:start")
    # The first names the spa, on which all others stand.
    if step != "spa" and "spa" not in first_start.steps_done():
        return redirect("bookings:start_step", "spa")
    try:
        return FORMS[step](request)
    except SetUpOver as over:
        messages.info(request, over.message)
        return redirect("account_login")


def _over(request: HttpRequest) -> HttpResponse:
    """Lead to the site or, where an owner was made before there was one, say what is missing."""
    if SpaProfile.objects.exists():
        return redirect("services:home")
    return render(request, "bookings/start/no_content.html", status=503)


def _may(request: HttpRequest) -> bool:
    return first_start.opens(request.session.get(SESSION, ""))


def _spa(request: HttpRequest) -> HttpResponse:
    own = "spa" in first_start.steps_done()
    form = SpaForm(_sent(request), initial=initial_spa(SpaProfile.objects.first(), is_own=own))
    if request.method != "POST" or not form.is_valid():
        return _page(request, "spa", form)
    first_start.load_menu()
    first_start.keep_spa(form.cleaned_data)
    return _on(request, "spa")


def _treatments(request: HttpRequest) -> HttpResponse:
    published = Service.objects.published().values_list("pk", flat=True)
    form = TreatmentsForm(_sent(request), initial={"offered": list(published)})
    if request.method != "POST" or not form.is_valid():
        return _page(request, "treatments", form)
    first_start.keep_treatments({service.pk for service in form.cleaned_data["offered"]})
    return _on(request, "treatments")


def _therapist(request: HttpRequest) -> HttpResponse:
    form = TherapistForm(_sent(request), initial=_first_therapist())
    if request.method != "POST" or not form.is_valid():
        return _page(request, "therapist", form)
    first_start.keep_therapist(
        name=form.cleaned_data["name"],
        week=form.week,
        spa=SpaProfile.load(),
        now=timezone.now(),
    )
    return _on(request, "therapist")


def _first_therapist() -> dict[str, Any]:
    therapist = Therapist.objects.first()
    if therapist is None:
        return usual_week()
    found: dict[str, Any] = {"name": therapist.name}
    for row in therapist.working_hours.all():
        found |= {f"from_{row.weekday}": row.starts, f"until_{row.weekday}": row.ends}
    return found


def _room(request: HttpRequest) -> HttpResponse:
    form = RoomForm(_sent(request), initial={"name": getattr(Room.objects.first(), "name", "")})
    if request.method != "POST" or not form.is_valid():
        return _page(request, "room", form)
    first_start.keep_room(name=form.cleaned_data["name"])
    return _on(request, "room")


def _owner(request: HttpRequest) -> HttpResponse:
    therapist = getattr(Therapist.objects.first(), "name", "")
    form = OwnerForm(_sent(request), therapist=therapist)
    if request.method != "POST" or not form.is_valid():
        return _page(request, "owner", form)
    said = form.cleaned_data
    user = first_start.make_owner(
        name=said["name"],
        email=said["email"],
        password=said["password1"],
        treats=said.get("treats", False),
        now=timezone.now(),
    )
    request.session.pop(SESSION, None)
    record_authentication(request, user, method="password", email=user.email)
    messages.success(
        request, _("Your spa is set up. Here you find what waits for you, and everything else.")
    )
    return perform_login(request, user, redirect_url=reverse("admin:index"))


FORMS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "spa": _spa,
    "treatments": _treatments,
    "therapist": _therapist,
    "room": _room,
    "owner": _owner,
}


@require_POST
@private
def later(request: HttpRequest, step: str) -> HttpResponse:
    """Leave a step for the owners' pages and go on."""
    if step not in CAN_WAIT or not _may(request):
        return redirect("bookings:start")
    try:
        first_start.put_off(step)
    except SetUpOver:
        return redirect("bookings:start")
    return _on(request, step)


def _sent(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _on(request: HttpRequest, step: str) -> HttpResponse:
    return redirect("bookings:start_step", STEPS[STEPS.index(step) + 1])


def _page(request: HttpRequest, step: str, form: Any) -> HttpResponse:
    done, number = first_start.steps_done(), STEPS.index(step)
    context = {
        "form": form,
        "step": step,
        "number": number + 1,
        "count": len(STEPS),
        "steps": [(NAMES[one], one, one in done) for one in STEPS],
        "before": STEPS[number - 1] if number else "",
        "can_wait": step in CAN_WAIT,
    }
    return render(request, f"bookings/start/{step}.html", context)
