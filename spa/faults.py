"""What may be told of an exception where no person may be named.

An exception's words often repeat what somebody typed: a row that a constraint refused, an address
that a mail server does not know. Its type and where in the code it came up say as much to whoever
mends it.
"""

import traceback
from collections.abc import Iterator
from types import TracebackType

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.template import TemplateDoesNotExist

# Their words are made of the code or of addresses of servers, never of what somebody sent.
TELLING = (
    AttributeError,
    ImportError,
    ImproperlyConfigured,
    ModuleNotFoundError,
    NameError,
    OperationalError,
    TemplateDoesNotExist,
    UnboundLocalError,
)
LONGEST = 300


def title(error: BaseException) -> str:
    """Return an exception's type and, where they can name nobody, its words."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else _full_name(kind)
    words = str(error).strip()[:LONGEST]
    return f"{name}: {words}" if kind in TELLING and words else name


def story(error: BaseException) -> str:
    """Return the traceback of an exception and of those that led to it, without their words."""
    return "\n".join("".join(_steps(one.__traceback__)) + title(one) for one in chain(error))


def chain(error: BaseException) -> list[BaseException]:
    """Return an exception after those that led to it, the first cause first."""
    found: list[BaseException] = []
    now: BaseException | None = error
    while now is not None and now not in found:
        found.insert(0, now)
        now = now.__cause__ or (None if now.__suppress_context__ else now.__context__)
    return found


def without_words(text: str, error: BaseException) -> str:
    """Return ``text`` with the words of an exception and of its causes replaced by its type."""
    for one in chain(error):
        for words in sorted(_words(one), key=len, reverse=True):
            text = text.replace(words, title(one))
    return text


def _words(error: BaseException) -> Iterator[str]:
    # A single letter or number would also be found in the middle of other words.
    yield from (words for words in (repr(error), str(error)) if len(words) > 2)


def _steps(trace: TracebackType | None) -> list[str]:
    if trace is None:
        return []
    return ["Traceback (most recent call last):\n", *traceback.format_tb(trace)]


def _full_name(kind: type[BaseException]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
