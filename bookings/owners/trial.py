"""What would this answer do? An owner answers the health check as a client, and nothing is kept.

With the edit of a question that is not saved yet the check is as it would be afterwards: the
fields of the edit travel along in the form. Nothing is written, not even who tried what.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.forms import modelform_factory
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings.actions import draft_health_check
from bookings.cards import Badge, Card
from bookings.forms.health import HealthForm
from bookings.models import Appointment, HealthCheck
from bookings.owners.edits import draft_of
from bookings.permissions import owners_only
from bookings.queries import questions_for, rules_from
from bookings.questions import Draft
from bookings.views.common import private, spa_of
from bookings.views.therapist_visit import findings_in_words
from services.admin.contraindications import ContraindicationForm
from services.models import Contraindication, Service, SpaProfile
from services.queries import order_of_asking
from services.screening import Care, Outcome, Severity, Verdict


class TriedForm(ContraindicationForm):
    """The form of a question whose edit is not saved."""

    refuses_outdated = False


EditForm = modelform_factory(Contraindication, form=TriedForm, fields="__all__")

# Sent with the edit of a question: the key of its row, empty for a new one.
EDIT = "of"


@dataclass(frozen=True)
class Result:
    """What the answers come to, seen from each side."""

    verdict: Verdict
    check: HealthCheck | None
    badge: Badge | None

    @property
    def client_sees(self) -> dict[str, Any]:
        """What the client's own templates need."""
        decisive = self.verdict.outcome.value
        found = self.verdict.findings
        context: dict[str, Any] = {
            "outcome": decisive,
            "findings": [one for one in found if one.severity.value == decisive],
            "emergency": self.verdict.care is Care.EMERGENCY,
        }
        if self.check is not None:
            context["needing_clearance"] = self.check.findings_at(Severity.CLEARANCE)
            context["adapting"] = self.check.findings_at(Severity.ADAPT)
            context["areas"] = [] if decisive == Outcome.CLEAR.value else self.check.areas
        return context

    @property
    def therapist_reads(self) -> list[dict[str, Any]]:
        """The findings in the therapist's words."""
        return findings_in_words(self.check) if self.check is not None else []


@private
@owners_only
@require_http_methods(["GET", "HEAD", "POST"])
def try_answers(request: HttpRequest) -> HttpResponse:
    """Show the questions of a treatment as clients see them, and what the answers do."""
    spa = spa_of(request)
    sent = request.POST if request.method == "POST" else QueryDict()
    draft, problems = _edit_in(sent)
    services = list(Service.objects.order_by("category__position", "position", "name"))
    service = _chosen(services, sent or request.GET, draft)
    context = {
        **admin.site.each_context(request),
        "draft": draft,
        "problems": problems,
        "services": services,
        "service": service,
        "hidden": [*_edit_again(sent), ("service", service.slug if service else "")],
        "kept": _edit_again(sent),
    }
    if service is None:
        return render(request, "admin/questions/try.html", context)
    form = _form(sent if "version" in sent else None, service, draft, spa)
    if form.is_bound:
        form.is_valid()
        context["result"] = _result(form, service, spa, now=timezone.now())
    return render(request, "admin/questions/try.html", {**context, "form": form})


def _edit_in(sent: QueryDict) -> tuple[Draft | None, list[str]]:
    """The edit that was sent along, or what is wrong with it."""
    if EDIT not in sent:
        return None, []
    key = str(sent[EDIT])
    row = Contraindication.objects.filter(pk=int(key)).first() if _is_key(key) else None
    form = EditForm(sent, instance=row)
    if form.is_valid():
        return draft_of(form), []
    fields = form.fields
    return None, [
        f"{fields[name].label if name in fields else _('The edit')}: {error}"
        for name, errors in form.errors.items()
        for error in errors
    ]


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _edit_again(sent: QueryDict) -> list[tuple[str, str]]:
    """The fields of the edit, for hidden fields."""
    if EDIT not in sent:
        return []
    names = [EDIT, *EditForm.base_fields]
    return [(name, value) for name in names for value in sent.getlist(name)]


def _chosen(services: list[Service], given: QueryDict, draft: Draft | None) -> Service | None:
    """The wanted treatment, or the first that asks what is edited, or the first of all."""
    wanted = next((one for one in services if one.slug == given.get("service")), None)
    asking = (one for one in services if draft is not None and one.pk in draft.services)
    return wanted or next(asking, None) or (services[0] if services else None)


def _form(
    sent: QueryDict | None, service: Service, draft: Draft | None, spa: SpaProfile
) -> HealthForm:
    questions = questions_for(service)
    if draft is not None:
        questions = [row for row in questions if row.pk != draft.row.pk]
        if service.pk in draft.services and draft.row.active:
            questions = sorted([*questions, draft.row], key=order_of_asking)
    return HealthForm(sent, questions=questions, rules=rules_from(questions, service), spa=spa)


def _result(form: HealthForm, service: Service, spa: SpaProfile, *, now: datetime) -> Result | None:
    verdict = form.verdict
    if verdict is None:
        return None
    if not verdict.may_book:
        return Result(verdict, None, None)
    check = draft_health_check(
        service=service, answers=form.answers, verdict=verdict, rules=form.rules, spa=spa, now=now
    )
    return Result(verdict, check, _at_the_desk(check, spa, now=now))


def _at_the_desk(check: HealthCheck, spa: SpaProfile, *, now: datetime) -> Badge | None:
    asks = check.outcome == HealthCheck.Outcome.CLEARANCE
    status = Appointment.Status.REQUESTED if asks else Appointment.Status.CONFIRMED
    visit = Appointment(status=status, starts_at=now, ends_at=now, health_check=check)
    visit.health_valid_days = spa.health_check_valid_days  # type: ignore[attr-defined]
    return Card(visit, now).verdict
