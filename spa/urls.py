"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from spa.health import healthz, readyz

urlpatterns = [
    path("", include("services.urls")),
    path("", include("bookings.urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
