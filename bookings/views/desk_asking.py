"""The health questions of a visit that stands, asked anew by the desk, on the phone or in person.

What is said goes into the form and nowhere else: the answers are never shown again at the desk.
"""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import actions
from bookings.actions import BookingError, ChangedMeanwhile, HealthCheckNeeded
from bookings.cards import Card
from bookings.desk_offer import may_be_unchanged
from bookings.forms.desk_booking import DeskHealthForm
from bookings.forms.visit import SeenForm
from bookings.models import Appointment, HealthCheck
from bookings.permissions import desk_only
from bookings.queries import rules_for
from bookings.views.common import private
from bookings.views.desk_answers import answer, done, refusal, refused, too_late
from bookings.views.desk_health import health_questions, record_answers, what_to_say
from bookings.views.staff import booked_or_404, me
from services.screening import Verdict

Outcome = HealthCheck.Outcome

# Pressed twice is said once.
SAID_JUST_NOW = timedelta(minutes=1)


@private
@desk_only
@require_http_methods(["GET", "HEAD", "POST"])
def health(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask whether anything has changed, or all questions, and keep what is said.

    What says "stop" counts though the page is older than the visit's state: she may have been
    marked as arrived since.
    """
    visit, now = booked_or_404(reference), timezone.now()
    is_said = request.method == "POST" and "seen" not in request.POST
    if is_said and now < visit.ends_at:
        return _keep(request, visit)
    if not Card(visit, now).can_ask:
        return too_late(request, visit)
    if request.method == "POST":
        return _affirm(request, visit)
    if "all" not in request.GET and may_be_unchanged(visit):
        return _ask(request, visit, standing=True)
    return _ask(request, visit, form=health_questions(request, visit.service))


def _affirm(request: HttpRequest, visit: Appointment) -> HttpResponse:
    """Nothing has changed since the answers whose day was read out."""
    if _still_hold(request, visit):
        return _done(request, visit, _("%(name)s: nothing has changed. Noted."))
    trouble = _("These answers do not hold any more: please read out the questions.")
    return _ask(request, visit, form=health_questions(request, visit.service), trouble=trouble)


def _still_hold(request: HttpRequest, visit: Appointment) -> bool:
    """Note that the answers hold; false where they cannot."""
    check, now = visit.health_check, timezone.now()
    if check is None or request.POST["seen"] != str(check.pk):
        return False
    if may_be_unchanged(visit) and now - check.affirmed_at < SAID_JUST_NOW:
        return True
    by, rules = actions.staff(me(request)), rules_for(visit.service)
    try:
        actions.affirm_health_check(appointment=visit, rules=rules, by=by, now=now)
    except HealthCheckNeeded:
        return False
    return True


def _keep(request: HttpRequest, visit: Appointment) -> HttpResponse:
    form, shown = health_questions(request, visit.service), SeenForm(request.POST)
    is_complete = form.is_valid()
    verdict = form.verdict if form.is_bound else None
    if verdict is not None and not verdict.may_book:
        return _stop(request, visit, verdict)
    if not Card(visit, timezone.now()).can_ask:
        return too_late(request, visit)
    if not form.is_bound:
        return _ask(request, visit, form=form, trouble=_("Please read out these questions first."))
    if verdict is None or not is_complete:
        return _ask(request, visit, form=form)
    visit.sequence = shown.seen if shown.is_valid() else -1
    return _renew(request, visit, form, verdict)


def _renew(
    request: HttpRequest, visit: Appointment, form: DeskHealthForm, verdict: Verdict
) -> HttpResponse:
    check = record_answers(request, visit.service, form, verdict)
    by = actions.staff(me(request))
    try:
        actions.renew_health_check(appointment=visit, check=check, by=by, now=timezone.now())
    except BookingError as error:
        actions.discard_health_check(check)
        return _look_again(request, visit, form, error)
    return _done(request, visit, _words(check))


def _words(check: HealthCheck) -> str:
    if check.outcome == Outcome.CLEARANCE:
        return _(
            "%(name)s: the answers are kept. The visit waits for a clearance now: please say that"
            " we need a written note from the doctor."
        )
    if check.outcome == Outcome.ADAPT:
        return _("%(name)s: the answers are kept. The therapist will see what to adapt.")
    return _("%(name)s: the answers are kept. All is clear.")


def _look_again(
    request: HttpRequest, visit: Appointment, form: DeskHealthForm, error: BookingError
) -> HttpResponse:
    """Others were first: what was ticked stays, where the visit can still have it."""
    fresh = booked_or_404(visit.reference)
    again = isinstance(error, ChangedMeanwhile) and Card(fresh, timezone.now()).can_ask
    if not again:
        return refused(request, visit, error)
    return _ask(request, fresh, form=form, trouble=refusal(fresh, error, seen=visit.sequence))


def _stop(request: HttpRequest, visit: Appointment, verdict: Verdict) -> HttpResponse:
    """Keep none of it, and let no earlier answers count."""
    assert visit.client is not None
    opened = actions.withdraw_health_checks(
        client=visit.client,
        service=visit.service,
        by=actions.staff(me(request)),
        now=timezone.now(),
    )
    # Hers may have been open before; it is to be talked about all the same.
    visits = {one.pk: one for one in (visit, *opened)}.values()
    context = {"opened": sorted(visits, key=lambda one: one.starts_at), **what_to_say(verdict)}
    return answer(request, "health_refused", {"card": Card(visit, timezone.now()), **context})


def _ask(request: HttpRequest, visit: Appointment, **shown: Any) -> HttpResponse:
    return answer(request, "health", {"card": Card(visit, timezone.now()), **shown})


def _done(request: HttpRequest, visit: Appointment, words: str) -> HttpResponse:
    return done(request, visit, words % {"name": visit.client}, undo=False)
