"""All that is known of one period, each part counted when it is first asked for."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from bookings.models import Room, Therapist
from bookings.reports import visits
from bookings.reports.periods import Period
from bookings.reports.visits import Cancelled, People, Tallies, Tally, Used
from bookings.reports.working import Hour, Work, empty_hours, work_of
from services.models import Service, SpaProfile


@contextmanager
def room_to_count() -> Iterator[None]:
    """Let the database keep in memory what it sorts and sums up, and take its time over it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SET LOCAL work_mem = '64MB'; SET LOCAL statement_timeout = %s",
                [f"{settings.REPORT_SECONDS:.0f}s"],
            )
        yield


@dataclass
class Facts:
    """The figures of ``period`` and of the one it is compared with; at most eleven queries."""

    period: Period
    before: Period
    spa: SpaProfile

    @property
    def zone(self) -> ZoneInfo:
        """The zone by whose clocks days begin."""
        return self.spa.zone

    @cached_property
    def tallies(self) -> Tallies:
        """Visits by treatment, by way of booking and over time."""
        return visits.tallies(self.period, self.before, self.zone)

    @cached_property
    def total(self) -> Tally:
        """All visits of the period."""
        return self.tallies.total

    @cached_property
    def people(self) -> tuple[People, People]:
        """Who came in the period, and in the one before."""
        return visits.people(self.period, self.before, self.zone)

    @cached_property
    def cancelled(self) -> Sequence[Cancelled]:
        """Cancelled visits by whom and when."""
        notice = timedelta(hours=self.spa.cancellation_notice_hours)
        return visits.cancellations(self.period.span(self.zone), notice)

    @cached_property
    def leads(self) -> Mapping[int, int]:
        """Booked visits by days between booking and visit."""
        return visits.leads(self.period, self.zone)

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
    def _used(self) -> tuple[dict[int, Used], dict[int, Used]]:
        return visits.used(self.period.span(self.zone))
