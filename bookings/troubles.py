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

from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
)
from django.utils.translation import gettext as _

ENHANCED = re.compile(r"\b5\.(\d)\.\d{1,3}\b")
NO_SUCH_MAILBOX = (550, 551, 553)
ABOUT_US = re.compile(r"relay|spam|block|policy|denied|reputation|authenticat", re.IGNORECASE)
# The mail server's word for "no more over this line".
CLOSING = 421
# A provider says so of what is wrong with the mail itself: badly made, too large, of no known type.
# Others, like 401 or 422, it also says of our account or sender, which somebody can mend.
FAULTS_OF_THE_MAIL = {400, 413, 415}
# It has no time for anybody, so the next mail would fare no better.
BUSY = {429, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a message did not go out. ``reason`` names no person.

    A permanent one would come again tomorrow; a general one would meet the next message too.
    Where it ``is_of_the_address``, no other message will ever get there.
    """

    reason: str
    is_permanent: bool = False
    is_general: bool = False
    is_of_the_address: bool = False


class Unreachable(Exception):
    """The mail server does not let us in."""


class NotTaken(Exception):
    """The provider answered kindly and has not taken the mail."""


def trouble_of(error: Exception) -> Trouble:
    """Sort an error: what would fail again tomorrow is permanent.

    The server's own words stay out of the reason, since they often repeat the address.
    """
    if isinstance(error, Unreachable) and isinstance(error.__cause__, Exception):
        cause = trouble_of(error.__cause__)
        return Trouble(cause.reason, is_general=True)
    if isinstance(error, AnymailError):
        return _of_provider(error)
    if isinstance(error, NotTaken):
        return Trouble(_("The mail provider did not take the message."))
    if isinstance(error, SMTPException | OSError):
        return _of_server(error)
    return Trouble(_where(error))


def smtp_code(error: Exception) -> int | None:
    """The number with which a mail server refused; none where it gave none."""
    if isinstance(error, SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))[0]
    return error.smtp_code if isinstance(error, SMTPResponseException) else None


def nobody_is_there(code: int, words: str) -> bool:
    """Whether a mail server's refusal of an address means that it leads to nobody.

    RFC 3463: 5.1.x is about the address and 5.2.1 a closed mailbox. A full one (5.2.2) may be
    emptied, and 5.7.x and relaying are about us: with a server that is set up wrongly they would
    bring every address into disrepute.
    """
    if found := ENHANCED.search(words):
        return found[1] == "1" or found[0] == "5.2.1"
    return code in NO_SUCH_MAILBOX and not ABOUT_US.search(words)


def _of_server(error: SMTPException | OSError) -> Trouble:
    code = smtp_code(error)
    if code is None:
        return Trouble(_("The mail server did not answer."))
    is_permanent, is_general = code >= 500, code == CLOSING
    if isinstance(error, SMTPRecipientsRefused):
        reason = _("The address was refused (%(code)s).") % {"code": code}
        words = next(iter(error.recipients.values()))[1].decode("ascii", "replace")
        return Trouble(reason, is_permanent, is_general, nobody_is_there(code, words))
    if isinstance(error, SMTPDataError):
        reason = _("The message was refused (%(code)s).") % {"code": code}
        return Trouble(reason, is_permanent, is_general)
    # Our sender or our login is refused: no fault of the message, and somebody can mend it.
    reason = _("The mail server refused us (%(code)s).") % {"code": code}
    return Trouble(reason, is_general=is_general)


def _of_provider(error: AnymailError) -> Trouble:
    if isinstance(error, AnymailRecipientsRefused):
        reason = _("The address was refused.")
        return Trouble(reason, is_permanent=True, is_of_the_address=True)
    if isinstance(error, AnymailInvalidAddress):
        return Trouble(_("The address cannot be written to."), is_permanent=True)
    if not isinstance(error, AnymailAPIError):
        return Trouble(_where(error))
    code = error.status_code
    if code is None:
        return Trouble(_("The mail provider did not answer."), is_general=True)
    if code in FAULTS_OF_THE_MAIL:
        reason = _("The message was refused (%(code)s).") % {"code": code}
        return Trouble(reason, is_permanent=True)
    reason = _("The mail provider refused us (%(code)s).") % {"code": code}
    return Trouble(reason, is_general=code in BUSY)


def _where(error: Exception) -> str:
    """Name the error and its place. Its words may hold what a client told us."""
    frames = extract_tb(error.__traceback__)
    place = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{place}"
