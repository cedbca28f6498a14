"""Two people wrote into the same form: what each of them meant. Pure: no Django.

A field is a tuple of strings, as a form sends it. What only one of the two changed is taken from
that one; what both changed stays as the one who sends now wrote it, and is named.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Values = Mapping[str, tuple[str, ...]]
# The editor writes these where they say nothing, and leaves them out elsewhere.
NO_MEANING = re.compile(r'</?(?:p|tbody|thead)>|\s(?:col|row)span="1"|\srel="[^"]*"')


@dataclass(frozen=True, slots=True)
class Merged:
    """The form to go on with, and the names of the fields that both have changed."""

    values: Values
    both: Sequence[str]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table in the form; ``key`` is empty for a row that is not stored yet."""

    key: str
    values: Values


def merge(*, base: Values, mine: Values, theirs: Values) -> Merged:
    """Return the fields of ``mine`` with what ``theirs`` alone changed since ``base``."""
    values: dict[str, tuple[str, ...]] = {}
    both = []
    for name, written in mine.items():
        was, now = base.get(name, ()), theirs.get(name, ())
        if _same(was, now) or _same(written, now):
            values[name] = written
        elif _same(written, was):
            values[name] = now
        else:
            values[name] = written
            both.append(name)
    return Merged(values, both)


def merge_rows(
    *, base: Mapping[str, Values], mine: Sequence[Row], theirs: Mapping[str, Values]
) -> list[Row]:
    """Return the rows to go on with: stored ones first, then those that are new.

    A row that the other one deleted stays, as a new one, where it was also written into.
    """
    stored, new = [], []
    seen = {row.key for row in mine}
    for row in mine:
        if row.key in theirs:
            merged = merge(base=base.get(row.key, {}), mine=row.values, theirs=theirs[row.key])
            stored.append(Row(row.key, merged.values))
        elif not row.key or _written_into(row, base):
            new.append(Row("", row.values))
    stored += [Row(key, values) for key, values in theirs.items() if key not in seen]
    return stored + new


def _written_into(row: Row, base: Mapping[str, Values]) -> bool:
    was = base.get(row.key, {})
    return any(not _same(value, was.get(name, ())) for name, value in row.values.items())


def _same(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return sorted(map(_essence, one)) == sorted(map(_essence, other))


def _essence(value: str) -> str:
    return " ".join(NO_MEANING.sub(" ", value).replace(">", "> ").replace("<", " <").split())
