"""Addresses of the therapist pages."""

from django.urls import URLPattern, path

from bookings.views import therapist

urlpatterns: list[URLPattern] = [
    path("therapist/", therapist.days, name="therapist"),
    path("therapist/visits/<reference:reference>/", therapist.visit, name="therapist_visit"),
]
