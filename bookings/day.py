"""A day of the diary as the people who work in it see it. Reads only."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.availability import Hours, Span
from bookings.cards import Card, shown
from bookings.gaps import Gap, find_gaps, shortest_needs
from bookings.models import Appointment, Therapist, TimeOff
from bookings.models.appointments import BLOCKING
from bookings.queries import hours_of
from bookings.roster import Roster, absences_between, the_roster
from bookings.words import full_day
from services.models import SpaProfile

Status = Appointment.Status


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which the therapist takes nobody: a break, or time off with its reason.

    ``time_off`` is the key of the time off, where it is one.
    """

    starts_at: datetime
    ends_at: datetime
    words: str
    time_off: int | None = None

    @property
    def is_pause(self) -> bool:
        """Tells a pause from a card."""
        return True


Entry = Card | Pause | Gap


@dataclass(frozen=True)
class Column:
    """One therapist's day."""

    therapist: Therapist
    hours: list[tuple[datetime, datetime]]
    pauses: list[Pause]
    cards: list[Card]
    clashes: list[str]
    gaps: list[Gap] = field(default_factory=list)

    @property
    def entries(self) -> list[Entry]:
        """All of the day in the order of the clock."""
        return sorted([*self.cards, *self.pauses, *self.gaps], key=_instant)

    @property
    def is_in(self) -> bool:
        """Whether there is anything to show: visits, or hours not wholly taken off."""
        return bool(self.cards) or any(
            not _covered(starts, ends, self.pauses) for starts, ends in self.hours
        )

    @property
    def absence(self) -> str:
        """Why the therapist is not in, or empty."""
        return next((pause.words for pause in self.pauses if pause.words), "")


@dataclass(frozen=True)
class Day:
    """The whole spa on one day."""

    on: date
    today: date
    now: datetime
    columns: list[Column]
    absent: list[Column]
    clashes: list[str]

    @property
    def title(self) -> str:
        """Tuesday 24 November; with the year where it is not this one."""
        return full_day(self.on, self.today)

    @property
    def is_today(self) -> bool:
        """Whether the day is the present one."""
        return self.on == self.today

    @cached_property
    def cards(self) -> list[Card]:
        """All the day's appointments in the order of their starts."""
        cards = [card for column in self.columns for card in column.cards]
        return sorted(cards, key=_instant)

    @property
    def visits(self) -> int:
        """How many visits stand, holds and refusals left out."""
        gone = (Status.HELD, Status.CANCELLED, Status.DECLINED)
        return sum(card.appointment.status not in gone for card in self.cards)

    @property
    def here(self) -> int:
        """How many clients are in the house."""
        return self._count(Status.ARRIVED)

    @property
    def done(self) -> int:
        """How many treatments were given."""
        return self._count(Status.COMPLETED)

    @property
    def missed(self) -> int:
        """How many clients did not come."""
        return self._count(Status.NO_SHOW)

    def _count(self, status: str) -> int:
        return sum(card.appointment.status == status for card in self.cards)


def desk_day(day: date, *, spa: SpaProfile, now: datetime) -> Day:
    """Return ``day`` by therapist, with the gaps that could still be filled.

    One query for the visits, whatever their number, where everything else is remembered.
    """
    rows = shown().on(day, spa.zone).exclude(_ended_holds(now))
    return day_of(
        day,
        cards=[Card(one, now) for one in rows],
        roster=the_roster(),
        absences=absences_between(*_bounds(day, spa.zone)),
        zone=spa.zone,
        now=now,
    )


def day_of(
    day: date,
    *,
    cards: Sequence[Card],
    roster: Roster,
    absences: Sequence[TimeOff],
    zone: ZoneInfo,
    now: datetime,
) -> Day:
    """Return the same of what a page has read: the cards of ``day`` and what touches it."""
    today = now.astimezone(zone).date()
    by_therapist = defaultdict(list)
    for card in cards:
        by_therapist[card.appointment.therapist_id].append(card)
    columns = [
        _column(one, roster.hours.get(one.pk, ()), day, zone, by_therapist[one.pk], absences)
        for one in roster.therapists
    ]
    if day >= today:
        columns = _with_gaps(columns, day, zone=zone, now=now)
    return Day(
        on=day,
        today=today,
        now=now.astimezone(zone),
        columns=[column for column in columns if column.is_in],
        absent=[column for column in columns if not column.is_in and column.therapist.active],
        clashes=_clashes([off for off in absences if off.therapist_id is None], cards),
    )


def own_days(
    therapist: Therapist, first: date, *, days: int, spa: SpaProfile, now: datetime
) -> list[tuple[date, Column]]:
    """Return the days of one therapist from ``first``, in three queries."""
    hours = hours_of([therapist.pk])[therapist.pk]
    start, _end = _bounds(first, spa.zone)
    _start, end = _bounds(first + timedelta(days=days - 1), spa.zone)
    rows = shown().for_therapist(therapist).filter(starts_at__gte=start, starts_at__lt=end)
    cards = [Card(one, now) for one in rows.booked()]
    absences = absences_between(start, end)
    return [
        (day, _column(therapist, hours, day, spa.zone, cards, absences))
        for day in (first + timedelta(days=number) for number in range(days))
    ]


def _ended_holds(now: datetime) -> Q:
    return Q(status=Status.HELD, hold_expires_at__lte=now)


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    midnight = datetime.combine(day, time.min, tzinfo=zone)
    return midnight, datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)


def _column(
    therapist: Therapist,
    week: Sequence[Hours],
    day: date,
    zone: ZoneInfo,
    cards: Iterable[Card],
    absences: Sequence[TimeOff],
) -> Column:
    shifts = [one for one in week if one.holds_on(day)]
    hours = [(_at(day, one.starts, zone), _at(day, one.ends, zone)) for one in shifts]
    own = [off for off in absences if off.therapist_id in (None, therapist.pk)]
    hers = [off for off in own if off.therapist_id]
    here = [
        card
        for card in cards
        if card.appointment.therapist_id == therapist.pk and card.starts_at.date() == day
    ]
    return Column(
        therapist=therapist,
        hours=hours if therapist.active else [],
        pauses=sorted([*_breaks(shifts, day, zone), *_absences(own, hours)], key=_instant),
        cards=here,
        clashes=_clashes(hers, here),
    )


def _with_gaps(columns: list[Column], day: date, *, zone: ZoneInfo, now: datetime) -> list[Column]:
    room_busy: dict[int, list[Span]] = {}
    taken: dict[int, list[Span]] = {}
    for visit in (card.appointment for column in columns for card in column.cards):
        if visit.status in BLOCKING:
            busy = Span(visit.busy_from, visit.busy_until)
            room_busy.setdefault(visit.room_id, []).append(busy)
            taken.setdefault(visit.therapist_id, []).append(busy)
    free = {
        column.therapist: (
            [Span(starts, ends) for starts, ends in column.hours],
            [Span(pause.starts_at, pause.ends_at) for pause in column.pauses]
            + taken.get(column.therapist.pk, []),
        )
        for column in columns
    }
    gaps = find_gaps(
        day, zone=zone, now=now, needs=shortest_needs(), free=free, room_busy=room_busy
    )
    return [replace(column, gaps=gaps[column.therapist.pk]) for column in columns]


def _clashes(absences: Iterable[TimeOff], cards: Sequence[Card]) -> list[str]:
    """What to say of each time off that has visits to move, in words."""
    counts = [(off, sum(card.is_to_move(off) for card in cards)) for off in absences]
    return [_clash_in_words(off, count) for off, count in counts if count]


def _clash_in_words(off: TimeOff, count: int) -> str:
    what = _("Off") if off.therapist_id else _("The spa is closed")
    reason = off.reason.rstrip(". ")
    to_move = ngettext("%(count)d visit to move.", "%(count)d visits to move.", count)
    words = {"what": what, "reason": reason, "to_move": to_move % {"count": count}}
    if reason:
        return _("%(what)s: %(reason)s. %(to_move)s") % words
    return _("%(what)s. %(to_move)s") % words


def _instant(entry: Entry) -> datetime:
    # Within one zone Python compares by the wall clock, which repeats an hour.
    return entry.starts_at.astimezone(UTC)


def _breaks(shifts: Iterable[Hours], day: date, zone: ZoneInfo) -> list[Pause]:
    return [
        Pause(_at(day, one.break_starts, zone), _at(day, one.break_ends, zone), _("Break"))
        for one in shifts
        if one.break_starts and one.break_ends
    ]


def _absences(
    absences: Iterable[TimeOff], hours: Iterable[tuple[datetime, datetime]]
) -> list[Pause]:
    """Time off, cut to the hours that it takes away."""
    pauses = []
    for off in absences:
        for starts, ends in hours:
            first, last = max(off.starts_at, starts), min(off.ends_at, ends)
            if first < last:
                words = off.reason or (_("Off") if off.therapist_id else _("Closed"))
                zone = starts.tzinfo
                pauses.append(Pause(first.astimezone(zone), last.astimezone(zone), words, off.pk))
    return pauses


def _covered(starts: datetime, ends: datetime, pauses: Sequence[Pause]) -> bool:
    """Whether ``pauses``, in the order of their starts, leave nothing of a shift."""
    reached = starts
    for pause in pauses:
        if pause.starts_at > reached:
            break
        reached = max(reached, pause.ends_at)
    return reached >= ends


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone)
