"""The rules of the house that a time breaks, in whole sentences. A reason waives them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.actions.wishes import Wish
from bookings.availability import Grid, Hours, Length, Span
from bookings.models import Appointment, Therapist, TimeOff
from bookings.queries import hours_of, last_bookable_day
from bookings.words import (
    all_of,
    days_in_words,
    full_day,
    hours_in_words,
    moment_in_words,
    span_in_words,
)


def broken_rules(wish: Wish, therapist: Therapist) -> list[str]:
    """The rules that ``wish`` with ``therapist`` breaks, the plainest first.

    Judged cell by cell as the offer is: what is offered breaks none, and what breaks none is
    offered where nobody is in the way.
    """
    grid = replace(wish, anytime=True).grid
    cell = grid.cell_at(wish.starts_at)
    if cell is None:
        return []
    needed = grid.visit(cell, wish.length)
    visit = grid.visit(cell, Length(0, wish.length.visit, 0))
    return [
        *other_visits(wish),
        *_of_booking(wish, grid),
        *_of_time_off(wish, therapist, grid, needed),
        *_of_hours(wish, therapist, grid, needed, visit),
    ]


def other_visits(wish: Wish) -> list[str]:
    """The visits that the client of ``wish`` has at that time, in whole sentences; one query.

    Visits themselves count, not the time around them. None where nobody knows who comes.
    """
    if wish.client is None:
        return []
    hers = Appointment.objects.blocking(wish.now).filter(
        client=wish.client,
        starts_at__lt=wish.times["ends_at"],
        ends_at__gt=wish.starts_at,
    )
    if wish.moving is not None:
        hers = hers.exclude(pk=wish.moving.pk)
    return [_twice(wish, one) for one in hers.select_related("client", "therapist")]


def _twice(wish: Wish, visit: Appointment) -> str:
    return _("%(client)s has a visit then: %(hours)s with %(therapist)s.") % {
        "client": visit.client,
        "hours": hours_in_words(wish.local(visit.starts_at), wish.local(visit.ends_at)),
        "therapist": visit.therapist,
    }


def _of_booking(wish: Wish, grid: Grid) -> list[str]:
    horizon = last_bookable_day(wish.spa, wish.now)
    if wish.starts_at < min(wish.now, wish.earliest or wish.now):
        return [_("This time has already begun.")]
    if grid.first_day > horizon:
        return [_("The diary is open until %(day)s.") % {"day": full_day(horizon, wish.today)}]
    hours = wish.spa.minimum_notice_hours
    if wish.earliest is None and wish.starts_at < wish.now + timedelta(hours=hours):
        words = ngettext(
            "This is within the %(hours)d hour of notice that the spa asks for.",
            "This is within the %(hours)d hours of notice that the spa asks for.",
            hours,
        )
        return [words % {"hours": hours}]
    return []


def _of_time_off(wish: Wish, therapist: Therapist, grid: Grid, needed: int) -> list[str]:
    rows = TimeOff.objects.filter(
        Q(therapist=therapist) | Q(therapist=None),
        starts_at__lt=grid.span.end,
        ends_at__gt=grid.span.start,
    ).order_by("starts_at", "pk")
    return [
        _off_in_words(wish, therapist, off)
        for off in rows
        if grid.touched([Span(off.starts_at, off.ends_at)]) & needed
    ]


def _off_in_words(wish: Wish, therapist: Therapist, off: TimeOff) -> str:
    off_duty = _("%(name)s is off") % {"name": therapist.name}
    words = {
        "who": _("The spa is closed") if off.therapist_id is None else off_duty,
        "when": _stretch(wish, off.starts_at, off.ends_at),
        "reason": off.reason,
    }
    if off.reason:
        return _("%(who)s (%(reason)s): %(when)s.") % words
    return _("%(who)s: %(when)s.") % words


def _stretch(wish: Wish, starts_at: datetime, ends_at: datetime) -> str:
    starts, ends = wish.local(starts_at), wish.local(ends_at)
    if starts.time() == ends.time() == time.min:
        return days_in_words(starts, ends, wish.today)
    if starts.date() == ends.date():
        return span_in_words(starts, ends, wish.today)
    return _("%(first)s – %(last)s") % {
        "first": moment_in_words(starts, wish.today),
        "last": moment_in_words(ends, wish.today),
    }


def _of_hours(wish: Wish, therapist: Therapist, grid: Grid, needed: int, visit: int) -> list[str]:
    day = grid.first_day
    week = hours_of([therapist.pk])[therapist.pk]
    shifts = sorted((one for one in week if one.holds_on(day)), key=lambda one: one.starts)
    if not needed & ~grid.working(shifts):
        return []
    words = {"name": therapist.name, "day": full_day(day, wish.today)}
    if not shifts:
        return [_("%(name)s does not work on %(day)s.") % words]
    unbroken = [replace(one, break_starts=None, break_ends=None) for one in shifts]
    if not needed & ~grid.working(unbroken):
        return [_("%(name)s has a break %(hours)s.") % {**words, "hours": _breaks(wish, shifts)}]
    words["hours"] = all_of([_clock(wish, one.starts, one.ends) for one in shifts])
    if not visit & ~grid.working(shifts):
        # From nine to ten looks free in a shift that ends at ten: say what does not fit.
        return [
            _("%(name)s works %(hours)s on this day; preparing and tidying up count too.") % words
        ]
    return [_("%(name)s works %(hours)s on this day.") % words]


def _breaks(wish: Wish, shifts: Sequence[Hours]) -> str:
    return all_of(
        [
            _clock(wish, one.break_starts, one.break_ends)
            for one in shifts
            if one.break_starts and one.break_ends
        ]
    )


def _clock(wish: Wish, starts: time, ends: time) -> str:
    """10:00 – 18:00, on the day of the wish."""
    day, zone = wish.day, wish.spa.zone
    return hours_in_words(
        datetime.combine(day, starts, tzinfo=zone), datetime.combine(day, ends, tzinfo=zone)
    )
