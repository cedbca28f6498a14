"""Finding a therapist and a room for a visit, and making sure of them under locks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

from django.db import IntegrityError, transaction

from bookings.actions.errors import TimeTaken
from bookings.actions.events import SYSTEM, record
from bookings.availability import nearest
from bookings.models import Appointment, Room, Therapist
from bookings.queries import Offer, offer, rooms_scarce_last
from services.models import Service, ServiceOption, SpaProfile

OVERLAP_CONSTRAINTS = ("appointment_therapist_no_overlap", "appointment_room_no_overlap")

# Each failed try means that somebody else took one of the places: far more tries than places.
MOST_TRIES = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """A start that somebody wants, in UTC: a local time would be lengthened by the wall clock.

    ``therapist`` is a must, ``preferred`` a wish; ``moving`` is left out of what is busy;
    ``earliest`` stands in for now plus the spa's notice.
    """

    service: Service
    option: ServiceOption
    starts_at: datetime
    spa: SpaProfile
    now: datetime
    therapist: Therapist | None = None
    preferred: Therapist | None = None
    moving: Appointment | None = None
    earliest: datetime | None = None

    @property
    def day(self) -> date:
        """The local day of the start; a start in the past or beyond the horizon counts as near it.

        A forged start at the end of the calendar must not lead beyond it.
        """
        latest = self.now + timedelta(days=self.spa.booking_horizon_days + 2)
        return min(max(self.starts_at, self.now), latest).astimezone(self.spa.zone).date()

    @property
    def times(self) -> dict[str, datetime]:
        """The four times of the appointment, buffers included."""
        ends_at = self.starts_at + timedelta(minutes=self.option.minutes)
        return {
            "starts_at": self.starts_at,
            "ends_at": ends_at,
            "busy_from": self.starts_at - timedelta(minutes=self.service.buffer_before_minutes),
            "busy_until": ends_at + timedelta(minutes=self.service.buffer_after_minutes),
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Who and where."""

    therapist: Therapist
    room: Room


def lock_diary(*, therapists: Iterable[int], rooms: Iterable[int]) -> None:
    """Lock therapists by primary key, then rooms by primary key, until the transaction ends.

    Two inserts under the exclusion constraint alone can deadlock; waiting in one fixed order
    cannot.
    """
    for model, keys in ((Therapist, therapists), (Room, rooms)):
        locked = model.objects.select_for_update(no_key=True).filter(pk__in=set(keys))
        list(locked.order_by("pk").values_list("pk"))


def at_best_place(wish: Wish, write: Callable[[Place], Appointment]) -> Appointment:
    """Call ``write`` with the best place for ``wish``, under its locks.

    Goes on to the next best place when one is lost to somebody else; raises ``TimeTaken`` with
    the nearest free times when none is left. Each try is a transaction of its own: inside
    another one, the locks of a lost try would be kept and the order of locks broken.
    """
    for _try in range(MOST_TRIES):
        place = _best_place(wish)
        with transaction.atomic():
            _lock_for(wish, place)
            if is_free(wish, place):
                clear_lapsed_holds(wish, place)
                return without_overlap(wish, partial(write, place))
    raise taken(wish)


def is_free(wish: Wish, place: Place) -> bool:
    """Whether ``wish`` could be offered at ``place`` right now. Meant to be asked under locks."""
    found = _offer_on_its_day(replace(wish, therapist=place.therapist))
    return bool(found.therapists_at(wish.starts_at)) and place.room.pk in found.rooms_at(
        wish.starts_at
    )


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
        status=Appointment.Status.EXPIRED
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


def without_overlap(wish: Wish, write: Callable[[], Appointment]) -> Appointment:
    """Call ``write``; where the database refuses an overlap, raise ``TimeTaken`` instead."""
    try:
        with transaction.atomic():
            return write()
    except IntegrityError as refused:
        if not _is_overlap(refused):
            raise
        raise taken(wish) from refused


def taken(wish: Wish) -> TimeTaken:
    """Return the refusal of ``wish``, with the three free times nearest to it."""
    around = _offer_between(wish, wish.day - timedelta(days=3), wish.day + timedelta(days=14))
    return TimeTaken(nearest(around.times(wish.therapist), wish.starts_at))


def _best_place(wish: Wish) -> Place:
    found = _offer_on_its_day(wish)
    therapists = found.therapists_at(wish.starts_at)
    rooms = rooms_scarce_last(found.rooms_at(wish.starts_at))
    if not therapists or not rooms:
        raise taken(wish)

    def rank(therapist: Therapist) -> tuple[bool, int, int, int]:
        return (
            therapist != wish.preferred,
            found.busy_cells(therapist, wish.day),
            therapist.position,
            therapist.pk,
        )

    return Place(min(therapists, key=rank), rooms[0])


def _lock_for(wish: Wish, place: Place) -> None:
    therapists, rooms = {place.therapist.pk}, {place.room.pk}
    if wish.moving is not None:
        therapists.add(wish.moving.therapist_id)
        rooms.add(wish.moving.room_id)
    lock_diary(therapists=therapists, rooms=rooms)


def _offer_on_its_day(wish: Wish) -> Offer:
    return _offer_between(wish, wish.day, wish.day)


def _offer_between(wish: Wish, first_day: date, last_day: date) -> Offer:
    return offer(
        service=wish.service,
        option=wish.option,
        first_day=first_day,
        last_day=last_day,
        now=wish.now,
        spa=wish.spa,
        therapist=wish.therapist,
        ignoring=wish.moving,
        earliest=wish.earliest,
    )


def _is_overlap(error: IntegrityError) -> bool:
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) in OVERLAP_CONSTRAINTS
