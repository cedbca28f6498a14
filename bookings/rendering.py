"""A letter as the two parts of a mail: HTML that holds in old mail programs, and equal text."""

from dataclasses import dataclass
from functools import cache

import css_inline
from django.template.loader import render_to_string

from bookings.letters import Letter
from bookings.words import NO_BREAK
from services.models import SpaProfile

# Fills the preview line of a mailbox, which would go on with the letter and its treatment.
FILLER = "\u00a0\u200c" * 120


@dataclass(frozen=True, slots=True)
class Parts:
    """Both say the same."""

    html: str
    text: str


def render_letter(letter: Letter, *, spa: SpaProfile) -> Parts:
    """Return both parts of ``letter``, in the active language."""
    words = {"letter": letter, "spa": spa, "filler": FILLER}
    html = render_to_string("bookings/messages/letter.html", words)
    # A number on two lines is dialled wrong.
    phone = spa.phone.as_international
    return Parts(
        html=_inliner().inline(html.replace(phone, phone.replace(" ", NO_BREAK))),
        text=render_to_string("bookings/messages/letter.txt", words),
    )


@cache
def _inliner() -> css_inline.CSSInliner:
    """Writes the measures into the elements and leaves the colours in the letter's head."""
    return css_inline.CSSInliner(
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
        extra_css=render_to_string("bookings/messages/letter.css"),
    )
