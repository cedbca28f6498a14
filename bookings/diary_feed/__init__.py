"""What the desk's calendar shows of some days, as plain values. Reads only, no health answers.

An open desk asks every three seconds whether anything changed. ``fingerprint`` answers that with
one query over the row versions of all that is shown; only where it differs are the visits read, in
one more. Everything else is remembered (``bookings.roster``).
"""

from typing import Any

from bookings.diary_feed.days import Days
from bookings.diary_feed.scope import Scope, fingerprint
from bookings.diary_feed.visits import Teller

__all__ = ["Days", "Json", "Scope", "diary", "fingerprint"]

Json = dict[str, Any]


def diary(days: Days) -> Json:
    """Return columns, visits and bands of ``days``.

    Times on the grid are the spa's wall clock (``2026-11-24T10:00:00``); ``at`` is the instant.
    """
    scope, teller = days.scope, Teller()
    return {
        "title": days.title,
        "today": days.today.isoformat(),
        "is_today": scope.on == days.today and not scope.is_week,
        "first": scope.first.isoformat(),
        "zone": scope.zone.key,
        "offset": days.now.astimezone(scope.zone).isoformat()[-6:],
        "week": scope.is_week,
        "by": "room" if scope.by_room else "therapist",
        "therapist": days.chosen.pk if days.chosen else None,
        "therapists": [{"key": one.pk, "name": one.name} for one in days.choices],
        "opens": days.opens,
        "closes": days.closes,
        "columns": days.columns,
        "visits": [teller.told(card) for card in days.cards],
        "bands": list(days.bands()),
        "absent": days.absent,
    }
