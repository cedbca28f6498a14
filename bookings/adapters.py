"""How the spa wants its logins: nobody signs up, and each person starts where she works."""

import logging
import time
from typing import Any
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from bookings.letters import one_line
from bookings.logins import device_name, has_second_factor, keep_address
from bookings.models.fields import ring
from bookings.permissions import therapist_of, works_at_desk
from services.addresses import absolute

logger = logging.getLogger(__name__)

WRONG_PASSWORD = _(
    "That login and password do not belong together. Please try again; "
    "capital letters in the password count."
)
WRONG_CODE = _("That code does not fit. Please check it, or use a new one.")
REAUTHENTICATION = {
    "reauthenticate": _("With your password"),
    "mfa_reauthenticate": _("With a code from your app, or a recovery code"),
    "mfa_reauthenticate:webauthn": _("With a passkey"),
}


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
        "rate_limited": _(
            "That was too often. Please wait a while, then try again, or sign in another way."
        ),
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

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Under the site's own address, whatever host the one who asked for the mail named."""
        return _under_our_address(super().get_reset_password_from_key_url(key))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """The same."""
        return _under_our_address(super().get_email_confirmation_url(request, emailconfirmation))

    def pre_login(self, request: HttpRequest, user: Any, **more: Any) -> HttpResponse | None:
        """Give a login from before this way of signing in its address."""
        keep_address(user)
        return super().pre_login(request, user, **more)

    def is_safe_url(self, url: str) -> bool:
        """Whether to lead there after signing in or out; never where it cannot be read."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def is_reauthentication_required(self, *, app: str, **more: Any) -> bool:
        """Not right after signing in: who has just shown who she is need not do it twice."""
        records = get_authentication_records(self.request, self.request.user)
        latest = max((record["at"] for record in records), default=0)
        fresh = time.time() - latest < app_settings.REAUTHENTICATION_TIMEOUT
        return not fresh and super().is_reauthentication_required(app=app, **more)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """The ways to say who one is; where a second factor is a must, the password is none."""
        ways = [
            {**way, "description": REAUTHENTICATION[way["id"]]}
            for way in super().get_reauthentication_methods(user)
        ]
        if settings.STAFF_SECOND_FACTOR and has_second_factor(user):
            return [way for way in ways if way["id"] != "reauthenticate"]
        return ways

    def format_email_subject(self, subject: str) -> str:
        """One line; what looks like an encoded word would be read as one."""
        return one_line(super().format_email_subject(subject)).replace("=?", "= ?")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail that somebody waits for; say so where it cannot be sent."""
        try:
            super().send_mail(template_prefix, email, {**context, "spa": spa_of_request()})
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


def _under_our_address(url: str) -> str:
    return absolute(urlsplit(url).path)


def spa_of_request() -> Any:
    """The spa that the present request is for, or None before its content is loaded."""
    return getattr(context.request, "spa", None)


class SecondFactorAdapter(DefaultMFAAdapter):
    """Passkeys, apps and recovery codes in the spa's name; their secrets stand encrypted."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": WRONG_CODE,
        "cannot_generate_recovery_codes": _("Please set up a passkey or an app first."),
    }

    def encrypt(self, text: str) -> str:
        """Whoever reads a copy of the database must not be able to make codes."""
        return ring().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Raises ``cryptography.fernet.InvalidToken`` where none of ``HEALTH_KEYS`` fits."""
        return ring().decrypt(encrypted_text.encode()).decode()

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        """The login as a passkey's list shows it."""
        entity = super().get_public_key_credential_user_entity(user)
        return {**entity, "display_name": user.get_full_name() or user.get_username()}

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002
        """The device that a new passkey is made with, numbered from the second on."""
        name = device_name(context.request.headers.get("User-Agent", ""))
        rows = Authenticator.objects.filter(user_id=user.pk, type=type)
        taken = {row.data.get("name") for row in rows}
        number = 2
        numbered = name
        while numbered in taken:
            numbered, number = f"{name} ({number})", number + 1
        return numbered

    def _get_site_name(self) -> str:
        spa = spa_of_request()
        return spa.name if spa else super()._get_site_name()
