"""What the desk is offered, what needs a reason and what is never to be had: random spas."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck as Check
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings import actions
from bookings.models import Appointment, Client
from bookings.queries import offer
from services.models import Service, SpaProfile
from tests.bookings.conftest import make_check
from tests.bookings.random_spas import Built, build, spas

pytestmark = pytest.mark.django_db


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[Check.function_scoped_fixture, Check.too_slow],
)
@given(plan=spas(), data=st.data())
def test_the_desk_books_exactly_what_it_is_offered_and_the_rest_with_a_reason(
    plan: dict[str, Any], data: st.DataObject, spa: SpaProfile, dana: User, cleo: Client
) -> None:
    with transaction.atomic():
        built = build(plan, spa)
        Service.objects.update(status="published")
        built.option.service.refresh_from_db()
        spa.save()
        check = make_check(built.option.service, plan["now"])
        for _try in range(4):
            wish = _draw_wish(data, plan, built)
            _try_it(
                {
                    **wish,
                    "client": cleo,
                    "service": built.option.service,
                    "option": built.option,
                    "health_check": check,
                    "spa": spa,
                    "by": actions.staff(dana),
                    "now": plan["now"],
                }
            )
        transaction.set_rollback(True)


def _draw_wish(data: st.DataObject, plan: dict[str, Any], built: Built) -> dict[str, Any]:
    """A start on any five minutes of two days; half the time one that keeps the rules."""
    wish: dict[str, Any] = {
        "therapist": data.draw(st.none() | st.sampled_from(built.therapists)),
        "room": data.draw(st.none() | st.sampled_from(built.rooms)),
    }
    midnight = datetime.combine(plan["first_day"], time(0), tzinfo=built.world.zone)
    cells = st.integers(0, 2 * 24 * 12 - 1)
    offered = _offered(wish, plan, built, midnight)
    keeps_the_rules: bool = data.draw(st.booleans())
    if offered and keeps_the_rules:
        return {**wish, "starts_at": data.draw(st.sampled_from(offered))}
    # Counted in the zone on purpose: skipped and repeated times of the clock are among them.
    return {**wish, "starts_at": midnight + data.draw(cells) * timedelta(minutes=5)}


def _offered(
    wish: dict[str, Any], plan: dict[str, Any], built: Built, day: datetime
) -> list[datetime]:
    spa = SpaProfile.load()
    found = offer(
        service=built.option.service,
        option=built.option,
        first_day=day.date(),
        last_day=day.date() + timedelta(days=1),
        now=plan["now"],
        spa=spa,
        step_minutes=5,
        **wish,
    )
    return found.times()


def _try_it(booking: dict[str, Any]) -> None:
    is_free = _is_offered(booking, anytime=True)
    is_offered = _is_offered(booking) and not _has_a_visit_then(booking)
    before = Appointment.objects.count()
    try:
        visit = actions.book_at_desk(**booking)
    except actions.ReasonNeeded:
        assert (is_offered, is_free) == (False, True)
        visit = actions.book_at_desk(**booking, reason="It has to be.")
    except actions.TimeTaken:
        assert (is_offered, is_free) == (False, False)
        with pytest.raises(actions.TimeTaken):
            actions.book_at_desk(**booking, reason="It has to be.")
        assert Appointment.objects.count() == before
        return
    else:
        assert is_offered
    # In one zone: of two, Python calls a time that the clock skips unlike even to itself.
    assert visit.starts_at == booking["starts_at"].astimezone(UTC)
    assert booking["therapist"] in (None, visit.therapist)
    assert booking["room"] in (None, visit.room)


def _has_a_visit_then(booking: dict[str, Any]) -> bool:
    """Whether an earlier try of this spa brought the client a visit at that time: never twice."""
    ends_at = booking["starts_at"].astimezone(UTC) + timedelta(minutes=booking["option"].minutes)
    hers = booking["client"].appointments.filter(starts_at__lt=ends_at)
    return bool(hers.filter(ends_at__gt=booking["starts_at"]).exists())


def _is_offered(booking: dict[str, Any], *, anytime: bool = False) -> bool:
    spa, starts_at = booking["spa"], booking["starts_at"]
    day = starts_at.astimezone(spa.zone).date()
    found = offer(
        service=booking["service"],
        option=booking["option"],
        first_day=day,
        last_day=day,
        now=booking["now"],
        spa=spa,
        therapist=booking["therapist"],
        room=booking["room"],
        step_minutes=5,
        anytime=anytime,
    )
    return bool(found.therapists_at(starts_at))
