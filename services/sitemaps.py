"""The pages that search engines should know."""

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.db.models import Max, QuerySet
from django.urls import reverse

from services.models import Service

if TYPE_CHECKING:
    from django.contrib.sites.models import Site
    from django.contrib.sites.requests import RequestSite


class PublicSitemap(Sitemap):
    """Addresses under ``SITE_URL``, whatever host the crawler asked."""

    def get_protocol(self, protocol: str | None = None) -> str:
        return urlsplit(settings.SITE_URL).scheme

    def get_domain(self, site: "Site | RequestSite | None" = None) -> str:
        return urlsplit(settings.SITE_URL).netloc


class TreatmentSitemap(PublicSitemap):
    """Every published treatment."""

    def items(self) -> QuerySet[Service]:
        return Service.objects.published()

    def lastmod(self, service: Service) -> datetime:
        return service.updated_at


class PageSitemap(PublicSitemap):
    """The pages that there is one of; those that list treatments change with them."""

    def items(self) -> list[str]:
        self.latest = Service.objects.published().aggregate(latest=Max("updated_at"))["latest"]
        return ["home", "menu", "about", "policies"]

    def location(self, name: str) -> str:
        return reverse(f"services:{name}")

    def lastmod(self, name: str) -> datetime | None:
        return self.latest if name in {"home", "menu"} else None


SITEMAPS = {"pages": PageSitemap, "treatments": TreatmentSitemap}
