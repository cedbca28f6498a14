"""One appointment as a card: how it stands, and what may be done with it. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Concat, Lower
from django.utils.translation import gettext as _

from bookings.actions import may_arrive
from bookings.actions.changes import CHANGEABLE, PLACEABLE
from bookings.models import Appointment, BadAddress, HealthCheck, Message, TimeOff
from bookings.models.appointments import UPCOMING, AppointmentQuerySet
from bookings.models.health import HEALTH_ANSWERS
from bookings.models.messages import LOST, TIMED
from bookings.roster import Roster
from services.models import SpaProfile

Status = Appointment.Status
OFF_STATUSES = (Status.CANCELLED, Status.DECLINED, Status.NO_SHOW)
SOON = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class Badge:
    """A shape and a word; ``kind`` is the component's."""

    kind: str
    label: str


@dataclass(frozen=True)
class Card:
    """One appointment at the moment ``now``: how it stands and what may be done with it."""

    appointment: Appointment
    now: datetime

    @cached_property
    def starts_at(self) -> datetime:
        """The start in the spa's zone."""
        return self.appointment.starts_local

    @cached_property
    def ends_at(self) -> datetime:
        """The end in the spa's zone."""
        return self.appointment.ends_local

    @property
    def status(self) -> Badge:
        """The state in words."""
        if self.appointment.status == Status.HELD:
            return Badge("held", _("Being booked"))
        if self.is_in_treatment:
            return Badge("arrived", _("In treatment"))
        return Badge(self.appointment.status, str(Status(self.appointment.status).label))

    @property
    def minutes(self) -> int:
        """How long the treatment takes: the length on the menu, or one that the desk gave it."""
        return round((self.appointment.ends_at - self.appointment.starts_at).total_seconds() / 60)

    @property
    def is_in_treatment(self) -> bool:
        """Whether the treatment has begun and is not over."""
        here = self.appointment.status == Status.ARRIVED
        return here and self.appointment.started_at is not None

    @property
    def health_is_open(self) -> bool:
        """Whether somebody has to talk to the client before she is treated: no check holds."""
        if self.appointment.status not in UPCOMING:
            return False
        check = self.appointment.health_check
        return check is None or check.asked_again_at is not None or self._answers_are_too_old

    @property
    def _answers_are_too_old(self) -> bool:
        """Whether the visit stands beyond the days for which its answers are good."""
        check = self.appointment.health_check
        days: int = self.appointment.health_valid_days  # type: ignore[attr-defined]
        too_late = timedelta(days=days)
        return check is not None and self.appointment.starts_at - check.affirmed_at > too_late

    @property
    def verdict(self) -> Badge | None:
        """Clear, adapt, awaiting clearance or open: all that the desk learns of the check."""
        if self.health_is_open:
            return Badge("clearance", _("Health check open: please call"))
        check = self.appointment.health_check
        if check is None or check.review == HealthCheck.Review.DECLINED:
            return None
        if check.outcome == HealthCheck.Outcome.CLEAR:
            return Badge("clear", _("Clear"))
        if check.outcome == HealthCheck.Outcome.CLEARANCE and not check.review:
            return Badge("clearance", _("Awaiting clearance"))
        # A granted clearance still asks the therapist to look.
        return Badge("adapt", _("Adapt"))

    @property
    def mail(self) -> Badge | None:
        """What became of the latest mail about the visit; its kind is a message's state."""
        visit: Any = self.appointment
        if visit.client is None or not visit.client.email:
            return None
        if self.address_comes_back:
            return Badge("bounced", _("Mail to this address comes back"))
        if not visit.latest_mail:
            return None
        kind, state = visit.latest_mail.split()
        words = {"what": Message.Kind(kind).label}
        if state in LOST:
            return Badge(state, _("%(what)s: not delivered") % words)
        if state == Message.State.SENT:
            return Badge(state, _("%(what)s: sent") % words)
        return Badge(state, _("%(what)s: about to be sent") % words)

    @property
    def address_comes_back(self) -> bool:
        """Whether mail to the client's address is known to come back."""
        visit: Any = self.appointment
        return bool(visit.address_trouble == BadAddress.Trouble.BOUNCED)

    @property
    def mail_is_lost(self) -> bool:
        """Whether somebody who is still to come may not have heard of it."""
        mail = self.mail
        return mail is not None and mail.kind in LOST and not self.is_past

    @property
    def mood(self) -> str:
        """How the card looks: off, over, now or plain (empty)."""
        if self.appointment.status in OFF_STATUSES:
            return "off"
        if self.appointment.status == Status.COMPLETED:
            return "over"
        here = self.appointment.status == Status.ARRIVED
        return "now" if here else ""

    @property
    def is_late(self) -> bool:
        """Whether the client should have been here by now."""
        return self.appointment.status == Status.CONFIRMED and self.has_begun

    @property
    def minutes_late(self) -> int:
        """How many minutes ago the client should have been here."""
        return int((self.now - self.appointment.starts_at).total_seconds()) // 60

    @property
    def is_over(self) -> bool:
        """Whether the visit's end has passed."""
        return self.appointment.ends_at <= self.now

    @property
    def is_next(self) -> bool:
        """Whether the client should come in within the next while, or is late."""
        expected = self.appointment.status == Status.CONFIRMED
        return expected and self.appointment.starts_at - self.now <= SOON

    @property
    def stands(self) -> bool:
        """Whether the visit was neither called off nor refused."""
        return self.appointment.status not in (Status.CANCELLED, Status.DECLINED)

    @property
    def is_past(self) -> bool:
        """Whether nothing more is expected of this visit."""
        return self.mood in ("over", "off")

    @property
    def has_begun(self) -> bool:
        """Whether the visit's start has passed."""
        return self.appointment.starts_at <= self.now

    @property
    def can_arrive(self) -> bool:
        """Whether the client may be marked as arrived."""
        return may_arrive(self.appointment, self.now)

    @property
    def can_start(self) -> bool:
        """Whether the treatment may be marked as begun."""
        return self.appointment.status == Status.ARRIVED and not self.is_in_treatment

    @property
    def can_complete(self) -> bool:
        """Whether the treatment may be marked as given."""
        return self.has_begun and self.appointment.status in (Status.CONFIRMED, Status.ARRIVED)

    @property
    def can_miss(self) -> bool:
        """Whether the visit may be marked as a no-show."""
        return self.has_begun and self.appointment.status == Status.CONFIRMED

    @property
    def can_undo(self) -> bool:
        """Whether arrived, completed or no-show may be taken back."""
        return self.appointment.status in (Status.ARRIVED, Status.COMPLETED, Status.NO_SHOW)

    @property
    def can_change(self) -> bool:
        """Whether the visit may be moved or cancelled."""
        return self.appointment.status in CHANGEABLE

    @property
    def can_ask(self) -> bool:
        """Whether the health questions may be asked again: it is still to come."""
        return self.can_change and self.now < self.appointment.ends_at

    @property
    def can_place(self) -> bool:
        """Whether the visit may get another time, length, therapist or room; also while here."""
        return self.appointment.status in PLACEABLE

    @property
    def next_step(self) -> str:
        """What usually comes next: decide, arrived, started, completed, or nothing (empty)."""
        if self.can_decide:
            return "decide"
        if self.can_arrive:
            return "arrived"
        if self.can_start:
            return "started"
        return "completed" if self.can_complete else ""

    @property
    def may_complete_early(self) -> bool:
        """Whether the treatment may be marked as given though other steps come before that."""
        return self.can_complete and self.next_step != "completed"

    @property
    def has_other_steps(self) -> bool:
        """Whether more can be done with the visit than what usually comes next."""
        return self.can_change or self.can_miss or self.may_complete_early

    def is_to_move(self, off: TimeOff) -> bool:
        """Whether the visit stands in ``off`` and has to go somewhere else."""
        own = off.therapist_id in (None, self.appointment.therapist_id)
        begins, ends = self.appointment.starts_at, self.appointment.ends_at
        ahead = self.can_change and ends > self.now
        return own and ahead and begins < off.ends_at and ends > off.starts_at

    @property
    def can_decide(self) -> bool:
        """Whether a request waits for a decision."""
        return self.appointment.status == Status.REQUESTED

    @property
    def can_grant(self) -> bool:
        """Whether a request may be confirmed: not without a health check, nor once it is over."""
        return self.can_decide and not self.health_is_open and not self.has_begun


def _troubles() -> QuerySet[BadAddress, Any]:
    bad = BadAddress.objects.filter(address=Lower(OuterRef("client__email")))
    return bad.values("trouble")[:1]


def _latest_mail() -> QuerySet[Message, Any]:
    """Kind and state of what was sent last, or should have been; reminders to come do not count."""
    told = Message.objects.to_client().filter(appointment=OuterRef("pk"))
    told = told.exclude(state=Message.State.VOID)
    told = told.exclude(state=Message.State.PENDING, kind__in=TIMED)
    latest = told.order_by(Coalesce("sent_at", "due_at").desc(), "-pk")
    return latest.values(told=Concat("kind", Value(" "), "state"))[:1]


def shown() -> AppointmentQuerySet:
    """Appointments with all that a card shows, and without the health answers."""
    valid = SpaProfile.objects.values("health_check_valid_days")[:1]
    return (
        Appointment.objects.exclude(status=Status.EXPIRED)
        .annotate(
            health_valid_days=Subquery(valid),
            address_trouble=Subquery(_troubles()),
            latest_mail=Subquery(_latest_mail()),
        )
        .select_related("client", "service", "option", "therapist", "room", "health_check")
        .defer(*HEALTH_ANSWERS)
    )


# What is said of a visit among many. Each note would have to be decrypted.
GLANCED = (
    "reference",
    "service",
    "therapist",
    "room",
    "starts_at",
    "ends_at",
    "busy_from",
    "busy_until",
    "status",
    "hold_expires_at",
    "arrived_at",
    "started_at",
    "sequence",
    "client__name",
    "client__email",
    "health_check__outcome",
    "health_check__review",
    "health_check__affirmed_at",
    "health_check__asked_again_at",
)


def glanced() -> AppointmentQuerySet:
    """Appointments with what the calendar and the strip tell of them, for :func:`at_a_glance`."""
    found = shown().select_related(None).select_related("client", "health_check")
    return found.only(*GLANCED)


def at_a_glance(rows: Iterable[Appointment], roster: Roster, now: datetime) -> list[Card]:
    """Return the cards of :func:`glanced` visits, with therapist, room and treatment."""
    cards = [Card(row, now) for row in rows]
    for card in cards:
        roster.name_all(card.appointment)
    return cards
