"""The weeks that therapists work, and how they change."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple
from datetime import date, datetime, timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils.translation import gettext as _

from bookings.actions.errors import UnusableTime
from bookings.actions.events import Actor
from bookings.actions.placing import lock_diary
from bookings.actions.stranding import HoursChanged, Reasons, accept_stranding
from bookings.availability import Hours
from bookings.models import Therapist, WorkingHours
from bookings.queries import hours_of
from bookings.week_words import week_in_words
from bookings.weeks import Week, period_on, periods, replaced
from bookings.words import full_day
from services.models import SpaProfile

# Beyond it is a slip of the keyboard.
FURTHEST = timedelta(days=731)


@transaction.atomic
def change_hours(
    *,
    weeks: Mapping[int, Week],
    first_day: date,
    last_day: date | None,
    seen: Mapping[int, str],
    agreed: Collection[str] | None,
    by: Actor,
    spa: SpaProfile,
    now: datetime,
) -> Reasons:
    """Let therapists, by primary key, work other weeks from ``first_day`` to ``last_day``.

    ``None`` is until further notice, and takes the place of what was planned for later. ``seen``
    holds :func:`hours_as_seen` of each when the page was shown, and ``agreed`` the references of
    visits that may be left without a place. Returns those that are. The past stays as it was.

    Raises ``UnusableTime``, ``HoursChanged`` and ``VisitsStranded``.
    """
    _refuse_unusable(first_day, last_day, today=now.astimezone(spa.zone).date())
    lock_diary(therapists=weeks, rooms=[])
    former = hours_of(list(weeks))
    if any(seen.get(pk) != hours_as_seen(former[pk]) for pk in weeks):
        raise HoursChanged
    rows = {
        pk: replaced(former[pk], week, first=first_day, last=last_day) for pk, week in weeks.items()
    }
    reasons = accept_stranding(
        lambda house: house.with_hours(rows), agreed=agreed, by=by, spa=spa, now=now
    )
    _write(rows)
    _log(weeks, former, first_day, last_day, by=by, today=now.astimezone(spa.zone).date())
    return reasons


def hours_as_seen(hours: Iterable[Hours]) -> str:
    """Return what tells apart whether the hours of somebody were changed since a page was shown."""
    plain = sorted(repr(astuple(row)) for row in hours)
    return hashlib.sha256("\n".join(plain).encode()).hexdigest()[:16]


def _refuse_unusable(first_day: date, last_day: date | None, *, today: date) -> None:
    last = last_day or first_day
    if not today <= first_day <= last <= today + FURTHEST:
        raise UnusableTime


def _write(rows: Mapping[int, Sequence[Hours]]) -> None:
    WorkingHours.objects.filter(therapist__in=list(rows)).delete()
    WorkingHours.objects.bulk_create(
        WorkingHours(
            therapist_id=pk,
            weekday=row.weekday,
            starts=row.starts,
            ends=row.ends,
            break_starts=row.break_starts,
            break_ends=row.break_ends,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
        )
        for pk, some in rows.items()
        for row in some
    )


def _log(
    weeks: Mapping[int, Week],
    former: Mapping[int, Sequence[Hours]],
    first_day: date,
    last_day: date | None,
    *,
    by: Actor,
    today: date,
) -> None:
    # The same record that the owners' pages keep, so that one history tells all.
    if by.user is None:
        return
    days = _days(first_day, last_day, today)
    for therapist in Therapist.objects.filter(pk__in=list(weeks)):
        before = period_on(periods(former[therapist.pk]), first_day).week
        words = _("Hours %(days)s: %(now)s. Before: %(before)s.") % {
            "days": days,
            "now": "; ".join(week_in_words(weeks[therapist.pk])),
            "before": "; ".join(week_in_words(before)),
        }
        LogEntry.objects.log_actions(by.user.pk, [therapist], CHANGE, words, single_object=True)


def _days(first_day: date, last_day: date | None, today: date) -> str:
    first = full_day(first_day, today)
    if last_day is None:
        return _("from %(first)s") % {"first": first}
    return _("from %(first)s until %(last)s") % {"first": first, "last": full_day(last_day, today)}
