"""The people who work at the spa, and what their browsers send."""

import re
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client as Browser
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from bookings.models import Appointment, Therapist

PASSWORD = "rivers-and-moss"


def login_of(therapist: Therapist) -> User:
    """Give a therapist her login."""
    return hand_over(login_for(therapist.name), therapist)


def login_for(name: str) -> User:
    """The login of a therapist to be, who is called ``name``."""
    user = User.objects.create_user(
        username=name.lower(),
        first_name=name,
        email=f"{name.lower()}@qi-spa.example",
        password=PASSWORD,
    )
    user.groups.add(Group.objects.get_or_create(name="Therapists")[0])
    return user


def hand_over(user: User, therapist: Therapist) -> User:
    """Make ``user`` the login of ``therapist``."""
    therapist.user = user
    therapist.save()
    return user


def browser_of(user: User | None, *, enforce_csrf_checks: bool = False) -> Browser:
    """A browser in which ``user`` is logged in, or nobody."""
    browser = Browser(enforce_csrf_checks=enforce_csrf_checks)
    if user is not None:
        browser.force_login(user)
    return browser


def sign_in(page: Page, live_server: LiveServer, name: str) -> None:
    """Sign in through the login page; returns on the page where ``name`` starts to work."""
    page.goto(f"{live_server.url}/accounts/login/")
    page.get_by_label("E-mail or user name").fill(f"{name}@qi-spa.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/accounts/" not in url)


def come_in(page: Page, live_server: LiveServer, user: User, path: str) -> None:
    """Open ``path`` in a browser in which ``user`` has logged in before."""
    session = browser_of(user).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page.goto(live_server.url + path)


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
