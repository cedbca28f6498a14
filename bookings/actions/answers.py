"""New health answers: what they mean for the visits of the one who gave them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from bookings.actions import owing
from bookings.actions.changes import CHANGEABLE, change_status
from bookings.actions.clients import current_client
from bookings.actions.errors import ChangedMeanwhile, HealthCheckNeeded, NoLongerPossible
from bookings.actions.events import Actor, record
from bookings.actions.health import copy_of, is_just_given, is_worse
from bookings.actions.placing import lock_diary
from bookings.models import Appointment, Client, Event, HealthCheck, Message
from services.models import Service, SpaProfile

Status = Appointment.Status


@transaction.atomic
def renew_health_check(
    *, appointment: Appointment, check: HealthCheck, by: Actor, now: datetime
) -> Appointment:
    """Put a newly answered check in the place of the one that a visit had.

    Where it needs a clearance, a confirmed visit becomes a request again. The client's other
    visits of this treatment that stand on better answers get a copy of the worse ones.

    What the client answers tells of her and not of the visit: that others have moved it meanwhile
    is no reason to lose it. Raises ``NoLongerPossible``, the staff's ``ChangedMeanwhile``, or
    ``HealthCheckNeeded`` where the check is for another treatment, was not just given, or answers
    other questions than today's.
    """
    latest, others = _locked_with_others(appointment, now=now)
    if by.kind != Event.ActorKind.CLIENT and latest.sequence != appointment.sequence:
        raise ChangedMeanwhile(latest)
    if latest.status not in CHANGEABLE:
        raise NoLongerPossible
    if not is_just_given(check, service=latest.service, now=now):
        raise HealthCheckNeeded
    _renew(latest, check, by=by, now=now)
    for visit in others:
        former = visit.health_check
        # Without a check somebody has yet to talk to her about that visit.
        if visit.status in CHANGEABLE and former is not None and is_worse(check, than=former):
            _renew(visit, copy_of(check), by=by, now=now)
    return latest


@transaction.atomic
def withdraw_health_check(*, appointment: Appointment, by: Actor, now: datetime) -> Appointment:
    """Take the passing check from a visit whose client has just answered "stop" or "urgent".

    What she answered is not kept. Without a check she cannot move the visit, and staff see that
    somebody has to talk to her. The same holds for all her visits of this treatment that have not
    begun. Whatever others have done to the visit meanwhile, what she has said counts. Raises
    ``NoLongerPossible`` where it is nobody's.
    """
    latest, others = _locked_with_others(appointment, now=now)
    if latest.status in CHANGEABLE:
        _replace_check(latest, None, "health_withdrawn", by=by, now=now)
        open_checks(others, "health_withdrawn", by=by, now=now)
    else:
        assert latest.client is not None
        withdraw_health_checks(client=latest.client, service=latest.service, by=by, now=now)
    return latest


@transaction.atomic
def withdraw_health_checks(
    *, client: Client, service: Service, by: Actor, now: datetime
) -> list[Appointment]:
    """Let no earlier answers about ``service`` count: its client has said "stop" or "urgent".

    Returns her visits that have lost their check. Where there are none, her latest visit keeps in
    mind that she has to be asked anew; what she answered is not kept.
    """
    visits = locked_visits(client, now=now, service=service)
    withdrawn = open_checks(visits, "health_withdrawn", by=by, now=now)
    if not withdrawn:
        booked = Appointment.objects.booked().filter(client=current_client(client))
        latest = booked.filter(service=service).order_by("-starts_at", "-pk").first()
        if latest is not None:
            record(latest, "health_outdated", by=by, now=now)
    return withdrawn


def open_checks(
    visits: Iterable[Appointment], kind: str, *, by: Actor, now: datetime
) -> list[Appointment]:
    """Let none of ``visits`` have a check any more; returns those that had one."""
    withdrawn = [visit for visit in visits if visit.health_check is not None]
    for visit in withdrawn:
        _replace_check(visit, None, kind, by=by, now=now)
    return withdrawn


def _renew(appointment: Appointment, check: HealthCheck, *, by: Actor, now: datetime) -> None:
    _replace_check(appointment, check, "health_renewed", by=by, now=now)
    if check.outcome == HealthCheck.Outcome.CLEARANCE and appointment.status == Status.CONFIRMED:
        change_status(appointment, Status.REQUESTED, "requested", by=by, now=now)
        owing.drop_waiting(appointment)
        spa = SpaProfile.load()
        owing.tell(appointment, Message.Kind.REQUEST_RECEIVED, by=by, spa=spa, now=now)
        owing.owe_later(appointment, spa=spa, now=now)


def _replace_check(
    appointment: Appointment, check: HealthCheck | None, kind: str, *, by: Actor, now: datetime
) -> None:
    # A new sequence: a desk that still looks at the old answers must not decide upon the new ones.
    appointment.health_check = check
    appointment.sequence += 1
    appointment.save(update_fields=["health_check", "sequence"])
    record(appointment, kind, by=by, now=now)
    owing.follow(appointment)
    owing.ask_no_more(appointment)


def _locked_with_others(
    appointment: Appointment, *, now: datetime
) -> tuple[Appointment, list[Appointment]]:
    """The visit as it stands and the client's others of its treatment that have not begun."""
    if appointment.client is None:
        raise NoLongerPossible
    visits = locked_visits(
        appointment.client, now=now, also=appointment.pk, service=appointment.service
    )
    latest = next(visit for visit in visits if visit.pk == appointment.pk)
    return latest, [visit for visit in visits if visit.pk != appointment.pk]


def locked_visits(
    client: Client, *, now: datetime, also: int | None = None, **of: Any
) -> list[Appointment]:
    """Her visits that have not begun, and ``also``; locked in the fixed order.

    ``of`` narrows them down, as to one ``service``. A booking at the desk locks the client too
    before it looks at her answers: either it is found here, or it finds what is written now.
    """
    found = Appointment.objects.filter(Q(pk=also) | _ahead(now, client=client, **of))
    places = list(found.values_list("therapist", "room"))
    lock_diary(
        therapists=[therapist for therapist, _room in places],
        rooms=[room for _therapist, room in places],
    )
    kept = current_client(client)
    rows = Appointment.objects.select_related(
        "client", "service", "option", "therapist", "room", "health_check"
    ).filter(Q(pk=also) | _ahead(now, client=kept, **of))
    return list(rows.select_for_update(of=("self",), no_key=True).order_by("pk"))


def _ahead(now: datetime, **whose: Any) -> Q:
    """The visits whose treatment has not begun, be she late or here already."""
    waits = Q(status__in=CHANGEABLE) | Q(status=Status.ARRIVED, started_at=None)
    return waits & Q(ends_at__gt=now, **whose)
