"""The health check as a page: shown, judged, and answered where it says no."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from bookings.forms.health import HealthForm
from bookings.queries import questions_for, rules_from
from bookings.views.common import spa_of
from services.models import Service
from services.screening import Care, Outcome, Verdict


def health_form(request: HttpRequest, service: Service) -> HealthForm:
    """Return the questions of ``service``, bound where they were answered."""
    questions = questions_for(service)
    return HealthForm(
        request.POST if request.method == "POST" else None,
        questions=questions,
        rules=rules_from(questions, service),
        spa=spa_of(request),
    )


def outcome_page(
    request: HttpRequest,
    *,
    verdict: Verdict,
    service: Service,
    again_url: str,
    booked: bool = False,
    is_here: bool = False,
    cancel_url: str = "",
) -> HttpResponse:
    """Say kindly that this treatment must not be; nothing about the person is kept.

    ``booked`` where a visit is already in the diary, ``is_here`` where she has come for it;
    ``cancel_url`` where it can be cancelled.
    """
    urgent = verdict.outcome is Outcome.URGENT
    findings = [one for one in verdict.findings if one.severity.value == verdict.outcome.value]
    return render(
        request,
        "bookings/client/urgent.html" if urgent else "bookings/client/stop.html",
        {
            "service": service,
            "findings": findings,
            "emergency": verdict.care is Care.EMERGENCY,
            "again_url": again_url,
            "booked": booked,
            "is_here": is_here,
            "cancel_url": cancel_url,
        },
    )
