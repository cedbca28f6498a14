"""Addresses of logging in and out."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path

from bookings.views import accounts

urlpatterns: list[URLPattern] = [
    path("login/", accounts.login, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
