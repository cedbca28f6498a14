"""A treatment's page as clients would see it, from a form that nobody has saved."""

import base64
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from services.admin.clash import CLASHES
from services.admin.page_form import LIVE, ServiceForm
from services.models import Service
from services.photos import Picture, Prepared
from services.views import treatment_page


class PagePreview(admin.ModelAdmin):
    """The button beside the buttons that save."""

    def preview_urls(self) -> list[URLPattern]:
        """The address for a new page and the one for each that is there."""
        view = self.admin_site.admin_view(self.preview_view)
        return [
            path("preview/", view, name="services_service_preview_new"),
            path("<int:pk>/preview/", view, name="services_service_preview"),
        ]

    @method_decorator(require_POST)
    def preview_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """Show the form that was sent as the public page; nothing of it is kept."""
        service = self._previewed(request, pk)
        data = request.POST.copy()
        data[LIVE] = "1"
        data.pop(CLASHES, None)
        request.POST = data  # type: ignore[assignment]
        with transaction.atomic():
            answer = self._preview(request, service)
            transaction.set_rollback(True)
        return answer

    def _previewed(self, request: HttpRequest, pk: int | None) -> Service | None:
        if pk is None:
            allowed, service = self.has_add_permission(request), None
        else:
            service = Service.objects.filter(pk=pk).first()
            allowed = self.has_change_permission(request, service)
        if not allowed:
            raise PermissionDenied
        if pk is not None and service is None:
            raise Http404
        return service

    def _preview(self, request: HttpRequest, service: Service | None) -> HttpResponse:
        kept = service.photo.name if service else ""
        form_class = self.get_form(request, service, change=service is not None)
        form: Any = form_class(request.POST, request.FILES, instance=service)
        formsets = [
            formset(**self.get_formset_kwargs(request, form.instance, inline, prefix))
            for formset, inline in self.get_formsets_with_inlines(request, service)
            for prefix in [formset.get_default_prefix()]
        ]
        if not all([form.is_valid(), *(one.is_valid() for one in formsets)]):
            return self._unready(request, form, formsets)
        page = form.save(commit=False)
        page.status, page.photo = Service.Status.PUBLISHED, kept
        if "photo" in form.changed_data and not form.prepared:
            page.photo = ""
        page.save()
        form.save_m2m()
        for one in formsets:
            one.save()
        return treatment_page(request, page.slug, is_preview=True, photo=preview_picture(form))

    def _unready(
        self, request: HttpRequest, form: ServiceForm, formsets: list[Any]
    ) -> HttpResponse:
        mistakes = [
            *form.non_field_errors(),
            *_by_field(form),
            *(error for formset in formsets for error in formset.non_form_errors()),
            *(error for formset in formsets for row in formset.forms for error in _by_field(row)),
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": _("This cannot be shown yet"),
            "mistakes": mistakes,
        }
        answer = TemplateResponse(request, "admin/services/service/unready.html", context)
        answer.render()
        return answer


def preview_picture(form: ServiceForm) -> Picture | None:
    """Return a photo that was just uploaded, inside of its address: it is stored nowhere."""
    prepared: Prepared | None = form.prepared
    if prepared is None:
        return None
    content = next((content for width, content in prepared.sizes if width >= 800), None)
    content = content or prepared.sizes[-1][1]
    url = "data:image/webp;base64," + base64.b64encode(content).decode()
    return Picture(url, width=prepared.width, height=prepared.height)


def _by_field(form: Any) -> list[str]:
    return [
        f"{form.fields[name].label}: {' '.join(errors)}"
        for name, errors in form.errors.items()
        if name in form.fields
    ]
