"""Second locks of the tests, and an authenticator app of our own."""

import base64
import hashlib
import hmac
import struct
import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import User

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def app_shows(secret: str = SECRET, *, steps: int = 0) -> str:
    """What an authenticator app shows (RFC 6238), or will show ``steps`` half minutes later."""
    counter = struct.pack(">Q", int(time.time()) // 30 + steps)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06}"


def put_lock_on(user: User) -> list[str]:
    """Give ``user`` an authenticator app with ``SECRET``; returns the recovery codes."""
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    return recovery_codes_of(user)


def recovery_codes_of(user: User) -> list[str]:
    """The unused recovery codes of ``user``."""
    row = Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES)
    codes: list[str] = row.wrap().get_unused_codes()
    return codes
