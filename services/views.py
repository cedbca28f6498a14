"""The public pages: home, menu, treatments, about and policies."""

from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.static import serve

from services import page_words, queries, structured_data
from services.addresses import absolute
from services.kept_pages import kept_page
from services.memory import remembered
from services.models import Service, SpaProfile
from services.photos import Picture


def home(request: HttpRequest) -> HttpResponse:
    """Show who the spa is and what it offers; the first treatment of the menu leads."""
    services = _menu()
    lead = services[0] if services else None
    return kept_page(
        request,
        "services/home.html",
        lambda: {
            "lead": lead,
            "services": queries.first_of_other_categories(services),
            "structured": [structured_data.business(_spa(request))],
            "words": page_words.words_of("home", _spa(request)),
        },
        live={"next_free": partial(_next_times, request, "services/next_free.html", lead)},
    )


def menu(request: HttpRequest) -> HttpResponse:
    """List every published treatment under its category."""
    steps = [_home_step(), _menu_step()]
    return kept_page(
        request,
        "services/menu.html",
        lambda: {
            "services": queries.menu(),
            "structured": [structured_data.breadcrumbs(steps)],
            "words": page_words.words_of("menu", _spa(request)),
        },
    )


def treatment(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one treatment: prices, free times, what it is, and when not to come."""
    return treatment_page(request, slug)


def treatment_page(
    request: HttpRequest, slug: str, *, is_preview: bool = False, photo: Picture | None = None
) -> HttpResponse:
    """Return the page of a treatment; a preview says that it is one, and may bring its photo."""
    spa, service = _spa(request), _treatment(request, slug)

    def context() -> dict[str, Any]:
        steps = [_home_step(), _menu_step(), (service.name, service.get_absolute_url())]
        structured = [structured_data.treatment(service, spa), structured_data.breadcrumbs(steps)]
        if service.faqs.all():
            structured.append(structured_data.questions(service))
        return {
            "service": service,
            "reasons": queries.reasons_by_severity(service.contraindications.all()),
            "structured": structured,
            "picture": photo or service.picture,
            "is_preview": is_preview,
        }

    next_times = partial(_next_times, request, "services/next_times.html", service)
    return kept_page(request, "services/treatment.html", context, live={"next_times": next_times})


def about(request: HttpRequest) -> HttpResponse:
    """Tell the spa's story and how to get there."""
    return kept_page(
        request,
        "services/about.html",
        lambda: {
            "structured": [structured_data.business(_spa(request))],
            "words": page_words.words_of("about", _spa(request)),
        },
    )


def policies(request: HttpRequest) -> HttpResponse:
    """Show the booking policy, the privacy policy and the accessibility statement."""
    words = page_words.words_of("policies", _spa(request))
    return kept_page(request, "services/policies.html", lambda: {"words": words})


def robots(request: HttpRequest) -> HttpResponse:
    """Tell crawlers which addresses are private."""
    return render(
        request,
        "services/robots.txt",
        {"sitemap": absolute(reverse("services:sitemap"))},
        content_type="text/plain",
    )


def photo(request: HttpRequest, path: str) -> HttpResponseBase:
    """Show a photo that an owner chose for a treatment; its name is never used for another."""
    answer = serve(request, path, document_root=str(Path(settings.MEDIA_ROOT, "services")))
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


def _menu() -> list[Service]:
    """The published treatments, as they are remembered."""
    return remembered("menu", lambda: list(queries.menu()))


def _treatment(request: HttpRequest, slug: str) -> Service:
    """The treatment whose page the visitor may see; for most it is a remembered one."""
    visible = queries.visible_services(request.user)
    if request.user.is_authenticated:
        return get_object_or_404(visible, slug=slug)
    return remembered(("page", slug), lambda: get_object_or_404(visible, slug=slug))


def _next_times(request: HttpRequest, template: str, service: Service | None) -> str:
    """The next free times of a treatment as a part of a page."""
    return render_to_string(template, {"service": service}, request) if service else ""


def _spa(request: HttpRequest) -> SpaProfile:
    spa: SpaProfile | None = request.spa  # type: ignore[attr-defined]
    if spa is None:
        raise Http404(_("The starting content has not been loaded yet."))
    return spa


def _home_step() -> tuple[str, str]:
    return _("Home"), reverse("services:home")


def _menu_step() -> tuple[str, str]:
    return _("Treatments"), reverse("services:menu")
