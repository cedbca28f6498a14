"""Why a message did not go out, and whether trying again can help."""

from dataclasses import dataclass
from pathlib import PurePath
from smtplib import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from traceback import extract_tb

from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a message did not go out. ``reason`` names no person."""

    reason: str
    is_permanent: bool = False


class Unreachable(Exception):
    """The mail server does not let us in."""


def trouble_of(error: Exception) -> Trouble:
    """Sort an error: what would fail again tomorrow is permanent.

    The server's own words stay out of the reason, since they often repeat the address.
    """
    if isinstance(error, Unreachable) and isinstance(error.__cause__, Exception):
        return trouble_of(error.__cause__)
    if isinstance(error, SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
        return Trouble(_("The address was refused (%(code)s).") % {"code": code}, code >= 500)
    if isinstance(error, SMTPDataError):
        code = error.smtp_code
        return Trouble(_("The message was refused (%(code)s).") % {"code": code}, code >= 500)
    if isinstance(error, SMTPResponseException):
        # Our sender or our login is refused: no fault of the message, and somebody can mend it.
        return Trouble(_("The mail server refused us (%(code)s).") % {"code": error.smtp_code})
    if isinstance(error, SMTPException | OSError):
        return Trouble(_("The mail server did not answer."))
    return Trouble(_where(error))


def _where(error: Exception) -> str:
    """Name the error and its place. Its words may hold what a client told us."""
    frames = extract_tb(error.__traceback__)
    place = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{place}"
