"""Keep the owners' own words for the messages; every version stays readable."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from bookings.actions.errors import BookingError
from bookings.models import Wording, Words


class WordedMeanwhile(BookingError):
    """Somebody else saved words for this kind after ``by`` had opened the page."""

    @property
    def message(self) -> str:
        return _("Somebody else has saved other words meanwhile. Yours are still here, not saved.")


def keep_wording(*, kind: str, words: Words, by: User | None, after: int, now: datetime) -> Wording:
    """Let ``words`` hold for ``kind`` from now on; ``after`` is the number they were written upon.

    ``after`` is 0 where nobody had written any. Raises ``WordedMeanwhile``.
    """
    return _add(Wording(kind=kind, **words._asdict()), after=after, by=by, now=now)


def drop_wording(*, kind: str, by: User | None, after: int, now: datetime) -> Wording:
    """Let the built-in words hold for ``kind`` again; raises ``WordedMeanwhile``."""
    return _add(Wording(kind=kind, built_in=True), after=after, by=by, now=now)


def _add(version: Wording, *, after: int, by: User | None, now: datetime) -> Wording:
    latest = Wording.latest(version.kind)
    if after != (latest.number if latest else 0):
        raise WordedMeanwhile
    version.number, version.saved_by, version.saved_at = after + 1, by, now
    try:
        # The constraint decides between two who save in the same moment.
        with transaction.atomic():
            version.save(force_insert=True)
    except IntegrityError as taken:
        raise WordedMeanwhile from taken
    return version
