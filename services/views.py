"""The public pages: home, menu, treatments, about and policies."""

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.static import serve

from services import page_words, queries, structured_data
from services.addresses import absolute
from services.models import SpaProfile
from services.photos import Picture


def home(request: HttpRequest) -> HttpResponse:
    """Show who the spa is and what it offers; the first treatment of the menu leads."""
    services = list(queries.menu())
    return render(
        request,
        "services/home.html",
        {
            "lead": services[0] if services else None,
            "services": queries.first_of_other_categories(services),
            "structured": [structured_data.business(_spa(request))],
            "words": page_words.words_of("home", _spa(request)),
        },
    )


def menu(request: HttpRequest) -> HttpResponse:
    """List every published treatment under its category."""
    steps = [_home_step(), _menu_step()]
    return render(
        request,
        "services/menu.html",
        {
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
    spa = _spa(request)
    service = get_object_or_404(queries.visible_services(request.user), slug=slug)
    steps = [_home_step(), _menu_step(), (service.name, service.get_absolute_url())]
    structured = [structured_data.treatment(service, spa), structured_data.breadcrumbs(steps)]
    if service.faqs.all():
        structured.append(structured_data.questions(service))
    return render(
        request,
        "services/treatment.html",
        {
            "service": service,
            "reasons": queries.reasons_by_severity(service.contraindications.all()),
            "structured": structured,
            "picture": photo or service.picture,
            "is_preview": is_preview,
        },
    )


def about(request: HttpRequest) -> HttpResponse:
    """Tell the spa's story and how to get there."""
    return render(
        request,
        "services/about.html",
        {
            "structured": [structured_data.business(_spa(request))],
            "words": page_words.words_of("about", _spa(request)),
        },
    )


def policies(request: HttpRequest) -> HttpResponse:
    """Show the booking policy, the privacy policy and the accessibility statement."""
    words = page_words.words_of("policies", _spa(request))
    return render(request, "services/policies.html", {"words": words})


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


def _spa(request: HttpRequest) -> SpaProfile:
    spa: SpaProfile | None = request.spa  # type: ignore[attr-defined]
    if spa is None:
        raise Http404(_("The starting content has not been loaded yet."))
    return spa


def _home_step() -> tuple[str, str]:
    return _("Home"), reverse("services:home")


def _menu_step() -> tuple[str, str]:
    return _("Treatments"), reverse("services:menu")
