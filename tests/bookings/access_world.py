"""A spa in which every address of the access table leads somewhere, and browsers for each role."""

import re
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.db import models
from django.test import Client as Browser
from django.urls import reverse

from bookings import actions
from bookings.models import Appointment, Client, ClientMerge, MailCopy, Message, Therapist, TimeOff
from services.models import SpaProfile
from tests.bookings.conftest import NOW, at
from tests.bookings.staff_pages import browser_of

NOBODYS = "k" * 32
CONVERTER = re.compile(r"<[^>]+>")
REGULAR = {
    r"accounts/^confirm-email/(?P<key>[-:\w]+)/$": f"/accounts/confirm-email/{NOBODYS}/",
    (
        r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"
    ): f"/accounts/password/reset/key/1-{NOBODYS}/",
    "admin/(?P<url>.*)$": "/admin/no-such-page/",
}
ADMIN_ROUTE = re.compile(r"^admin/(?P<app>\w+)/(?P<model>\w+)/")


class World:
    """Cleo's visit with Mia, a request of hers, and all that can be asked for beside them.

    Cleo holds the link to her visit; everybody else, Otto with his own link too, can only guess.
    Mia treats her, Noor does not.
    """

    def __init__(
        self,
        spa: SpaProfile,
        visit: Appointment,
        request: Appointment,
        mia: Therapist,
        users: dict[str, User],
    ) -> None:
        self.visit, self.request, self.mia, self.users = visit, request, mia, users
        self.cookies: dict[str, dict[str, str]] = {}
        self.token = actions.issue_visit_link(visit)
        self.feed = actions.renew_feed(therapist=mia, now=NOW)
        self.time_off = TimeOff.objects.create(
            therapist=mia, starts_at=at(14), ends_at=at(15), reason="Dentist"
        )
        self.message: Message = visit.messages.earliest("pk")
        MailCopy.objects.create(
            message=self.message, kept_at=NOW, content={"headers": [], "text": "", "html": "<p>"}
        )
        by = actions.staff(users["dana"])
        twin = Client.objects.create(name="Cleo", email="c@example.com")
        assert visit.client is not None
        self.merge: ClientMerge = actions.merge_clients(
            kept=visit.client, merged=twin, by=by, now=NOW + timedelta(minutes=1)
        )

    def browser(self, role: str) -> Browser:
        """A fresh browser of ``role``; the clients have opened the page that is theirs.

        One comes once, and every browser of hers begins with the cookies that she then had.
        """
        if role not in self.cookies:
            came = self._come(role).cookies
            self.cookies[role] = {name: one.value for name, one in came.items()}
        browser = Browser()
        browser.cookies.load(self.cookies[role])
        return browser

    def _come(self, role: str) -> Browser:
        if role in self.users:
            return browser_of(self.users[role])
        browser = Browser()
        if role == "cleo":
            browser.get(reverse("bookings:visit", args=[self.token]))
        return browser

    def address(self, route: str, role: str) -> str:
        """The address that ``role`` asks for; secrets are known to their owners alone."""
        if route in REGULAR:
            return REGULAR[route]
        return "/" + CONVERTER.sub(lambda part: str(self._part(part[0], route, role)), route)

    def _part(self, part: str, route: str, role: str) -> Any:
        if part == "<str:token>":
            return self._secret(route, role)
        if part == "<reference:reference>":
            return (self.request if "decide" in route else self.visit).reference
        if part == "<slug:slug>":
            return self.visit.service.slug
        if part == "<slug:kind>":
            return "confirmation"
        found = ADMIN_ROUTE.match(route)
        if found and found["app"] in apps.app_configs:
            return self._row(apps.get_model(found["app"], found["model"])).pk
        return self._key(route) if part == "<int:pk>" else NOBODYS

    def _secret(self, route: str, role: str) -> str:
        if route.startswith("visit/"):
            return self.token if role == "cleo" else NOBODYS
        return self.feed if role == "mia" else NOBODYS

    def _key(self, route: str) -> int:
        if route.startswith("desk/clients/"):
            return self.merge.kept.pk
        if route.startswith("desk/time-off/"):
            return self.time_off.pk
        if route.startswith("desk/messages/"):
            return self.message.pk
        return 10**6

    def _row(self, model: type[models.Model]) -> models.Model:
        # An owner may do less with her own login than with another's.
        row = self.users["dana"] if model is User else model._default_manager.first()
        assert row is not None, f"The world needs a row of {model.__name__}."
        return row
