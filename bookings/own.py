"""A therapist's own days as she sees them on her phone. Reads only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.actions import may_note, ready_since
from bookings.cards import Card
from bookings.day import Column, Pause, own_days
from bookings.models import Appointment, Therapist, TreatmentNote
from bookings.models.appointments import BLOCKING
from bookings.words import clock_time
from services.models import SpaProfile

Status = Appointment.Status
EXPECTED = (Status.CONFIRMED, Status.ARRIVED)
# A shorter stretch between two visits is a breath, not a gap.
GAP_LEAST = timedelta(minutes=30)
# Until when a start is said in minutes; further ahead its time of day says more.
IN_MINUTES = timedelta(minutes=90)


@dataclass(frozen=True, slots=True)
class FreeStretch:
    """Time within her hours in which nobody comes, fit for a visit or not; in the spa's zone."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """How often a client was here, how often with this therapist, and when she noted something."""

    total: int = 0
    hers: int = 0
    noted_at: datetime | None = None

    @property
    def is_first(self) -> bool:
        """Whether the client has never been treated here."""
        return not self.total

    @property
    def words(self) -> str:
        """First visit to the spa; first visit with you, 2 with others; 3 visits with you."""
        if not self.total:
            return _("First visit to the spa")
        if not self.hers:
            return ngettext(
                "First visit with you, %(count)d with others",
                "First visit with you, %(count)d with others",
                self.total,
            ) % {"count": self.total}
        return ngettext(
            "%(count)d visit with you before", "%(count)d visits with you before", self.hers
        ) % {"count": self.hers}


@dataclass(frozen=True)
class OwnCard(Card):
    """One of her visits, with who comes and what to leave out."""

    known: Acquaintance = Acquaintance()
    areas: Sequence[str] = ()
    has_note: bool = False

    @property
    def lead(self) -> str:
        """When, as one says it across a corridor: in 12 minutes, here since 10:02."""
        visit = self.appointment
        if visit.started_at:
            return _("In treatment since %(time)s") % {"time": _clock(visit.started_at, self)}
        if visit.status == Status.ARRIVED and visit.arrived_at:
            return _("Here since %(time)s") % {"time": _clock(visit.arrived_at, self)}
        if visit.status == Status.ARRIVED:
            return _("Is here")
        return _until(visit.starts_at - self.now) or _("At %(time)s") % {
            "time": clock_time(self.starts_at)
        }

    @property
    def is_under_way(self) -> bool:
        """Whether the treatment goes on: begun, or the client is here and its time has come."""
        visit = self.appointment
        here = visit.status == Status.ARRIVED
        return here and (visit.started_at is not None or self.has_begun)

    @property
    def can_start(self) -> bool:
        """Whether the treatment may be marked as begun; who was not marked as here is then too."""
        return super().can_start or self.can_arrive

    @property
    def starts_next(self) -> bool:
        """Whether beginning is what comes next: she is here, or her time has come."""
        return self.can_start and (self.appointment.status == Status.ARRIVED or self.has_begun)

    @property
    def can_undo(self) -> bool:
        """Whether a step may be taken back: on the day itself; later it is the desk's to mend."""
        today = self.now.astimezone(self.starts_at.tzinfo).date()
        return super().can_undo and self.starts_at.date() == today

    @property
    def wants_note(self) -> bool:
        """Whether the treatment was given and nothing is noted of it yet."""
        return self.appointment.status == Status.COMPLETED and not self.has_note

    @property
    def may_note(self) -> bool:
        """Whether a treatment note can be written."""
        return may_note(self.appointment, self.now)

    @property
    def must_be_opened(self) -> bool:
        """Whether there is something to read about the health of the client before beginning."""
        verdict = self.verdict
        return verdict is not None and verdict.kind != "clear" and not self.health_is_open


Row = OwnCard | Pause | FreeStretch


@dataclass(frozen=True)
class OwnDay:
    """One of her days."""

    on: date
    column: Column
    cards: list[OwnCard]
    gaps: list[FreeStretch]

    @property
    def rows(self) -> list[tuple[str, Row]]:
        """Visits, breaks, time off and gaps in the order of their starts, each with its kind."""
        rows: list[tuple[str, Row]] = [("visit", card) for card in self.cards]
        rows += [("pause", pause) for pause in self.column.pauses]
        rows += [("gap", gap) for gap in self.gaps]
        # Within one zone Python compares by the wall clock, which repeats an hour.
        return sorted(rows, key=lambda row: row[1].starts_at.astimezone(UTC))

    @property
    def expected(self) -> list[OwnCard]:
        """The visits that stand, requests among them."""
        return [card for card in self.cards if card.mood != "off"]


@dataclass(frozen=True)
class OwnDays:
    """Her page: the day shown first, the days after it, and who comes now."""

    therapist: Therapist
    today: date
    days: list[OwnDay]
    present: OwnCard | None = None
    following: OwnCard | None = None
    ready_since: datetime | None = None
    last_done: OwnCard | None = None

    @property
    def first(self) -> OwnDay:
        """The day shown on top."""
        return self.days[0]

    @property
    def is_today(self) -> bool:
        """Whether the day shown on top is the present one."""
        return self.first.on == self.today

    @property
    def others(self) -> list[OwnDay]:
        """The days below."""
        return self.days[1:]

    @property
    def next_day(self) -> OwnDay | None:
        """The next day below on which somebody comes."""
        return next((day for day in self.others if day.expected), None)

    @property
    def is_on_duty(self) -> bool:
        """Whether the desk may send somebody: she is in today, or has visits."""
        return self.is_today and self.first.column.is_in

    @property
    def earlier(self) -> date:
        """The day with which the page before begins."""
        return self.first.on - timedelta(days=len(self.days))

    @property
    def later(self) -> date:
        """The day with which the page after begins."""
        return self.first.on + timedelta(days=len(self.days))


@dataclass(frozen=True)
class Found:
    """Her days before anything about health is added to them."""

    therapist: Therapist
    spa: SpaProfile
    now: datetime
    days: list[tuple[date, Column]]
    known: dict[int, Acquaintance] = field(default_factory=dict)
    noted: set[int] = field(default_factory=set)

    @property
    def today(self) -> date:
        """The present day by the spa's clocks."""
        return self.now.astimezone(self.spa.zone).date()

    @property
    def expected_today(self) -> list[Appointment]:
        """Today's visits that are still to be given: the only ones whose areas she is shown."""
        return [
            card.appointment
            for day, column in self.days
            if day == self.today
            for card in column.cards
            if card.appointment.status in EXPECTED
        ]

    def with_areas(self, areas: Mapping[int, Sequence[str]]) -> OwnDays:
        """Return the page; ``areas`` holds what to leave out by the key of an appointment."""
        days = [self._own_day(day, column, areas) for day, column in self.days]
        first = days[0]
        if first.on != self.today:
            return OwnDays(self.therapist, self.today, days)
        present = _present(first.cards)
        visits = [card.appointment for card in first.cards]
        return OwnDays(
            self.therapist,
            self.today,
            days,
            present=present,
            following=_following(first.cards, present),
            ready_since=ready_since(self.therapist, visits, self.now),
            last_done=_last_done(first.cards),
        )

    def _own_day(self, day: date, column: Column, areas: Mapping[int, Sequence[str]]) -> OwnDay:
        cards = [
            OwnCard(
                card.appointment,
                self.now,
                self.known.get(card.appointment.client_id or 0, Acquaintance()),
                areas.get(card.appointment.pk, ()),
                card.appointment.pk in self.noted,
            )
            for card in column.cards
        ]
        # A day without visits is free as a whole: its hours say so already.
        gaps = _gaps(column, self.now) if cards else []
        return OwnDay(day, column, cards, gaps)


def find_days(
    therapist: Therapist, first: date, *, days: int, spa: SpaProfile, now: datetime
) -> Found:
    """Return the days of ``therapist`` from ``first``; five queries."""
    shown = own_days(therapist, first, days=days, spa=spa, now=now)
    visits = [card.appointment for _day, column in shown for card in column.cards]
    done = [one.pk for one in visits if one.status == Status.COMPLETED]
    noted = TreatmentNote.objects.filter(appointment__in=done)
    return Found(
        therapist,
        spa,
        now,
        shown,
        known=acquaintances(
            [one.client_id for one in visits if one.client_id], therapist, before=now
        ),
        noted=set(noted.values_list("appointment_id", flat=True)),
    )


def acquaintances(
    clients: Iterable[int], therapist: Therapist, *, before: datetime
) -> dict[int, Acquaintance]:
    """Return how well each of ``clients`` was known ``before`` a moment, by her key; one query."""
    own = Q(therapist=therapist)
    done = Appointment.objects.filter(status=Status.COMPLETED, starts_at__lt=before)
    rows = (
        done.filter(client__in=set(clients))
        .order_by()
        .values("client_id")
        .annotate(
            total=Count("pk"),
            hers=Count("pk", filter=own),
            noted_at=Max("starts_at", filter=own & Q(treatment_note__isnull=False)),
        )
    )
    return {
        row["client_id"]: Acquaintance(row["total"], row["hers"], row["noted_at"]) for row in rows
    }


def _present(cards: Sequence[OwnCard]) -> OwnCard | None:
    """Whom she treats, else who waits for her, else who comes next or is late."""
    here = [card for card in cards if card.appointment.status == Status.ARRIVED]
    treated = [card for card in here if card.appointment.started_at]
    coming = [
        card
        for card in cards
        if card.appointment.status == Status.CONFIRMED and card.appointment.ends_at > card.now
    ]
    return next(iter([*treated, *here, *coming]), None)


def _following(cards: Sequence[OwnCard], present: OwnCard | None) -> OwnCard | None:
    if present is None:
        return None
    return next(
        (
            card
            for card in cards
            if card.appointment.status in EXPECTED
            and card.appointment.starts_at > present.appointment.starts_at
        ),
        None,
    )


def _last_done(cards: Sequence[OwnCard]) -> OwnCard | None:
    done = [card for card in cards if card.appointment.status == Status.COMPLETED]
    return done[-1] if done else None


def _gaps(column: Column, now: datetime) -> list[FreeStretch]:
    """What is left of her hours, from now on, between visits with their buffers and pauses."""
    taken = [(pause.starts_at, pause.ends_at) for pause in column.pauses]
    taken += [
        (card.appointment.busy_from, card.appointment.busy_until)
        for card in column.cards
        if card.appointment.status in (*BLOCKING, Status.COMPLETED)
    ]
    gaps = []
    for starts, ends in column.hours:
        for first, last in _free(max(starts.astimezone(UTC), now), ends.astimezone(UTC), taken):
            if last - first >= GAP_LEAST:
                gaps.append(
                    FreeStretch(first.astimezone(starts.tzinfo), last.astimezone(starts.tzinfo))
                )
    return gaps


def _free(
    start: datetime, end: datetime, taken: Iterable[tuple[datetime, datetime]]
) -> Iterable[tuple[datetime, datetime]]:
    # In UTC: within one zone Python compares by the wall clock, which repeats an hour.
    spans = sorted((first.astimezone(UTC), last.astimezone(UTC)) for first, last in taken)
    for first, last in spans:
        if start < first:
            yield start, min(first, end)
        start = max(start, last)
        if start >= end:
            return
    if start < end:
        yield start, end


def _until(left: timedelta) -> str:
    """In 12 minutes; expected 7 minutes ago; empty where the time of day says more."""
    minutes = round(abs(left) / timedelta(minutes=1))
    if left > IN_MINUTES:
        return ""
    if not minutes:
        return _("Now")
    if left > timedelta(0):
        return ngettext("In %(n)d minute", "In %(n)d minutes", minutes) % {"n": minutes}
    return ngettext("Expected %(n)d minute ago", "Expected %(n)d minutes ago", minutes) % {
        "n": minutes
    }


def _clock(at: datetime, card: Card) -> str:
    return clock_time(at.astimezone(card.starts_at.tzinfo))
