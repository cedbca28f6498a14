"""Visits with something to heed, and what a therapist's phone sends."""

from typing import Any

from django.test import Client as Browser
from django.urls import reverse

from bookings import actions
from bookings.models import Appointment
from services.models import SpaProfile
from services.screening import Answer, Reply, screen
from tests.bookings.conftest import NOW


def with_asthma(visit: Appointment) -> Appointment:
    """Let the client of ``visit`` say that she has asthma: leave out the neck."""
    rules = [row.rule() for row in visit.service.contraindications.all()]
    answers = {rule.slug: Answer(Reply.NO) for rule in rules}
    answers["asthma"] = Answer(Reply.YES, detail="Mild, I carry my inhaler.")
    check = actions.record_health_check(
        service=visit.service,
        answers=answers,
        verdict=screen(answers=answers, rules=rules),
        rules=rules,
        spa=SpaProfile.load(),
        now=NOW,
    )
    return actions.renew_health_check(appointment=visit, check=check, by=actions.CLIENT, now=NOW)


def own_url(name: str, visit: Appointment) -> str:
    """The address of her visit (``visit``) or of what she does with it (``step``, ``note``)."""
    return reverse(f"bookings:therapist_{name}", args=[visit.reference])


def press(browser: Browser, visit: Appointment, step: str, **more: object) -> Any:
    """Press a button of one of her visits."""
    return browser.post(own_url("step", visit), {"step": step, "sequence": visit.sequence, **more})


def look(browser: Browser, version: str = "", path: str = "/therapist/") -> Any:
    """Ask for news the way a phone does that shows her days."""
    headers = {"HX-Request": "true", "HX-Target": "own-days", "If-None-Match": version}
    return browser.get(path, headers=headers)


def latest(visit: Appointment) -> Appointment:
    return Appointment.objects.get(pk=visit.pk)
