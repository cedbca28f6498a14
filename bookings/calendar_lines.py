"""The lines of a calendar file (RFC 5545) for the mails, of which there are many.

icalendar makes an object of each value, which takes longer than all else in a letter's file. These
write the same bytes, for any words; a test compares both.
"""

import re
from collections.abc import Iterable
from datetime import datetime

# Octets; a longer line goes on behind a space in the next one.
LONGEST = 74
_ESCAPED = re.compile(r"\\N|\r\n|[\\;,\r\n]")
# Between quotation marks these are part of a parameter's words.
_QUOTED = re.compile("[,;:’ ']")


def text_line(name: str, words: str) -> str:
    """A property that holds text."""
    return f"{name}:{_ESCAPED.sub(_escape, words)}"


def moment_line(name: str, at: datetime) -> str:
    """A property that holds a moment, in the zone of ``at``, which is known by its key, or UTC."""
    key = getattr(at.tzinfo, "key", "UTC")
    clock = f"{at:%Y%m%dT%H%M%S}"
    return f"{name}:{clock}Z" if key == "UTC" else f"{name};TZID={key}:{clock}"


def person_line(name: str, email: str, *, called: str, parameters: str = "") -> str:
    """A property that holds a person; ``parameters`` stand behind her name, each after a ``;``."""
    # Quotation marks and line ends need an escape (RFC 6868) that several calendars do not know.
    words = " ".join(called.replace('"', "”").replace("^", "").split())
    words = f'"{words}"' if _QUOTED.search(words) else words
    return f"{name};CN={words}{parameters}:mailto:{email}"


def written(lines: Iterable[str]) -> bytes:
    """Return ``lines`` as they stand in a file; raises ValueError where one has an end inside."""
    return b"".join(_folded(line) + b"\r\n" for line in lines)


def _escape(found: re.Match[str]) -> str:
    sign = found[0]
    return f"\\{sign}" if sign in "\\;," else r"\n"


def _folded(line: str) -> bytes:
    if "\n" in line or "\r" in line:
        raise ValueError("A line of a calendar has an end inside.")
    parts, rest = [], line.encode()
    while len(rest) > LONGEST:
        # No sign is cut in two, and no escape: some calendars do not find it then.
        fits = rest[:LONGEST].decode(errors="ignore").encode()
        fits = fits[:-1] if fits.endswith((b"\\", b"^")) else fits
        parts.append(fits)
        rest = rest[len(fits) :]
    return b"\r\n ".join([*parts, rest])
