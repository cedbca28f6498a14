"""Taking pages off the site, with a warning where visits are booked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from services.models import Service
from services.pages import withdraw_pages

MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class BookedVisits:
    """Coming visits of some treatments: how many, and the first of them as ``(words, url)``."""

    count: int = 0
    first: Sequence[tuple[str, str]] = field(default_factory=list)


class Withdrawing(admin.ModelAdmin):
    """One page that asks before treatments become drafts."""

    def booked_visits(self, services: Sequence[Service]) -> BookedVisits:
        """Return the coming visits of ``services``; the menu alone knows of none."""
        return BookedVisits()

    def withdrawing_urls(self) -> list[URLPattern]:
        """The address of the question."""
        view = self.admin_site.admin_view(self.withdrawing_view)
        return [path("withdraw/", view, name="services_service_withdraw")]

    def withdrawing_address(self, services: Iterable[Service]) -> str:
        """Return where the question about ``services`` is asked."""
        keys = ",".join(str(service.pk) for service in services)
        return f"{reverse('admin:services_service_withdraw')}?ids={keys}"

    def withdrawing_view(self, request: HttpRequest) -> HttpResponse:
        """Say what is booked and ask; on POST, do it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        services = _chosen(request.GET.get("ids", ""))
        if request.method == "POST":
            return self._withdraw(request, services)
        context = {
            **self.admin_site.each_context(request),
            "title": ngettext(
                "Take this treatment off the site?",
                "Take these treatments off the site?",
                len(services),
            ),
            "services": services,
            "visits": self.booked_visits(services),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/services/service/withdraw.html", context)

    def _withdraw(self, request: HttpRequest, services: Sequence[Service]) -> HttpResponse:
        count = withdraw_pages(services=services, by=request.user)
        said = ngettext("%d treatment is a draft now.", "%d treatments are drafts now.", count)
        self.message_user(request, said % count, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:services_service_changelist"))


def _chosen(ids: str) -> list[Service]:
    keys = [one for one in ids.split(",") if one.isascii() and one.isdecimal() and len(one) < 10]
    public = Service.objects.published().filter(pk__in=keys[:MOST_AT_ONCE])
    services = list(public)
    if not services:
        raise Http404(_("None of these treatments is public."))
    return services
