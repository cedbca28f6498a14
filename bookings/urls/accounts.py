"""Addresses of logins: our own pages, then allauth's."""

from django.urls import URLPattern, URLResolver, include, path

from bookings.views import accounts

urlpatterns: list[URLPattern | URLResolver] = [
    path("", accounts.your_login, name="your_login"),
    path("", include("allauth.account.urls")),
    path("2fa/", include("allauth.mfa.urls")),
]
