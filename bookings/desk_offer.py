"""What the desk offers to somebody who rings or stands there. Reads only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import groupby, pairwise
from statistics import median

from bookings.actions.health import has_said_stop
from bookings.availability import nearest, set_bits
from bookings.clients import last_visits
from bookings.models import Appointment, Client, HealthCheck, Therapist
from bookings.models.appointments import UPCOMING
from bookings.queries import Offer, last_bookable_day, offer, rules_for
from services.models import Category, Service, ServiceOption, SpaProfile
from services.screening import questions_version

Status = Appointment.Status

USUAL_MOST, USUAL_LOOKED_AT = 3, 8
SOONEST, WALK_IN_MOST, EACH_MOST, RHYTHM_MOST = 6, 3, 3, 4
SHORTEST_RHYTHM, LONGEST_RHYTHM, PLAIN_RHYTHM = 1, 8, 4
LOOKED_BACK = 6
WEEK = timedelta(weeks=1)
NOON, EVENING = time(12), time(17)


@dataclass(frozen=True, slots=True)
class Usual:
    """A treatment that somebody had before: one tap to have it again.

    ``option`` is the treatment and its length; ``therapist`` is ``None`` where that person no
    longer gives it.
    """

    visit: Appointment
    option: ServiceOption
    therapist: Therapist | None

    @property
    def value(self) -> str:
        """What its button sends."""
        return f"{self.option.pk} {self.therapist.pk if self.therapist else ''}".strip()


def usual_treatments(client: Client) -> list[Usual]:
    """What ``client`` had last and can have again, the latest first; two queries."""
    visits = [
        visit
        for visit in last_visits(client, limit=USUAL_LOOKED_AT)
        if visit.option.active and visit.service.status == Service.Status.PUBLISHED
    ][:USUAL_MOST]
    gives = set(
        Therapist.services.through.objects.filter(
            therapist__active=True,
            therapist__in=[visit.therapist_id for visit in visits],
        ).values_list("therapist_id", "service_id")
    )
    return [
        Usual(
            visit,
            visit.option,
            visit.therapist if (visit.therapist_id, visit.service_id) in gives else None,
        )
        for visit in visits
    ]


@dataclass(frozen=True, slots=True)
class MenuPart:
    """A heading of the menu with its treatments and their lengths."""

    category: Category
    services: list[tuple[Service, list[ServiceOption]]]


def menu(*, therapist: Therapist | None = None) -> list[MenuPart]:
    """All that can be booked, or all that ``therapist`` gives; one query."""
    options = ServiceOption.objects.filter(
        active=True, service__status=Service.Status.PUBLISHED
    ).select_related("service__category")
    if therapist is not None:
        options = options.filter(service__therapists=therapist)
    options = options.order_by(
        "service__category__position",
        "service__category__name",
        "service__position",
        "service__name",
        "service",
        "minutes",
    )
    by_service = [(one, list(rows)) for one, rows in groupby(options, key=lambda row: row.service)]
    return [
        MenuPart(category, list(rows))
        for category, rows in groupby(by_service, key=lambda pair: pair[0].category)
    ]


def fitting(options: Sequence[ServiceOption], minutes: int) -> ServiceOption | None:
    """The one of ``options``, shortest first, that lasts ``minutes``, or the next longer one."""
    return next((one for one in options if one.minutes >= minutes), None)


def standing_visit(client: Client, service: Service) -> Appointment | None:
    """The visit of ``client`` whose health answers may be said to be unchanged; three queries.

    The answers are to today's questions about ``service``. Whoever has said "stop" or "urgent"
    since, before any treatment, is asked anew.
    """
    visits = Appointment.objects.filter(client=client, service=service, health_check__isnull=False)
    visit = (
        visits.select_related("client", "service", "health_check")
        .defer("health_check__answers", "health_check__findings", "health_check__review_note")
        # Of copies the first: what a form has read out stays the same when another one books.
        .order_by("-health_check__affirmed_at", "pk")
        .first()
    )
    return visit if visit is not None and may_be_unchanged(visit) else None


def may_be_unchanged(visit: Appointment) -> bool:
    """Whether the health answers of ``visit`` are to today's questions and no stop came since.

    Two queries.
    """
    check, client = visit.health_check, visit.client
    if check is None or client is None or check.review == HealthCheck.Review.DECLINED:
        return False
    if check.questions_version != questions_version(rules_for(visit.service)):
        return False
    return not has_said_stop(client, since=check.given_at)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Every how many ``weeks`` somebody comes, and when that would be the ``next`` time (UTC)."""

    weeks: int
    next: datetime


def rhythm(client: Client, service: Service, *, spa: SpaProfile, now: datetime) -> Rhythm | None:
    """When ``client`` would come next for ``service``; ``None`` for the first time. One query.

    The gap is the usual one of the latest visits: 1 to 8 weeks, or 4 where there was only one.
    """
    visits = Appointment.objects.filter(
        client=client, service=service, status__in=[Status.COMPLETED, *UPCOMING]
    )
    starts = list(visits.order_by("-starts_at").values_list("starts_at", flat=True)[:LOOKED_BACK])
    if not starts:
        return None
    gaps = [(later - earlier) / WEEK for later, earlier in pairwise(starts)]
    usual = round(median(gaps)) if gaps else PLAIN_RHYTHM
    weeks = min(max(usual, SHORTEST_RHYTHM), LONGEST_RHYTHM)
    # Whoever has not come for long comes back on the same weekday, not in the past.
    missed = max((now - starts[0]) // (weeks * WEEK), 0)
    return Rhythm(weeks, same_time_later(starts[0], weeks * (missed + 1), spa=spa))


def same_time_later(start: datetime, weeks: int, *, spa: SpaProfile) -> datetime:
    """``weeks`` later on the same weekday at the same time of the spa's clock.

    A time that the clock skips is told by the clock that ran before, so it comes an hour later; of
    a time that it shows twice, the first.
    """
    local = start.astimezone(spa.zone)
    wall = datetime.combine(local.date() + weeks * WEEK, local.time(), tzinfo=spa.zone)
    return wall.replace(fold=0).astimezone(UTC)


@dataclass(frozen=True)
class FreeTimes:
    """When a treatment could start, arranged for the one who talks to the client.

    ``found`` reaches from this moment to the booking horizon; ``from_then_on`` is the end of the
    spa's notice: what starts sooner is a walk-in.
    """

    found: Offer
    from_then_on: datetime
    now: datetime
    therapist: Therapist | None = None

    @cached_property
    def _late(self) -> int:
        grid = self.found.grid
        return grid.between(self.from_then_on, grid.span.end)

    @cached_property
    def _bits(self) -> int:
        return self.found.bits(self.therapist)

    @property
    def walk_in(self) -> list[datetime]:
        """The next starts that are too soon for anybody but those who are here."""
        return self._times(self._bits & ~self._late, WALK_IN_MOST)

    @property
    def soonest(self) -> list[datetime]:
        """The next starts, one for each morning, afternoon and evening."""
        by_part: dict[tuple[date, int], datetime] = {}
        for at in self._each(self._bits & self._late):
            by_part.setdefault((at.date(), _part_of(at)), at)
            if len(by_part) == SOONEST:
                break
        return list(by_part.values())

    @property
    def each(self) -> list[tuple[Therapist, list[datetime]]]:
        """The next starts of each therapist; those without any are left out."""
        found = [
            (one, self._times(self.found.starts.get(one.pk, 0) & self._late, EACH_MOST))
            for one in self.found.therapists
            if self.therapist in (None, one)
        ]
        return [(one, times) for one, times in found if times]

    def on(self, day: date) -> list[datetime]:
        """Every start of a local day."""
        grid = self.found.grid
        midnight = datetime.combine(day, time.min, tzinfo=grid.zone)
        next_midnight = datetime.combine(day + timedelta(days=1), time.min, tzinfo=grid.zone)
        return list(self._each(self._bits & grid.between(midnight, next_midnight)))

    def near(self, wanted: datetime) -> list[datetime]:
        """The few starts closest to ``wanted``."""
        return nearest(list(self._each(self._bits)), wanted, RHYTHM_MOST)

    def who(self, at: datetime) -> list[Therapist]:
        """Those who could start then, of those who are meant."""
        return [one for one in self.found.therapists_at(at) if self.therapist in (None, one)]

    def _times(self, bits: int, most: int) -> list[datetime]:
        return [at for at, _n in zip(self._each(bits), range(most), strict=False)]

    def _each(self, bits: int) -> Iterator[datetime]:
        grid = self.found.grid
        return (grid.instant(cell).astimezone(grid.zone) for cell in set_bits(bits))


def free_times(
    option: ServiceOption,
    *,
    spa: SpaProfile,
    now: datetime,
    therapist: Therapist | None = None,
    minutes: int | None = None,
) -> FreeTimes:
    """Return the free times of ``option`` up to the booking horizon, in five queries.

    ``minutes`` stands in for its length.
    """
    found = offer(
        service=option.service,
        option=option,
        first_day=now.astimezone(spa.zone).date(),
        last_day=last_bookable_day(spa, now),
        now=now,
        spa=spa,
        minutes=minutes,
        earliest=now,
    )
    notice = now + timedelta(hours=spa.minimum_notice_hours)
    return FreeTimes(found, notice, now, therapist)


def _part_of(at: datetime) -> int:
    return 0 if at.time() < NOON else 1 if at.time() < EVENING else 2
