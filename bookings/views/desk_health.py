"""The health check at the desk: read out, judged, and never shown again."""

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings import actions
from bookings.actions import HealthCheckNeeded
from bookings.desk_offer import standing_visit
from bookings.forms.desk_booking import DeskHealthForm
from bookings.models import Appointment, HealthCheck
from bookings.queries import questions_for, rules_for, rules_from
from bookings.views.common import spa_of
from bookings.views.desk_draft import (
    Draft,
    Kept,
    forget_check,
    keep,
    kept_check,
    read_kept,
)
from bookings.views.staff import me
from services.models import Service
from services.screening import Care, Outcome, Verdict


@dataclass(frozen=True)
class Asked:
    """What is to be asked about the client's health: one of the three, or what came of it.

    ``check`` was passed; ``standing`` is a visit whose answers may be unchanged; ``form`` holds
    the questions. ``refusal`` is what to tell somebody who must not come.
    """

    check: HealthCheck | None = None
    standing: Appointment | None = None
    form: DeskHealthForm | None = None
    refusal: dict[str, Any] | None = None
    error: str = ""

    @property
    def awaits_clearance(self) -> bool:
        """Whether the booking will be a request."""
        check = self.check
        if check is None or check.outcome != HealthCheck.Outcome.CLEARANCE:
            return False
        return check.review != HealthCheck.Review.GRANTED


def ask_health(request: HttpRequest, draft: Draft, kept: Kept) -> Asked:
    """What has to be asked before this booking."""
    service = draft.service
    assert service is not None
    check = kept_check(kept, draft, spa=spa_of(request), now=timezone.now())
    if check is not None and draft.do != "ask":
        return Asked(check=check)
    asks_anew = draft.asks or kept.refused or draft.client is None
    standing = None if asks_anew else _standing(draft)
    if standing is not None:
        return Asked(standing=standing)
    return Asked(form=health_questions(request, service))


def judge(request: HttpRequest, draft: Draft, asked: Asked) -> Asked:
    """What the answers in the form come to; a passing check is kept, anything else is not."""
    if asked.check is not None:
        return asked
    if asked.standing is not None:
        return _affirmed(request, draft, asked.standing)
    form = asked.form
    assert form is not None
    if not form.is_bound:
        return replace(asked, error=_("Please read out these questions first."))
    form.is_valid()
    verdict = form.verdict
    if verdict is not None and not verdict.may_book:
        refusal = {"draft": draft, **what_to_say(verdict), **_opened(request, draft)}
        return Asked(refusal=refusal)
    if verdict is None or not form.is_valid():
        return asked
    assert draft.service is not None
    return Asked(check=record_answers(request, draft.service, form, verdict))


def refuse(request: HttpRequest, draft: Draft) -> None:
    """Forget what was passed before: after a "stop", nothing of this form opens a booking."""
    kept = read_kept(request, draft)
    forget_check(kept)
    keep(request, draft, replace(kept, check=0, refused=True))


def _standing(draft: Draft) -> Appointment | None:
    assert draft.client is not None
    assert draft.service is not None
    return standing_visit(draft.client, draft.service)


def health_questions(request: HttpRequest, service: Service) -> DeskHealthForm:
    """The questions of ``service``, with what was ticked where they were sent."""
    questions = questions_for(service)
    return DeskHealthForm(
        request.POST if "version" in request.POST else None,
        questions=questions,
        rules=rules_from(questions, service),
        spa=spa_of(request),
    )


def _affirmed(request: HttpRequest, draft: Draft, standing: Appointment) -> Asked:
    """Nothing has changed since the answers whose day was read out."""
    seen = request.POST.get("seen", "")
    if draft.do != "unchanged" or seen != str(standing.health_check_id):
        return Asked(standing=standing, error=_("Please ask whether anything has changed."))
    try:
        check = actions.affirm_health_check(
            appointment=standing,
            rules=rules_for(standing.service),
            by=actions.staff(me(request)),
            now=timezone.now(),
        )
    except HealthCheckNeeded:
        return Asked(form=health_questions(request, standing.service))
    return Asked(check=check)


def _opened(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    """Let her earlier answers count no more; the visits that somebody has to talk to her about."""
    if draft.client is None or draft.service is None:
        return {"opened": []}
    opened = actions.withdraw_health_checks(
        client=draft.client,
        service=draft.service,
        by=actions.staff(me(request)),
        now=timezone.now(),
    )
    return {"opened": sorted(opened, key=lambda visit: visit.starts_at)}


def record_answers(
    request: HttpRequest, service: Service, form: DeskHealthForm, verdict: Verdict
) -> HealthCheck:
    """Keep what was said, by whoever has read the questions out."""
    return actions.record_health_check(
        service=service,
        answers=form.answers,
        verdict=verdict,
        rules=form.rules,
        spa=spa_of(request),
        now=timezone.now(),
        taken_by=me(request),
    )


def what_to_say(verdict: Verdict) -> dict[str, Any]:
    """What to tell somebody who must not come; the questions themselves are not shown again."""
    findings = [one for one in verdict.findings if one.severity.value == verdict.outcome.value]
    return {
        "urgent": verdict.outcome is Outcome.URGENT,
        "emergency": verdict.care is Care.EMERGENCY,
        "findings": findings,
    }
