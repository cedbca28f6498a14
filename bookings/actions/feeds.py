"""Private calendar addresses of the therapists."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from bookings.actions.placing import lock_diary
from bookings.models import CalendarFeed, Therapist

TOKEN_BYTES = 24
# Calendars ask every few minutes; that she sees whether hers still asks needs no finer clock.
READ_NOTED_EVERY = timedelta(minutes=5)


@transaction.atomic
def renew_feed(*, therapist: Therapist, now: datetime) -> str:
    """Return the key of a fresh calendar address; any earlier one opens nothing from now on.

    Only the hash of the key is kept, so it can be shown this once.
    """
    # Two taps at once must not leave two addresses open.
    lock_diary(therapists=[therapist.pk], rooms=[])
    revoke_feed(therapist=therapist, now=now)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    CalendarFeed.objects.create(
        therapist=therapist, token_hash=CalendarFeed.hash(token), created_at=now
    )
    return token


def revoke_feed(*, therapist: Therapist, now: datetime) -> bool:
    """Close the calendar address of ``therapist``; returns whether there was one."""
    return bool(therapist.feeds.filter(revoked_at=None).update(revoked_at=now))


def note_feed_read(*, feed: CalendarFeed, now: datetime) -> None:
    """Keep when ``feed`` was read last, give or take ``READ_NOTED_EVERY``."""
    stale = Q(last_read_at=None) | Q(last_read_at__lte=now - READ_NOTED_EVERY)
    CalendarFeed.objects.filter(stale, pk=feed.pk).update(last_read_at=now)


def note_feed_version(*, feed: CalendarFeed, version: str, now: datetime) -> datetime:
    """Return since when the file of ``feed`` is as ``version`` says, in whole seconds.

    Noted when a change is first seen: the diary has no clock for all that changes a file, such as
    a time off that is gone, or a day that is over.
    """
    if feed.version == version and feed.changed_at is not None:
        return feed.changed_at
    return _new_version(feed, version, now)


@transaction.atomic
def _new_version(feed: CalendarFeed, version: str, now: datetime) -> datetime:
    latest = CalendarFeed.objects.select_for_update(no_key=True).get(pk=feed.pk)
    if latest.version == version and latest.changed_at is not None:
        return latest.changed_at
    changed_at = now.replace(microsecond=0)
    if latest.changed_at is not None:
        # Two changes within a second must not bear one date.
        changed_at = max(changed_at, latest.changed_at + timedelta(seconds=1))
    latest.version, latest.changed_at = version, changed_at
    latest.save(update_fields=["version", "changed_at"])
    return changed_at
