"""What was changed on a page, by whom, and the way back."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from services.models import Service
from services.versions import bring_back, history, versions_of


class PageHistory(admin.ModelAdmin):
    """The history of a page in words."""

    def history_urls(self) -> list[URLPattern]:
        """The address of the way back."""
        view = self.admin_site.admin_view(self.return_view)
        return [path("<int:pk>/return/<int:version>/", view, name="services_service_return")]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        service = self.get_object(request, object_id)
        if service is None:
            return self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
                request, self.opts, object_id
            )
        if not self.has_view_or_change_permission(request, service):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("History of “%s”") % service,
            "service": service,
            "steps": history(service),
            "opts": self.opts,
            "may_return": self.has_change_permission(request, service),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/services/service/history.html", context)

    @method_decorator(require_POST)
    def return_view(self, request: HttpRequest, pk: int, version: int) -> HttpResponse:
        """Make the page as it was in one of its versions."""
        service = get_object_or_404(Service, pk=pk)
        if not self.has_change_permission(request, service):
            raise PermissionDenied
        kept = get_object_or_404(versions_of(service), pk=version)
        when = date_format(timezone.localtime(kept.revision.date_created), "j F Y, H:i")
        bring_back(service, version=kept, by=request.user, when=when)
        said = _("The page is as it was on %s. What it was before is in the history, too.") % when
        self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:services_service_history", args=[pk]))
