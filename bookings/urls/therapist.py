"""Addresses of the therapist pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
