"""A letter as the two parts of a mail: HTML that holds in old mail programs, and equal text.

Templates and style sheet are gone through once for each form of letter, with marks in the place of
the words; a letter is its form with its own words. That makes it ten times as fast.
"""

import re
import secrets
from dataclasses import dataclass, fields, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple

import css_inline
from django.template.defaultfilters import linebreaksbr
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.translation import get_language

from bookings.letters import Button, Letter
from bookings.words import NO_BREAK, dialled_from_anywhere
from services.models import SpaProfile

# Fills the preview line of a mailbox, which would go on with the letter and its treatment.
FILLER = "\u00a0\u200c" * 120
# Nobody can have written it into a text.
MARK = f"mark-{secrets.token_hex(12)}-"
_MARKS = re.compile(rf"{MARK}(\d+)-")


@dataclass(frozen=True, slots=True)
class Parts:
    """Both say the same."""

    html: str
    text: str


class _Phone(NamedTuple):
    as_international: str
    as_rfc3966: str


class _Sender(NamedTuple):
    """What the templates tell of the spa."""

    name: str
    email: str
    phone: _Phone


def render_letter(letter: Letter, *, spa: SpaProfile) -> Parts:
    """Return both parts of ``letter``, in the active language."""
    phone = _Phone(dialled_from_anywhere(spa.phone), spa.phone.as_rfc3966)
    blanks = _Blanks()
    form = blanks.taken_out_of(letter)
    blank = _blank(form, _Sender(spa.name, spa.email, phone), get_language() or "")
    html = _MARKS.sub(lambda mark: blanks.html(int(mark[1])), blank.html)
    return Parts(
        html=_unbroken(html, phone),
        text=_MARKS.sub(lambda mark: blanks.words[int(mark[1])], blank.text),
    )


class _Blanks:
    """The words that are one letter's own, each with the number of its mark."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.in_lines: set[int] = set()

    def html(self, number: int) -> str:
        """The words of a mark, escaped; those of a paragraph keep their lines."""
        words = self.words[number]
        return linebreaksbr(words) if number in self.in_lines else escape(words)

    def taken_out_of(self, letter: Letter) -> tuple[Any, ...]:
        """The fields of ``letter`` with marks for its own words, to be hashed; empty ones stay."""
        bare = replace(
            letter,
            subject=self._take(letter.subject),
            preheader=self._take(letter.preheader),
            heading=self._take(letter.heading),
            greeting=self._take(letter.greeting),
            opening=[self._take(one, in_lines=True) for one in letter.opening],
            facts=[(label, self._take(value)) for label, value in letter.facts],
            notes=[self._take(one, in_lines=True) for one in letter.notes],
            button=self._bare(letter.button),
            closing=[self._take(one) for one in letter.closing],
            more=[self._bare(one) for one in letter.more],
            stop_url=self._take(letter.stop_url),
        )
        values = (getattr(bare, one.name) for one in fields(bare))
        return tuple(tuple(one) if isinstance(one, list) else one for one in values)

    def _bare(self, button: Button) -> Button:
        return button if button.is_call else Button(button.label, self._take(button.url))

    def _take(self, words: str, *, in_lines: bool = False) -> str:
        if not words:
            return words
        self.words.append(words)
        number = len(self.words) - 1
        if in_lines:
            self.in_lines.add(number)
        return f"{MARK}{number}-"


@lru_cache(maxsize=64)
def _blank(form: tuple[Any, ...], spa: _Sender, language: str) -> Parts:
    """Return the parts of the letter whose fields are ``form``, in ``language``, the active one."""
    words = {"letter": Letter(*form), "spa": spa, "filler": FILLER}
    html = render_to_string("bookings/messages/letter.html", words)
    return Parts(
        html=_inliner().inline(_unbroken(html, spa.phone)),
        text=render_to_string("bookings/messages/letter.txt", words),
    )


def _unbroken(html: str, phone: _Phone) -> str:
    """A number on two lines is dialled wrong."""
    number = phone.as_international
    return html.replace(number, number.replace(" ", NO_BREAK))


@cache
def _inliner() -> css_inline.CSSInliner:
    """Writes the measures into the elements and leaves the colours in the letter's head."""
    return css_inline.CSSInliner(
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
        extra_css=render_to_string("bookings/messages/letter.css"),
    )
