"""What the desk's calendar shows of some days, as plain values. Reads only, no health answers.

An open desk asks every three seconds whether anything changed. ``fingerprint`` answers that with
one query over the row versions of all that is shown; only where it differs are the five queries
of ``diary`` made.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils.formats import get_format
from django.utils.translation import gettext as _

from bookings.actions.changes import CHANGEABLE
from bookings.availability import Hours
from bookings.day import Card, shown
from bookings.models import Appointment, Room, Therapist, TimeOff, WorkingHours
from bookings.words import clock_time, days_in_words, full_day, hours_in_words

Status = Appointment.Status
# What no longer takes time is in the list view; here it would stand in the way of what does.
GONE = (Status.CANCELLED, Status.DECLINED, Status.EXPIRED)
DAY_STARTS, DAY_ENDS = time(9), time(18)
INSTANT = "%Y-%m-%dT%H:%MZ"

# A row's version is where it lies and which transaction wrote it: any committed change, made by
# whatever means, gives it another one.
FINGERPRINT = """
    SELECT md5(coalesce(string_agg(version, ' ' ORDER BY version), ''))
    FROM (
        SELECT concat_ws('-', 'visit', a.xmin, a.ctid, c.xmin, c.ctid, h.xmin, h.ctid,
                         s.xmin, s.ctid) AS version
        FROM bookings_appointment a
        JOIN services_service s ON s.id = a.service_id
        LEFT JOIN bookings_client c ON c.id = a.client_id
        LEFT JOIN bookings_healthcheck h ON h.id = a.health_check_id
        WHERE a.starts_at >= %(start)s AND a.starts_at < %(end)s
          AND (a.status <> 'held' OR a.hold_expires_at > %(now)s)
        UNION ALL
        SELECT concat_ws('-', 'off', xmin, ctid) FROM bookings_timeoff
        WHERE starts_at < %(end)s AND ends_at > %(start)s
        UNION ALL
        SELECT concat_ws('-', 'therapist', xmin, ctid) FROM bookings_therapist
        UNION ALL
        SELECT concat_ws('-', 'hours', xmin, ctid) FROM bookings_workinghours
        UNION ALL
        SELECT concat_ws('-', 'room', xmin, ctid) FROM bookings_room
        UNION ALL
        SELECT concat_ws('-', 'spa', xmin, ctid) FROM services_spaprofile
    ) AS rows
"""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: a day of everybody, or a week of one therapist.

    ``therapist`` is a key; ``None`` is everybody on a day, and the first therapist in a week.
    """

    on: date
    zone: ZoneInfo
    is_week: bool = False
    by_room: bool = False
    therapist: int | None = None

    @property
    def first(self) -> date:
        """The first day shown; a week starts as the locale's weeks do."""
        if not self.is_week:
            return self.on
        first_weekday = (int(get_format("FIRST_DAY_OF_WEEK")) - 1) % 7
        return self.on - timedelta(days=(self.on.weekday() - first_weekday) % 7)

    @property
    def days(self) -> list[date]:
        """The days shown."""
        return [self.first + timedelta(days=number) for number in range(7 if self.is_week else 1)]

    @property
    def start(self) -> datetime:
        """The first midnight."""
        return self.midnight(self.first)

    @property
    def end(self) -> datetime:
        """The midnight after the last day."""
        return self.midnight(self.days[-1] + timedelta(days=1))

    def midnight(self, day: date) -> datetime:
        """The start of a local day."""
        return datetime.combine(day, time.min, tzinfo=self.zone)


def fingerprint(scope: Scope, *, now: datetime) -> str:
    """Return a text that changes with every committed change of what ``scope`` shows; one query.

    A hold whose minutes have run out changes it too.
    """
    with connection.cursor() as cursor:
        cursor.execute(FINGERPRINT, {"start": scope.start, "end": scope.end, "now": now})
        row = cursor.fetchone()
    return str(row[0])


def diary(scope: Scope, *, now: datetime) -> Json:
    """Return columns, visits and bands of ``scope``; five queries, whatever their number.

    Times on the grid are the spa's wall clock (``2026-11-24T10:00``); ``at`` is the instant.
    """
    found = _Found(scope, now)
    return {
        "title": found.title,
        "today": found.today.isoformat(),
        "is_today": scope.on == found.today and not scope.is_week,
        "first": scope.first.isoformat(),
        "zone": scope.zone.key,
        "offset": now.astimezone(scope.zone).isoformat()[-6:],
        "now": now.isoformat(),
        "week": scope.is_week,
        "by": "room" if scope.by_room else "therapist",
        "therapist": found.chosen.pk if found.chosen else None,
        "therapists": [{"key": one.pk, "name": one.name} for one in found.choices],
        "opens": found.opens,
        "closes": found.closes,
        "columns": found.columns,
        "visits": [_visit(card, scope) for card in found.cards],
        "bands": list(found.bands()),
        "absent": found.absent,
    }


@dataclass(frozen=True)
class _Found:
    """The rows of one scope, each kind read once."""

    scope: Scope
    now: datetime

    @cached_property
    def today(self) -> date:
        return self.now.astimezone(self.scope.zone).date()

    @cached_property
    def therapists(self) -> list[Therapist]:
        return list(Therapist.objects.prefetch_related("working_hours"))

    @cached_property
    def rooms(self) -> list[Room]:
        return list(Room.objects.all())

    @cached_property
    def chosen(self) -> Therapist | None:
        """Whose days are asked for; a week is always somebody's."""
        asked = next((one for one in self.therapists if one.pk == self.scope.therapist), None)
        if asked is None and self.scope.is_week:
            return next((one for one in self.therapists if one.active), None)
        return asked

    @cached_property
    def cards(self) -> list[Card]:
        rows = shown().filter(starts_at__gte=self.scope.start, starts_at__lt=self.scope.end)
        rows = rows.exclude(status__in=GONE)
        rows = rows.exclude(status=Status.HELD, hold_expires_at__lte=self.now)
        if self.scope.is_week and self.chosen:
            rows = rows.for_therapist(self.chosen)
        return [Card(one, self.now) for one in rows]

    @cached_property
    def absences(self) -> list[TimeOff]:
        within = TimeOff.objects.filter(starts_at__lt=self.scope.end, ends_at__gt=self.scope.start)
        return list(within.order_by("starts_at", "pk"))

    @cached_property
    def title(self) -> str:
        if not self.scope.is_week:
            return full_day(self.scope.on, self.today)
        return days_in_words(self.scope.start, self.scope.end, self.today)

    @cached_property
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
            if one.pk in seen or one.pk == self.scope.therapist or self.is_in(one)
        ]

    def is_in(self, therapist: Therapist) -> bool:
        """Whether any hour of the day is left by time off."""
        own = [(off.starts_at, off.ends_at) for off in self.off_of(therapist)]
        return any(
            _minutes(starts, ends) > sum(_overlap(starts, ends, *one) for one in _merged(own))
            for starts, ends, _rule in self.shifts(therapist, self.scope.on)
        )

    def off_of(self, therapist: Therapist | None) -> list[TimeOff]:
        keys = (None, therapist.pk) if therapist else (None,)
        return [off for off in self.absences if off.therapist_id in keys]

    def shifts(self, therapist: Therapist, day: date) -> list[tuple[datetime, datetime, Hours]]:
        """The working hours of a local day, breaks included."""
        if not therapist.active:
            return []
        rules = [_hours(row) for row in therapist.working_hours.all()]
        return [
            (_at(day, rule.starts, self.scope.zone), _at(day, rule.ends, self.scope.zone), rule)
            for rule in rules
            if rule.holds_on(day)
        ]

    @cached_property
    def columns(self) -> list[Json]:
        if self.scope.is_week:
            return []
        if self.scope.by_room:
            used = {card.appointment.room_id for card in self.cards}
            rooms = [room for room in self.rooms if room.active or room.pk in used]
            return [{"id": f"r{room.pk}", "key": room.pk, "name": room.name} for room in rooms]
        return [self.column_of(therapist) for therapist in self.present]

    def column_of(self, therapist: Therapist) -> Json:
        shifts = self.shifts(therapist, self.scope.on)
        return {
            "id": f"t{therapist.pk}",
            "key": therapist.pk,
            "name": therapist.name,
            "colour": therapist.colour,
            "hours": ", ".join(hours_in_words(starts, ends) for starts, ends, _rule in shifts)
            or _("not in"),
            "ready": therapist.ready_since is not None,
        }

    @cached_property
    def absent(self) -> list[str]:
        """Who works here but is not in on the day, with the reason where there is one."""
        if self.scope.is_week:
            return []
        away = [one for one in self.therapists if one.active and one not in self.present]
        return [self.absence_of(one) for one in away]

    def absence_of(self, therapist: Therapist) -> str:
        reasons = [off.reason for off in self.off_of(therapist) if off.reason]
        if not reasons or not self.shifts(therapist, self.scope.on):
            return therapist.name
        return _("%(name)s (%(reason)s)") % {"name": therapist.name, "reason": reasons[0]}

    @cached_property
    def _limits(self) -> tuple[time, time]:
        """The first and last hour that anybody ever works: the grid stays as the days go by."""
        rows = [row for one in self.therapists if one.active for row in one.working_hours.all()]
        starts = min((row.starts for row in rows), default=DAY_STARTS)
        ends = max((row.ends for row in rows), default=DAY_ENDS)
        return starts, ends

    @cached_property
    def opens(self) -> int:
        """The first hour of the grid: an hour before anybody works, or the first visit's."""
        hours = [card.starts_at.hour for card in self.cards]
        return max(0, min([self._limits[0].hour - 1, *hours]))

    @cached_property
    def closes(self) -> int:
        """The hour at which the grid ends: an hour after anybody works, or the last visit's."""
        ends = [self._limits[1].hour + bool(self._limits[1].minute) + 1]
        for card in self.cards:
            past_midnight = card.ends_at.date() > card.starts_at.date()
            ends.append(24 if past_midnight else card.ends_at.hour + bool(card.ends_at.minute))
        return min(24, max(ends))

    def bands(self) -> Iterator[Json]:
        """Hours in which nobody works, breaks, time off, and the buffers around visits."""
        for card in self.cards:
            yield from _buffers(card, self.column_for(card))
        if self.scope.by_room and not self.scope.is_week:
            yield from self.bands_of_rooms()
            return
        whose = [self.chosen] if self.scope.is_week and self.chosen else self.present
        for therapist in whose:
            column = "" if self.scope.is_week else f"t{therapist.pk}"
            for day in self.scope.days:
                yield from self.bands_of(therapist, day, column)

    def column_for(self, card: Card) -> str:
        if self.scope.is_week:
            return ""
        visit = card.appointment
        return f"r{visit.room_id}" if self.scope.by_room else f"t{visit.therapist_id}"

    def bands_of(self, therapist: Therapist, day: date, column: str) -> Iterator[Json]:
        shifts = self.shifts(therapist, day)
        yield from self.closed(day, [(starts, ends) for starts, ends, _rule in shifts], column)
        for _starts, _ends, rule in shifts:
            if rule.break_starts and rule.break_ends:
                first = _at(day, rule.break_starts, self.scope.zone)
                last = _at(day, rule.break_ends, self.scope.zone)
                yield _band("break", column, first, last, _("Break"))
        for off in self.off_of(therapist):
            yield from self.off_band(off, day, column)

    def bands_of_rooms(self) -> Iterator[Json]:
        day = self.scope.on
        worked = [
            (starts, ends)
            for therapist in self.therapists
            for starts, ends, _rule in self.shifts(therapist, day)
        ]
        for column in self.columns:
            yield from self.closed(day, worked, column["id"])
            for off in self.off_of(None):
                yield from self.off_band(off, day, column["id"])

    def closed(
        self, day: date, worked: Iterable[tuple[datetime, datetime]], column: str
    ) -> Iterator[Json]:
        """What ``worked`` leaves of a day."""
        reached = self.scope.midnight(day)
        for starts, ends in _merged(worked):
            if starts > reached:
                yield _band("closed", column, reached, starts, "")
            reached = max(reached, ends)
        last = self.scope.midnight(day + timedelta(days=1))
        if reached < last:
            yield _band("closed", column, reached, last, "")

    def off_band(self, off: TimeOff, day: date, column: str) -> Iterator[Json]:
        zone = self.scope.zone
        starts = max(off.starts_at.astimezone(zone), self.scope.midnight(day))
        ends = min(off.ends_at.astimezone(zone), self.scope.midnight(day + timedelta(days=1)))
        if starts < ends:
            band = _band("off", column, starts, ends, _off_in_words(off))
            yield {**band, "id": f"{band['id']}-{off.pk}", "key": off.pk}


def _visit(card: Card, scope: Scope) -> Json:
    visit = card.appointment
    is_hold = visit.status == Status.HELD
    state = _state_in_words(card)
    badge = None if card.is_past else card.verdict
    return {
        "id": visit.reference,
        "therapist": visit.therapist_id,
        "room": visit.room_id,
        "start": _clock(card.starts_at),
        "end": _clock(card.ends_at),
        "at": visit.starts_at.strftime(INSTANT),
        "minutes": (visit.ends_at - visit.starts_at) // timedelta(minutes=1),
        "sequence": visit.sequence,
        "time": clock_time(card.starts_at),
        "until": clock_time(card.ends_at),
        "name": _("Somebody, online") if visit.client is None else visit.client.name,
        "what": visit.service.name,
        "with": visit.therapist.name,
        "where": visit.room.name,
        "status": _look(card),
        "state": state,
        "badge": {"kind": badge.kind, "label": badge.label} if badge else None,
        "editable": visit.status in CHANGEABLE,
        "opens": not is_hold,
        "label": _label(card, state, badge.label if badge else ""),
    }


def _look(card: Card) -> str:
    visit = card.appointment
    begun = visit.status == Status.ARRIVED and visit.started_at is not None
    return "started" if begun else visit.status


def _state_in_words(card: Card) -> str:
    return _("In treatment") if _look(card) == "started" else card.status.label


def _label(card: Card, state: str, badge: str) -> str:
    """What a screen reader hears of a visit."""
    visit = card.appointment
    words = {
        "hours": hours_in_words(card.starts_at, card.ends_at),
        "name": _("Somebody, online") if visit.client is None else visit.client.name,
        "what": visit.service.name,
        "therapist": visit.therapist.name,
        "room": visit.room.name,
        "state": f"{state}. {badge}" if badge else state,
    }
    return _("%(hours)s: %(name)s, %(what)s with %(therapist)s, %(room)s. %(state)s.") % words


def _buffers(card: Card, column: str) -> Iterator[Json]:
    visit = card.appointment
    zone = card.starts_at.tzinfo
    if visit.status == Status.NO_SHOW:
        return
    for starts, ends in (
        (visit.busy_from.astimezone(zone), card.starts_at),
        (card.ends_at, visit.busy_until.astimezone(zone)),
    ):
        if starts < ends:
            band = _band("buffer", column, starts, ends, "")
            yield {**band, "id": f"{band['id']}-{visit.reference}"}


def _band(kind: str, column: str, starts: datetime, ends: datetime, words: str) -> Json:
    return {
        "id": f"{kind}-{column}-{_clock(starts)}",
        "kind": kind,
        "column": column,
        "start": _clock(starts),
        "end": _clock(ends),
        "words": words,
    }


def _off_in_words(off: TimeOff) -> str:
    return off.reason or (_("Off") if off.therapist_id else _("Closed"))


def _hours(row: WorkingHours) -> Hours:
    return Hours(
        row.weekday,
        row.starts,
        row.ends,
        row.break_starts,
        row.break_ends,
        row.valid_from,
        row.valid_until,
    )


def _clock(at: datetime) -> str:
    """The wall clock as the calendar's grid counts it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone)


def _merged(spans: Iterable[tuple[datetime, datetime]]) -> Sequence[tuple[datetime, datetime]]:
    """The same time as ``spans`` in order and without overlaps."""
    merged: list[tuple[datetime, datetime]] = []
    for starts, ends in sorted(spans, key=lambda span: span[0].astimezone(UTC)):
        if merged and starts <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((starts, ends))
    return merged


def _minutes(starts: datetime, ends: datetime) -> float:
    return (ends.astimezone(UTC) - starts.astimezone(UTC)) / timedelta(minutes=1)


def _overlap(starts: datetime, ends: datetime, off_from: datetime, off_until: datetime) -> float:
    return max(0.0, _minutes(max(starts, off_from), min(ends, off_until)))
