"""The rows of some days, each kind read once, and what is told of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from bookings.actions import ready_since
from bookings.availability import Hours
from bookings.cards import Card, at_a_glance, glanced
from bookings.day import Day, day_of
from bookings.diary_feed.bands import (
    Shift,
    break_bands,
    buffer_bands,
    closed_bands,
    merged,
    off_bands,
    shifts_of,
)
from bookings.diary_feed.scope import Scope
from bookings.models import Appointment, Therapist, TimeOff
from bookings.roster import Roster, absences_between, the_roster
from bookings.words import full_day, hours_in_words, span_of_days

Status = Appointment.Status
# What no longer takes time is in the list view; here it would stand in the way of what does.
GONE = (Status.CANCELLED, Status.DECLINED, Status.EXPIRED)
DAY_STARTS, DAY_ENDS = time(9), time(18)

Json = dict[str, Any]


@dataclass(frozen=True)
class Days:
    """What stands in the diary on the days of one scope; ``has_strip`` where all of a day does."""

    scope: Scope
    now: datetime
    has_strip: bool = False

    @cached_property
    def today(self) -> date:
        """Today by the spa's clocks."""
        return self.now.astimezone(self.scope.zone).date()

    @cached_property
    def roster(self) -> Roster:
        """Everybody with their hours, and every room."""
        return the_roster()

    @property
    def therapists(self) -> Sequence[Therapist]:
        """Everybody."""
        return self.roster.therapists

    @cached_property
    def read(self) -> list[Card]:
        """All visits that were asked for; one query."""
        asked = self._within(self.scope.start, self.scope.end)
        if self.scope.is_week and self.chosen:
            asked &= Q(therapist=self.chosen)
        if self.has_strip:
            asked |= self._within(*self._bounds_of_day)
        rows = glanced().filter(asked).exclude(status=Status.HELD, hold_expires_at__lte=self.now)
        if not self.has_strip:
            rows = rows.exclude(status__in=GONE)
        return at_a_glance(rows, self.roster, self.now)

    @cached_property
    def cards(self) -> list[Card]:
        """The visits that take time, and no-shows."""
        whose = self.chosen.pk if self.scope.is_week and self.chosen else None
        visits = ((card, card.appointment) for card in self.read)
        return [
            card
            for card, visit in visits
            if visit.status not in GONE and whose in (None, visit.therapist_id)
        ]

    @cached_property
    def absences(self) -> list[TimeOff]:
        """Time off that touches the days."""
        return absences_between(self.scope.start, self.scope.end)

    @property
    def day(self) -> Day:
        """The day of the strip, with what was called off."""
        start, end = self._bounds_of_day
        return day_of(
            self.scope.on,
            cards=[card for card in self.read if start <= card.appointment.starts_at < end],
            roster=self.roster,
            absences=[off for off in self.absences if off.starts_at < end and off.ends_at > start],
            zone=self.scope.zone,
            now=self.now,
        )

    @cached_property
    def chosen(self) -> Therapist | None:
        """Whose days are asked for; a week is always somebody's."""
        asked = next((one for one in self.therapists if one.pk == self.scope.therapist), None)
        if asked is None and self.scope.is_week:
            return next((one for one in self.therapists if one.active), None)
        return asked

    @property
    def title(self) -> str:
        """Tuesday 24 November, or 23 – 29 November."""
        if not self.scope.is_week:
            return full_day(self.scope.on, self.today)
        return span_of_days(self.scope.first, self.scope.days[-1], self.today)

    @property
    def choices(self) -> list[Therapist]:
        """Whom one may choose: on a day who is in, in a week everybody who works here."""
        if not self.scope.is_week:
            return self.present
        return [one for one in self.therapists if one.active or one == self.chosen]

    @cached_property
    def present(self) -> list[Therapist]:
        """Who works or has visits on the day, and who is asked for."""
        seen = {card.appointment.therapist_id for card in self.cards}
        return [
            one
            for one in self.therapists
            if one.pk in seen or one.pk == self.scope.therapist or self._is_in(one)
        ]

    @property
    def columns(self) -> list[Json]:
        """The therapists or the rooms of a day; a week's columns are its days."""
        if self.scope.is_week:
            return []
        if not self.scope.by_room:
            return [self._column_of(therapist) for therapist in self.present]
        used = {card.appointment.room_id for card in self.cards}
        return [
            {"id": f"r{room.pk}", "key": room.pk, "name": room.name}
            for room in self.roster.rooms
            if room.active or room.pk in used
        ]

    @property
    def absent(self) -> list[str]:
        """Who works here but is not in on the day, with the reason where there is one."""
        if self.scope.is_week:
            return []
        away = [one for one in self.therapists if one.active and one not in self.present]
        return [self._absence_of(one) for one in away]

    @property
    def opens(self) -> int:
        """The first hour of the grid: an hour before anybody ever works, or the first visit's."""
        first = min((row.starts for row in self._rules), default=DAY_STARTS)
        return max(0, min([first.hour - 1, *(card.starts_at.hour for card in self.cards)]))

    @property
    def closes(self) -> int:
        """The hour at which the grid ends: an hour after anybody works, or the last visit's."""
        last = max((row.ends for row in self._rules), default=DAY_ENDS)
        ends = [_hour_after(last) + 1]
        for card in self.cards:
            past_midnight = card.ends_at.date() > card.starts_at.date()
            ends.append(24 if past_midnight else _hour_after(card.ends_at.time()))
        return min(24, max(ends))

    def bands(self) -> Iterator[Json]:
        """Hours in which nobody works, breaks, time off, and the buffers around visits."""
        for card in self.cards:
            yield from buffer_bands(card, self._column_for(card))
        if self.scope.by_room:
            yield from self._bands_of_rooms()
            return
        whose = self.present
        if self.scope.is_week:
            whose = [self.chosen] if self.chosen else []
        for therapist in whose:
            column = "" if self.scope.is_week else f"t{therapist.pk}"
            for day in self.scope.days:
                yield from self._bands_of(therapist, day, column)

    @property
    def _rules(self) -> list[Hours]:
        """All hours of those who work here: the grid stays the same as the days go by."""
        return [row for one in self.therapists if one.active for row in self._hours_of(one)]

    @property
    def _bounds_of_day(self) -> tuple[datetime, datetime]:
        day = self.scope.on
        return self.scope.midnight(day), self.scope.midnight(day + timedelta(days=1))

    def _within(self, start: datetime, end: datetime) -> Q:
        return Q(starts_at__gte=start, starts_at__lt=end)

    def _hours_of(self, therapist: Therapist) -> Sequence[Hours]:
        return self.roster.hours.get(therapist.pk, ())

    def _shifts(self, therapist: Therapist, day: date) -> list[Shift]:
        return shifts_of(therapist, self._hours_of(therapist), day, self.scope.zone)

    def _off_of(self, therapist: Therapist | None) -> list[TimeOff]:
        keys = (None, therapist.pk) if therapist else (None,)
        return [off for off in self.absences if off.therapist_id in keys]

    def _is_in(self, therapist: Therapist) -> bool:
        """Whether time off leaves anything of the day's hours."""
        off = merged((one.starts_at, one.ends_at) for one in self._off_of(therapist))
        return any(
            not any(starts <= shift.starts and shift.ends <= ends for starts, ends in off)
            for shift in self._shifts(therapist, self.scope.on)
        )

    def _column_of(self, therapist: Therapist) -> Json:
        shifts = self._shifts(therapist, self.scope.on)
        return {
            "id": f"t{therapist.pk}",
            "key": therapist.pk,
            "name": therapist.name,
            "colour": therapist.colour,
            "hours": ", ".join(hours_in_words(one.starts, one.ends) for one in shifts)
            or _("not in"),
            "ready": self.scope.on == self.today
            and ready_since(therapist, self._visits, self.now) is not None,
        }

    def _absence_of(self, therapist: Therapist) -> str:
        reasons = [off.reason for off in self._off_of(therapist) if off.reason]
        if not reasons or not self._shifts(therapist, self.scope.on):
            return therapist.name
        return _("%(name)s (%(reason)s)") % {"name": therapist.name, "reason": reasons[0]}

    @property
    def _visits(self) -> Iterator[Appointment]:
        return (card.appointment for card in self.cards)

    def _column_for(self, card: Card) -> str:
        if self.scope.is_week:
            return ""
        visit = card.appointment
        return f"r{visit.room_id}" if self.scope.by_room else f"t{visit.therapist_id}"

    def _bands_of(self, therapist: Therapist, day: date, column: str) -> Iterator[Json]:
        shifts = self._shifts(therapist, day)
        yield from closed_bands(day, shifts, column, self.scope.zone)
        yield from break_bands(shifts, column)
        yield from off_bands(self._off_of(therapist), day, column, self.scope.zone)

    def _bands_of_rooms(self) -> Iterator[Json]:
        """A room is closed while nobody works, and when the whole spa is."""
        day, zone = self.scope.on, self.scope.zone
        shifts = [shift for one in self.therapists for shift in self._shifts(one, day)]
        for column in self.columns:
            yield from closed_bands(day, shifts, column["id"], zone)
            yield from off_bands(self._off_of(None), day, column["id"], zone)


def _hour_after(clock: time) -> int:
    """The full hour at or after ``clock``."""
    return clock.hour + bool(clock.minute)
