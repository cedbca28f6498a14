"""Django's SMTP backend, with an ear for what the mail server says when it takes a mail.

Where the server takes several commands at once (RFC 2920), a letter goes there and back twice, not
four times.
"""

import smtplib
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from bookings.troubles import CLOSING
from bookings.wire import PLAIN, LetterMail

Reply = tuple[int, bytes]
OK, GOES_ELSEWHERE, GO_ON = 250, 251, 354


class Line(smtplib.SMTP):
    """A line to a mail server that keeps the reply to DATA, by which the server knows the mail."""

    reply = ""
    # Whether the server may have the mail: before its first byte it certainly has not.
    has_begun_data = False

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.has_begun_data = True
        code, words = super().data(msg)
        self._keep((code, words))
        return code, words

    def hand_over(self, sender: str, recipient: str, mail: bytes) -> None:
        """Send ``mail``, whose lines end as mail's do; raises what ``sendmail`` raises."""
        self.ehlo_or_helo_if_needed()
        size = f" size={len(mail)}" if self.has_extn("size") else ""
        commands = [
            f"MAIL FROM:{in_brackets(sender)}{size}",
            f"RCPT TO:{in_brackets(recipient)}",
            "DATA",
        ]
        replies = self._ask(commands)
        refusal = _refusal_in(replies, sender, recipient)
        if refusal:
            if replies[-1][0] == GO_ON:
                # It waits for a mail all the same: for this one, that goes to nobody.
                self.send(b".\r\n")
                self.getreply()
            self._leave(replies)
            raise refusal
        self.has_begun_data = True
        self.send(mail.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        reply = self.getreply()
        self._keep(reply)
        if reply[0] != OK:
            self._leave([reply])
            raise smtplib.SMTPDataError(*reply)

    def _ask(self, commands: list[str]) -> list[Reply]:
        """Return the replies to ``commands``, up to the one with which the server leaves.

        Where it takes one at a time, none is given after a refusal.
        """
        together = self.has_extn("pipelining")
        if together:
            self.send("".join(f"{one}\r\n" for one in commands))
        replies: list[Reply] = []
        for command in commands:
            if not together:
                self.putcmd(command)
            try:
                replies.append(self.getreply())
            except smtplib.SMTPServerDisconnected:
                if not any(map(_is_no, replies)):
                    raise
                break
            if replies[-1][0] == CLOSING or (not together and _is_no(replies[-1])):
                break
        return replies

    def _leave(self, replies: list[Reply]) -> None:
        """Go back to the start after a refusal, if the server is still there."""
        if any(code == CLOSING for code, _words in replies):
            self.close()
            return
        try:
            self.rset()
        except smtplib.SMTPServerDisconnected:
            # It said why it does not take the mail: that is what counts.
            pass

    def _keep(self, reply: Reply) -> None:
        self.reply = f"{reply[0]} {reply[1].decode(errors='replace')}"


def _is_no(reply: Reply) -> bool:
    return reply[0] not in (OK, GOES_ELSEWHERE, GO_ON)


def _refusal_in(replies: list[Reply], sender: str, recipient: str) -> smtplib.SMTPException | None:
    """What ``sendmail`` raises for the replies to MAIL, RCPT and DATA; none where all is well."""
    said = [*replies, (0, b""), (0, b"")]
    if said[0][0] != OK:
        return smtplib.SMTPSenderRefused(*said[0], sender)
    if said[1][0] not in (OK, GOES_ELSEWHERE):
        return smtplib.SMTPRecipientsRefused({recipient: said[1]})
    if said[2][0] != GO_ON:
        return smtplib.SMTPDataError(*said[2])
    return None


def in_brackets(address: str) -> str:
    """``address`` as it stands in a command; raises ValueError where it has a line end."""
    if "\r" in address or "\n" in address:
        raise ValueError("An address has a line end.")
    # An address of a plain form is not taken apart first, which takes longer than saying it.
    return f"<{address}>" if PLAIN.fullmatch(address) else smtplib.quoteaddr(address)


class EncryptedLine(Line, smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""


class Backend(EmailBackend):
    """Speaks SMTP; ``connection`` is a ``Line`` while it is open."""

    def _send(self, email_message: EmailMessage) -> bool:
        """Send a letter, which writes itself out, and any other mail as Django does."""
        if not isinstance(email_message, LetterMail):
            return bool(super()._send(email_message))  # type: ignore[misc]  # not in its stubs
        assert isinstance(self.connection, Line)
        sender, (recipient,) = email_message.envelope()
        self.connection.hand_over(sender, recipient, email_message.as_wire())
        return True

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return EncryptedLine if self.use_ssl else Line
