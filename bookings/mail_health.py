"""Whether mail goes out: the signs of life of worker and beat, and what waits. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Max, Q
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.actions.outbox import MOST_ATTEMPTS, least_waited
from bookings.models import Heartbeat, Message

# A sweep each minute, and a worker that speaks with a slow mail server in between: after this long
# without a sign of life something is wrong.
SILENCE = timedelta(minutes=5)
# What is due goes out within a minute. A mail server may be away for a while: these attempts take
# about as long.
STUCK_AFTER = timedelta(minutes=15)
STUCK_ATTEMPTS = 5
Of = Heartbeat.Of


@dataclass(frozen=True, slots=True)
class DeliveryHealth:
    """How delivery stands at ``now``; ``stuck`` messages should have gone long ago."""

    now: datetime
    swept_at: datetime | None
    beat_at: datetime | None
    stuck: int

    @property
    def worker_is_well(self) -> bool:
        return self._is_recent(self.swept_at)

    @property
    def beat_is_well(self) -> bool:
        return self._is_recent(self.beat_at)

    @property
    def mail_is_well(self) -> bool:
        """Whether what is due goes out."""
        return self.stuck == 0

    @property
    def degraded(self) -> list[str]:
        """The names of what is not as it should be; empty where all is well."""
        states = {
            "worker": self.worker_is_well,
            "beat": self.beat_is_well,
            "mail": self.mail_is_well,
        }
        return [name for name, is_well in states.items() if not is_well]

    @property
    def summary(self) -> str:
        """Last sweep 20 seconds ago."""
        if self.swept_at is None:
            return _("No worker has looked for due mail yet")
        return _("Last sweep %(time)s ago") % {"time": _ago(self.now - self.swept_at, self.now)}

    @property
    def troubles(self) -> list[str]:
        """What is wrong, each in one sentence that says what to do."""
        found = []
        if not self.worker_is_well:
            found.append(_("No mail goes out: the worker does not run. Please have it started."))
        elif not self.beat_is_well:
            found.append(_("Reminders may come late: the timetable (beat) does not run."))
        if self.stuck and self.worker_is_well:
            words = ngettext(
                "%(count)d mail does not get out: the mail server may be away. We keep trying.",
                "%(count)d mails do not get out: the mail server may be away. We keep trying.",
                self.stuck,
            )
            found.append(words % {"count": self.stuck})
        return found

    def _is_recent(self, at: datetime | None) -> bool:
        return at is not None and abs(self.now - at) < SILENCE


def delivery_health(now: datetime) -> DeliveryHealth:
    """Return how delivery stands; two queries, and two more where something does not get out."""
    heard = dict(Heartbeat.objects.values_list("of", "at"))
    late, tried = Q(due_at__lte=now - STUCK_AFTER), Q(attempts__gte=STUCK_ATTEMPTS)
    waiting = Message.objects.pending()
    stuck = waiting.filter(late | tried).count()
    if stuck:
        stuck = waiting.filter(late | tried & _while_nothing_went_out()).count()
    return DeliveryHealth(
        now=now,
        swept_at=heard.get(Of.WORKER),
        beat_at=heard.get(Of.BEAT),
        stuck=stuck,
    )


def _while_nothing_went_out() -> Q:
    """What has been tried since before any other mail was taken.

    While others go out, a mailbox is full, and the mail server is there.
    """
    last: datetime | None = Message.objects.aggregate(at=Max("sent_at"))["at"]
    if last is None:
        return Q()
    tries = range(STUCK_ATTEMPTS, MOST_ATTEMPTS + 1)
    return reduce(or_, (Q(attempts=n, due_at__gt=last + least_waited(n)) for n in tries))


def _ago(span: timedelta, now: datetime) -> str:
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    return timesince(now - span, now, depth=1)
