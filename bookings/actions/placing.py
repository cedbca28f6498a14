"""Finding a therapist and a room for a visit, and making sure of them under locks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import IntegrityError, connection, transaction

from bookings.actions.errors import (
    BookingError,
    HealthCheckNeeded,
    InTheWay,
    ReasonNeeded,
    TimeTaken,
)
from bookings.actions.events import SYSTEM, record
from bookings.actions.house_rules import broken_rules, other_visits
from bookings.actions.obstacles import obstacles
from bookings.actions.wishes import Place, Wish
from bookings.availability import nearest
from bookings.models import Appointment, Client, Room, Therapist
from bookings.queries import rooms_scarce_last
from services.memory import look_again

OVERLAP_CONSTRAINTS = ("appointment_therapist_no_overlap", "appointment_room_no_overlap")

# Each failed try means that somebody else took one of the places: far more tries than places.
MOST_TRIES = 50

LOCKS = """
    WITH therapists AS MATERIALIZED (
        SELECT id FROM bookings_therapist WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
    ), rooms AS MATERIALIZED (
        SELECT id FROM bookings_room WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT 0 FROM therapists UNION ALL SELECT 0 FROM rooms
"""
CHECK = """
    UNION ALL SELECT id FROM (
        SELECT id FROM bookings_healthcheck WHERE id = %s FOR NO KEY UPDATE
    ) AS checks
"""
HOLDER = " UNION ALL SELECT 0 WHERE pg_advisory_xact_lock(hashtextextended(%s, 0)) IS NOT NULL"

Written = TypeVar("Written")


def lock_diary(*, therapists: Iterable[int], rooms: Iterable[int]) -> None:
    """Lock therapists by primary key, then rooms by primary key, until the transaction ends.

    Two inserts under the exclusion constraint alone can deadlock; waiting in one fixed order
    cannot. The union reads its parts one after the other, and so they are locked.
    """
    _take_locks(therapists, rooms)


def _take_locks(
    therapists: Iterable[int], rooms: Iterable[int], *, check: int | None = None, holder: str = ""
) -> bool:
    """Lock the diary, then a health check, last a holder; false where the check is not known."""
    wanted: list[tuple[str, list[Any]]] = [(LOCKS, [sorted(set(therapists)), sorted(set(rooms))])]
    wanted += [(CHECK, [check])] if check else []
    wanted += [(HOLDER, [holder])] if holder else []
    with connection.cursor() as cursor:
        cursor.execute(
            "".join(sql for sql, _keys in wanted), [key for _sql, keys in wanted for key in keys]
        )
        locked = {found for (found,) in cursor.fetchall()}
    # Whoever held these locks may have written since this request looked.
    look_again()
    return check is None or check in locked


def at_best_place(wish: Wish, write: Callable[[Place], Appointment]) -> Appointment:
    """Call ``write`` with the best place for ``wish``, under its locks.

    Goes on to the next best place when one is lost to somebody else, and raises the refusal of
    ``wish`` when none is left. Each try is a transaction of its own: inside
    another one, the locks of a lost try would be kept and the order of locks broken.
    """
    for _try in range(MOST_TRIES):
        place = _best_place(wish)
        written = without_overlap(wish, partial(_at_place, wish, place, write))
        if written is not None:
            return written
    raise refusal(wish)


def _at_place(
    wish: Wish, place: Place, write: Callable[[Place], Appointment]
) -> Appointment | None:
    """Call ``write`` under the locks of ``place``; ``None`` where it is not free any more."""
    if not _lock_for(wish, place):
        raise HealthCheckNeeded
    if not clear_way(wish, place):
        return None
    _refuse_second_visit(wish, place)
    return write(place)


def clear_way(wish: Wish, place: Place) -> bool:
    """Whether ``wish`` can be had at ``place`` right now; lapsed holds in its way are ended.

    Meant to be asked under locks.
    """
    found = replace(wish, therapist=place.therapist, room=place.room).offer_on_its_day()
    if not found.therapists_at(wish.starts_at) or not found.rooms_at(wish.starts_at):
        return False
    if found.may_hold_lapsed:
        clear_lapsed_holds(wish, place)
    return True


def _refuse_second_visit(wish: Wish, place: Place) -> None:
    """Raise ``ReasonNeeded`` where the client has another visit then; keeps her record locked."""
    if wish.client is None or wish.anytime:
        return
    # Two desks that book for one client at once wait for each other here.
    Client.objects.select_for_update(no_key=True).get(pk=wish.client.pk)
    if other_visits(wish):
        raise ReasonNeeded(broken_rules(wish, place.therapist))


def clear_lapsed_holds(wish: Wish, place: Place) -> None:
    """End lapsed holds in the way of ``wish``: the constraint knows no clock."""
    busy_from, busy_until = wish.times["busy_from"], wish.times["busy_until"]
    in_the_way = Appointment.objects.lapsed_holds(wish.now).busy_between(busy_from, busy_until)
    if wish.moving is not None:
        in_the_way = in_the_way.exclude(pk=wish.moving.pk)
    same_therapist = in_the_way.filter(therapist=place.therapist)
    for hold in same_therapist | in_the_way.filter(room=place.room):
        end_hold(hold, now=wish.now)


def end_hold(hold: Appointment, *, now: datetime) -> bool:
    """Let a hold go; false where it was no longer held."""
    ended = Appointment.objects.filter(pk=hold.pk, status=Appointment.Status.HELD).update(
        status=Appointment.Status.EXPIRED, held_by=""
    )
    if ended:
        record(
            hold,
            "hold_ended",
            by=SYSTEM,
            now=now,
            changes={"status": (Appointment.Status.HELD.value, Appointment.Status.EXPIRED.value)},
        )
    return bool(ended)


def without_overlap(wish: Wish, write: Callable[[], Written]) -> Written:
    """Call ``write`` whole or not at all; an overlap raises the refusal of ``wish``."""
    try:
        with transaction.atomic():
            return write()
    except IntegrityError as refused:
        if not _is_overlap(refused):
            raise
        raise refusal(wish) from refused


def refusal(wish: Wish) -> BookingError:
    """Why ``wish`` cannot be had: the staff learn which rule it breaks, or who is in the way.

    Everybody else learns that the time is taken; all learn the nearest free times.
    """
    if wish.by_staff and not wish.anytime:
        place = _find_place(replace(wish, anytime=True))
        rules = broken_rules(wish, place.therapist) if place else []
        if rules:
            return ReasonNeeded(rules)
    blockers = obstacles(wish) if wish.by_staff else []
    if blockers:
        return InTheWay(blockers, _nearest(wish))
    return TimeTaken(_nearest(wish))


def _nearest(wish: Wish) -> list[datetime]:
    # The rules of the house hold for what we propose, whatever was asked for.
    earliest = max(wish.earliest, wish.now) if wish.earliest else None
    wish = replace(wish, anytime=False, earliest=earliest)
    around = wish.offer_between(wish.day - timedelta(days=3), wish.day + timedelta(days=14))
    times = [one for one in around.times(wish.therapist) if not wish.is_present(one)]
    return nearest(times, wish.starts_at)


def _best_place(wish: Wish) -> Place:
    place = _find_place(wish)
    if place is None:
        raise refusal(wish)
    return place


def _find_place(wish: Wish) -> Place | None:
    found = wish.offer_on_its_day()
    therapists = found.therapists_at(wish.starts_at)
    rooms = rooms_scarce_last(found.rooms_at(wish.starts_at))
    if not therapists or not rooms:
        return None
    cell = found.grid.cell_at(wish.starts_at)
    assert cell is not None
    needed = found.grid.visit(cell, wish.length)

    def rank(therapist: Therapist) -> tuple[int, bool, int, int, int]:
        return (
            (needed & ~found.at_work[therapist.pk]).bit_count(),
            therapist != wish.preferred,
            found.busy_cells(therapist, wish.day),
            therapist.position,
            therapist.pk,
        )

    return Place(min(therapists, key=rank), _best_room(wish, rooms))


def _best_room(wish: Wish, rooms: Sequence[Room]) -> Room:
    # The desk moves a visit by five minutes: nobody expects to change the room for that.
    present = wish.moving.room_id if wish.by_staff and wish.moving is not None else None
    return next((one for one in rooms if one.pk == present), rooms[0])


def _lock_for(wish: Wish, place: Place) -> bool:
    """Lock all that the wish at ``place`` touches; false where its health check is forgotten."""
    therapists, rooms = {place.therapist.pk}, {place.room.pk}
    if wish.moving is not None:
        therapists.add(wish.moving.therapist_id)
        rooms.add(wish.moving.room_id)
    check = wish.check.pk if wish.check else None
    return _take_locks(therapists, rooms, check=check, holder=wish.holder)


def _is_overlap(error: IntegrityError) -> bool:
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) in OVERLAP_CONSTRAINTS
