"""Addresses of logins: our own pages, then allauth's."""

from allauth.mfa.recovery_codes.views import download_recovery_codes
from allauth.mfa.webauthn.views import remove_webauthn
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.http import require_http_methods, require_safe
from django.views.generic import RedirectView

from bookings.views import accounts, welcome

# One page tells all about a login: allauth's lists lead to it.
_your_login = RedirectView.as_view(pattern_name="your_login")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", accounts.your_login, name="your_login"),
    path("second-factor/", accounts.second_factor, name="second_factor"),
    path("sessions/end-others/", accounts.end_other_sessions, name="end_other_sessions"),
    path("sessions/<int:pk>/end/", accounts.end_session, name="end_session"),
    path("welcome/<str:key>/", welcome.welcome, name="welcome"),
    path("login/code/again/", accounts.another_code, name="another_login_code"),
    # It notes that they were seen: not for a method that shows nothing.
    path(
        "2fa/recovery-codes/download/",
        require_safe(download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
    # Only its button takes a passkey away, not a method that no form of ours sends.
    path(
        "2fa/webauthn/keys/<int:pk>/remove/",
        require_http_methods(["GET", "HEAD", "POST"])(remove_webauthn),
        name="mfa_remove_webauthn",
    ),
    path("2fa/", _your_login),
    path("2fa/webauthn/", _your_login),
    path("", include("allauth.account.urls")),
    path("2fa/", include("allauth.mfa.urls")),
]
