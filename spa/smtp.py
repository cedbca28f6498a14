"""Django's SMTP backend, with an ear for what the mail server says when it takes a mail."""

import smtplib
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from bookings.wire import LetterMail


class Line(smtplib.SMTP):
    """A line to a mail server that keeps the reply to DATA, by which the server knows the mail."""

    reply = ""
    # Whether the server may have the mail: before DATA it certainly has not.
    has_begun_data = False

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.has_begun_data = True
        code, words = super().data(msg)
        self.reply = f"{code} {words.decode(errors='replace')}"
        return code, words


class EncryptedLine(Line, smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""


class Backend(EmailBackend):
    """Speaks SMTP; ``connection`` is a ``Line`` while it is open."""

    def _send(self, email_message: EmailMessage) -> bool:
        """Send a letter, which writes itself out, and any other mail as Django does."""
        if not isinstance(email_message, LetterMail):
            return bool(super()._send(email_message))  # type: ignore[misc]  # not in its stubs
        assert self.connection is not None
        sender, recipients = email_message.envelope()
        self.connection.sendmail(sender, recipients, email_message.as_wire())
        return True

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return EncryptedLine if self.use_ssl else Line
