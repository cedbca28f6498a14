"""The tables of a report, in words."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, time

from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from bookings.models import Appointment, Event, Room, Therapist
from bookings.reports.cells import (
    NONE,
    Cell,
    Chart,
    Heat,
    HeatCell,
    Table,
    amount,
    count,
    day,
    hours,
    share,
    text,
)
from bookings.reports.facts import Facts
from bookings.reports.figures import overview
from bookings.reports.periods import Period
from bookings.reports.visits import EARLIER, Tally, Used
from bookings.reports.working import Hour

# A share of emptiness falls into one of as many colours.
LEVELS = 5


def tables(facts: Facts) -> list[Table]:
    """Return every table of the report."""
    return [make(facts) for make in TABLES.values()]


def course(facts: Facts) -> Table:
    """Visits by day, week or month."""
    step = facts.period.step
    best = max(facts.tallies.course.items(), key=lambda pair: pair[1].booked)
    names = {"day": _("Day"), "week": _("Week"), "month": _("Month")}
    summary = ""
    if facts.total.booked:
        words = {"step": _step(best[0], step), "count": best[1].booked}
        summary = (
            ngettext(
                "Most on %(step)s: %(count)d booked visit.",
                "Most on %(step)s: %(count)d booked visits.",
                best[1].booked,
            )
            if step == "day"
            else ngettext(
                "Most in %(step)s: %(count)d booked visit.",
                "Most in %(step)s: %(count)d booked visits.",
                best[1].booked,
            )
        ) % words
    return Table(
        slug="course",
        title=_("Over time"),
        means=_("A visit counts on the day on which it starts."),
        headings=[names[step], *_tally_headings()],
        rows=[
            [day(_step(one, step), one.first), *_tally_cells(tally, facts)]
            for one, tally in facts.tallies.course.items()
        ],
        summary=summary,
        chart=Chart((1, 2)),
    )


def treatments(facts: Facts) -> Table:
    """Visits by treatment."""
    names = {one.pk: one.name for one in facts.services}
    return _by_tally(
        facts,
        [(names[pk], tally) for pk, tally in facts.tallies.by_service.items()],
        slug="treatments",
        title=_("By treatment"),
        means=_("Booked visits were not called off; to kept ones the client came."),
        heading=_("Treatment"),
    )


def sources(facts: Facts) -> Table:
    """Visits by way of booking."""
    names = dict(Appointment.Source.choices)
    return _by_tally(
        facts,
        [(str(names[source]), tally) for source, tally in facts.tallies.by_source.items()],
        slug="sources",
        title=_("By way of booking"),
        means=_(
            "Where the visit was booked: on the website, by the front desk, or in another diary."
        ),
        heading=_("Booked by"),
    )


def outcomes(facts: Facts) -> Table:
    """What became of the visits."""
    total = facts.total
    by, late = Event.ActorKind, {True: 0, False: 0}
    found = {(kind, is_late): 0 for kind in (by.CLIENT, by.STAFF) for is_late in late}
    for one in facts.cancelled:
        # What the system did, and what nobody recorded, is the spa's.
        kind = by.CLIENT if one.by == by.CLIENT else by.STAFF
        found[kind, one.late] += one.count
    every = total.booked + total.called_off
    rows = [
        (_("Kept"), total.kept),
        (_("Still open"), total.open),
        (_("Did not come"), total.missed),
        (_("Cancelled by the client, in time"), found[by.CLIENT, False]),
        (_("Cancelled by the client, late"), found[by.CLIENT, True]),
        (_("Cancelled by the spa, in time"), found[by.STAFF, False]),
        (_("Cancelled by the spa, late"), found[by.STAFF, True]),
        (_("Request declined"), total.declined),
    ]
    lost = {"off": count(total.called_off).shown, "all": count(every).shown}
    return Table(
        slug="outcomes",
        title=_("What became of them"),
        means=ngettext(
            "Late: less than %(hours)d hour before the visit. By the client: on her visit page. "
            "By the spa: by the staff, also where she rang. Still open: to come, or nobody has "
            "said what became of it.",
            "Late: less than %(hours)d hours before the visit. By the client: on her visit page. "
            "By the spa: by the staff, also where she rang. Still open: to come, or nobody has "
            "said what became of it.",
            facts.spa.cancellation_notice_hours,
        )
        % {"hours": facts.spa.cancellation_notice_hours},
        headings=[_("Outcome"), _("Visits"), _("Share")],
        rows=[[text(name), count(number), share(number, every)] for name, number in rows],
        summary=_("%(off)s of %(all)s visits were called off.") % lost if every else "",
        total=[text(_("All")), count(every), share(every, every)] if every else [],
        chart=Chart((1,), lying=True),
    )


def clients(facts: Facts) -> Table:
    """Who came."""
    people, before = facts.people
    every, every_before = people.new + people.returning, before.new + before.returning
    rows = [
        (_("New"), people.new, before.new),
        (_("Returning"), people.returning, before.returning),
    ]
    summary = _("%(new)s of %(all)s clients came for the first time.") % {
        "new": count(people.new).shown,
        "all": count(every).shown,
    }
    return Table(
        slug="clients",
        title=_("New and returning clients"),
        means=_(
            "Each person who kept a visit counts once, however many visits she had. New: her "
            "first kept visit ever lies in this period."
        ),
        headings=[_("Clients"), _("This period"), _("Share"), _("Before")],
        rows=[
            [text(name), count(number), share(number, every), count(earlier)]
            for name, number, earlier in rows
        ],
        summary=summary if every else "",
        total=[text(_("All")), count(every), share(every, every), count(every_before)],
        chart=Chart((1, 3), lying=True),
    )


def leads(facts: Facts) -> Table:
    """How early people book."""
    every = sum(facts.leads.values())
    names = {
        0: _("On the same day"),
        1: _("The day before"),
        3: _("2 – 3 days before"),
        7: _("4 – 7 days before"),
        14: _("8 – 14 days before"),
        30: _("15 – 30 days before"),
        EARLIER: _("Earlier"),
    }
    within_a_week = sum(number for lead, number in facts.leads.items() if lead <= 7)
    summary = _("%(share)s are booked within a week of the visit.")
    return Table(
        slug="booked-ahead",
        title=_("How early people book"),
        means=_("Days from the day of booking to the day of the visit; booked visits only."),
        headings=[_("Booked"), _("Visits"), _("Share")],
        rows=[
            [text(names[lead]), count(number), share(number, every)]
            for lead, number in facts.leads.items()
        ],
        summary=summary % {"share": share(within_a_week, every).shown} if every else "",
        chart=Chart((1,)),
    )


def therapists(facts: Facts) -> Table:
    """Use of therapists' time."""
    return _of_time(
        facts.therapists,
        facts.work.by_therapist(),
        facts.used_by_therapist,
        slug="therapists",
        title=_("Therapists’ time"),
        means=_(
            "Working time: weekly hours less breaks, time off and closures. Used: visits with "
            "preparation and tidying, also outside of working time. Who takes no appointments "
            "now has no share."
        ),
        heading=_("Therapist"),
    )


def rooms(facts: Facts) -> Table:
    """Use of rooms' time."""
    minutes = facts.work.open_minutes
    return _of_time(
        facts.rooms,
        {one.pk: minutes for one in facts.rooms if one.active},
        facts.used_by_room,
        slug="rooms",
        title=_("Rooms’ time"),
        means=_(
            "A room can be used while at least one therapist works. Used: visits with "
            "preparation and tidying. A room out of use has no share."
        ),
        heading=_("Room"),
    )


def empty_hours(facts: Facts) -> Table:
    """Which hours stay empty."""
    found = facts.hours
    summary = ""
    busy = [(one.empty / one.worked, key) for key, one in found.items()]
    if busy:
        _share, (weekday, hour) = max(busy, key=lambda pair: (pair[0], found[pair[1]].empty))
        cell = found[weekday, hour]
        summary = _("Emptiest: %(weekday)s at %(hour)s, %(share)s of the working time.") % {
            "weekday": WEEKDAYS[weekday],
            "hour": _clock(hour),
            "share": share(cell.empty, cell.worked).shown,
        }
    return Table(
        slug="empty-hours",
        title=_("Which hours stay empty"),
        means=_(
            "How much of the working time of each hour of the week nobody was booked for, or "
            "the one who was did not come. A dash: nobody works then."
        ),
        headings=[_("Weekday"), _("From"), _("Hours worked"), _("Hours empty"), _("Share")],
        rows=[
            [
                text(WEEKDAYS[weekday]),
                text(_clock(hour)),
                hours(one.worked),
                hours(one.empty),
                share(one.empty, one.worked),
            ]
            for (weekday, hour), one in found.items()
        ],
        summary=summary,
        heat=_heat(found) if found else None,
    )


TABLES: dict[str, Callable[[Facts], Table]] = {
    "overview": overview,
    "course": course,
    "treatments": treatments,
    "sources": sources,
    "outcomes": outcomes,
    "clients": clients,
    "booked-ahead": leads,
    "therapists": therapists,
    "rooms": rooms,
    "empty-hours": empty_hours,
}


def _tally_headings() -> list[str]:
    return [_("Booked"), _("Kept"), _("Booked revenue"), _("Kept revenue")]


def _tally_cells(tally: Tally, facts: Facts) -> list[Cell]:
    currency = facts.spa.currency
    return [
        count(tally.booked),
        count(tally.kept),
        amount(tally.worth, currency),
        amount(tally.worth_kept, currency),
    ]


def _by_tally(
    facts: Facts,
    tallies: Iterable[tuple[str, Tally]],
    *,
    slug: str,
    title: str,
    means: str,
    heading: str,
) -> Table:
    """A table of visits, the most booked first; what was never booked is left out."""
    ranked = sorted(tallies, key=lambda pair: (-pair[1].booked, pair[0]))
    every = facts.total.booked
    summary = ""
    if ranked and every:
        name, first = ranked[0]
        summary = _("Most booked: %(name)s, %(share)s of the visits.") % {
            "name": name,
            "share": share(first.booked, every).shown,
        }
    return Table(
        slug=slug,
        title=title,
        means=means,
        headings=[heading, *_tally_headings(), _("Share")],
        rows=[
            [text(name), *_tally_cells(one, facts), share(one.booked, every)]
            for name, one in ranked
        ],
        summary=summary,
        total=[text(_("All")), *_tally_cells(facts.total, facts), share(every, every)],
        chart=Chart((1, 2), lying=True),
    )


def _of_time(
    owners: Iterable[Therapist] | Iterable[Room],
    minutes: Mapping[int, int],
    used: Mapping[int, Used],
    *,
    slug: str,
    title: str,
    means: str,
    heading: str,
) -> Table:
    rows = [
        _time_cells(str(one), minutes.get(one.pk, 0), used.get(one.pk, Used()))
        for one in owners
        if one.active or one.pk in used
    ]
    # The share of all is that of those who have working time.
    working = sum(minutes.values())
    with_time = [used.get(pk, Used()) for pk in minutes]
    booked, kept = sum(one.booked for one in with_time), sum(one.kept for one in with_time)
    summary = _("%(share)s of the time is booked.") % {"share": share(booked, working).shown}
    return Table(
        slug=slug,
        title=title,
        means=means,
        headings=[
            heading,
            _("Hours to work"),
            _("Hours booked"),
            _("Hours kept"),
            _("Booked"),
            _("Kept"),
        ],
        rows=rows,
        summary=summary if working else "",
        total=_time_cells(_("All with a share"), working, Used(booked, kept)) if rows else [],
        chart=Chart((4, 5), lying=True, percent=True),
    )


def _time_cells(name: str, working: int, used: Used) -> list[Cell]:
    return [
        text(name),
        hours(working) if working else Cell(NONE, ""),
        hours(used.booked),
        hours(used.kept),
        share(used.booked, working),
        share(used.kept, working),
    ]


def _heat(found: Mapping[tuple[int, int], Hour]) -> Heat:
    clocks = range(min(hour for _day, hour in found), max(hour for _day, hour in found) + 1)
    return Heat(
        weekdays=[(str(WEEKDAYS[n]), str(WEEKDAYS_ABBR[n])) for n in range(7)],
        rows=[
            (_clock(hour), [_heat_cell(found.get((weekday, hour))) for weekday in range(7)])
            for hour in clocks
        ],
    )


def _heat_cell(hour: Hour | None) -> HeatCell:
    if hour is None:
        return HeatCell(NONE, None)
    level = min(hour.empty * LEVELS // hour.worked, LEVELS - 1)
    return HeatCell(share(hour.empty, hour.worked).shown, level)


def _clock(hour: int) -> str:
    return time_format(time(hour), "TIME_FORMAT")


def _step(step: Period, kind: str) -> str:
    if kind == "day":
        return date_format(step.first, pgettext("date format: short day", "D j M"))
    if kind == "week":
        return _("Week of %(day)s") % {"day": _short(step.first)}
    return date_format(step.first, pgettext("date format: month", "F Y"))


def _short(on: date) -> str:
    return date_format(on, pgettext("date format: day without weekday", "j M"))
