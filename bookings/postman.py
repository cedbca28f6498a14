"""Hands mails to the mail server or to a provider, over one connection for as long as it holds."""

from http import HTTPStatus
from smtplib import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from anymail.message import AnymailStatus
from django.core.mail import EmailMessage, get_connection

from bookings.letters import one_line
from bookings.troubles import CLOSING, NotTaken, Unreachable, smtp_code
from spa.smtp import Line

ANSWER_MOST = 200


class Postman:
    """One connection: opened with the first mail, and anew after trouble."""

    def __init__(self) -> None:
        self._connection = get_connection()
        self._has_sent = False

    def send(self, mail: EmailMessage) -> str:
        """Hand ``mail`` over, for its one recipient, and return the answer of who took it.

        That is the server's reply to DATA, or the provider's key of the mail. Raises
        ``Unreachable`` where nobody lets us in, ``NotTaken``, or what the mail backend raises.
        """
        try:
            return self._hand_over(mail)
        except SMTPException as error:
            if not self._has_gone_stale(error):
                self._leave_if_broken(error)
                raise
        except Exception:
            self.hang_up()
            raise
        self.hang_up()
        return self._hand_over(mail)

    def hang_up(self) -> None:
        """End the connection, if there is one."""
        self._has_sent = False
        try:
            self._connection.close()
        except (SMTPException, OSError):
            # The goodbye failed; what was sent has been sent.
            pass

    def _hand_over(self, mail: EmailMessage) -> str:
        self._dial()
        line = self._line()
        if line:
            line.has_begun_data = False
        self._connection.send_messages([mail])
        self._has_sent = True
        answer = line.reply if line else _key_of_provider(mail)
        return one_line(answer)[:ANSWER_MOST]

    def _dial(self) -> None:
        try:
            self._connection.open()
        except (SMTPException, OSError) as error:
            raise Unreachable from error

    def _has_gone_stale(self, error: SMTPException) -> bool:
        """Whether a line that has served before was closed before the server could have the mail.

        Servers do that after so many mails, or so many minutes. A new line is worth one try.
        """
        line = self._line()
        if not self._has_sent or line is None or line.has_begun_data:
            return False
        return isinstance(error, SMTPServerDisconnected) or smtp_code(error) == CLOSING

    def _leave_if_broken(self, error: SMTPException) -> None:
        """After a refusal the server has gone back to its start, and the line is still good."""
        refused = isinstance(error, SMTPDataError | SMTPRecipientsRefused | SMTPSenderRefused)
        if not refused or smtp_code(error) == CLOSING:
            self.hang_up()

    def _line(self) -> Line | None:
        line = getattr(self._connection, "connection", None)
        return line if isinstance(line, Line) else None


def _key_of_provider(mail: EmailMessage) -> str:
    """The provider's key of ``mail``; raises ``NotTaken`` where it did not take it after all.

    Recipients who are refused raise an error of anymail's own.
    """
    status: AnymailStatus | None = getattr(mail, "anymail_status", None)
    if status is None:
        return ""
    was_refused = getattr(status.esp_response, "status_code", 200) >= HTTPStatus.BAD_REQUEST
    states = {one.status for one in status.recipients.values()}
    if "failed" in states or (was_refused and "unknown" in states):
        raise NotTaken
    keys = {str(one.message_id) for one in status.recipients.values() if one.message_id}
    return next(iter(keys), "")
