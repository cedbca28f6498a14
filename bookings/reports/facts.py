"""All that is known of one period, each part counted when it is first asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, reduce
from operator import add
from zoneinfo import ZoneInfo

from bookings.models import Room, Therapist
from bookings.reports import visits
from bookings.reports.periods import Period
from bookings.reports.visits import Cancelled, People, Tally, Used
from bookings.reports.working import Hour, Work, empty_hours, work_of
from services.models import Service, SpaProfile


@dataclass
class Facts:
    """The figures of ``period`` and of the one it is compared with; at most twelve queries."""

    period: Period
    before: Period
    spa: SpaProfile

    @property
    def zone(self) -> ZoneInfo:
        """The zone by whose clocks days begin."""
        return self.spa.zone

    @cached_property
    def by_service(self) -> Mapping[int, Tally]:
        """Visits by treatment."""
        return self._tallies[0]

    @cached_property
    def by_source(self) -> Mapping[str, Tally]:
        """Visits by way of booking."""
        return self._tallies[1]

    @cached_property
    def total(self) -> Tally:
        """All visits of the period."""
        return reduce(add, self.by_source.values(), Tally())

    @cached_property
    def total_before(self) -> Tally:
        """All visits of the period before."""
        return visits.tally(self.before.span(self.zone))

    @cached_property
    def course(self) -> Sequence[tuple[Period, Tally]]:
        """Visits by day, week or month."""
        return visits.course(self.period, self.zone)

    @cached_property
    def people(self) -> Sequence[People]:
        """Who came in the period, and in the one before."""
        return visits.people([one.span(self.zone) for one in (self.period, self.before)])

    @cached_property
    def cancelled(self) -> Sequence[Cancelled]:
        """Cancelled visits by whom and when."""
        notice = timedelta(hours=self.spa.cancellation_notice_hours)
        return visits.cancellations(self.period.span(self.zone), notice)

    @cached_property
    def leads(self) -> Mapping[int, int]:
        """Booked visits by days between booking and visit."""
        return visits.leads(self.period.span(self.zone), self.zone)

    @cached_property
    def used_by_therapist(self) -> Mapping[int, Used]:
        """Used minutes by therapist."""
        return self._used[0]

    @cached_property
    def used_by_room(self) -> Mapping[int, Used]:
        """Used minutes by room."""
        return self._used[1]

    @cached_property
    def work(self) -> Work:
        """Working time of those who take appointments."""
        active = [one.pk for one in self.therapists if one.active]
        return work_of(self.period, self.zone, active)

    @cached_property
    def hours(self) -> Mapping[tuple[int, int], Hour]:
        """The hours of the week by weekday and hour."""
        return empty_hours(self.work, self.period, self.zone)

    @cached_property
    def services(self) -> Sequence[Service]:
        """Every treatment, in the order of the menu."""
        return list(Service.objects.only("pk", "name"))

    @cached_property
    def therapists(self) -> Sequence[Therapist]:
        """Every therapist in order, those who have left too."""
        return list(Therapist.objects.only("pk", "name", "active"))

    @cached_property
    def rooms(self) -> Sequence[Room]:
        """Every room in order, those out of use too."""
        return list(Room.objects.only("pk", "name", "active"))

    @cached_property
    def _tallies(self) -> tuple[dict[int, Tally], dict[str, Tally]]:
        return visits.tallies(self.period.span(self.zone))

    @cached_property
    def _used(self) -> tuple[dict[int, Used], dict[int, Used]]:
        return visits.used(self.period.span(self.zone))
