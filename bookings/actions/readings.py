"""Reading what was told in confidence: whatever is handed out is logged in the same breath."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone

from bookings.models import Appointment, HealthCheck, HealthReading, TreatmentNote


def read_areas(
    *, appointments: Sequence[Appointment], user: User, now: datetime
) -> dict[int, list[str]]:
    """Return the areas to leave out by the key of each appointment that has any.

    Her list of the day is looked at every few minutes: who reads the areas of one health check is
    logged once a day. Three queries, or two, whatever the number of appointments. The caller has
    checked that ``user`` may read them.
    """
    checks = HealthCheck.objects.filter(appointments__in=appointments).only("findings")
    areas = {check.pk: check.areas for check in checks.distinct()}
    shown = [one for one in appointments if areas.get(one.health_check_id or 0)]
    _log_once_a_day(shown, user=user, now=now)
    return {one.pk: areas[one.health_check_id or 0] for one in shown}


def _log_once_a_day(shown: Sequence[Appointment], *, user: User, now: datetime) -> None:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    known = set(
        HealthReading.objects.filter(
            user=user, at__gte=midnight, appointment__in=shown
        ).values_list("appointment_id", "health_check_id")
    )
    HealthReading.objects.bulk_create(
        HealthReading(appointment=one, health_check_id=one.health_check_id, user=user, at=now)
        for one in shown
        if (one.pk, one.health_check_id) not in known
    )


def read_notes(
    *, appointments: Iterable[Appointment], user: User, now: datetime
) -> list[TreatmentNote]:
    """Return the treatment notes of ``appointments``, and log who reads the note of each.

    The latest visit leads. An entry without a health check is one of a note. The caller has
    checked that ``user`` may read them. Two queries.
    """
    notes = list(
        TreatmentNote.objects.filter(appointment__in=appointments)
        .select_related("appointment", "appointment__service", "author")
        .order_by("-appointment__starts_at", "-pk")
    )
    HealthReading.objects.bulk_create(
        HealthReading(appointment=note.appointment, user=user, at=now) for note in notes
    )
    return notes
