"""What the desk does for a client: book a visit, keep a note."""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from bookings.actions import owing
from bookings.actions.booking import check_is_fresh, is_on_sale, kept_check
from bookings.actions.changes import check_would_hold, locked_latest
from bookings.actions.clients import current_client
from bookings.actions.errors import (
    AnswersTooOld,
    Blocker,
    ChangedMeanwhile,
    HealthCheckNeeded,
    InTheWay,
)
from bookings.actions.events import Actor, record
from bookings.actions.health import copy_of, is_overtaken
from bookings.actions.obstacles import refuse_unfit_length
from bookings.actions.placing import at_best_place
from bookings.actions.staff_mail import note_late_change
from bookings.actions.wishes import Place, Wish
from bookings.counters import counted
from bookings.models import Appointment, Client, HealthCheck, Room, Therapist
from bookings.models.appointments import new_reference
from services.models import Service, ServiceOption, SpaProfile

Status = Appointment.Status


@counted("book_at_desk")
def book_at_desk(
    *,
    client: Client,
    service: Service,
    option: ServiceOption,
    starts_at: datetime,
    health_check: HealthCheck,
    spa: SpaProfile,
    by: Actor,
    now: datetime,
    therapist: Therapist | None = None,
    room: Room | None = None,
    minutes: int | None = None,
    reason: str = "",
    note: str = "",
    tell: bool = True,
) -> Appointment:
    """Book a visit for ``client`` at once; ``therapist`` of ``None`` means any, hers first.

    The visit is confirmed, or a request where the check asks for a clearance that nobody has
    given. It starts on any five minutes and, with a ``reason``, outside the rules of the house.
    ``minutes`` stands in for the option's length; the price is the option's all the same.
    ``note`` is the desk's own; without ``tell`` there is no mail now, reminders come all the same.

    The visit gets a copy of a check that another visit has already. Raises ``HealthCheckNeeded``
    unless the check is this client's, for this treatment, and still good on that day,
    ``AnswersTooOld`` where even today's would not be, ``ReasonNeeded``, or ``TimeTaken``, which
    tells who is ``InTheWay``.
    """
    if not is_on_sale(service, option):
        raise InTheWay(
            [Blocker(_("“%(option)s” cannot be booked at present") % {"option": option})]
        )
    refuse_unfit_length(minutes)
    with transaction.atomic():
        client = current_client(client)
    wish = Wish(
        service=service,
        option=option,
        starts_at=starts_at.astimezone(UTC),
        spa=spa,
        now=now,
        therapist=therapist,
        preferred=client.preferred_therapist,
        room=room,
        minutes=minutes,
        by_staff=True,
        anytime=bool(reason.strip()),
        client=client,
    )
    with transaction.atomic():
        # Before any word of times: without a check there is nothing to choose one for.
        _passed(health_check, client=client, wish=wish)

    def write(place: Place) -> Appointment:
        kept = current_client(client)
        check = _own(_passed(health_check, client=kept, wish=wish))
        visit = Appointment.objects.create(
            reference=new_reference(),
            client=kept,
            service=service,
            option=option,
            therapist=place.therapist,
            room=place.room,
            health_check=check,
            status=Status.REQUESTED if _awaits_clearance(check) else Status.CONFIRMED,
            price=option.price,
            source=Appointment.Source.DESK,
            staff_note=note,
            sequence=1,
            created_at=now,
            **wish.times,
        )
        kind = "requested" if visit.status == Status.REQUESTED else "booked"
        # From nothing: what tells a booking made at once from a hold that was confirmed.
        changes = {"status": (None, str(visit.status))}
        record(visit, kind, by=by, now=now, changes=changes, reason=reason.strip())
        _owe_mails(visit, by=by, spa=spa, now=now, tell=tell)
        return visit

    return at_best_place(wish, write)


@transaction.atomic
def note_on_appointment(
    *, appointment: Appointment, note: str, by: Actor, now: datetime, seen: str | None = None
) -> Appointment:
    """Keep the desk's note, in the place of the one before; the event does not repeat it.

    ``seen`` is the note that the writer saw: where another one stands by now, or the visit has
    changed, raises ``ChangedMeanwhile`` and keeps the other one.
    """
    latest = locked_latest(appointment)
    if seen is not None and latest.staff_note != seen:
        raise ChangedMeanwhile(latest)
    if latest.staff_note == note:
        return latest
    latest.staff_note = note
    # The sequence stays: nothing that a client could have seen has changed.
    latest.save(update_fields=["staff_note"])
    record(latest, "noted", by=by, now=now)
    return latest


def _passed(check: HealthCheck, *, client: Client, wish: Wish) -> HealthCheck:
    """The check, locked; raises ``HealthCheckNeeded`` unless it opens the way to the visit.

    It was given just now, or by this client for an earlier visit; it is still good on the day of
    this one, and nothing that she has said since is worse.
    """
    latest = kept_check(check)
    if latest is None or latest.review == HealthCheck.Review.DECLINED:
        raise HealthCheckNeeded
    clients = set(latest.appointments.values_list("client", flat=True)) - {None}
    fresh = check_is_fresh(latest, service=wish.service, spa=wish.spa, now=wish.now)
    if clients != {client.pk} and (clients or not fresh):
        raise HealthCheckNeeded
    if is_overtaken(latest, client=client):
        raise HealthCheckNeeded
    if not check_would_hold(latest, service=wish.service, on=wish.starts_at, spa=wish.spa):
        too_far = wish.starts_at - wish.now > timedelta(days=wish.spa.health_check_valid_days)
        raise AnswersTooOld if too_far else HealthCheckNeeded
    return latest


def _own(check: HealthCheck) -> HealthCheck:
    """The check for one more visit: what is decided upon for one holds for no other."""
    return copy_of(check) if check.appointments.exists() else check


def _awaits_clearance(check: HealthCheck) -> bool:
    granted = check.review == HealthCheck.Review.GRANTED
    return check.outcome == HealthCheck.Outcome.CLEARANCE and not granted


def _owe_mails(
    visit: Appointment, *, by: Actor, spa: SpaProfile, now: datetime, tell: bool
) -> None:
    if tell:
        owing.tell_of_new(visit, owing.FIRST_NEWS[visit.status], by=by, spa=spa, now=now)
    else:
        owing.owe_later(visit, spa=spa, now=now)
    note_late_change(visit, before={}, by=by, spa=spa, now=now)
