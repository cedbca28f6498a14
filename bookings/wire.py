"""A mail as the bytes that go over the line (RFC 5322, 2045 and 2047).

Django puts a mail together from objects that are written out, measured and written again, which
takes longer than sending it. These mails have one shape; tests compare both ways.
"""

import re
from binascii import b2a_qp
from collections.abc import Sequence
from email.header import Header
from email.utils import formatdate, parseaddr
from functools import lru_cache
from secrets import token_hex

from django.core.mail import BadHeaderError, EmailMultiAlternatives
from django.core.mail.message import sanitize_address

LINE = 78
# Written as it is: words of ASCII letters with single dots between them on both sides.
PLAIN = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*", re.A
)
CRLF = "\r\n"


class LetterMail(EmailMultiAlternatives):
    """A letter in text and HTML, with files of text: what ``bookings.messages`` composes."""

    def as_wire(self) -> bytes:
        """Return the mail with its headers; raises BadHeaderError where one has a line end."""
        texts = [_part(str(self.body), "text/plain")]
        texts += [_part(str(content), str(kind)) for content, kind in self.alternatives]
        body = _multipart("alternative", texts)
        if self.attachments:
            files = [_part(str(text), str(kind), name) for name, text, kind in self.attachments]
            body = _multipart("mixed", [body, *files])
        return (CRLF.join(self._headers()) + CRLF).encode() + body

    def envelope(self) -> tuple[str, list[str]]:
        """From whom and to whom it goes, as the line is told."""
        # Without the name, which may be folded.
        sender = _bare(self.from_email)
        return _on_the_wire(sender), [_on_the_wire(one) for one in self.recipients()]

    def _headers(self) -> list[str]:
        rest = {"Date": formatdate(), **self.extra_headers}
        return [
            "MIME-Version: 1.0",
            _header("Subject", str(self.subject)),
            _addresses("From", [self.from_email]),
            _addresses("To", self.to),
            *([_addresses("Reply-To", self.reply_to)] if self.reply_to else []),
            *(_header(name, str(value)) for name, value in rest.items()),
        ]


def _header(name: str, value: str) -> str:
    """One header, folded and encoded where it has to be."""
    if "\n" in value or "\r" in value:
        raise BadHeaderError(f"{name} has a line end.")
    # What looks like an encoded word is encoded too, or it would be read as one.
    plain = value.isascii() and "=?" not in value
    if plain and len(name) + len(value) + 2 <= LINE:
        return f"{name}: {value}"
    charset = "us-ascii" if plain else "utf-8"
    return f"{name}: {Header(value, charset, LINE, header_name=name).encode(linesep=CRLF)}"


def _on_the_wire(address: str) -> str:
    """An address as Django writes it."""
    return address if PLAIN.fullmatch(address) else _put_together(address)


@lru_cache(maxsize=64)
def _bare(address: str) -> str:
    return parseaddr(address)[1]


@lru_cache(maxsize=64)
def _put_together(address: str) -> str:
    return str(sanitize_address(address, "utf-8"))


def _addresses(name: str, addresses: Sequence[str]) -> str:
    for address in addresses:
        if "\n" in address or "\r" in address:
            raise BadHeaderError(f"{name} has a line end.")
    # A long name that is encoded comes in lines.
    return f"{name}: {', '.join(map(_on_the_wire, addresses))}".replace("\n", CRLF)


def _part(text: str, kind: str, name: str = "") -> bytes:
    """One text with its own headers. ``kind`` may have parameters; ``name`` is that of a file."""
    lines = text.replace(CRLF, "\n").replace("\r", "\n").replace("\n", CRLF)
    # By its first line end the encoder tells how to end the lines that it breaks.
    lines = lines if lines.endswith(CRLF) else lines + CRLF
    headers = f'Content-Type: {kind}; charset="utf-8"{CRLF}'
    if name:
        headers += f'Content-Disposition: attachment; filename="{name}"{CRLF}'
    headers += f"Content-Transfer-Encoding: quoted-printable{CRLF}{CRLF}"
    return headers.encode() + b2a_qp(lines.encode())


def _multipart(kind: str, parts: list[bytes]) -> bytes:
    """``parts`` behind the header that holds them together."""
    # "=_" stands in no quoted-printable text.
    boundary = f"=_{token_hex(12)}"
    start = f"--{boundary}{CRLF}".encode()
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"{CRLF}{CRLF}'.encode()
    end = f"--{boundary}--{CRLF}".encode()
    return head + b"".join(start + part + b"\r\n" for part in parts) + end
