"""Owners' rich text on its way to a page: tables made readable on a phone, everything cleaned."""

import re
from collections.abc import Sequence
from html import unescape

import nh3
from django.utils.html import escape, strip_tags
from django.utils.safestring import SafeString, mark_safe
from django_prose_editor.config import allowlist_from_extensions, expand_extensions

from services.models import RICH_TEXT

TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
CELL = re.compile(r"<t[dh]\b[^>]*>(.*?)</t[dh]>", re.DOTALL)
MERGED = re.compile(r'(?:col|row)span="(?!1")')
HEADING = re.compile(r"(</?h)([23])(?=>)")


def _cleaner() -> nh3.Cleaner:
    allowed = allowlist_from_extensions(expand_extensions(RICH_TEXT))
    allowed["tags"].add("h4")
    for tag in ("table", "tr", "th", "td"):
        allowed["attributes"].setdefault(tag, set()).add("role")
    allowed["attributes"]["td"].add("data-label")
    return nh3.Cleaner(**allowed)


CLEANER = _cleaner()


def page_html(text: str, *, below: int = 1) -> SafeString:
    """Return ``text`` for a page, its headings starting one level under ``below`` (1 or 2).

    The cells of a table learn the names of their columns, for the stacked layout of a phone. The
    cleaning comes last, so that the result is safe whatever wrote the row.
    """
    text = TABLE.sub(_labelled_table, text)
    text = HEADING.sub(lambda tag: f"{tag[1]}{int(tag[2]) + below - 1}", text)
    return mark_safe(CLEANER.clean(text))  # noqa: S308


def _labelled_table(table: re.Match[str]) -> str:
    head, *rows = ROW.findall(table[0]) or [""]
    if not rows or "<td" in head or MERGED.search(table[0]):
        return table[0]
    headings = CELL.findall(head)
    labels = [escape(unescape(" ".join(strip_tags(one).split()))) for one in headings]
    # The editor knows no thead: it is put back. The roles outlive the stacked layout, which
    # takes a table's meaning away in some browsers.
    columns = "".join(f'<th role="columnheader">{one}</th>' for one in headings)
    return (
        f'<table role="table"><thead><tr role="row">{columns}</tr></thead>'
        f"<tbody>{''.join(_labelled_row(row, labels) for row in rows)}</tbody></table>"
    )


def _labelled_row(row: str, labels: Sequence[str]) -> str:
    first, *cells = CELL.findall(row) or [""]
    named = zip(cells, [*labels[1:], *[""] * len(cells)], strict=False)
    labelled = (f'<td role="cell" data-label="{label}">{cell}</td>' for cell, label in named)
    return f'<tr role="row"><td role="rowheader">{first}</td>{"".join(labelled)}</tr>'
