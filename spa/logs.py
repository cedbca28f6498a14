"""What the log must not say."""

import logging
import re
from typing import ClassVar

from django.core.exceptions import PermissionDenied

SECRET_LINK = re.compile(
    r"(/visit/|/therapist/calendar/|/accounts/password/reset/key/|/accounts/confirm-email/"
    r"|/accounts/welcome/|/start/key/|/mail/stop/)"
    r"[^/\s\"']+"
)
# Also where the login page is told the address to come back to.
TYPED = re.compile(r"((?:[?&]|%3F|%26)(?:q|name|email|phone)(?:=|%3D))[^&\s\"]+", re.IGNORECASE)
# Mail addresses, and with them what opens a server: redis://user:password@host.
ADDRESS = re.compile(r"[^\s\"'<>(),;=]+@[^\s\"'<>(),;]+")
SERVER_LOGS = ("gunicorn.access", "gunicorn.error")


def blank(text: str) -> str:
    """Return ``text`` without what opens a door, names whom somebody sought, or is an address."""
    for pattern in (SECRET_LINK, TYPED):
        text = pattern.sub(r"\1…", text)
    return ADDRESS.sub("…@…", text)


class _Blank(logging.Filter):
    """Blank what follows the first group of ``pattern``, in each record's message."""

    pattern: ClassVar[re.Pattern[str]]

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's message; every record passes."""
        message = record.getMessage()
        if self.pattern.search(message):
            record.msg = self.pattern.sub(r"\1…", message)
            record.args = None
        return True


class HideVisitLinks(_Blank):
    """Blank the secret part of visit links, calendar addresses and links about logins.

    Who reads a log must not be able to open a visit, a therapist's calendar or a login.
    """

    pattern = SECRET_LINK


class HidePeople(_Blank):
    """Blank whom the desk has searched for: names, mail addresses and numbers of clients."""

    pattern = TYPED


class ShortRefusals(logging.Filter):
    """Leave out the traceback of a page that somebody may not open: nothing is broken there."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut the record's traceback; every record passes."""
        if record.exc_info and isinstance(record.exc_info[1], PermissionDenied):
            record.exc_info = record.exc_text = None
        return True


def guard_server_logs() -> None:
    """Blank the same in gunicorn's own logs, which pass none of Django's handlers."""
    for name in SERVER_LOGS:
        for one in (HideVisitLinks(), HidePeople()):
            logging.getLogger(name).addFilter(one)
