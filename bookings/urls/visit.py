"""Addresses of the visit pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
