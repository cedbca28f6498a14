"""How fast a hold becomes a visit where nothing but the action itself is counted."""

import random
import time
from datetime import timedelta

from django.utils import timezone

from bookings import actions
from bookings.models import Appointment, HealthCheck
from bookings.queries import offer, rules_for
from services import memory
from services.models import Service, SpaProfile
from services.screening import Answer, Reply, screen


def confirms_per_second(service: Service, spa: SpaProfile, *, count: int = 80) -> float:
    """Return how many holds one line confirms in a second; they are made before the clock runs."""
    holds = _holds(service, spa, count)
    begun = time.perf_counter()
    for number, (hold, check) in enumerate(holds):
        name, email = f"Otto {number}", f"otto{number}@example.com"
        # As a request does: what the process remembers is asked for by one look.
        with memory.within_request():
            actions.confirm_appointment(
                hold=hold,
                details=actions.Details(name=name, email=email, phone="+442079460001"),
                health_check=check,
                spa=spa,
                now=timezone.now(),
            )
    return len(holds) / (time.perf_counter() - begun)


def _holds(service: Service, spa: SpaProfile, count: int) -> list[tuple[Appointment, HealthCheck]]:
    option, now = service.options.filter(active=True)[0], timezone.now()
    today = now.astimezone(spa.zone).date()
    found = offer(
        service=service,
        option=option,
        first_day=today + timedelta(days=2),
        last_day=today + timedelta(days=28),
        now=now,
        spa=spa,
    )
    starts = found.grid.times(found.bits(None))
    rules = rules_for(service)
    answers = {rule.slug: Answer(Reply.NO) for rule in rules}
    verdict = screen(answers=answers, rules=rules)
    holds = []
    for starts_at in random.sample(starts, min(count, len(starts) // 3)):
        check = actions.record_health_check(
            service=service, answers=answers, verdict=verdict, rules=rules, spa=spa, now=now
        )
        try:
            hold = actions.hold_time(
                service=service,
                option=option,
                starts_at=starts_at,
                health_check=check,
                spa=spa,
                now=timezone.now(),
            )
        except actions.TimeTaken:
            continue
        holds.append((hold, check))
    return holds
