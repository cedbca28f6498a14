"""Times in which a therapist, or the whole spa, takes nobody.

Visits that stand there stay until somebody moves them: the desk lists them.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import transaction

from bookings.actions.errors import ChangedMeanwhile, NoLongerPossible, UnusableTime
from bookings.actions.events import Actor
from bookings.actions.placing import lock_diary
from bookings.actions.stranding import Reasons, accept_stranding, stranded_by
from bookings.availability import Span
from bookings.models import Therapist, TimeOff
from bookings.standing import Absence
from services.models import SpaProfile

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

    Where the very same is there already, as after a second tap, that one is returned. Raises
    ``UnusableTime`` where it does not end after it starts, or lies years away.
    """
    off = TimeOff(therapist=therapist, starts_at=starts_at, ends_at=ends_at, reason=reason)
    _refuse_unusable(starts_at, ends_at, now)
    _lock(off.therapist_id)
    there = _same_as(off)
    if there is not None and there.reason == reason[:REASON_MOST]:
        return there
    _add([off], agreed=None, by=by, now=now)
    return off


@transaction.atomic
def close(
    *, closures: Sequence[TimeOff], agreed: Collection[str] | None, by: Actor, now: datetime
) -> Reasons:
    """Take no appointments in several times off, not saved yet; returns the visits in the way.

    One that is there already, with the same times for the same people, is not added again.
    ``agreed`` holds the references of visits that may stay in the way, ``None`` agrees to all.
    Raises ``UnusableTime``, or ``VisitsStranded`` where another visit is in the way.
    """
    for off in closures:
        _refuse_unusable(off.starts_at, off.ends_at, now)
    _lock(*(off.therapist_id for off in closures))
    return _add([off for off in closures if _same_as(off) is None], agreed=agreed, by=by, now=now)


@transaction.atomic
def change_time_off(
    *,
    time_off: TimeOff,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: Actor,
    now: datetime,
    agreed: Collection[str] | None = None,
) -> TimeOff:
    """Give a time off other times or another reason; ``time_off`` is how it was seen.

    ``agreed`` is as for :func:`close`. Raises ``UnusableTime``, ``ChangedMeanwhile``,
    ``NoLongerPossible`` where it was removed, or ``VisitsStranded``.
    """
    _refuse_unusable(starts_at, ends_at, now)
    latest = _locked(time_off)
    latest.starts_at, latest.ends_at, latest.reason = starts_at, ends_at, reason[:REASON_MOST]
    _accept(latest, agreed=agreed, by=by, now=now)
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
        return _restore(before, by, now) if before is not None else None
    latest = _locked(after)
    if before is None:
        _log(latest, DELETION, by)
        latest.delete()
        return None
    for name in SEEN:
        setattr(latest, name, getattr(before, name))
    _accept(latest, agreed=None, by=by, now=now)
    latest.save()
    _log(latest, CHANGE, by)
    return latest


def _restore(before: TimeOff, by: Actor, now: datetime) -> TimeOff:
    _lock(before.therapist_id)
    therapist = before.therapist_id
    if therapist is not None and not Therapist.objects.filter(pk=therapist).exists():
        raise NoLongerPossible
    if TimeOff.objects.filter(pk=before.pk).exists():
        raise ChangedMeanwhile
    _accept(before, agreed=None, by=by, now=now)
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


def _lock(*therapists: int | None) -> None:
    # Who books under the same lock either sees the time off or has the visit listed in it.
    keys = {pk for pk in therapists if pk is not None}
    everybody = Therapist.objects.values_list("pk", flat=True)
    lock_diary(therapists=everybody if None in therapists else keys, rooms=[])


def _add(
    closures: Sequence[TimeOff], *, agreed: Collection[str] | None, by: Actor, now: datetime
) -> Reasons:
    reasons = _accept(*closures, agreed=agreed, by=by, now=now)
    for off in closures:
        off.reason = off.reason[:REASON_MOST]
        off.save(force_insert=True)
        _log(off, ADDITION, by)
    return reasons


def _same_as(off: TimeOff) -> TimeOff | None:
    """The one with the same times for the same people that is there already, if any."""
    same = TimeOff.objects.filter(starts_at=off.starts_at, ends_at=off.ends_at)
    return same.filter(therapist=off.therapist_id).order_by("pk").first()


def stranded_by_closing(closures: Sequence[TimeOff], *, spa: SpaProfile, now: datetime) -> Reasons:
    """Return the visits that times off, not saved, would leave without a place; seven queries."""
    absences = _absences(closures)
    return stranded_by(lambda house: house.with_absences(absences), spa=spa, now=now)


def _absences(offs: Sequence[TimeOff]) -> list[Absence]:
    return [Absence(off.therapist_id, Span(off.starts_at, off.ends_at), off.pk) for off in offs]


def _accept(*offs: TimeOff, agreed: Collection[str] | None, by: Actor, now: datetime) -> Reasons:
    absences = _absences(offs)
    return accept_stranding(
        lambda house: house.with_absences(absences),
        agreed=agreed,
        by=by,
        spa=SpaProfile.load(),
        now=now,
    )


def _log(time_off: TimeOff, flag: int, by: Actor) -> None:
    # The same record that the owners' pages keep, so that one history tells all.
    if by.user is not None:
        LogEntry.objects.log_actions(by.user.pk, [time_off], flag, single_object=True)
