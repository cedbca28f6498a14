"""Keeping, re-affirming and reading health checks."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from bookings.actions.errors import HealthCheckNeeded
from bookings.actions.events import Actor, record
from bookings.models import Appointment, Client, Event, HealthCheck, HealthReading
from bookings.queries import rules_for
from services.models import Service, SpaProfile
from services.screening import Answer, Rule, Verdict, questions_version

# A check given on the way to a booking is good for that booking, not for next week's.
BOOKING_CHECK_LASTS = timedelta(hours=2)

# An answered check that no booking took up is forgotten after this time.
UNUSED_CHECK_LASTS = timedelta(hours=24)

# After one of these her answers of before, to whatever treatment, count no more.
STOPPED = ("health_withdrawn", "health_outdated")


def record_health_check(
    *,
    service: Service,
    answers: Mapping[str, Answer],
    verdict: Verdict,
    rules: list[Rule],
    spa: SpaProfile,
    now: datetime,
    taken_by: User | None = None,
) -> HealthCheck:
    """Keep a passing check, encrypted; raises ``HealthCheckNeeded`` for any other verdict.

    Stop and urgent outcomes are never stored. ``taken_by`` read the questions out and entered
    what was said; ``None`` where the client answered herself.
    """
    if not verdict.may_book:
        raise HealthCheckNeeded
    check = draft_health_check(
        service=service, answers=answers, verdict=verdict, rules=rules, spa=spa, now=now
    )
    check.taken_by = taken_by
    check.save()
    return check


def draft_health_check(
    *,
    service: Service,
    answers: Mapping[str, Answer],
    verdict: Verdict,
    rules: list[Rule],
    spa: SpaProfile,
    now: datetime,
) -> HealthCheck:
    """What :func:`record_health_check` would keep, not kept."""
    return HealthCheck(
        service=service,
        outcome=verdict.outcome.value,
        answers={slug: _plain(answer) for slug, answer in answers.items()},
        findings=[_plain(finding) for finding in verdict.findings],
        questions_version=questions_version(rules),
        consent_version=spa.health_consent_version,
        given_at=now,
        affirmed_at=now,
    )


def is_just_given(check: HealthCheck, *, service: Service, now: datetime) -> bool:
    """Whether ``check`` is for ``service``, was just given, and answers today's questions."""
    return (
        check.service_id == service.pk
        and now - BOOKING_CHECK_LASTS < check.given_at <= now
        and check.questions_version == questions_version(rules_for(service))
    )


def has_expired(check: HealthCheck, *, on: datetime, spa: SpaProfile) -> bool:
    """Whether the answers, as last affirmed, are too old for a visit at ``on``."""
    return on - check.affirmed_at > timedelta(days=spa.health_check_valid_days)


def still_counts(check: HealthCheck, *, on: datetime, spa: SpaProfile) -> bool:
    """Whether the verdict may be relied upon for a visit at ``on``: not old, nor to be redone."""
    return check.asked_again_at is None and not has_expired(check, on=on, spa=spa)


def has_said_stop(client: Client, *, since: datetime) -> bool:
    """Whether ``client`` has answered "stop" or "urgent" since then; one query."""
    stopped = Event.objects.filter(appointment__client=client, kind__in=STOPPED, at__gte=since)
    return stopped.exists()


def is_overtaken(check: HealthCheck, *, client: Client) -> bool:
    """Whether ``client`` has since said "stop", or answered worse about the same treatment."""
    if has_said_stop(client, since=check.given_at):
        return True
    later = HealthCheck.objects.filter(
        appointments__client=client, service=check.service_id, given_at__gt=check.given_at
    )
    return any(is_worse(one, than=check) for one in later.only("outcome", "review"))


def is_worse(check: HealthCheck, *, than: HealthCheck) -> bool:
    """Whether ``check`` asks for more caution; a clearance that was given asks to adapt."""
    return _caution(check) > _caution(than)


def _caution(check: HealthCheck) -> int:
    if check.outcome == HealthCheck.Outcome.CLEAR:
        return 0
    granted = check.review == HealthCheck.Review.GRANTED
    return 2 if check.outcome == HealthCheck.Outcome.CLEARANCE and not granted else 1


def copy_of(check: HealthCheck) -> HealthCheck:
    """Keep the same answers, and what was decided upon them, once more for another visit."""
    columns = [field.attname for field in HealthCheck._meta.concrete_fields]
    values = {name: getattr(check, name) for name in columns if name != "id"}
    return HealthCheck.objects.create(**values)


@transaction.atomic
def discard_health_check(check: HealthCheck) -> None:
    """Forget a check that no appointment has taken up."""
    # Locked first: a booking that takes it up at this moment keeps it.
    kept = HealthCheck.objects.select_for_update().filter(pk=check.pk).first()
    if kept is not None and not kept.appointments.exists():
        kept.delete()


@transaction.atomic
def affirm_health_check(
    *, appointment: Appointment, rules: list[Rule], by: Actor, now: datetime
) -> HealthCheck:
    """Note that nothing has changed since the check of ``appointment`` was given.

    Raises ``HealthCheckNeeded`` where the questions themselves have changed since, where she has
    said "stop" or "urgent", or where the check is gone.
    """
    check, client = appointment.health_check, appointment.client
    if check is None or check.questions_version != questions_version(rules):
        raise HealthCheckNeeded
    if client is not None and has_said_stop(client, since=check.given_at):
        raise HealthCheckNeeded
    # It may just have been deleted, since she no longer agrees that it is kept.
    if not HealthCheck.objects.filter(pk=check.pk).update(affirmed_at=now):
        raise HealthCheckNeeded
    check.affirmed_at = now
    record(appointment, "health_affirmed", by=by, now=now)
    return check


@transaction.atomic
def read_health_check(*, appointment: Appointment, user: User, now: datetime) -> HealthCheck | None:
    """Return the health check of ``appointment`` and log who reads it, if there is one.

    The caller has checked that ``user`` may.
    """
    check = appointment.health_check
    if check is not None:
        HealthReading.objects.create(appointment=appointment, health_check=check, user=user, at=now)
    return check


def purge_health_checks(*, now: datetime) -> int:
    """Forget the checks that no booking took up; returns how many."""
    unused = HealthCheck.objects.filter(appointments=None, given_at__lt=now - UNUSED_CHECK_LASTS)
    return unused.delete()[1].get(HealthCheck._meta.label, 0)


def _plain(value: Any) -> dict[str, Any]:
    """A dataclass as JSON values: enums by their value."""
    return {
        name: getattr(part, "value", list(part) if isinstance(part, tuple) else part)
        for name, part in asdict(value).items()
    }
