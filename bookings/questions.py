"""Which coming visits stand on answers to other questions than today's, or tomorrow's. Reads only.

Health answers are not read here: the version of the questions that they were given to is enough.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Min, Q

from bookings.models import Appointment
from bookings.models.appointments import UPCOMING, AppointmentQuerySet
from services.models import Contraindication, Service
from services.screening import Rule, questions_version


@dataclass(frozen=True, slots=True)
class Draft:
    """An edit of one contraindication that is not saved: the row, and the treatments that ask it.

    A row without a key is a new one.
    """

    row: Contraindication
    services: frozenset[int]


@dataclass(frozen=True, slots=True)
class Touched:
    """The coming visits of one treatment whose answers would count no more."""

    service: Service
    count: int
    first: datetime
    last: datetime


def versions(draft: Draft | None = None) -> dict[int, str]:
    """Return the version of the questions by treatment, as they are or with ``draft``.

    Two queries.
    """
    services = Service.objects.prefetch_related("contraindications")
    return {
        service.pk: questions_version([*_asked(service, draft), *service.rules_for_everyone()])
        for service in services
    }


def touched_by(draft: Draft, *, now: datetime) -> list[Touched]:
    """Return whom ``draft`` would have asked again, by treatment; six queries at most.

    Only treatments whose questions it changes count, and of their visits those that have not
    been asked again already.
    """
    before, after = versions(), versions(draft)
    changed = {pk: version for pk, version in after.items() if before[pk] != version}
    return _grouped(outdated(changed, now=now)) if changed else []


def changes_questions(draft: Draft) -> bool:
    """Whether ``draft`` asks anybody anything else, or judges it otherwise; four queries."""
    return versions() != versions(draft)


def outdated_visits(*, now: datetime) -> list[Touched]:
    """Return the coming visits that stand on other questions than today's and were not marked."""
    return _grouped(outdated(versions(), now=now))


def outdated(by_service: Mapping[int, str], *, now: datetime) -> AppointmentQuerySet:
    """The coming visits of these treatments with answers to another version, not yet marked."""
    other = Q(pk__in=[])
    for service, version in by_service.items():
        other |= Q(service=service) & ~Q(health_check__questions_version=version)
    return ahead(now=now).filter(other, health_check__asked_again_at=None)


def ahead(*, now: datetime) -> AppointmentQuerySet:
    """The visits with a health check whose treatment has not begun."""
    return Appointment.objects.filter(
        status__in=UPCOMING, started_at=None, ends_at__gt=now, health_check__isnull=False
    )


def _asked(service: Service, draft: Draft | None) -> Iterable[Rule]:
    asked = {row.pk: row for row in service.contraindications.all()}
    if draft is not None:
        asked.pop(draft.row.pk, None)
        if service.pk in draft.services:
            asked[draft.row.pk] = draft.row
    return [row.rule() for row in asked.values() if row.active]


def _grouped(visits: AppointmentQuerySet) -> list[Touched]:
    rows = list(
        visits.order_by()
        .values(pk=F("service"))
        .annotate(count=Count("pk"), first=Min("starts_at"), last=Max("starts_at"))
    )
    services = Service.objects.in_bulk([row["pk"] for row in rows])
    found = [Touched(services[row["pk"]], row["count"], row["first"], row["last"]) for row in rows]
    return sorted(found, key=lambda one: one.first)
