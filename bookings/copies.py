"""The copy of a sent message: what a mail program shows, without the keys in its links.

Visit links are kept hashed; a copy that held a working one would undo that.
"""

import re
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

# What stands in the place of a key: nobody's link, and readable as one that was cut.
CUT = "…"
# An address, or its path alone, up to where text, markup or a header ends it; no closing tag. It
# begins with a sign, not with a choice, since such a one is found ten times as fast.
LINK = re.compile(r"/(?<!</)[^\s\"'<>]+")
# What stands before the first stroke of a whole address, which has a host behind it.
SCHEMES = ("http:", "https:")
HOST = re.compile(r"//[^/]+")
# A slug is in small letters with hyphens. Keys are longer than a word and look like none.
PART = re.compile(r"[^/?&=#;]{16,}")
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+|[a-z]+")
# The part behind these is a key, whatever it looks like.
KEYED = re.compile(r"(/visit/|/unsubscribe/|/mail/stop/)[^/\s\"'<>?]+")

Content = dict[str, Any]


def copy_of(mail: EmailMultiAlternatives) -> Content:
    """Return what is kept of ``mail``: headers, both parts, and name, type and text of its files.

    It is not put together a second time: that takes as long as the sending.
    """
    return {
        "headers": [[name, without_keys(value)] for name, value in _headers(mail)],
        "text": without_keys(str(mail.body)),
        "html": without_keys(_html(mail)),
        "files": [
            # A calendar file has no key in it (see ``calendar``).
            [one[0], one[2], str(one[1])]
            for one in mail.attachments
            if isinstance(one, tuple)
        ],
    }


def without_keys(text: str) -> str:
    """Return ``text`` with the keys cut out of every link of ours."""
    return LINK.sub(_cut, text)


def _cut(found: re.Match[str]) -> str:
    host, path = "", found[0]
    scheme = found.string[max(found.start() - 6, 0) : found.start()]
    if scheme.endswith(SCHEMES) and (named := HOST.match(path)):
        host, path = named[0], path[named.end() :]
        if not settings.SITE_URL.endswith(f":{host}"):
            return found[0]
    path = KEYED.sub(rf"\1{CUT}", path)
    return host + PART.sub(lambda part: part[0] if SLUG.fullmatch(part[0]) else CUT, path)


def _headers(mail: EmailMultiAlternatives) -> list[tuple[str, str]]:
    extra = {name: str(value) for name, value in mail.extra_headers.items()}
    plain = {
        "From": mail.from_email,
        "To": ", ".join(mail.to),
        "Reply-To": ", ".join(mail.reply_to),
        "Subject": str(mail.subject),
    }
    return [(name, value) for name, value in {**plain, **extra}.items() if value]


def _html(mail: EmailMultiAlternatives) -> str:
    parts = (content for content, kind in mail.alternatives if kind == "text/html")
    return str(next(parts, ""))
