"""The mail of a trial: kept in files instead of sent, and read on a page.

The page shows links that belong to clients alone. ``spa.urls`` offers it in a trial only.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html import unescape
from pathlib import Path

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.conf import settings
from django.core.mail import EmailMessage as OutgoingMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

NAME = re.compile(r"[0-9]{14}-[0-9a-f]{32}")
NEWEST = 200
# What a mailbox shows behind the subject; the signs behind it only fill the line.
PREVIEW = re.compile(r'<div class="hint"[^>]*>([^<]*)</div>')
FILLING = "\u00a0\u200c "


class Backend(BaseEmailBackend):
    """Keep each message as a file that any mail program opens."""

    def send_messages(self, email_messages: Sequence[OutgoingMessage]) -> int:
        """Write the messages down and return their number."""
        folder = Path(settings.DEMO_MAIL_DIR)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%d%H%M%S}-{uuid.uuid4().hex}"
            unfinished = folder / f"{name}.unfinished"
            unfinished.write_bytes(message.message().as_bytes())
            unfinished.rename(folder / f"{name}.eml")
        return len(email_messages)


@dataclass(frozen=True)
class Letter:
    """One kept message, with what the page shows of it."""

    name: str
    message: EmailMessage

    @property
    def sent_at(self) -> datetime:
        """When the message was written."""
        return parsedate_to_datetime(str(self.message["Date"]))

    @property
    def text(self) -> str:
        """The plain text part; empty where there is none."""
        part = self.message.get_body(("plain",))
        return str(part.get_content()) if part else ""

    @property
    def html(self) -> str:
        """The HTML part; empty where there is none."""
        part = self.message.get_body(("html",))
        return str(part.get_content()) if part else ""

    @property
    def preview(self) -> str:
        """The line that a mailbox shows behind the subject: the letter's own, else its start."""
        found = PREVIEW.search(self.html)
        if found:
            return unescape(found[1]).rstrip(FILLING)
        return next((line for line in self.text.splitlines() if line.strip()), "")

    @property
    def attachments(self) -> list[EmailMessage]:
        """The attached files."""
        return [part for part in self.message.iter_attachments() if part.get_filename()]

    @property
    def file_names(self) -> list[str]:
        """The names of the attached files, in their order."""
        return [str(part.get_filename()) for part in self.attachments]


@require_safe
@never_cache
def mailbox(request: HttpRequest) -> HttpResponse:
    """List the newest messages."""
    return render(request, "demo/mailbox.html", {"letters": _newest_letters()})


@require_safe
@never_cache
def letter(request: HttpRequest, name: str) -> HttpResponse:
    """Show one message: as a mail program shows it, as plain text, and its files."""
    return render(request, "demo/letter.html", {"letter": _letter(name)})


@require_safe
@never_cache
@xframe_options_sameorigin
@csp(  # type: ignore[arg-type]
    {
        "default-src": [NONE],
        "img-src": ["data:"],
        "style-src": [UNSAFE_INLINE],
        "frame-ancestors": [SELF],
        "sandbox": ["allow-popups", "allow-top-navigation-by-user-activation"],
    }
)
def letter_html(request: HttpRequest, name: str) -> HttpResponse:
    """Return the HTML part for a frame: mails carry their styles inside, pages may not."""
    # Links open in the whole window, as they would from a mail program.
    return HttpResponse(_letter(name).html.replace("<head>", '<head><base target="_top">', 1))


@require_safe
@never_cache
def attachment(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Return an attached file; ``number`` counts from 0."""
    files = _letter(name).attachments
    if number >= len(files):
        raise Http404
    part = files[number]
    response = HttpResponse(part.get_payload(decode=True), content_type=part.get_content_type())
    response.headers["Content-Disposition"] = f'attachment; filename="{part.get_filename()}"'
    return response


def _newest_letters() -> list[Letter]:
    names = sorted((path.stem for path in Path(settings.DEMO_MAIL_DIR).glob("*.eml")), reverse=True)
    letters = [_letter(name) for name in names[:NEWEST]]
    return sorted(letters, key=lambda each: each.sent_at, reverse=True)


def _letter(name: str) -> Letter:
    path = Path(settings.DEMO_MAIL_DIR) / f"{name}.eml"
    if not NAME.fullmatch(name) or not path.exists():
        raise Http404
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return Letter(name, message)
