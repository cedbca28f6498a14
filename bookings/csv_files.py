"""CSV files as spreadsheets write and read them. No Django."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

Plain = str | int | Decimal

# What a spreadsheet would take for a formula; the wide ones are so in some languages.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Where the country's separator is none of ours, a spreadsheet begins a cell here all the same: it
# does not see the quotation marks around the whole.
INNER_START = re.compile(r"([;\t\r\n][\s\"']*)(?=[=+\-@＝＋－＠])")
INNER_MARK = re.compile(r"([;\t\r\n][\s\"']*)'(?=[=+\-@＝＋－＠])")
# With this mark at the start Excel reads UTF-8; everybody else skips it.
UTF8_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
# In this order: Western Windows takes any byte, so it comes last.
ENCODINGS = ("utf-8-sig", "cp1252")
SEPARATORS = ",;\t"


class NotCsv(Exception):
    """The file is no table of text."""


def harmless(value: Plain) -> Plain:
    """``value`` so that no spreadsheet takes it for a formula; numbers are what they are."""
    if not isinstance(value, str):
        return value
    marked = INNER_START.sub(r"\1'", value)
    return f"'{marked}" if value.startswith(FORMULA_STARTS) else marked


def as_typed(value: str) -> str:
    """Return what stood there before :func:`harmless`, without spaces around it."""
    text = INNER_MARK.sub(r"\1", value.strip())
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA_STARTS else text


def lines_of(rows: Iterable[Sequence[Plain]]) -> Iterator[str]:
    """Yield the lines of a CSV file, each value harmless."""
    buffer = io.StringIO()
    buffer.write(UTF8_MARK)
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([harmless(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def decoded(content: bytes) -> str:
    """Return the text of a file in UTF-8 or as Western Windows writes it; raises ``NotCsv``."""
    if b"\0" in content:
        raise NotCsv
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NotCsv


def table_of(text: str, *, most: int) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the headings of a CSV text in small letters, and its rows with their numbers.

    At most ``most`` rows and one more; empty rows are left out. Comma, semicolon and tab part the
    columns: whichever the headings use most. Short rows are filled up, and what stands beyond the
    last heading is cut off. Raises ``NotCsv``.
    """
    head = text.split("\n", 1)[0]
    separator = max(SEPARATORS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[tuple[int, list[str]]] = []
    try:
        headings = [one.strip().lower() for one in next(reader, [])]
        for number, row in enumerate(reader, start=2):
            if any(cell.strip() for cell in row):
                filled = [as_typed(cell) for cell in row] + [""] * len(headings)
                rows.append((number, filled[: len(headings)]))
            if len(rows) > most:
                break
    except csv.Error as error:
        raise NotCsv from error
    return headings, rows
