"""What the desk's and the therapists' pages share."""

from datetime import date, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.utils import timezone

from bookings.cards import shown
from bookings.clearances import how_many_wait
from bookings.mailbox import lost_ahead
from bookings.models import Appointment
from bookings.permissions import is_owner, therapist_of, works_at_desk

# Days beyond these are typing mistakes, and the calendar ends soon after.
FIRST_YEAR, LAST_YEAR = 2000, 2199


def me(request: HttpRequest) -> User:
    """Return who is logged in; the pages for the staff let nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def day_asked_for(request: HttpRequest, today: date) -> date:
    """Return the day of ``?date=``, or today where it is none."""
    try:
        day = date.fromisoformat(request.GET.get("date", ""))
    except ValueError:
        return today
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else today


def booked_or_404(reference: str) -> Appointment:
    """Return a booked appointment with all that a page shows of it; a hold is nobody's visit."""
    found = shown().booked().filter(reference=reference).first()
    if found is None:
        raise Http404
    return found


def bar(request: HttpRequest, here: str) -> dict[str, Any]:
    """What the bar on top of every page for the staff needs; ``here`` names the page."""
    return {
        "here": here,
        "at_desk": works_at_desk(request.user),
        "is_owner": is_owner(request.user),
        "is_therapist": therapist_of(request.user) is not None,
        # Counted where a page shows it: fragments have no bar.
        "requests_waiting": how_many_wait,
        "mails_lost": lambda: lost_ahead(timezone.now()),
    }


def next_days(day: date) -> dict[str, date]:
    """The days before and after ``day``."""
    return {"earlier": day - timedelta(days=1), "later": day + timedelta(days=1)}
