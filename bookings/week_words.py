"""A week of hours as people say it."""

from datetime import date, time

from django.utils.dates import WEEKDAYS
from django.utils.formats import time_format
from django.utils.translation import gettext as _

from bookings.weeks import Day, Period, Shift, Week, alike
from bookings.words import all_of, full_day


def week_in_words(week: Week) -> list[str]:
    """Monday – Friday 09:00 – 17:00, break 12:30 – 13:15; a line for each kind of day."""
    lines = [_("%(days)s %(hours)s") % {"days": days, "hours": on} for days, on in by_days(week)]
    return lines or [_("No working hours")]


def by_days(week: Week) -> list[tuple[str, str]]:
    """The same in two parts: Monday – Friday, and the hours of these days."""
    return [(_days(days), day_in_words(day)) for days, day in alike(week)]


def day_in_words(day: Day) -> str:
    """09:00 – 12:00 and 14:00 – 18:00, break 16:00 – 16:15."""
    hours = all_of([_clocks(one.starts, one.ends) for one in day])
    breaks = all_of([words for words in map(_break, day) if words])
    if not breaks:
        return hours
    return _("%(hours)s, break %(breaks)s") % {"hours": hours, "breaks": breaks}


def period_in_words(period: Period, today: date) -> str:
    """Now; From Monday 1 March; From Monday 1 March until Friday 5 March; with now: Until …."""
    begun = period.first is None or period.first <= today
    words = {
        "first": full_day(period.first, today) if period.first else "",
        "last": full_day(period.last, today) if period.last else "",
    }
    if begun and period.last is None:
        return _("Now")
    if begun:
        return _("Now, until %(last)s") % words
    if period.last is None:
        return _("From %(first)s") % words
    if period.first == period.last:
        return _("On %(first)s") % words
    return _("From %(first)s until %(last)s") % words


def clock(at: time) -> str:
    """09:00, as the spa's language writes it."""
    return time_format(at, "TIME_FORMAT")


def _days(days: list[int]) -> str:
    first, last = str(WEEKDAYS[days[0]]), str(WEEKDAYS[days[-1]])
    if len(days) == 1:
        return first
    return _("%(first)s – %(last)s") % {"first": first, "last": last}


def _break(shift: Shift) -> str:
    if shift.break_starts is None or shift.break_ends is None:
        return ""
    return _clocks(shift.break_starts, shift.break_ends)


def _clocks(starts: time, ends: time) -> str:
    return _("%(starts)s – %(ends)s") % {"starts": clock(starts), "ends": clock(ends)}
