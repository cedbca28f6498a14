"""What the desk must know right now: who comes, who is late, who is here, what is free."""

from dataclasses import dataclass
from datetime import timedelta

from bookings.actions import ready_since
from bookings.cards import Card
from bookings.clearances import Queue, Term
from bookings.day import Day
from bookings.gaps import Gap
from bookings.models import Appointment, Therapist

Status = Appointment.Status
ARRIVALS_WITHIN = timedelta(hours=3)
ARRIVALS_SHOWN = 8


@dataclass(frozen=True)
class Strip:
    """One day at the door; what is told of persons is told of the present day only."""

    day: Day
    queue: Queue[Term]

    @property
    def late(self) -> list[Card]:
        """Who should be here by now and whose visit is not over yet, the latest leading."""
        return [card for card in self._today if card.is_late and not card.is_over]

    @property
    def arrivals(self) -> list[Card]:
        """Who is expected within the next hours."""
        return [
            card
            for card in self._today
            if card.appointment.status == Status.CONFIRMED
            and timedelta(0) < card.appointment.starts_at - card.now <= ARRIVALS_WITHIN
        ]

    @property
    def next_arrivals(self) -> list[Card]:
        """The late ones and those who come next, as many as there is room for."""
        return [*self.late, *self.arrivals][:ARRIVALS_SHOWN]

    @property
    def arrivals_left_out(self) -> int:
        """How many more are expected than are shown."""
        return len(self.late) + len(self.arrivals) - len(self.next_arrivals)

    @property
    def waiting(self) -> list[Card]:
        """Who is here and not in treatment yet."""
        return [card for card in self._here if not card.is_in_treatment]

    @property
    def in_treatment(self) -> list[Card]:
        """Who is being treated."""
        return [card for card in self._here if card.is_in_treatment]

    @property
    def unfinished(self) -> int:
        """How many visits are over without anybody having said how they ended."""
        return sum(
            card.is_over and card.appointment.status in (Status.CONFIRMED, Status.ARRIVED)
            for card in self._today
        )

    @property
    def unheard(self) -> list[Card]:
        """Whom mail did not reach and who is still to come on this day, be it another one."""
        coming = (Status.REQUESTED, Status.CONFIRMED)
        return [
            card
            for card in self.day.cards
            if card.mail_is_lost and card.appointment.status in coming and not card.has_begun
        ]

    @property
    def ready(self) -> list[Therapist]:
        """Therapists who have said today that they are ready for the next one, and still wait."""
        therapists = [column.therapist for column in self.day.columns] if self.day.is_today else []
        visits = [card.appointment for card in self.day.cards]
        return [one for one in therapists if ready_since(one, visits, self.day.now)]

    @property
    def gaps(self) -> list[Gap]:
        """The stretches that could still be filled, by therapist."""
        return [gap for column in self.day.columns for gap in column.gaps]

    @property
    def _today(self) -> list[Card]:
        return self.day.cards if self.day.is_today else []

    @property
    def _here(self) -> list[Card]:
        return [card for card in self._today if card.appointment.status == Status.ARRIVED]
