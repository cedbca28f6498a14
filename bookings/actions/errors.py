"""Why an action was refused, in words that can be shown."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _


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


class HealthCheckNeeded(BookingError):
    """There is no fresh, passing health check for this treatment."""

    @property
    def message(self) -> str:
        return _("Please answer the health check first. It takes about a minute.")


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


class ChangedMeanwhile(BookingError):
    """Somebody else changed the appointment after the page was shown."""

    @property
    def message(self) -> str:
        return _("This visit was changed by somebody else. Nothing was changed; please look again.")
