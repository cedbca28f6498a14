"""Writing help: words about health that promise too much. Pure: no Django.

The rules stand in ``content/claims.toml``. Each becomes one regular expression that Python and
browsers read alike, so that the editor warns while somebody types by the same rules as the server
after saving. A warning never stops anybody.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

RULES = Path(__file__).resolve().parent / "content" / "claims.toml"

SPACE = r"[\s\u00a0]+"
TOKEN = re.compile(r"\[[^\]]+\]|\S+")


@dataclass(frozen=True, slots=True)
class Rule:
    """What to look for, why it is risky, and how to say it with care.

    ``pattern`` and ``unless`` are sources of regular expressions, to be used without regard to
    case; ``unless`` is empty where there is no exception.
    """

    name: str
    pattern: str
    unless: str
    why: str
    instead: str


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001
    """Words in a text that promise too much."""

    words: str
    rule: Rule


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules in the order of the file; raises ``KeyError`` where one is not whole."""
    return tuple(_rule(table) for table in tomllib.loads(RULES.read_text("utf-8"))["rule"])


def warnings_in(text: str) -> list[Warning]:
    """Return what ``text`` promises too much, each wording once, in the order of the text."""
    found = sorted(_found(text), key=lambda one: one[0])
    once = {(warning.words.lower(), warning.rule.name): warning for _at, warning in reversed(found)}
    return list(reversed(once.values()))


def _found(text: str) -> Iterator[tuple[int, Warning]]:
    for rule in rules():
        fine = [one.span() for one in re.finditer(rule.unless, text, re.IGNORECASE)]
        for match in re.finditer(rule.pattern, text, re.IGNORECASE):
            if not _inside(match.start(), fine if rule.unless else []):
                yield match.start(), Warning(" ".join(match[0].split()), rule)


def _inside(place: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


def _rule(table: Mapping[str, Any]) -> Rule:
    return Rule(
        name=table["name"],
        pattern=_any_of(table["words"]),
        unless=_any_of(table.get("unless", [])),
        why=table["why"],
        instead=table["instead"],
    )


def _any_of(phrases: Iterable[str]) -> str:
    sources = [_phrase(phrase) for phrase in phrases]
    # Letters of every language end a word; browsers know them only as classes, so by example.
    return rf"(?<![A-Za-z0-9À-ɏ])(?:{'|'.join(sources)})(?![A-Za-z0-9À-ɏ])" if sources else ""


def _phrase(phrase: str) -> str:
    source, before = "", ""
    for token in TOKEN.findall(phrase):
        if token.startswith("["):
            source += f"(?:{before}{_word(token[1:-1])})?"
        else:
            source += before + _word(token)
        before = SPACE
    return source


def _word(word: str) -> str:
    plain, star = word.removesuffix("*"), word.endswith("*")
    # Browsers refuse escapes that are not needed.
    escaped = re.sub(r"([.^$+?{}()|\[\]\\])", r"\\\1", plain)
    return escaped + ("[A-Za-zÀ-ɏ]*" if star else "")
