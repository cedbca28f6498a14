"""Addresses of the therapist pages."""

from django.urls import URLPattern, path

from bookings.views import feed, therapist, therapist_visit

VISIT = "therapist/visits/<reference:reference>/"

urlpatterns: list[URLPattern] = [
    path("therapist/", therapist.days, name="therapist"),
    path("therapist/ready/", therapist.ready, name="therapist_ready"),
    path(VISIT, therapist_visit.visit, name="therapist_visit"),
    path(f"{VISIT}step/", therapist.step, name="therapist_step"),
    path(f"{VISIT}note/", therapist_visit.note, name="therapist_note"),
    path("therapist/calendar/", feed.settings_page, name="therapist_feed_settings"),
    # The token is the key: whoever has it needs no login.
    path("therapist/calendar/<str:token>.ics", feed.feed, name="therapist_feed"),
]
