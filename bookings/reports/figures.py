"""The few figures that come first, each beside that of the period before."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from bookings.reports.cells import Cell, Table, amount, count, percent, text
from bookings.reports.facts import Facts


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, what it means, the one before, and by how much it changed, where that says much."""

    name: str
    means: str
    now: Cell
    before: Cell
    change: str


def figures(facts: Facts) -> list[Figure]:
    """Return the figures that come first."""
    now, before = facts.total, facts.tallies.before
    people, people_before = facts.people
    currency = facts.spa.currency
    return [
        _counted(_("Booked visits"), _("Not called off."), now.booked, before.booked),
        _counted(_("Kept visits"), _("The client came."), now.kept, before.kept),
        _figure(
            _("Booked revenue"),
            _("Prices of the booked visits."),
            now.worth,
            before.worth,
            lambda value: amount(value, currency),
        ),
        _figure(
            _("Kept revenue"),
            _("Prices of the kept visits."),
            now.worth_kept,
            before.worth_kept,
            lambda value: amount(value, currency),
        ),
        _counted(
            _("New clients"),
            _("Came for the first time."),
            people.new,
            people_before.new,
        ),
        _counted(
            _("Returning clients"),
            _("Had come before."),
            people.returning,
            people_before.returning,
        ),
        _counted(
            _("Called off"),
            _("Cancelled, or a request declined."),
            now.called_off,
            before.called_off,
        ),
        _counted(_("Did not come"), _("Marked so at the desk."), now.missed, before.missed),
    ]


def overview(facts: Facts) -> Table:
    """The same as a table."""
    unit = facts.spa.currency
    rows = [
        [text(one.name), one.now, one.before, text(one.change), text(one.means)]
        for one in figures(facts)
    ]
    return Table(
        slug="overview",
        title=_("At a glance"),
        means=_("Revenue in %(currency)s.") % {"currency": unit},
        headings=[_("Figure"), _("This period"), _("Before"), _("Change"), _("What it means")],
        rows=rows,
    )


def _counted(name: str, means: str, now: int, before: int) -> Figure:
    return Figure(name, means, count(now), count(before), change(Decimal(now), Decimal(before)))


def _figure(
    name: str, means: str, now: Decimal, before: Decimal, cell: Callable[[Decimal], Cell]
) -> Figure:
    return Figure(name, means, cell(now), cell(before), change(now, before))


def change(now: Decimal, before: Decimal) -> str:
    """By how much it rose or fell: +12%, −8%; empty where it was nothing before."""
    if not before:
        return ""
    value = (now - before) / before
    sign = "+" if value > 0 else ""
    return sign + percent(value).replace("-", "\N{MINUS SIGN}")
