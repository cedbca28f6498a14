"""Visits that come out of another diary, and the file that they come in."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction

from bookings.actions import owing
from bookings.actions.clients import current_client
from bookings.actions.events import Actor, record
from bookings.actions.placing import at_best_place
from bookings.actions.wishes import Place, Wish
from bookings.models import Appointment, Client, ImportDraft, Room, Therapist
from bookings.models.appointments import new_reference
from services.models import ServiceOption, SpaProfile

Status = Appointment.Status
KEPT_FOR = timedelta(days=1)


@transaction.atomic
def import_past_visit(
    *,
    client: Client,
    option: ServiceOption,
    therapist: Therapist,
    room: Room,
    starts_at: datetime,
    status: str,
    price: Decimal,
    spa: SpaProfile,
    by: Actor,
    now: datetime,
) -> Appointment:
    """Write down a visit that is over or was called off; it keeps nobody from any time."""
    wish = Wish(service=option.service, option=option, starts_at=starts_at, spa=spa, now=now)
    return _write(wish, Place(therapist, room), client, status, price, by=by)


def import_coming_visit(
    *,
    client: Client,
    option: ServiceOption,
    therapist: Therapist | None,
    room: Room | None,
    starts_at: datetime,
    status: str,
    price: Decimal,
    spa: SpaProfile,
    by: Actor,
    now: datetime,
    reason: str = "",
    tell: bool = False,
) -> Appointment:
    """Place a visit that is still to come; ``None`` is any therapist and any room.

    With a ``reason`` the rules of the house do not hold. There is no health check: it is asked
    for like any that is missing. ``tell`` sends the news of it; reminders come all the same.
    Raises ``ReasonNeeded`` or ``TimeTaken``.
    """
    wish = Wish(
        service=option.service,
        option=option,
        starts_at=starts_at,
        spa=spa,
        now=now,
        therapist=therapist,
        room=room,
        by_staff=True,
        anytime=bool(reason),
        client=client,
    )

    def write(place: Place) -> Appointment:
        visit = _write(wish, place, current_client(client), status, price, by=by, reason=reason)
        if tell:
            owing.tell_of_new(visit, owing.FIRST_NEWS[visit.status], by=by, spa=spa, now=now)
        else:
            owing.owe_later(visit, spa=spa, now=now)
        return visit

    return at_best_place(wish, write)


def _write(
    wish: Wish,
    place: Place,
    client: Client,
    status: str,
    price: Decimal,
    *,
    by: Actor,
    reason: str = "",
) -> Appointment:
    visit = Appointment.objects.create(
        reference=new_reference(),
        client=client,
        service=wish.service,
        option=wish.option,
        therapist=place.therapist,
        room=place.room,
        status=status,
        price=price,
        source=Appointment.Source.IMPORTED,
        sequence=1,
        created_at=wish.now,
        **wish.times,
    )
    kind = "requested" if status == Status.REQUESTED else "booked"
    # Of a visit that is over or was called off nobody knows when it became so.
    is_ahead = status in (Status.CONFIRMED, Status.REQUESTED)
    changes = {"status": (None, str(status))} if is_ahead else {}
    record(visit, kind, by=by, now=wish.now, changes=changes, reason=reason)
    return visit


def keep_draft(
    *,
    kind: str,
    name: str,
    text: str,
    send_mail: bool,
    against_rules: bool,
    by: User,
    now: datetime,
) -> ImportDraft:
    """Keep a file until somebody has looked at what it would do."""
    purge_drafts(now=now)
    return ImportDraft.objects.create(
        kind=kind,
        name=name[:120],
        text=text,
        send_mail=send_mail,
        against_rules=against_rules,
        by=by,
        created_at=now,
    )


def purge_drafts(*, now: datetime) -> int:
    """Forget the files that nobody has brought in; returns how many."""
    return ImportDraft.objects.filter(created_at__lte=now - KEPT_FOR).delete()[0]
