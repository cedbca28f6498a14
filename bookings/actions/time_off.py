"""Times in which a therapist, or the whole spa, takes nobody.

Visits that stand there stay until somebody moves them: the desk lists them.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import transaction

from bookings.actions.errors import ChangedMeanwhile, NoLongerPossible, UnusableTime
from bookings.actions.events import Actor
from bookings.actions.placing import lock_diary
from bookings.models import Therapist, TimeOff

# Beyond it is a slip of the keyboard.
FURTHEST = timedelta(days=731)
REASON_MOST = 120
# What a page shows of a time off, and so what must not have changed since.
SEEN = ("starts_at", "ends_at", "reason")


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
    """Give a time off other times or another reason; ``time_off`` is how it was seen.

    Raises ``UnusableTime``, ``ChangedMeanwhile``, or ``NoLongerPossible`` where it was removed.
    """
    _refuse_unusable(starts_at, ends_at, now)
    latest = _locked(time_off)
    latest.starts_at, latest.ends_at, latest.reason = starts_at, ends_at, reason[:REASON_MOST]
    latest.save()
    _log(latest, CHANGE, by)
    return latest


@transaction.atomic
def release_time(*, time_off: TimeOff, by: Actor, now: datetime) -> None:
    """Take appointments again in that time; removed already is as good.

    ``time_off`` is how it was seen; raises ``ChangedMeanwhile`` where it has changed since.
    """
    with suppress(NoLongerPossible):
        latest = _locked(time_off)
        _log(latest, DELETION, by)
        latest.delete()


@transaction.atomic
def undo_time_off(
    *, before: TimeOff | None, after: TimeOff | None, by: Actor, now: datetime
) -> TimeOff | None:
    """Take a change of a time off back; returns what stands now.

    ``before`` and ``after`` tell how it stood: no ``before`` where it was blocked, no ``after``
    where it was removed. Raises ``ChangedMeanwhile`` where it is no longer as ``after`` says, and
    ``NoLongerPossible`` where it is gone, or its therapist is.
    """
    if after is None:
        return _restore(before, by) if before is not None else None
    latest = _locked(after)
    if before is None:
        _log(latest, DELETION, by)
        latest.delete()
        return None
    for name in SEEN:
        setattr(latest, name, getattr(before, name))
    latest.save()
    _log(latest, CHANGE, by)
    return latest


def _restore(before: TimeOff, by: Actor) -> TimeOff:
    _lock(before.therapist_id)
    therapist = before.therapist_id
    if therapist is not None and not Therapist.objects.filter(pk=therapist).exists():
        raise NoLongerPossible
    if TimeOff.objects.filter(pk=before.pk).exists():
        raise ChangedMeanwhile
    # Under its own key: calendars know it by that, and a second undo finds it there.
    before.save(force_insert=True)
    _log(before, ADDITION, by)
    return before


def _refuse_unusable(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    near = now - FURTHEST <= starts_at and ends_at <= now + FURTHEST
    if not (near and starts_at < ends_at):
        raise UnusableTime


def _locked(time_off: TimeOff) -> TimeOff:
    _lock(time_off.therapist_id)
    latest = TimeOff.objects.select_for_update().filter(pk=time_off.pk).first()
    if latest is None:
        raise NoLongerPossible
    if any(getattr(latest, name) != getattr(time_off, name) for name in SEEN):
        raise ChangedMeanwhile
    return latest


def _lock(therapist: int | None) -> None:
    # Who books under the same lock either sees the time off or has the visit listed in it.
    everybody = Therapist.objects.values_list("pk", flat=True)
    lock_diary(therapists=everybody if therapist is None else [therapist], rooms=[])


def _log(time_off: TimeOff, flag: int, by: Actor) -> None:
    # The same record that the owners' pages keep, so that one history tells all.
    if by.user is not None:
        LogEntry.objects.log_actions(by.user.pk, [time_off], flag, single_object=True)
