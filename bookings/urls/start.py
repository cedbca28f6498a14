"""Addresses of the set-up."""

from django.urls import URLPattern, path

from bookings.views import first_start

urlpatterns: list[URLPattern] = [
    path("start/", first_start.start, name="start"),
    path("start/key/<str:key>/", first_start.key, name="start_key"),
    path("start/<slug:step>/", first_start.step, name="start_step"),
    path("start/<slug:step>/later/", first_start.later, name="start_later"),
]
