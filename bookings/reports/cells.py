"""A figure as a page shows it and as a spreadsheet reads it."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from babel.numbers import format_decimal, format_percent
from django.utils.translation import get_language, to_locale

from bookings.csv_files import Plain
from services.templatetags.menu import money

MINUTES = Decimal(60)
NONE = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure or word; ``plain`` is a number without a unit, a day in ISO 8601, or text."""

    shown: str
    plain: Plain


@dataclass(frozen=True, slots=True)
class Chart:
    """How a table is drawn: bars of the given columns, lying where names are long, in percent."""

    columns: tuple[int, ...]
    lying: bool = False
    percent: bool = False


@dataclass(frozen=True, slots=True)
class HeatCell:
    """An hour of the week: how empty, in words, and from 0 (full) to 4 (empty) as a colour."""

    shown: str
    level: int | None


@dataclass(frozen=True, slots=True)
class Heat:
    """Hours down, weekdays across."""

    weekdays: list[tuple[str, str]]
    rows: list[tuple[str, list[HeatCell]]]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what its figures mean, what they say in a sentence, and the figures.

    The first cell of a row is its heading. ``total`` is a last row that no chart shows.
    """

    slug: str
    title: str
    means: str
    headings: list[str]
    rows: list[list[Cell]]
    summary: str = ""
    total: list[Cell] = field(default_factory=list)
    chart: Chart | None = None
    heat: Heat | None = None

    @property
    def is_long(self) -> bool:
        """Whether the chart should be seen without scrolling past the figures."""
        return len(self.rows) > 12


def text(words: object) -> Cell:
    """A name, or other words."""
    return Cell(str(words), str(words))


def day(words: str, first: date) -> Cell:
    """A day, or the first day of a week or a month."""
    return Cell(words, first.isoformat())


def count(number: int) -> Cell:
    """How many."""
    return Cell(format_decimal(number, locale=locale()), number)


def amount(value: Decimal, currency: str) -> Cell:
    """Money."""
    return Cell(money(value, currency), value)


def hours(minutes: int) -> Cell:
    """Minutes as hours: 1,204.5."""
    value = (minutes / MINUTES).quantize(Decimal("0.1"))
    return Cell(format_decimal(value, locale=locale()), value)


def share(part: int, whole: int) -> Cell:
    """A part of a whole in percent; nothing where there is no whole."""
    if not whole:
        return Cell(NONE, "")
    value = Decimal(part) / whole
    return Cell(percent(value), (value * 100).quantize(Decimal("0.1")))


def percent(value: Decimal) -> str:
    """0.62 as 62%."""
    return format_percent(value, locale=locale())


def locale() -> str:
    """The reader's locale, as babel names it."""
    return to_locale(get_language() or "en")
