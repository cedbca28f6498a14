"""What changed between two texts, word by word. Pure: no Django."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import unescape
from typing import Literal

Kind = Literal["same", "removed", "added"]

BLOCK_END = re.compile(r"</(?:p|h[1-6]|li|tr|blockquote|div)>|<br ?/?>", re.IGNORECASE)
CELL_END = re.compile(r"</t[dh]>", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
TOKEN = re.compile(r"\n|[^\S\n]+|\w+|[^\w\s]")

# Comparing words takes the square of their number; longer stretches are compared as one.
MOST_TOKENS = 3000
# Below this share of common words, a lone "a" or "the" between the others only confuses.
ALIKE = 0.5
# Words that are shown around a change.
AROUND = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text and what happened to it."""

    kind: Kind
    text: str


def plain_text(html: str) -> str:
    """Return the words of rich text, a line per paragraph, point or row."""
    broken = BLOCK_END.sub("\n", CELL_END.sub(" · ", html))
    lines = (" ".join(line.split()) for line in unescape(TAG.sub("", broken)).split("\n"))
    return "\n".join(line.removesuffix(" ·") for line in lines if line)


def compare(before: str, after: str) -> list[Piece]:
    """Return ``after`` with what was removed from ``before``; equal stretches shortened."""
    found = list(_joined(_lines(before, after)))
    return [_shortened(piece, at, len(found)) for at, piece in enumerate(found)]


def _lines(before: str, after: str) -> Iterator[Piece]:
    # Line by line first: only lines that differ are compared word by word.
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, came = "".join(old[a:b]), "".join(new[c:d])
        if tag == "equal":
            yield Piece("same", gone)
        elif tag == "replace":
            yield from _words(gone, came)
        else:
            yield from _changed(gone, came)


def _words(before: str, after: str) -> Iterator[Piece]:
    old, new = TOKEN.findall(before), TOKEN.findall(after)
    if len(old) + len(new) > MOST_TOKENS:
        yield from _changed(before, after)
        return
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < ALIKE:
        yield from _changed(before, after)
        return
    for tag, a, b, c, d in matcher.get_opcodes():
        gone, came = "".join(old[a:b]), "".join(new[c:d])
        if tag == "equal":
            yield Piece("same", gone)
        else:
            yield from _changed(gone, came)


def _changed(gone: str, came: str) -> Iterator[Piece]:
    if gone:
        yield Piece("removed", gone)
    if came:
        yield Piece("added", came)


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Bring what is removed and what is added between two equal stretches together.

    A lone space between two changed words would make the difference hard to read.
    """
    removed, added, same = "", "", ""
    for piece in pieces:
        if piece.kind == "same" and (removed or added) and piece.text.strip(" ") == "":
            removed, added = removed + piece.text, added + piece.text
        elif piece.kind == "same":
            yield from _changed(removed, added)
            removed = added = ""
            same += piece.text
        else:
            if same:
                yield Piece("same", same)
                same = ""
            removed += piece.text if piece.kind == "removed" else ""
            added += piece.text if piece.kind == "added" else ""
    if same:
        yield Piece("same", same)
    yield from _changed(removed, added)


def _shortened(piece: Piece, at: int, count: int) -> Piece:
    words: Sequence[str] = re.findall(r"\S+\s*", piece.text)
    if piece.kind != "same" or len(words) <= 2 * AROUND:
        return piece
    start = "".join(words[:AROUND]) if at else ""
    end = "".join(words[-AROUND:]) if at < count - 1 else ""
    return Piece("same", f"{start}… {end}" if start else f"… {end}")
