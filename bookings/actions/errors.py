"""Why an action was refused, in words that can be shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from bookings.models import Appointment


class BookingError(Exception):
    """An action was refused and nothing was changed."""

    @property
    def message(self) -> str:
        """What happened and what to do next."""
        return _("That did not work. Nothing was changed. Please try again.")


class TimeTaken(BookingError):
    """The time is not, or no longer, free; ``nearest`` holds up to three that are."""

    def __init__(self, nearest: Sequence[datetime] = ()) -> None:
        super().__init__()
        self.nearest = list(nearest)

    @property
    def message(self) -> str:
        if self.nearest:
            return _("That time has just been taken. These are the nearest free times.")
        return _("That time has just been taken. Please choose another one.")


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing in the way: ``words`` is a sentence without its full stop.

    Where it is an appointment, its reference and its times are there too.
    """

    words: str
    reference: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class InTheWay(TimeTaken):
    """The staff cannot have the time, whatever the reason; ``blockers`` say who and what."""

    def __init__(self, blockers: Sequence[Blocker], nearest: Sequence[datetime] = ()) -> None:
        super().__init__(nearest)
        self.blockers = list(blockers)

    @property
    def message(self) -> str:
        why = " ".join(
            _("%(sentence)s.") % {"sentence": blocker.words} for blocker in self.blockers
        )
        if self.nearest:
            return _("%(why)s Nothing was changed. These are the nearest free times.") % {
                "why": why
            }
        return _("%(why)s Nothing was changed. Please choose another time.") % {"why": why}


class ReasonNeeded(BookingError):
    """The time is free but breaks the rules of the house; ``rules`` are whole sentences.

    With a reason the staff may have it all the same.
    """

    def __init__(self, rules: Sequence[str]) -> None:
        super().__init__()
        self.rules = list(rules)

    @property
    def message(self) -> str:
        return _("%(rules)s Please give a reason if it has to be.") % {
            "rules": " ".join(self.rules)
        }


class UnusableTime(BookingError):
    """A time off that cannot be: it ends before it starts, or lies years away."""

    @property
    def message(self) -> str:
        return _("It must end after it starts, and within two years from now. Nothing was changed.")


class HealthCheckNeeded(BookingError):
    """There is no fresh, passing health check for this treatment."""

    @property
    def message(self) -> str:
        return _("Please answer the health check first. It takes about a minute.")


class AnswersTooOld(BookingError):
    """Even answers given today will have grown stale by the day of the visit."""

    @property
    def message(self) -> str:
        return _(
            "The health answers will be too old by that day. Please choose an earlier day, or"
            " book nearer to the time."
        )


class TooManyHolds(BookingError):
    """As many times as one address may hold are held; ``free_again`` is when the first lapses."""

    def __init__(self, free_again: datetime) -> None:
        super().__init__()
        self.free_again = free_again


class HoldLost(BookingError):
    """The held appointment is no longer there to be confirmed."""

    @property
    def message(self) -> str:
        return _("Your time was no longer held. Nothing was booked. Please choose a time again.")


class NoticeTooShort(BookingError):
    """A client may no longer move or cancel online."""

    @property
    def message(self) -> str:
        return _("It is too close to your visit to change it online. Please call us.")


class NoLongerPossible(BookingError):
    """The appointment's status does not allow this step."""

    @property
    def message(self) -> str:
        return _("This visit has changed in the meantime, so that step is no longer possible.")


class AlreadyHere(NoLongerPossible):
    """The client is here, so the visit cannot be cancelled or given to another day."""

    def __init__(self, appointment: Appointment) -> None:
        super().__init__()
        self.appointment = appointment

    @property
    def message(self) -> str:
        words = _("%(name)s is here already: take the arrival back first.")
        return words % {"name": self.appointment.client}


class ChangedMeanwhile(BookingError):
    """Somebody else changed the appointment after the page was shown.

    ``latest`` is how it stands now; its latest events are the news.
    """

    def __init__(self, latest: Appointment | None = None) -> None:
        super().__init__()
        self.latest = latest

    @property
    def message(self) -> str:
        return _("This visit was changed by somebody else. Nothing was changed; please look again.")
