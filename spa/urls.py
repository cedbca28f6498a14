"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("services.urls")),
    path("", include("bookings.urls")),
    path("admin/", admin.site.urls),
]
