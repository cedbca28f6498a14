"""Owners' rich text on its way to a page: tables made readable on a phone, everything cleaned."""

import re

import nh3
from django.utils.html import escape, strip_tags
from django.utils.safestring import SafeString, mark_safe
from django_prose_editor.config import allowlist_from_extensions, expand_extensions

from services.models import RICH_TEXT

TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
HEADING = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)


def _cleaner() -> nh3.Cleaner:
    allowed = allowlist_from_extensions(expand_extensions(RICH_TEXT))
    allowed["attributes"]["td"].add("data-label")
    return nh3.Cleaner(**allowed)


CLEANER = _cleaner()


def page_html(text: str) -> SafeString:
    """Return ``text`` for a page: cells know their column, and only allowed markup is left.

    The cleaning comes last, so that the result is safe whatever wrote the row.
    """
    return mark_safe(CLEANER.clean(TABLE.sub(_labelled, text)))  # noqa: S308


def _labelled(table: re.Match[str]) -> str:
    rows = ROW.findall(table[0])
    headings = [" ".join(strip_tags(one).split()) for one in HEADING.findall(rows[0])]
    if not headings or "<td" in rows[0]:
        return table[0]
    body = "".join(_labelled_row(row, headings) for row in rows[1:])
    # The editor knows no thead: it is put back, so that the first row is read as headings.
    return f"<table><thead>{rows[0]}</thead><tbody>{body}</tbody></table>"


def _labelled_row(row: str, headings: list[str]) -> str:
    first, *cells = re.split(r"<t(?=[dh]\b)", row)
    labels = [*headings, *[""] * len(cells)]
    labelled = [
        f'<td data-label="{escape(label)}"{cell[1:]}' if place and cell[0] == "d" else f"<t{cell}"
        for place, (label, cell) in enumerate(zip(labels, cells, strict=False))
    ]
    return first + "".join(labelled)
