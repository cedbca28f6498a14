"""Days and times as people say them."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_interval
from babel.lists import format_list
from django.utils.formats import date_format, time_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext, to_locale
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import PhoneNumber as PlainNumber
from phonenumbers import PhoneNumberFormat, format_number, region_code_for_number

from bookings.said import said as _

NO_BREAK = "\N{NO-BREAK SPACE}"


def day_in_words(day: date, today: date) -> str:
    """Today, Tomorrow, Tuesday 24 November, or with the year where it is another one."""
    if day == today:
        return _("Today")
    if day == today + timedelta(days=1):
        return _("Tomorrow")
    return full_day(day, today)


def day_in_a_sentence(day: date, today: date) -> str:
    """The same within a sentence: today, tomorrow, Tuesday 24 November."""
    if day == today:
        return _("today")
    if day == today + timedelta(days=1):
        return _("tomorrow")
    return full_day(day, today)


def full_day(day: date, today: date) -> str:
    """Tuesday 24 November; with the year where it is not this one."""
    return _full_day(day, day.year == today.year, get_language())


@lru_cache(maxsize=2048)
def _full_day(day: date, is_this_year: bool, _language: str | None) -> str:
    if is_this_year:
        return date_format(day, pgettext("date format: day in this year", "l j F"))
    return date_format(day, pgettext("date format: day in another year", "l j F Y"))


def days_in_words(starts_at: datetime, ends_at: datetime, today: date) -> str:
    """The days of a time, in the zone of ``starts_at``: Tuesday 24 November – Friday 27 November.

    A time that ends at midnight takes nothing of the day that begins there.
    """
    first, last = starts_at.date(), (ends_at - timedelta(microseconds=1)).date()
    if first == last:
        return full_day(first, today)
    return _("%(first)s – %(last)s") % {
        "first": full_day(first, today),
        "last": full_day(last, today),
    }


def span_of_days(first: date, last: date, today: date) -> str:
    """23–29 Nov; with the year where it is not this one."""
    this_year = first.year == last.year == today.year
    skeleton = "MMMd" if this_year else "yMMMd"
    return str(format_interval(first, last, skeleton, locale=_locale()))


def span_in_words(starts_at: datetime, ends_at: datetime, today: date) -> str:
    """Tuesday 24 November, 10:15 – 11:15, both in the zone of ``starts_at``."""
    return _("%(day)s, %(hours)s") % {
        "day": full_day(starts_at.date(), today),
        "hours": hours_in_words(starts_at, ends_at),
    }


def span_in_html(starts_at: datetime, ends_at: datetime, today: date) -> SafeString:
    """The same for a page, with the day and its month on one line, and both times on one."""
    return format_html(
        _("{day}, {hours}"),
        day=re.sub(r"(?<=\d) ", NO_BREAK, full_day(starts_at.date(), today)),
        hours=format_html('<span class="nowrap">{}</span>', hours_in_words(starts_at, ends_at)),
    )


def hours_in_words(starts_at: datetime, ends_at: datetime) -> str:
    """10:15 – 11:15; behind a time that the clock shows twice stands the zone's short name."""
    return _("%(starts)s – %(ends)s") % {
        "starts": clock_time(starts_at),
        "ends": clock_time(ends_at),
    }


def moment_in_words(at: datetime, today: date) -> str:
    """Tuesday 24 November, 10:15, in the zone of ``at``."""
    return _("%(day)s, %(time)s") % {"day": full_day(at.date(), today), "time": clock_time(at)}


def moment_in_a_sentence(at: datetime, today: date) -> str:
    """The same within a sentence: today, 10:15, or Tuesday 24 November, 10:15."""
    return _("%(day)s, %(time)s") % {
        "day": day_in_a_sentence(at.date(), today),
        "time": clock_time(at),
    }


def near_moment(at: datetime, day: date | None) -> str:
    """13:30 where that is on ``day``, else Wed 25 Nov, 10:45: as short as a button needs it."""
    time = clock_time(at)
    if at.date() == day:
        return time
    short = date_format(at, pgettext("date format: short day", "D j M"))
    return _("%(day)s, %(time)s") % {"day": short, "time": time}


def clock_time(at: datetime) -> str:
    """10:15, or 01:30 GMT where the clock shows that time twice."""
    clock = _clock(at.time(), get_language())
    return f"{clock} {at.tzname()}" if is_ambiguous(at) else clock


@lru_cache(maxsize=2048)
def _clock(at: time, _language: str | None) -> str:
    return time_format(at, "TIME_FORMAT")


def is_ambiguous(at: datetime) -> bool:
    """Whether the clock shows the local time ``at`` twice."""
    return at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()


def either(names: Sequence[str]) -> str:
    """Mia, Noor or Tomas."""
    return format_list(names, "or", _locale())


def dialled_in(number: PhoneNumber, country: str) -> str:
    """Write ``number`` as people in ``country`` (two letters) dial it: 020 7946 0001."""
    if region_code_for_number(number) == country:
        return number.as_national
    return number.as_international


def dialled_from_anywhere(number: PhoneNumber) -> str:
    """Write ``number`` with its country: +44 20 7946 0001."""
    # Only its parts can be looked up by: a number is written out to be told from another.
    return _with_country(
        number.country_code,
        number.national_number,
        number.extension,
        number.italian_leading_zero,
        number.number_of_leading_zeros,
    )


@lru_cache(maxsize=256)
def _with_country(*parts: Any) -> str:
    return str(format_number(PlainNumber(*parts), PhoneNumberFormat.INTERNATIONAL))


def _locale() -> Locale:
    return Locale.parse(to_locale(get_language() or "en"))


def all_of(names: Sequence[str]) -> str:
    """Mia, Noor and Tomas."""
    return format_list(names, "standard", _locale())
