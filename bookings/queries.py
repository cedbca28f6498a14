"""From the database to plain values, for availability and for pages. Reads only."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import BigIntegerField, Q, QuerySet, Value

from bookings.availability import Grid, Hours, Length, Span, visit_starts
from bookings.busy import remembered_diary
from bookings.models import Appointment, Client, Room, Therapist, TimeOff, WorkingHours
from bookings.models.appointments import UPCOMING
from services import memory
from services.models import Contraindication, Service, ServiceOption, SpaProfile
from services.queries import order_of_asking
from services.screening import Rule

# The desk may give a reason to leave the booking horizon behind; beyond this it is a slip.
DIARY_DAYS = 731


def database_now() -> datetime:
    """Return the time by the database's clock, the only one that all workers share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


@dataclass(frozen=True)
class Offer:
    """When one option of a treatment can start within some days, by whom and where.

    ``starts`` and ``room_starts`` map primary keys to bits of ``grid``; ``busy`` holds the cells
    that each therapist's appointments take, ``at_work`` those that she works. Holds that have run
    out are in nobody's way; ``may_hold_lapsed`` is false where it is known that there are none.
    """

    grid: Grid
    therapists: Sequence[Therapist]
    starts: dict[int, int]
    room_starts: dict[int, int]
    busy: dict[int, int] = field(default_factory=dict)
    at_work: dict[int, int] = field(default_factory=dict)
    may_hold_lapsed: bool = True

    def bits(self, therapist: Therapist | None = None) -> int:
        """The possible starts with one therapist, or with any."""
        if therapist is not None:
            return self.starts.get(therapist.pk, 0)
        bits = 0
        for starts in self.starts.values():
            bits |= starts
        return bits

    def times(self, therapist: Therapist | None = None) -> list[datetime]:
        """The possible starts in order, in the zone of the grid."""
        return [one.astimezone(self.grid.zone) for one in self.grid.times(self.bits(therapist))]

    def therapists_at(self, starts_at: datetime) -> list[Therapist]:
        """Those who could start a visit exactly at ``starts_at``."""
        cell = self.grid.cell_at(starts_at)
        if cell is None:
            return []
        return [one for one in self.therapists if self.starts.get(one.pk, 0) >> cell & 1]

    def rooms_at(self, starts_at: datetime) -> list[int]:
        """Keys of the rooms in which a visit could start exactly at ``starts_at``."""
        cell = self.grid.cell_at(starts_at)
        if cell is None:
            return []
        return [pk for pk, bits in self.room_starts.items() if bits >> cell & 1]

    def busy_cells(self, therapist: Therapist, day: date) -> int:
        """How many cells of a local ``day`` the therapist's appointments take."""
        within = self.grid.between(
            _midnight(day, self.grid.zone), _midnight(day + timedelta(days=1), self.grid.zone)
        )
        return (self.busy.get(therapist.pk, 0) & within).bit_count()


def offer(
    *,
    service: Service,
    option: ServiceOption,
    first_day: date,
    last_day: date,
    now: datetime,
    spa: SpaProfile,
    therapist: Therapist | None = None,
    room: Room | None = None,
    minutes: int | None = None,
    step_minutes: int | None = None,
    ignoring: Appointment | None = None,
    earliest: datetime | None = None,
    anytime: bool = False,
) -> Offer:
    """Return when ``option`` of ``service`` can start from ``first_day`` to ``last_day``.

    Four queries whatever the number of therapists, rooms, days or appointments; within a request
    one look at the journal where nothing has changed (``services.memory``). ``ignoring``
    leaves one appointment out (to move it); ``minutes`` stands in for the option's length,
    ``step_minutes`` for the spa's step between starts, and ``earliest`` for now plus the spa's
    notice. The days are cut to the booking horizon.

    ``anytime`` leaves out what the desk may waive with a reason: hours, breaks, time off, notice
    and horizon. Then only other appointments are in the way, from the beginning of today.
    """
    earliest = earliest or _earliest(spa, now, anytime=anytime)
    horizon = last_diary_day(spa, now) if anytime else last_bookable_day(spa, now)
    first_day = min(max(first_day, earliest.astimezone(spa.zone).date()), horizon)
    last_day = max(first_day, min(last_day, horizon))
    grid = Grid.over(first_day=first_day, last_day=last_day, zone=spa.zone)
    length = length_of(service, minutes or option.minutes)

    found = _remembered(service, grid, spa, now, ignoring) if memory.is_of_use() else None
    found = found or _read(service, grid, now, ignoring, therapist, room)
    therapists = [one for one in found.therapists if therapist in (None, one)]
    at_work = {one.pk: found.at_work[one.pk] for one in therapists}

    every_cell = (1 << grid.cells) - 1
    allowed = grid.every(step_minutes or spa.slot_step_minutes) & grid.between(
        max(earliest, _midnight(first_day, spa.zone)),
        _midnight(last_day + timedelta(days=1), spa.zone),
    )
    starts, room_starts = visit_starts(
        grid=grid,
        therapists={
            pk: (every_cell if anytime else works) & ~found.busy.get(pk, 0)
            for pk, works in at_work.items()
        },
        rooms={
            pk: ~found.rooms_busy.get(pk, 0) & every_cell
            for pk in found.rooms
            if room is None or room.pk == pk
        },
        length=length,
        allowed=allowed,
    )
    return Offer(grid, therapists, starts, room_starts, found.busy, at_work, found.may_hold_lapsed)


def length_of(service: Service, minutes: int) -> Length:
    """How long a visit of ``minutes`` keeps a therapist and a room."""
    return Length(service.buffer_before_minutes, minutes, service.buffer_after_minutes)


def last_diary_day(spa: SpaProfile, now: datetime) -> date:
    """The last local day on which anything can be placed, with whatever reason."""
    return now.astimezone(spa.zone).date() + timedelta(days=DIARY_DAYS)


def hours_of(therapists: Sequence[int]) -> dict[int, list[Hours]]:
    """The working hours of each therapist by primary key, none left out; one query."""
    found: dict[int, list[Hours]] = defaultdict(list)
    rows = WorkingHours.objects.filter(therapist__in=therapists).values_list(
        "therapist_id",
        "weekday",
        "starts",
        "ends",
        "break_starts",
        "break_ends",
        "valid_from",
        "valid_until",
    )
    for row in rows:
        found[row[0]].append(Hours(*row[1:]))
    return found


def last_bookable_day(spa: SpaProfile, now: datetime) -> date:
    """The last local day within the spa's booking horizon."""
    return now.astimezone(spa.zone).date() + timedelta(days=spa.booking_horizon_days)


def rooms_scarce_last(pks: Sequence[int]) -> list[Room]:
    """Return the rooms with the given keys, those that are hardest to do without at the end.

    A room is as scarce as its scarcest treatment: the fewer rooms suit a treatment, the more
    worth keeping free each of them is. Treatments that nobody can book do not count.
    """
    offered = Q(services__status=Service.Status.PUBLISHED)
    annotated = Room.objects.annotate(suits=ArrayAgg("services", filter=offered, default=[]))
    rooms: list[Any] = memory.remembered("rooms", partial(list, annotated))
    suited = Counter(service for room in rooms if room.active for service in room.suits)

    def keep_free(room: Any) -> tuple[int, int, int]:
        given = [suited[service] for service in room.suits]
        return (-min(given, default=0), len(given), room.pk)

    return sorted((room for room in rooms if room.pk in pks), key=keep_free)


def questions_for(service: Service) -> list[Contraindication]:
    """The active contraindications of ``service`` in the order in which they are asked."""

    def read() -> list[Contraindication]:
        return sorted(service.contraindications.filter(active=True), key=order_of_asking)

    return list(memory.remembered(("questions", service.pk), read))


def rules_for(service: Service) -> list[Rule]:
    """All that the answers for ``service`` are judged by, in the order of the questions."""
    return rules_from(questions_for(service), service)


def rules_from(questions: Sequence[Contraindication], service: Service) -> list[Rule]:
    """The same, where the questions have been read already."""
    return [row.rule() for row in questions] + service.rules_for_everyone()


def seen_before(client: Client) -> Therapist | None:
    """The therapist whom ``client`` saw last, or is to see last, if still active."""
    visits = Appointment.objects.filter(
        client=client,
        status__in=[Appointment.Status.COMPLETED, *UPCOMING],
        therapist__active=True,
    )
    last = visits.select_related("therapist").order_by("-starts_at").first()
    return last.therapist if last else None


def _earliest(spa: SpaProfile, now: datetime, *, anytime: bool) -> datetime:
    if anytime:
        return _midnight(now.astimezone(spa.zone).date(), spa.zone)
    return now + timedelta(hours=spa.minimum_notice_hours)


def time_off_of(therapists: Sequence[int], within: Span) -> dict[int | None, list[Span]]:
    """The time off of each therapist by primary key, and the whole spa's at ``None``; one query."""
    found: dict[int | None, list[Span]] = defaultdict(list)
    rows = _time_off(therapists, within).values_list("therapist_id", "starts_at", "ends_at")
    for therapist, starts_at, ends_at in rows:
        found[therapist].append(Span(starts_at, ends_at))
    return found


def _time_off(therapists: Sequence[int], within: Span) -> QuerySet[TimeOff]:
    return TimeOff.objects.filter(
        Q(therapist__in=therapists) | Q(therapist=None),
        starts_at__lt=within.end,
        ends_at__gt=within.start,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """Who gives a treatment in which rooms (by key), and which cells are worked and taken."""

    therapists: Sequence[Therapist]
    rooms: Sequence[int]
    at_work: dict[int, int]
    busy: dict[int, int]
    rooms_busy: dict[int, int]
    may_hold_lapsed: bool = True


@dataclass(frozen=True)
class _Team:
    """Who gives a treatment, in which rooms (by key), when they work and when they are off."""

    therapists: Sequence[Therapist]
    rooms: Sequence[int]
    hours: dict[int, list[Hours]]
    off: dict[int | None, list[Span]]
    # What was worked out for a grid, by its days: a remembered team is asked for the same again.
    _at_work: dict[tuple[date, date], dict[int, int]] = field(default_factory=dict)

    def at_work(self, grid: Grid) -> dict[int, int]:
        """The cells of ``grid`` that each therapist works."""
        days = (grid.first_day, grid.last_day)
        if days not in self._at_work:
            closed = self.off.get(None, [])
            self._at_work[days] = {
                one.pk: grid.working(self.hours.get(one.pk, []))
                & ~grid.touched([*self.off.get(one.pk, []), *closed])
                for one in self.therapists
            }
        return self._at_work[days]


def _remembered(
    service: Service, grid: Grid, spa: SpaProfile, now: datetime, ignoring: Appointment | None
) -> _Found | None:
    """What ``_read`` returns, from the memory of the process; ``None`` where it does not reach."""
    today, horizon = now.astimezone(spa.zone).date(), last_bookable_day(spa, now)
    whole = Grid.over(first_day=today, last_day=horizon, zone=spa.zone)
    if not whole.holds(grid):
        return None
    if ignoring is not None and ignoring.status != Appointment.Status.HELD:
        # Its cells cannot be told from those of its neighbours.
        return None
    diary = remembered_diary(whole)
    if diary is None:
        return None
    team = memory.remembered(
        ("team", service.pk, today, horizon, spa.time_zone), partial(_read_team, service, whole)
    )
    busy, rooms_busy = diary.taken(grid, now, ignoring)
    lapsed = diary.has_lapsed(grid, now)
    return _Found(team.therapists, team.rooms, team.at_work(grid), busy, rooms_busy, lapsed)


def _read_team(service: Service, grid: Grid) -> _Team:
    therapists, rooms = _giving(service, None, None)
    keys = [one.pk for one in therapists]
    return _Team(therapists, rooms, hours_of(keys), time_off_of(keys, grid.span))


def _giving(
    service: Service, therapist: Therapist | None, room: Room | None
) -> tuple[list[Therapist], list[int]]:
    therapists = Therapist.objects.active().giving(service)
    therapists = therapists if therapist is None else therapists.filter(pk=therapist.pk)
    rooms = Room.objects.filter(active=True, services=service)
    rooms = rooms if room is None else rooms.filter(pk=room.pk)
    return list(therapists), list(rooms.values_list("pk", flat=True))


def _read(
    service: Service,
    grid: Grid,
    now: datetime,
    ignoring: Appointment | None,
    therapist: Therapist | None,
    room: Room | None,
) -> _Found:
    """Return who works when, and the busy cells by therapist and by room; four queries.

    One query for appointments and time off: what has no room is time off.
    """
    therapists, rooms = _giving(service, therapist, room)
    keys = [one.pk for one in therapists]
    appointments = (
        Appointment.objects.blocking(now)
        .busy_between(grid.span.start, grid.span.end)
        .filter(Q(therapist__in=keys) | Q(room__in=rooms))
    )
    if ignoring is not None:
        appointments = appointments.exclude(pk=ignoring.pk)
    off: dict[int | None, list[Span]] = defaultdict(list)
    by_therapist: defaultdict[int, int] = defaultdict(int)
    by_room: defaultdict[int, int] = defaultdict(int)
    no_room = Value(None, output_field=BigIntegerField())
    free = _time_off(keys, grid.span).annotate(no_room=no_room).order_by()
    rows = (
        appointments.order_by()
        .values_list("therapist_id", "room_id", "busy_from", "busy_until")
        .union(free.values_list("therapist_id", "no_room", "starts_at", "ends_at"), all=True)
    )
    for who, where, start, end in rows:
        span = Span(start, end)
        if where is None:
            off[who].append(span)
            continue
        bits = grid.touched([span])
        by_therapist[who] |= bits
        by_room[where] |= bits
    team = _Team(therapists, rooms, hours_of(keys), off)
    return _Found(therapists, rooms, team.at_work(grid), by_therapist, by_room)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)
