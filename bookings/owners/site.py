"""The admin as owners find it: their jobs first, the tables behind."""

from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.mail_health import delivery_health
from bookings.owners import prices, reports, transfer
from bookings.owners.home import matters, today_in_numbers
from bookings.owners.jobs import doors_for
from bookings.permissions import is_owner
from bookings.words import full_day
from services.models import SpaProfile


class OwnersSite(AdminSite):
    """Django's admin with the bar of jobs on each page, and a home of its own."""

    site_title = gettext_lazy("Owners’ pages")
    site_header = gettext_lazy("Owners’ pages")
    index_title = gettext_lazy("Owners’ pages")
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLResolver | URLPattern]:
        # Before the admin's own: its last one takes whatever is left.
        own = (prices, reports, transfer)
        return [*(one for part in own for one in part.addresses(self)), *super().get_urls()]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        if context["has_permission"]:
            context["jobs"] = doors_for(request)
        return context

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        home: dict[str, Any] = {"is_home": True, "title": _greeting(request)}
        spa: SpaProfile | None = request.spa  # type: ignore[attr-defined]
        if spa is not None and is_owner(request.user):
            now = timezone.now()
            today = now.astimezone(spa.zone).date()
            home["subtitle"] = full_day(today, today)
            home["mail_health"] = delivery_health(now)
            home["matters"] = matters(spa=spa, now=now)
            home["today"] = today_in_numbers(spa=spa, now=now)
        return super().index(request, {**home, **(extra_context or {})})


def _greeting(request: HttpRequest) -> str:
    name = request.user.get_short_name() or request.user.get_username()  # type: ignore[union-attr]
    return _by_hour(timezone.localtime()) % {"name": name}


def _by_hour(now: datetime) -> str:
    if now.hour < 12:
        return _("Good morning, %(name)s")
    return _("Good afternoon, %(name)s") if now.hour < 18 else _("Good evening, %(name)s")
