"""Logins of the spa, signed in with both locks as in production."""

import time

from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore

from bookings.logins import SEEN, SHOWN


def signed_in(name: str, group: str) -> dict[str, str]:
    """Return the cookies of a new member of ``group``."""
    user = User.objects.create_user(name, f"{name}@example.com", is_staff=True)
    user.groups.add(Group.objects.get_or_create(name=group)[0])
    TOTP.activate(user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[SHOWN], session[SEEN] = user.pk, time.time()
    session.create()
    return {settings.SESSION_COOKIE_NAME: str(session.session_key)}
