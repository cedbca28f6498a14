"""Why a message did not go out, and whether trying again can help."""

import re
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

ENHANCED = re.compile(r"\b5\.(\d)\.\d{1,3}\b")
NO_SUCH_MAILBOX = (550, 551, 553)
ABOUT_US = re.compile(r"relay|spam|block|policy|denied|reputation|authenticat", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a message did not go out. ``reason`` names no person.

    Where it ``is_of_the_address``, no other message will ever get there.
    """

    reason: str
    is_permanent: bool = False
    is_of_the_address: bool = False


class Unreachable(Exception):
    """The mail server does not let us in."""


def trouble_of(error: Exception) -> Trouble:
    """Sort an error: what would fail again tomorrow is permanent.

    The server's own words stay out of the reason, since they often repeat the address.
    """
    if isinstance(error, Unreachable) and isinstance(error.__cause__, Exception):
        return trouble_of(error.__cause__)
    if isinstance(error, SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return Trouble(
            _("The address was refused (%(code)s).") % {"code": code},
            code >= 500,
            nobody_is_there(code, words.decode("ascii", "replace")),
        )
    if isinstance(error, SMTPDataError):
        code = error.smtp_code
        return Trouble(_("The message was refused (%(code)s).") % {"code": code}, code >= 500)
    if isinstance(error, SMTPResponseException):
        # Our sender or our login is refused: no fault of the message, and somebody can mend it.
        return Trouble(_("The mail server refused us (%(code)s).") % {"code": error.smtp_code})
    if isinstance(error, SMTPException | OSError):
        return Trouble(_("The mail server did not answer."))
    return Trouble(_where(error))


def nobody_is_there(code: int, words: str) -> bool:
    """Whether a mail server's refusal of an address means that it leads to nobody.

    RFC 3463: 5.1.x is about the address and 5.2.1 a closed mailbox. A full one (5.2.2) may be
    emptied, and 5.7.x and relaying are about us: with a server that is set up wrongly they would
    bring every address into disrepute.
    """
    if found := ENHANCED.search(words):
        return found[1] == "1" or found[0] == "5.2.1"
    return code in NO_SUCH_MAILBOX and not ABOUT_US.search(words)


def _where(error: Exception) -> str:
    """Name the error and its place. Its words may hold what a client told us."""
    frames = extract_tb(error.__traceback__)
    place = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{place}"
