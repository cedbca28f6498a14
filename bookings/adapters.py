"""How the spa wants its logins: nobody signs up, and each person starts where she works."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from bookings.logins import keep_address
from bookings.permissions import therapist_of, works_at_desk

logger = logging.getLogger(__name__)

WRONG_PASSWORD = _(
    "That login and password do not belong together. Please try again; "
    "capital letters in the password count."
)
WRONG_CODE = _("That code does not fit. Please check it, or ask for a new one.")


def work_of(user: User) -> str:
    """Return the address of the page on which ``user`` starts to work."""
    if works_at_desk(user):
        return reverse("bookings:desk")
    if therapist_of(user) is not None:
        return reverse("bookings:therapist")
    return reverse("admin:index") if user.is_staff else reverse("services:home")


class AccountAdapter(DefaultAccountAdapter):
    """Signing in, in the spa's words. Its mails are sent at once: they belong to no visit."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": WRONG_PASSWORD,
        "username_password_mismatch": WRONG_PASSWORD,
        "incorrect_code": WRONG_CODE,
        "incorrect_password": _("That is not your password. Please try again."),
        "enter_current_password": _("That is not your present password. Please try again."),
        "too_many_login_attempts": _(
            "That did not fit too many times. Please wait five minutes, then try again."
        ),
        "rate_limited": _("That was a bit quick. Please wait a minute, then try again."),
        "duplicate_email": _("That is your address already."),
        "invalid_password_reset": _("This link has been used or is too old."),
        "account_inactive": _("This login is switched off. Please ask one of the owners."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: the owners give out the logins."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Where she works, unless she asked for another page."""
        assert isinstance(request.user, User)
        return work_of(request.user)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to the page about her login."""
        return reverse("your_login")

    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        """Back to the page about her login, or to the login."""
        signed_in = self.request.user.is_authenticated
        return reverse("your_login") if signed_in else reverse("account_login")

    def pre_login(self, request: HttpRequest, user: Any, **more: Any) -> HttpResponse | None:
        """Give a login from before this way of signing in its address."""
        keep_address(user)
        return super().pre_login(request, user, **more)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail that somebody waits for; say so where it cannot be sent."""
        try:
            super().send_mail(template_prefix, email, {**context, "spa": self._spa()})
        except OSError as reason:
            # SMTP errors are OSErrors too. The address stays out of the log.
            logger.warning("A mail about a login was not sent: %s", type(reason).__name__)
            page = render(self.request, "account/mail_failed.html", status=503)
            raise ImmediateHttpResponse(page) from reason

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Tell of a change that is made already: without mail it is made all the same."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except ImmediateHttpResponse:
            return

    def _spa(self) -> Any:
        return getattr(self.request, "spa", None)
