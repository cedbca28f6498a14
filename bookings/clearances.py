"""Requests that wait for the desk's decision, and until when each should be made. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from bookings.cards import Card, shown
from bookings.models import Appointment, Event
from bookings.timing import decision_due
from bookings.words import moment_in_a_sentence
from services.models import SpaProfile


@dataclass(frozen=True, slots=True)
class Term:
    """Since when one request waits at the moment ``now``, and how pressing it is."""

    starts_at: datetime
    asked_at: datetime
    decide_by: datetime
    now: datetime

    @property
    def has_passed(self) -> bool:
        """Whether the time that was asked for is over before anybody decided."""
        return self.starts_at <= self.now

    @property
    def is_overdue(self) -> bool:
        """Whether the client should have had her answer by now."""
        return not self.has_passed and self.decide_by <= self.now

    @property
    def waited(self) -> str:
        """How long the client has waited: 3 hours."""
        return timesince(self.asked_at, self.now, depth=1)

    @property
    def late_by(self) -> str:
        """How long ago the decision was due: 3 hours."""
        return timesince(self.decide_by, self.now, depth=1)

    @property
    def deadline(self) -> str:
        """Decide by tomorrow, 10:00; or that it is overdue, or too late."""
        if self.has_passed:
            return _("The time has passed")
        if self.is_overdue:
            return _("Overdue by %(time)s") % {"time": self.late_by}
        today = timezone.localtime(self.now).date()
        when = moment_in_a_sentence(timezone.localtime(self.decide_by), today)
        return _("Decide by %(when)s") % {"when": when}


@dataclass(frozen=True, slots=True)
class Request(Term):
    """One request with the card of its visit."""

    card: Card


AnyTerm = TypeVar("AnyTerm", bound=Term)


@dataclass(frozen=True)
class Queue(Generic[AnyTerm]):
    """All requests that nobody has decided yet."""

    to_decide: list[AnyTerm]
    passed: list[AnyTerm]

    @property
    def first(self) -> AnyTerm | None:
        """The most pressing one."""
        return self.to_decide[0] if self.to_decide else None

    @property
    def overdue(self) -> int:
        """How many clients should have had their answer by now."""
        return sum(one.is_overdue for one in self.to_decide)

    def __len__(self) -> int:
        return len(self.to_decide) + len(self.passed)


def decide_by(starts_at: datetime, *, asked_at: datetime, spa: SpaProfile) -> datetime:
    """Return the moment by which a request made at ``asked_at`` should be decided."""
    notice = spa.cancellation_notice_hours
    return decision_due(starts_at, asked_at=asked_at, notice_hours=notice)


def waiting_requests(*, spa: SpaProfile, now: datetime) -> Queue[Request]:
    """Return the requests of all days, the most pressing first; one query."""
    rows = shown().filter(status=Appointment.Status.REQUESTED).annotate(asked_at=_asked_at())
    return _pressing(request_of(Card(row, now), row.asked_at, spa) for row in rows)


def waiting_terms(*, spa: SpaProfile, now: datetime) -> Queue[Term]:
    """Return the same without the visits, for pages that tell how many and until when."""
    asked = Appointment.objects.filter(status=Appointment.Status.REQUESTED)
    rows = asked.annotate(asked_at=_asked_at()).values_list("starts_at", "asked_at")
    return _pressing(
        Term(starts_at, asked_at, decide_by(starts_at, asked_at=asked_at, spa=spa), now)
        for starts_at, asked_at in rows
    )


def request_of(card: Card, asked_at: datetime, spa: SpaProfile) -> Request:
    """Return the request of ``card`` that was made at ``asked_at``."""
    starts_at = card.appointment.starts_at
    due = decide_by(starts_at, asked_at=asked_at, spa=spa)
    return Request(starts_at, asked_at, due, card.now, card)


def _asked_at() -> Coalesce:
    asked = Event.objects.filter(appointment=OuterRef("pk"), kind="requested").order_by("-at")
    return Coalesce(Subquery(asked.values("at")[:1]), F("created_at"))


def _pressing(terms: Iterable[AnyTerm]) -> Queue[AnyTerm]:
    pressing = sorted(terms, key=lambda one: (one.decide_by, one.starts_at))
    return Queue(
        to_decide=[one for one in pressing if not one.has_passed],
        passed=[one for one in pressing if one.has_passed],
    )


def how_many_wait() -> int:
    """Return how many requests wait for a decision; one query."""
    return Appointment.objects.filter(status=Appointment.Status.REQUESTED).count()
