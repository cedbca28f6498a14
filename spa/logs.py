"""What the log must not say."""

import logging
import re

SECRET_LINK = re.compile(
    r"(/visit/|/therapist/calendar/|/accounts/password/reset/key/|/accounts/confirm-email/)"
    r"[^/\s\"']+"
)


class HideVisitLinks(logging.Filter):
    """Blank the secret part of visit links, calendar addresses and links about logins.

    Who reads a log must not be able to open a visit, a therapist's calendar or a login.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's message; every record passes."""
        message = record.getMessage()
        if SECRET_LINK.search(message):
            record.msg = SECRET_LINK.sub(r"\1…", message)
            record.args = None
        return True
