"""Addresses of the diary, one module per audience."""

from django.urls import URLPattern

app_name = "bookings"

urlpatterns: list[URLPattern] = []
