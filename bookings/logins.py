"""What somebody signs in with: one address per login, and a second factor.

There is no sign-up. Owners enter who works here, so the address that they enter counts as
verified: codes, resets and warnings go there from the first day.
"""

import time
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.utils.translation import gettext as _

# What a session knows of itself: when it was last used, and whose second factor it has seen.
SEEN = "seen"
SHOWN = "second_factor_shown"

# What counts as a second factor.
LOCKS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]

# In this order: later ones call themselves by the earlier names too.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
MACHINES = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "Chromebook",
    "Windows": "Windows",
    "Mac OS X": "Mac",
    "Linux": "Linux",
}


def device_name(user_agent: str) -> str:
    """Return the browser and the machine behind ``user_agent``: Chrome on Windows."""
    browser = _first(BROWSERS, user_agent)
    machine = _first(MACHINES, user_agent)
    if browser and machine:
        return _("%(browser)s on %(machine)s") % {"browser": browser, "machine": machine}
    return browser or machine or _("an unknown device")


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for sign, name in names.items() if sign in user_agent), "")


def keep_address(user: User) -> None:
    """Make the e-mail of ``user`` the one address of this login.

    An address that another login has verified already stays with that one.
    """
    email = user.email.lower()
    mine = EmailAddress.objects.filter(user=user)
    if email and mine.filter(email=email, primary=True, verified=True).exists():
        # A change that waits for its confirmation stands beside it.
        return
    mine.exclude(email=email).delete()
    if not email:
        return
    taken = EmailAddress.objects.filter(email=email, verified=True).exclude(user=user).exists()
    EmailAddress.objects.update_or_create(
        user=user, email=email, defaults={"primary": True, "verified": not taken}
    )


def on_user_saved(
    instance: User, raw: bool = False, update_fields: frozenset[str] | None = None, **more: Any
) -> None:
    """Keep the address in step, whoever saved the user; signing in saves only its date."""
    if not raw and (update_fields is None or "email" in update_fields):
        keep_address(instance)


def has_second_factor(user: User | AnonymousUser) -> bool:
    """Whether ``user`` has a passkey or an authenticator app; recovery codes alone are neither.

    Of the person of a session it is what held when the request began.
    """
    if hasattr(user, "is_locked"):
        return bool(user.is_locked)
    return Authenticator.objects.filter(user_id=user.pk, type__in=LOCKS).exists()


def take_locks_off(user: User) -> None:
    """Remove every second factor of ``user`` and sign her out; she sets up new ones."""
    Authenticator.objects.filter(user=user).delete()
    end_all_sessions(user)


def end_all_sessions(user: User) -> None:
    """Sign ``user`` out everywhere."""
    get_adapter().end_sessions(UserSession.objects.filter(user=user))


def has_shown_second_factor(request: HttpRequest) -> bool:
    """Whether the second factor was shown in this session, not only at another desk."""
    return bool(request.session.get(SHOWN) == request.user.pk)


def on_second_factor(request: HttpRequest, user: User, **more: Any) -> None:
    """Remember for this session that ``user`` has shown or set up a second factor."""
    request.session[SHOWN] = user.pk


def on_signed_in(request: HttpRequest | None = None, **more: Any) -> None:
    """Start the clock of the session."""
    if request is not None and hasattr(request, "session"):
        request.session[SEEN] = time.time()
