"""When a message is due: pure arithmetic of lead times and quiet hours.

Moments are aware datetimes, worked out in UTC: within one zone Python compares by the wall clock,
which repeats an hour on one night of the year and leaves one out on another.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ANSWER_WITHIN = timedelta(hours=2)
# News have just said it: nothing repeats them sooner than this, nor one reminder another.
REST = timedelta(hours=2)
# A reminder that would fall in the quiet hours may go this long before they begin.
BEFORE_QUIET = timedelta(minutes=30)
# Who is told this long before the visit can still act upon it.
TO_ACT = timedelta(hours=1)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``begins`` until ``ends`` by the clocks of ``zone``; none where the two are equal."""

    begins: time
    ends: time
    zone: ZoneInfo

    def around(self, at: datetime) -> tuple[datetime, datetime] | None:
        """The quiet stretch in which ``at`` falls, half-open, in UTC."""
        if self.begins == self.ends:
            return None
        today = at.astimezone(self.zone).date()
        past_midnight = self.ends < self.begins
        for day in (today - ONE_DAY, today):
            start = moment_on(day, self.begins, self.zone)
            end = moment_on(day + ONE_DAY * past_midnight, self.ends, self.zone)
            if start <= at < end:
                return start, end
        return None

    def wait_out(self, at: datetime) -> datetime:
        """``at``, or the end of the quiet hours in which it falls."""
        stretch = self.around(at)
        return stretch[1] if stretch else at

    def step_aside(self, at: datetime, *, before: datetime) -> datetime:
        """Where a reminder of ``before`` goes that is due ``at``: later, else earlier.

        Later keeps at least half of its lead time; otherwise it goes before the quiet begins.
        """
        stretch = self.around(at)
        if stretch is None:
            return at
        start, end = stretch
        return end if before - end >= (before - at) / 2 else start - BEFORE_QUIET


def moment_on(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which the clocks of ``zone`` show ``clock`` on ``day``.

    The first of two equal times; where the clocks leap over it, as much after the leap.
    """
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


def reminder_moments(
    starts_at: datetime, leads: Iterable[int], *, quiet: QuietHours, now: datetime
) -> dict[int, datetime]:
    """When to remind of a visit, by lead time in hours, the earliest first.

    Left out is a lead time that has begun already, and what would repeat what was said within
    the last two hours.
    """
    moments: dict[int, datetime] = {}
    said = now
    for lead in sorted(set(leads), reverse=True):
        due = starts_at - timedelta(hours=lead)
        moment = quiet.step_aside(due, before=starts_at)
        if due > now and moment - said >= REST:
            moments[lead] = said = moment
    return moments


def preparation_moment(
    starts_at: datetime, clock: time, *, quiet: QuietHours, now: datetime
) -> datetime | None:
    """At ``clock`` on the day before; ``None`` where the news said it within half a day."""
    day = starts_at.astimezone(quiet.zone).date() - ONE_DAY
    moment = quiet.wait_out(moment_on(day, clock, quiet.zone))
    return moment if now + ONE_DAY / 2 <= moment < starts_at - REST else None


def aftercare_moment(ends_at: datetime, clock: time, *, quiet: QuietHours) -> datetime:
    """At ``clock`` on the evening after, an hour after the visit at the earliest."""
    evening = moment_on(ends_at.astimezone(quiet.zone).date(), clock, quiet.zone)
    return quiet.wait_out(max(evening, ends_at + TO_ACT))


def question_moment(
    starts_at: datetime, lead: int, *, quiet: QuietHours, now: datetime
) -> datetime | None:
    """``lead`` hours before, or in an hour where that is over; ``None`` where it is too late."""
    due = starts_at - timedelta(hours=lead)
    moment = quiet.step_aside(due, before=starts_at)
    if moment <= now:
        moment = quiet.wait_out(now + TO_ACT)
    return moment if moment <= starts_at - TO_ACT else None


def decision_due(starts_at: datetime, *, asked_at: datetime, notice_hours: int) -> datetime:
    """Return the moment by which a request made at ``asked_at`` should be decided.

    From the spa's cancellation notice on a client is expected to come, and she has arranged her
    day for it: until then she must know whether she may. Who asks later than that, or shortly
    before it, still gets an answer within two hours, and in any case before the visit.
    """
    notice = starts_at - timedelta(hours=notice_hours)
    return min(max(notice, asked_at + ANSWER_WITHIN), starts_at)


def clearance_moments(
    decide_by: datetime, *, after: int, lead: int, quiet: QuietHours, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """When to ask after a request made ``now``, and when to warn that it runs out.

    ``after`` and ``lead`` are hours after the request and before ``decide_by``; 0 is never.
    """
    warn = quiet.step_aside(decide_by - timedelta(hours=lead), before=decide_by) if lead else None
    if warn is not None and warn < now + REST:
        warn = None
    ask = quiet.wait_out(now + timedelta(hours=after)) if after else None
    # Half a day apart, or the warning says it all.
    if ask is not None and ask > (warn or decide_by) - ONE_DAY / 2:
        ask = None
    return ask, warn
