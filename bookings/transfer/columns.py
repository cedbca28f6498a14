"""Reading one cell: a name, a day, a sum; what is wrong is said in words for its column."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from phonenumber_field.phonenumber import to_python

from bookings.forms.address import plain_address
from bookings.forms.details import UNSEEN
from bookings.words import either, is_ambiguous

T = TypeVar("T")
Row = Mapping[str, str]

DAY_FIRST = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y")
MONTH_FIRST = ("%Y-%m-%d", "%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
# Where people write the month first.
MONTH_FIRST_IN = ("US", "PH", "CA")
CLOCKS = ("%H:%M", "%H:%M:%S", "%H.%M", "%I:%M %p", "%I:%M%p", "%I %p", "%I%p")


def refuse(column: str, words: str) -> ValidationError:
    """What is wrong in one column of a row."""
    return ValidationError({column: [words]})


def text(row: Row, column: str, *, most: int, needed: bool = True) -> str:
    """Return one line of text."""
    found = " ".join(UNSEEN.sub(" ", row.get(column, "")).split())
    if needed and not found:
        raise refuse(column, _("is empty. Please fill it in."))
    if len(found) > most:
        words = _("has more than %(most)d characters. Please shorten it.")
        raise refuse(column, words % {"most": most})
    return found


def email(row: Row, column: str) -> str:
    """Return an address in small letters, or nothing."""
    found = text(row, column, most=254, needed=False).lower()
    if found:
        try:
            plain_address(found)
        except ValidationError:
            words = _("“%(found)s” is no e-mail address. It looks like name@example.com.")
            raise refuse(column, words % {"found": found}) from None
    return found


def phone(row: Row, column: str, *, country: str) -> str:
    """Return a number as E.164, read by the rules of ``country``, or nothing."""
    found = text(row, column, most=40, needed=False)
    if not found:
        return ""
    number = to_python(found, region=country)
    if not number or not number.is_valid():
        words = _("“%(found)s” is no phone number. Write it with the code of its country.")
        raise refuse(column, words % {"found": found})
    return str(number.as_e164)


def one_of(row: Row, column: str, choices: Mapping[str, T]) -> T:
    """Return what is called so, whatever the capitals; ``choices`` are by name in small letters."""
    found = text(row, column, most=200)
    if (key := found.casefold()) in choices:
        return choices[key]
    words = _("there is no “%(found)s” here.") % {"found": found}
    raise refuse(column, f"{words} {_suggestion(key, choices)}")


def _suggestion(key: str, choices: Iterable[str]) -> str:
    near = get_close_matches(key, list(choices), n=1, cutoff=0.6)
    if near:
        return _("Did you mean “%(near)s”?") % {"near": near[0]}
    return _("Add it first, or correct the name.")


def number(row: Row, column: str) -> int | None:
    """Return a whole number, or nothing."""
    found = text(row, column, most=20, needed=False)
    if not found:
        return None
    if not found.isdecimal() or len(found) > 4:
        raise refuse(column, _("“%(found)s” is no whole number.") % {"found": found})
    return int(found)


def amount(row: Row, column: str) -> Decimal | None:
    """Return a sum of money, with a point or a comma before the last digits, or nothing."""
    found = text(row, column, most=20, needed=False)
    if not found:
        return None
    plain = found.replace(" ", "")
    if "," in plain and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        value = Decimal(plain.replace(",", "")).quantize(Decimal("0.01"))
    except InvalidOperation:
        value = Decimal(-1)
    if not 0 <= value < 1_000_000:
        raise refuse(column, _("“%(found)s” is no price, such as 75.00.") % {"found": found})
    return value


def day(row: Row, column: str, *, country: str) -> date:
    """Return a day, as ISO 8601 or as people of ``country`` write it."""
    found = text(row, column, most=30)
    for form in MONTH_FIRST if country in MONTH_FIRST_IN else DAY_FIRST:
        try:
            read = datetime.strptime(found, form).date()  # noqa: DTZ007
        except ValueError:
            continue
        if 1990 <= read.year <= 2100:
            return read
    words = _("“%(found)s” is no day. Write it like 2026-12-24.")
    raise refuse(column, words % {"found": found})


def clock(row: Row, column: str) -> time:
    """Return a time of the day."""
    found = text(row, column, most=20)
    for form in CLOCKS:
        try:
            return datetime.strptime(found.upper(), form).time()  # noqa: DTZ007
        except ValueError:
            continue
    words = _("“%(found)s” is no time. Write it like 14:30.")
    raise refuse(column, words % {"found": found})


def moment(on: date, at: time, *, zone: ZoneInfo, column: str) -> datetime:
    """Return the instant of a day and a time by the clocks of ``zone``, in UTC."""
    local = datetime.combine(on, at, tzinfo=zone)
    back = local.astimezone(UTC).astimezone(zone)
    if back.replace(tzinfo=None) != local.replace(tzinfo=None):
        raise refuse(column, _("that time does not exist: the clocks were put forward."))
    if is_ambiguous(local):
        raise refuse(column, _("the clock showed that time twice on this day. Enter it by hand."))
    return local.astimezone(UTC)


def lengths(minutes: Iterable[int]) -> str:
    """60 or 90."""
    return either([str(one) for one in minutes])
