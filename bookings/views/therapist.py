"""The therapist's own days, and the health check of the person who is about to come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from bookings import actions
from bookings.cards import Card
from bookings.day import own_days
from bookings.models import HealthCheck
from bookings.permissions import may_read_health, therapist_of, therapists_only, works_at_desk
from bookings.views.common import private, spa_of
from bookings.views.staff import bar, booked_or_404, day_asked_for, me
from services.models import Contraindication

DAYS_SHOWN = 7


@dataclass(frozen=True, slots=True)
class Said:
    """One question and what was answered."""

    question: str
    reply: str
    follow_up: str
    detail: str


@private
@therapists_only
@require_GET
def days(request: HttpRequest) -> HttpResponse:
    """Her own visits on this day and the next ones."""
    therapist = therapist_of(request.user)
    if therapist is None and works_at_desk(request.user):
        return redirect("bookings:desk")
    if therapist is None:
        raise PermissionDenied
    spa, now = spa_of(request), timezone.now()
    today = now.astimezone(spa.zone).date()
    first = day_asked_for(request, today)
    found = own_days(therapist, first, days=DAYS_SHOWN, spa=spa, now=now)
    return render(
        request,
        "bookings/therapist/days.html",
        {
            "therapist": therapist,
            "first": found[0],
            "others": found[1:],
            "today": today,
            **bar(request, "own"),
        },
    )


@private
@therapists_only
@require_GET
def visit(request: HttpRequest, reference: str) -> HttpResponse:
    """One visit with the health answers; each look at them is recorded."""
    appointment = booked_or_404(reference)
    if not may_read_health(request.user, appointment):
        raise PermissionDenied
    check = actions.read_health_check(appointment=appointment, user=me(request), now=timezone.now())
    return render(
        request,
        "bookings/therapist/visit.html",
        {
            "card": Card(appointment, timezone.now()),
            "check": check,
            "areas": check.areas if check else [],
            "findings": _findings(check) if check else [],
            "said": _said(check) if check else [],
            "readings": appointment.health_readings.select_related("user")[:20],
            **bar(request, ""),
        },
    )


def _findings(check: HealthCheck) -> list[dict[str, Any]]:
    """What applies, each with its severity in words too."""
    words = dict(Contraindication.Severity.choices)
    return [{**one, "severity_in_words": words[one["severity"]]} for one in check.findings]


def _said(check: HealthCheck) -> list[Said]:
    """All answers in words, those that were not a plain no leading."""
    rows = Contraindication.objects.filter(slug__in=check.answers)
    questions = {row.slug: row for row in rows}
    said = [_one(questions.get(slug), slug, answer) for slug, answer in check.answers.items()]
    return sorted(said, key=lambda one: one.reply == "no")


def _one(row: Contraindication | None, slug: str, answer: Mapping[str, Any]) -> Said:
    follow_up = answer.get("follow_up") or ""
    return Said(
        question=row.name if row else slug.replace("-", " "),
        reply=answer.get("reply") or "unsure",
        follow_up=f"{row.follow_up} {follow_up}" if row and follow_up and row.follow_up else "",
        detail=answer.get("detail") or "",
    )
