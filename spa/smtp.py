"""Django's SMTP backend, with an ear for what the mail server says when it takes a mail."""

import smtplib
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address


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
        """Send a mail that can write itself out (``as_wire``), else as Django does."""
        as_wire = getattr(email_message, "as_wire", None)
        if as_wire is None:
            return bool(super()._send(email_message))  # type: ignore[misc]  # not in its stubs
        sender = sanitize_address(email_message.from_email, "utf-8")
        recipients = [sanitize_address(one, "utf-8") for one in email_message.recipients()]
        assert self.connection is not None
        self.connection.sendmail(sender, recipients, as_wire())
        return True

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return EncryptedLine if self.use_ssl else Line
