"""The people who work at the spa, and what their browsers send."""

import re
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client as Browser
from django.urls import reverse

from bookings.models import Appointment, Therapist


def login_of(therapist: Therapist) -> User:
    """Give a therapist her login."""
    user = User.objects.create_user(
        username=therapist.name.lower(), first_name=therapist.name, password="rivers-and-moss"
    )
    user.groups.add(Group.objects.get_or_create(name="Therapists")[0])
    therapist.user = user
    therapist.save()
    return user


def browser_of(user: User | None, *, enforce_csrf_checks: bool = False) -> Browser:
    """A browser in which ``user`` is logged in, or nobody."""
    browser = Browser(enforce_csrf_checks=enforce_csrf_checks)
    if user is not None:
        browser.force_login(user)
    return browser


def desk_url(name: str, visit: Appointment) -> str:
    return reverse(f"bookings:desk_{name}", args=[visit.reference])


def take(browser: Browser, visit: Appointment, step: str, **more: object) -> Any:
    """Press a button of a visit on the day's board."""
    sent = {"step": step, "sequence": visit.sequence, "back": "day", **more}
    return browser.post(desk_url("step", visit), sent)


def said(answer: Any) -> list[str]:
    """What the page after ``answer`` says about it."""
    return [str(message) for message in get_messages(answer.wsgi_request)]


def status_of(visit: Appointment) -> str:
    return Appointment.objects.get(pk=visit.pk).status


def words(answer: Any) -> str:
    """The text of a page without its tags."""
    text = re.sub(r"<(head|svg|script).*?</\1>|<[^>]+>", " ", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", text).replace("&nbsp;", " ")
