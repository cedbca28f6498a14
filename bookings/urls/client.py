"""Addresses of the way to a booking."""

from django.urls import path

from bookings.views import client

urlpatterns = [
    path("book/<slug:slug>/", client.times, name="times"),
    path("book/<slug:slug>/health/", client.health, name="health"),
    path("book/<slug:slug>/details/", client.details, name="details"),
]
