"""The peer's own addresses, at the root."""

from django.urls import include, path

urlpatterns = [path("", include("appointment.urls"))]
