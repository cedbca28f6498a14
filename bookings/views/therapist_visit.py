"""One visit as the therapist sees it: the health check, earlier notes, and her own note."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from bookings import actions
from bookings.actions import BookingError, NoteChanged
from bookings.forms.therapist import NoteForm
from bookings.models import Appointment, HealthCheck, TreatmentNote
from bookings.own import Acquaintance, OwnCard, acquaintances
from bookings.permissions import is_owner, may_read_health, therapists_only
from bookings.views.common import private
from bookings.views.staff import bar, booked_or_404, me
from bookings.views.therapist import own_visit_or_refuse
from services.models import Contraindication

NOTES_SHOWN = 3


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
def visit(request: HttpRequest, reference: str) -> HttpResponse:
    """One visit with the health answers and the notes; each look at them is recorded."""
    appointment = booked_or_404(reference)
    if not may_read_health(request.user, appointment):
        raise PermissionDenied
    return _page(request, appointment)


@sensitive_post_parameters("text")
@private
@therapists_only
@require_POST
def note(request: HttpRequest, reference: str) -> HttpResponse:
    """Keep her treatment note; where that does not work, what she typed stays on the page."""
    appointment = own_visit_or_refuse(request, reference)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _page(request, appointment, form=form)
    try:
        kept = actions.write_treatment_note(
            appointment=appointment,
            text=form.cleaned_data["text"],
            seen=form.cleaned_data["seen"],
            by=actions.staff(me(request)),
            now=timezone.now(),
        )
    except NoteChanged as changed:
        form.add_error("text", changed.message)
        return _page(request, appointment, form=form, changed=changed)
    except BookingError as refused:
        form.add_error("text", refused.message)
        return _page(request, appointment, form=form)
    messages.success(request, _("Your note is kept.") if kept else _("There is no note now."))
    address = reverse("bookings:therapist_visit", args=[appointment.reference])
    return redirect(f"{address}#note")


def _page(
    request: HttpRequest,
    appointment: Appointment,
    *,
    form: NoteForm | None = None,
    changed: NoteChanged | None = None,
) -> HttpResponse:
    now, user = timezone.now(), me(request)
    card = OwnCard(appointment, now, _known(appointment))
    check = actions.read_health_check(appointment=appointment, user=user, now=now)
    earlier = _earlier_noted(request, appointment)
    shown = earlier if request.GET.get("notes") == "all" else earlier[:NOTES_SHOWN]
    notes = actions.read_notes(appointments=[appointment, *shown], user=user, now=now)
    kept = next((one for one in notes if one.appointment_id == appointment.pk), None)
    own = appointment.therapist.user_id == user.pk
    return render(
        request,
        "bookings/therapist/visit.html",
        {
            "card": card,
            "own": own,
            "check": check,
            "areas": check.areas if check else [],
            "findings": findings_in_words(check) if check else [],
            "said": answers_in_words(check, questions_of([check])) if check else [],
            "note": kept,
            "note_form": (form or _note_form(kept)) if own and (form or card.may_note) else None,
            # Whoever has been shown the other note may save over it; nobody else.
            "seen": form.data.get("seen", "") if form and not changed else _seen(kept),
            "changed": changed is not None,
            "earlier_notes": [one for one in notes if one is not kept],
            "more_notes": len(earlier) - len(shown),
            "readings": appointment.health_readings.select_related("user")[:20],
            **bar(request, ""),
        },
    )


def _earlier_noted(request: HttpRequest, appointment: Appointment) -> list[Appointment]:
    """The client's earlier visits with a note, the latest first: hers alone, to owners all."""
    visits = Appointment.objects.filter(
        client=appointment.client,
        starts_at__lt=appointment.starts_at,
        treatment_note__isnull=False,
    )
    if not is_owner(request.user):
        visits = visits.filter(therapist=appointment.therapist)
    return list(visits.only("pk").order_by("-starts_at", "-pk"))


def _known(appointment: Appointment) -> Acquaintance:
    client, before = appointment.client_id or 0, appointment.starts_at
    found = acquaintances([client], appointment.therapist, before=before)
    return found.get(client, Acquaintance())


def _note_form(kept: TreatmentNote | None) -> NoteForm:
    return NoteForm(initial={"text": kept.text if kept else ""})


def _seen(kept: TreatmentNote | None) -> str:
    return kept.updated_at.isoformat() if kept else ""


def findings_in_words(check: HealthCheck) -> list[dict[str, Any]]:
    """What applies, each with its severity in words too."""
    words = dict(Contraindication.Severity.choices)
    return [{**one, "severity_in_words": words[one["severity"]]} for one in check.findings]


def questions_of(checks: Iterable[HealthCheck]) -> dict[str, Contraindication]:
    """What ``checks`` answer, by slug; one query."""
    slugs = {slug for check in checks for slug in check.answers}
    return {row.slug: row for row in Contraindication.objects.filter(slug__in=slugs)}


def answers_in_words(check: HealthCheck, questions: Mapping[str, Contraindication]) -> list[Said]:
    """All answers in words, those that were not a plain no leading."""
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
