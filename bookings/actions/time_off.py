"""Times in which a therapist, or the whole spa, takes nobody.

Visits that stand there stay until somebody moves them: the desk lists them.
"""

from datetime import datetime, timedelta

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import transaction

from bookings.actions.errors import NoLongerPossible, UnusableTime
from bookings.actions.events import Actor
from bookings.actions.placing import lock_diary
from bookings.models import Therapist, TimeOff

# Beyond it is a slip of the keyboard.
FURTHEST = timedelta(days=731)
REASON_MOST = 120


@transaction.atomic
def block_time(
    *,
    therapist: Therapist | None,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: Actor,
    now: datetime,
) -> TimeOff:
    """Take no appointments for a while; ``therapist`` of ``None`` closes the whole spa.

    Raises ``UnusableTime`` where it does not end after it starts, or lies years away.
    """
    _refuse_unusable(starts_at, ends_at, now)
    _lock(therapist.pk if therapist else None)
    time_off = TimeOff.objects.create(
        therapist=therapist, starts_at=starts_at, ends_at=ends_at, reason=reason[:REASON_MOST]
    )
    _log(time_off, ADDITION, by)
    return time_off


@transaction.atomic
def change_time_off(
    *,
    time_off: TimeOff,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: Actor,
    now: datetime,
) -> TimeOff:
    """Give a time off other times or another reason.

    Raises ``UnusableTime``, or ``NoLongerPossible`` where somebody has removed it.
    """
    _refuse_unusable(starts_at, ends_at, now)
    latest = _locked(time_off)
    latest.starts_at, latest.ends_at, latest.reason = starts_at, ends_at, reason[:REASON_MOST]
    latest.save()
    _log(latest, CHANGE, by)
    return latest


@transaction.atomic
def release_time(*, time_off: TimeOff, by: Actor, now: datetime) -> None:
    """Take appointments again in that time; removed already is as good."""
    latest = TimeOff.objects.filter(pk=time_off.pk).first()
    if latest is not None:
        _log(latest, DELETION, by)
        latest.delete()


def _refuse_unusable(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    near = now - FURTHEST <= starts_at and ends_at <= now + FURTHEST
    if not (near and starts_at < ends_at):
        raise UnusableTime


def _locked(time_off: TimeOff) -> TimeOff:
    _lock(time_off.therapist_id)
    latest = TimeOff.objects.select_for_update().filter(pk=time_off.pk).first()
    if latest is None:
        raise NoLongerPossible
    return latest


def _lock(therapist: int | None) -> None:
    # Who books under the same lock either sees the time off or has the visit listed in it.
    everybody = Therapist.objects.values_list("pk", flat=True)
    lock_diary(therapists=everybody if therapist is None else [therapist], rooms=[])


def _log(time_off: TimeOff, flag: int, by: Actor) -> None:
    # The same record that the owners' pages keep, so that one history tells all.
    if by.user is not None:
        LogEntry.objects.log_actions(by.user.pk, [time_off], flag, single_object=True)
