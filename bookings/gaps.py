"""Free stretches of a day in which somebody could still be treated. Reads only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from bookings.availability import Grid, Length, Span, run_starts, runs, set_bits
from bookings.models import Room, Therapist
from services.memory import remembered
from services.models import Service, ServiceOption


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which a therapist is free; ``first_start`` is when a visit could begin in it.

    All times are in the spa's zone. Buffers are inside the stretch.
    """

    therapist: Therapist
    starts_at: datetime
    ends_at: datetime
    first_start: datetime

    @property
    def is_gap(self) -> bool:
        """Tells a gap from a card and a pause."""
        return True

    @property
    def minutes(self) -> int:
        """How long it is."""
        # In UTC: within one zone Python subtracts what the clocks show.
        return (self.ends_at.astimezone(UTC) - self.starts_at.astimezone(UTC)) // timedelta(
            minutes=1
        )


@dataclass(frozen=True, slots=True)
class Need:
    """What the shortest visit of one treatment takes: its length and one of these rooms."""

    length: Length
    rooms: frozenset[int]


@dataclass(frozen=True)
class Needs:
    """What each therapist could give: treatments by therapist, and their needs by treatment."""

    by_service: Mapping[int, Need]
    given: Mapping[int, Sequence[int]]

    def starts(self, room_busy: Mapping[int, int], grid: Grid) -> dict[int, int]:
        """Where the shortest visit of each treatment could begin as far as rooms go, as bits."""
        every = (1 << grid.cells) - 1
        return {
            service: reduce(
                or_, (_starts(every & ~room_busy.get(room, 0), need) for room in need.rooms), 0
            )
            for service, need in self.by_service.items()
        }


def shortest_needs() -> Needs:
    """Return the shortest active length of each published treatment, its rooms and therapists.

    Three queries, where they are not remembered.
    """
    return remembered("shortest needs", _read_needs)


def _read_needs() -> Needs:
    rooms = _grouped(
        Room.services.through.objects.filter(room__active=True).values_list("service_id", "room_id")
    )
    options = ServiceOption.objects.filter(
        active=True, service__status=Service.Status.PUBLISHED
    ).order_by("-minutes")
    # The longest comes first, so the shortest is what stays.
    by_service = {
        service: Need(Length(before, minutes, after), frozenset(rooms.get(service, ())))
        for service, minutes, before, after in options.values_list(
            "service_id",
            "minutes",
            "service__buffer_before_minutes",
            "service__buffer_after_minutes",
        )
    }
    given = _grouped(
        Therapist.services.through.objects.filter(service__in=list(by_service)).values_list(
            "therapist_id", "service_id"
        )
    )
    return Needs(by_service, given)


def find_gaps(
    day: date,
    *,
    zone: ZoneInfo,
    now: datetime,
    needs: Needs,
    free: Mapping[Therapist, tuple[Sequence[Span], Sequence[Span]]],
    room_busy: Mapping[int, Sequence[Span]],
) -> dict[int, list[Gap]]:
    """Return the stretches of ``day`` from ``now`` on that hold a visit, by therapist's key.

    ``free`` holds each therapist's working stretches and what is taken from them (pauses, and
    visits with their buffers); ``room_busy`` what visits take of each room.
    """
    grid = Grid.over(first_day=day, last_day=day, zone=zone)
    to_come = grid.between(now, grid.span.end)
    rooms = needs.starts({pk: grid.touched(spans) for pk, spans in room_busy.items()}, grid)
    return {
        therapist.pk: list(
            _gaps_of(
                therapist,
                _inside(working, grid) & ~grid.touched(taken) & to_come,
                [(needs.by_service[pk], rooms[pk]) for pk in needs.given.get(therapist.pk, ())],
                grid,
            )
        )
        for therapist, (working, taken) in free.items()
    }


def _gaps_of(
    therapist: Therapist, free: int, visits: Sequence[tuple[Need, int]], grid: Grid
) -> Iterator[Gap]:
    starts = reduce(or_, (_starts(free, need) & rooms for need, rooms in visits), 0)
    for first, last in runs(free):
        within = starts >> first & ((1 << (last - first)) - 1)
        if within:
            yield Gap(
                therapist,
                *(
                    grid.instant(cell).astimezone(grid.zone)
                    for cell in (first, last, first + next(set_bits(within)))
                ),
            )


def _starts(free: int, need: Need) -> int:
    return run_starts(free, need.length.cells) << need.length.lead_cells


def _inside(spans: Iterable[Span], grid: Grid) -> int:
    """The cells that lie wholly in one of ``spans``: what is free is rounded inwards."""
    every = (1 << grid.cells) - 1
    cells = 0
    for span in spans:
        around = [Span(grid.span.start, span.start), Span(span.end, grid.span.end)]
        cells |= every & ~grid.touched(around)
    return cells


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
