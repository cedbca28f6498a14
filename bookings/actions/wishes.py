"""What somebody wants of the diary, and the place that it may get."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bookings.availability import Grid, Length
from bookings.models import Appointment, Client, HealthCheck, Room, Therapist
from bookings.queries import DIARY_DAYS, Offer, length_of, offer
from services.cells import CELL_MINUTES
from services.models import Service, ServiceOption, SpaProfile


@dataclass(frozen=True, slots=True)
class Place:
    """Who and where."""

    therapist: Therapist
    room: Room


@dataclass(frozen=True, slots=True)
class Wish:
    """A start that somebody wants, in UTC: a local time would be lengthened by the wall clock.

    ``therapist`` and ``room`` are musts, ``preferred`` a wish; ``moving`` is left out of what is
    busy; ``minutes`` stands in for the option's length, ``earliest`` for now plus the spa's
    notice. The staff may start on any five minutes (``by_staff``) and, with a reason, outside the
    rules of the house (``anytime``); ``client`` is who should not have another visit then;
    ``check`` must still be known when it is granted; ``holder`` stands for the address that asks.
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
    room: Room | None = None
    minutes: int | None = None
    by_staff: bool = False
    anytime: bool = False
    client: Client | None = None
    check: HealthCheck | None = None
    holder: str = ""

    @property
    def day(self) -> date:
        """The local day of the start; a start in the past or beyond the diary counts as near it.

        A forged start at the end of the calendar must not lead beyond it.
        """
        first = min(self.now, self.earliest or self.now)
        days = DIARY_DAYS if self.anytime else self.spa.booking_horizon_days
        last = self.now + timedelta(days=days + 2)
        return self.local(min(max(self.starts_at, first), last)).date()

    @property
    def today(self) -> date:
        """The local day of ``now``."""
        return self.local(self.now).date()

    @property
    def first_moment(self) -> datetime:
        """The beginning of today, or what stands in for it: nothing is placed before."""
        midnight = datetime.combine(self.today, time.min, tzinfo=self.spa.zone)
        return min(midnight, self.earliest or midnight)

    def local(self, at: datetime) -> datetime:
        """``at`` by the clocks of the spa."""
        return at.astimezone(self.spa.zone)

    @property
    def length(self) -> Length:
        """The minutes that the visit takes, with its buffers."""
        return length_of(self.service, self.minutes or self.option.minutes)

    def is_present(self, at: datetime) -> bool:
        """Whether the visit that is to be moved would not change if it were at ``at``."""
        visit = self.moving
        if visit is None or at != visit.starts_at or self.length.visit != visit.minutes:
            return False
        same_therapist = self.therapist is None or self.therapist.pk == visit.therapist_id
        return same_therapist and (self.room is None or self.room.pk == visit.room_id)

    @property
    def times(self) -> dict[str, datetime]:
        """The four times of the appointment, buffers included."""
        length = self.length
        ends_at = self.starts_at + timedelta(minutes=length.visit)
        return {
            "starts_at": self.starts_at,
            "ends_at": ends_at,
            "busy_from": self.starts_at - timedelta(minutes=length.before),
            "busy_until": ends_at + timedelta(minutes=length.after),
        }

    @property
    def grid(self) -> Grid:
        """The row of cells around the day of the wish."""
        return Grid.over(first_day=self.day, last_day=self.day, zone=self.spa.zone)

    def offer_on_its_day(self) -> Offer:
        """What is free on the day of the wish."""
        step = CELL_MINUTES if self.by_staff else None
        return self.offer_between(self.day, self.day, step_minutes=step)

    def offer_between(
        self, first_day: date, last_day: date, *, step_minutes: int | None = None
    ) -> Offer:
        """What is free for the wish on some days, at the spa's own step if not told otherwise."""
        return offer(
            service=self.service,
            option=self.option,
            first_day=first_day,
            last_day=last_day,
            now=self.now,
            spa=self.spa,
            therapist=self.therapist,
            room=self.room,
            minutes=self.minutes,
            step_minutes=step_minutes,
            ignoring=self.moving,
            earliest=self.first_moment if self.anytime else self.earliest,
            anytime=self.anytime,
        )
