"""What the session remembers of a visitor's way to a booking, treatment by treatment.

Keys of rows and what was typed into the last form; never a health answer. What was typed is
kept encrypted: a note may say more than it should.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import connection
from django.http import HttpRequest, HttpResponse

from bookings.actions import check_is_fresh, discard_health_check, release_hold
from bookings.models import Appointment, HealthCheck
from bookings.models.fields import ring
from bookings.views.common import View
from services.models import Service, SpaProfile

KEY = "journeys"
LASTS = timedelta(hours=12)
BOOKED_LASTS = timedelta(minutes=30)
VISIT_KEY = "visit"


@dataclass(frozen=True, slots=True)
class Journey:
    """The chosen time (``start`` as its button sends it) and the keys of what followed, or 0.

    ``returning`` is the client who came by the link to an earlier visit of hers.
    """

    start: str = ""
    option: int = 0
    therapist: int = 0
    check: int = 0
    hold: int = 0
    returning: int = 0
    typed: dict[str, str] = field(default_factory=dict)


def alone(view: View) -> View:
    """Let the posts of one session to ``view`` pass one at a time, each seeing what the last did.

    A double tap would else hold two places, or lose its time to itself. The lock is the
    connection's, not a transaction's: placing a visit takes and leaves its own locks in order.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.session.session_key
        if request.method != "POST" or key is None:
            return view(request, *args, **kwargs)
        with _locked(key):
            request.session = type(request.session)(key)
            response = view(request, *args, **kwargs)
            if request.session.modified and request.session.session_key == key:
                request.session.save()
                # Saved again after the lock, it could undo what the next request has done.
                request.session.modified = False
        return response

    return guarded


def read_journey(request: HttpRequest, service: Service) -> Journey:
    """Return what is remembered for ``service``; an empty journey where nothing is."""
    kept = request.session.get(KEY, {}).get(str(service.pk))
    return Journey(**{**kept, "typed": _open(kept["typed"])}) if kept else Journey()


def journeys_of(request: HttpRequest) -> list[Service]:
    """Return the treatments for which anything is remembered."""
    return list(Service.objects.filter(pk__in=request.session.get(KEY, {})))


def keep_journey(request: HttpRequest, service: Service, journey: Journey) -> None:
    """Remember ``journey`` for ``service``."""
    kept = {**asdict(journey), "typed": _seal(journey.typed)}
    request.session[KEY] = {**request.session.get(KEY, {}), str(service.pk): kept}
    if not request.user.is_authenticated:
        request.session.set_expiry(LASTS)


def journey_again(visit: Appointment) -> Journey:
    """Begin another booking for the client of ``visit``, who opened its page by her key."""
    assert visit.client is not None
    known = {"name": visit.client.name, "email": visit.client.email}
    phone = visit.client.phone
    typed = {**known, "phone": phone.as_international if phone else ""}
    return Journey(returning=visit.client.pk, typed=typed)


def passing_check(
    journey: Journey, *, service: Service, spa: SpaProfile, now: datetime
) -> HealthCheck | None:
    """Return the journey's health check while it opens the way to a booking."""
    check = given_check(journey)
    return check if check_is_fresh(check, service=service, spa=spa, now=now) else None


def given_check(journey: Journey) -> HealthCheck | None:
    """Return the journey's health check, whether or not it still opens the way."""
    return HealthCheck.objects.filter(pk=journey.check).first() if journey.check else None


def held_time(journey: Journey) -> Appointment | None:
    """Return what the journey holds or has booked, if that is still known."""
    if not journey.hold:
        return None
    rows = Appointment.objects.select_related("service", "option", "therapist", "client")
    return rows.filter(pk=journey.hold).first()


def own_hold(journey: Journey) -> Appointment | None:
    """Return what the journey holds and has not booked: it is in nobody's way but others'."""
    held = held_time(journey)
    return held if held is not None and held.status == Appointment.Status.HELD else None


def let_others_go(request: HttpRequest, service: Service, *, now: datetime) -> None:
    """Let go what is held for other treatments, but for the latest of them.

    Two people may book two treatments side by side; nobody keeps a time of each.
    """
    if set(request.session.get(KEY, {})) <= {str(service.pk)}:
        return
    others = [one for one in journeys_of(request) if one != service]
    held = [hold for one in others if (hold := own_hold(read_journey(request, one)))]
    for hold in sorted(held, key=lambda one: one.created_at)[:-1]:
        release_hold(hold=hold, now=now)


def refuse_further(request: HttpRequest, service: Service, *, now: datetime) -> None:
    """Forget a journey that must not go on: its passing check, its hold and its time."""
    if str(service.pk) not in request.session.get(KEY, {}):
        return
    journey = read_journey(request, service)
    check = given_check(journey)
    if check is not None:
        discard_health_check(check)
    hold = held_time(journey)
    if hold is not None:
        release_hold(hold=hold, now=now)
    keep_journey(request, service, Journey())


def finish_journey(
    request: HttpRequest, service: Service, booked: Appointment, *, key: str
) -> None:
    """Forget everything but the way to the visit page, for the back button and a second tap.

    On a machine that others use too, even that must not last.
    """
    keep_journey(request, service, Journey(hold=booked.pk, typed={VISIT_KEY: key}))
    if not request.user.is_authenticated:
        request.session.set_expiry(BOOKED_LASTS)


def with_check(journey: Journey, check: HealthCheck) -> Journey:
    """Put a newly given check into the journey; an earlier unused one is forgotten."""
    earlier = given_check(journey)
    if earlier is not None:
        discard_health_check(earlier)
    return replace(journey, check=check.pk)


@contextmanager
def _locked(name: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def _seal(typed: dict[str, str]) -> str:
    return ring().encrypt(json.dumps(typed).encode()).decode() if typed else ""


def _open(sealed: str) -> dict[str, str]:
    if not sealed:
        return {}
    try:
        typed: dict[str, str] = json.loads(ring().decrypt(sealed.encode()))
    except InvalidToken:
        # The key was taken out of use; to type it again is all that is lost.
        return {}
    return typed
