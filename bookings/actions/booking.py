"""From a chosen time to a booked visit: hold, confirm, let go."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce

from bookings.actions import owing
from bookings.actions.clients import ClientErased, locked_client
from bookings.actions.errors import HealthCheckNeeded, HoldLost, TimeTaken
from bookings.actions.events import CLIENT, Actor, record
from bookings.actions.health import is_just_given
from bookings.actions.holders import refuse_too_many
from bookings.actions.placing import (
    at_best_place,
    clear_way,
    end_hold,
    lock_diary,
    refusal,
    without_overlap,
)
from bookings.actions.staff_mail import note_late_change
from bookings.actions.wishes import Place, Wish
from bookings.counters import counted
from bookings.models import Appointment, Client, HealthCheck, Message, Therapist
from bookings.models.appointments import new_reference
from services.models import Service, ServiceOption, SpaProfile


@dataclass(frozen=True, slots=True)
class Details:
    """Who comes: what the last form of a booking asks."""

    name: str
    email: str
    phone: str
    note: str = ""


def check_is_fresh(
    check: HealthCheck | None, *, service: Service, spa: SpaProfile, now: datetime
) -> bool:
    """Whether ``check`` opens the way to a new booking of ``service``.

    It must be for this treatment, just given, and on today's questions and consent.
    """
    return (
        check is not None
        and check.consent_version == spa.health_consent_version
        and is_just_given(check, service=service, now=now)
    )


@counted("hold")
def hold_time(
    *,
    service: Service,
    option: ServiceOption,
    starts_at: datetime,
    health_check: HealthCheck | None,
    spa: SpaProfile,
    now: datetime,
    therapist: Therapist | None = None,
    preferred: Therapist | None = None,
    replacing: Appointment | None = None,
    holder: str = "",
    by: Actor = CLIENT,
) -> Appointment:
    """Keep a time for the spa's hold length while the client gives her details.

    ``therapist`` of ``None`` means any. ``replacing`` is the visitor's earlier hold; it is let
    go once the new one stands. ``holder`` stands for the address that holds, which may not hold
    the whole calendar. Raises ``HealthCheckNeeded``, ``TimeTaken`` or ``TooManyHolds``.
    """
    if not check_is_fresh(health_check, service=service, spa=spa, now=now):
        raise HealthCheckNeeded
    replacing = _still_held(replacing)
    wish = Wish(
        service=service,
        option=option,
        starts_at=starts_at.astimezone(UTC),
        spa=spa,
        now=now,
        therapist=therapist,
        preferred=preferred,
        moving=replacing,
        check=health_check,
        holder=holder,
    )
    if not is_on_sale(wish.service, wish.option):
        raise TimeTaken

    def write(place: Place) -> Appointment:
        if replacing is not None:
            end_hold(replacing, now=now)
        refuse_too_many(place, wish)
        hold = Appointment.objects.create(
            reference=new_reference(),
            service=service,
            option=option,
            therapist=place.therapist,
            room=place.room,
            status=Appointment.Status.HELD,
            hold_expires_at=now + timedelta(minutes=spa.hold_minutes),
            held_by=holder,
            price=option.price,
            created_at=now,
            **wish.times,
        )
        record(hold, "held", by=by, now=now)
        return hold

    return at_best_place(wish, write)


@counted("confirm")
def confirm_appointment(
    *,
    hold: Appointment,
    details: Details,
    health_check: HealthCheck | None,
    spa: SpaProfile,
    now: datetime,
    by: Actor = CLIENT,
) -> Appointment:
    """Turn a hold into a booked visit, or into a request where a clearance is needed.

    A hold whose minutes have run out is still confirmed as long as nobody took its time. Asked
    twice, it books once. Raises ``HealthCheckNeeded``, ``HoldLost`` or ``TimeTaken``.
    """

    def write() -> Appointment:
        lock_diary(therapists=[hold.therapist_id], rooms=[hold.room_id])
        appointment = _locked(hold)
        if appointment.client_id is None:
            check = _fresh_check(health_check, appointment, spa=spa, now=now)
            _make_sure_of(appointment, spa=spa, now=now)
            _confirm(appointment, details, check, by=by, spa=spa, now=now)
        return appointment

    return without_overlap(_wish_of(hold, spa=spa, now=now), write)


def _fresh_check(
    check: HealthCheck | None, appointment: Appointment, *, spa: SpaProfile, now: datetime
) -> HealthCheck:
    check = kept_check(check)
    if not check_is_fresh(check, service=appointment.service, spa=spa, now=now):
        raise HealthCheckNeeded
    assert check is not None
    return check


def _make_sure_of(appointment: Appointment, *, spa: SpaProfile, now: datetime) -> None:
    """Raise the refusal of what ``appointment`` wishes where it cannot be had any more."""
    wish = _wish_of(appointment, spa=spa, now=now)
    place = Place(appointment.therapist, appointment.room)
    if not is_on_sale(wish.service, wish.option) or not clear_way(wish, place):
        raise refusal(wish)


def _confirm(
    appointment: Appointment,
    details: Details,
    health_check: HealthCheck,
    *,
    by: Actor,
    spa: SpaProfile,
    now: datetime,
) -> None:
    before = appointment.status
    needs_clearance = health_check.outcome == HealthCheck.Outcome.CLEARANCE
    status = Appointment.Status.REQUESTED if needs_clearance else Appointment.Status.CONFIRMED
    appointment.status = status
    appointment.client, is_first = _client_of(details, before=appointment.starts_at)
    appointment.client_note = details.note
    appointment.health_check = health_check
    appointment.hold_expires_at = None
    appointment.held_by = ""
    appointment.sequence += 1
    appointment.save()

    kind = "requested" if needs_clearance else "booked"
    record(appointment, kind, by=by, now=now, changes={"status": (before, status.value)})
    news = Message.Kind.REQUEST_RECEIVED if needs_clearance else Message.Kind.CONFIRMATION
    owing.tell_of_new(appointment, news, by=by, spa=spa, now=now, is_first=is_first)
    note_late_change(appointment, before={}, by=by, spa=spa, now=now, is_new=True)


@transaction.atomic
def release_hold(*, hold: Appointment, now: datetime) -> None:
    """Give a held time back at once; anything already booked is left alone."""
    lock_diary(therapists=[hold.therapist_id], rooms=[hold.room_id])
    end_hold(hold, now=now)


@transaction.atomic
def expire_holds(*, now: datetime) -> int:
    """End every hold whose minutes have run out; returns how many.

    Rows that another transaction is busy with are left to it, or to the next sweep.
    """
    lapsed = Appointment.objects.lapsed_holds(now).select_for_update(
        skip_locked=True, of=("self",), no_key=True
    )
    return sum(end_hold(hold, now=now) for hold in lapsed)


def purge_expired(*, now: datetime) -> int:
    """Delete holds that ended a day ago: nobody's name was ever on them. Returns how many."""
    old = Appointment.objects.filter(
        status=Appointment.Status.EXPIRED, hold_expires_at__lt=now - timedelta(days=1)
    )
    return old.delete()[1].get(Appointment._meta.label, 0)


def _locked(hold: Appointment) -> Appointment:
    rows = Appointment.objects.select_related("service", "option", "therapist", "room", "client")
    found = rows.select_for_update(of=("self",), no_key=True).filter(pk=hold.pk).first()
    if found is None:
        raise HoldLost
    return found


def kept_check(check: HealthCheck | None) -> HealthCheck | None:
    """The check as it stands now, locked; none where it was forgotten meanwhile."""
    if check is None:
        return None
    return HealthCheck.objects.select_for_update(no_key=True).filter(pk=check.pk).first()


def _still_held(hold: Appointment | None) -> Appointment | None:
    """``hold`` as long as it is one: booked in another tab, it must be kept."""
    if hold is None:
        return None
    return Appointment.objects.filter(pk=hold.pk, status=Appointment.Status.HELD).first()


def _wish_of(appointment: Appointment, *, spa: SpaProfile, now: datetime) -> Wish:
    # The notice was kept when the hold was made; ten minutes of typing must not break it.
    notice = timedelta(hours=spa.minimum_notice_hours)
    return Wish(
        service=appointment.service,
        option=appointment.option,
        starts_at=appointment.starts_at,
        spa=spa,
        now=now,
        therapist=appointment.therapist,
        moving=appointment,
        earliest=max(now, appointment.created_at + notice),
    )


def is_on_sale(service: Service, option: ServiceOption) -> bool:
    """Whether ``option`` of ``service`` can be booked at present."""
    return (
        service.status == Service.Status.PUBLISHED
        and option.active
        and option.service_id == service.pk
    )


def _client_of(details: Details, *, before: datetime) -> tuple[Client, bool]:
    """Who comes, and whether she has no visit ``before``; a new record where none is known."""
    known = _known_client(details, before)
    if known is None:
        new = Client.objects.create(name=details.name, email=details.email, phone=details.phone)
        return new, True
    key, came_before = known
    # As many statements as for somebody new: the time that it takes tells nothing.
    try:
        client = locked_client(key)
    except ClientErased:
        # Erased at this very moment: nothing is left by which she could be known.
        return _client_of(details, before=before)
    if details.phone and not client.phone:
        client.phone = details.phone
        client.save(update_fields=["phone"])
    return client, not came_before


def _known_client(details: Details, before: datetime) -> tuple[int, bool] | None:
    """The key of the client who is meant, if any, and whether she has a visit ``before``."""
    # A name alone is not a person: two Annas without an address are two clients. And anybody
    # can type a known name and address: another number must not replace the one we call.
    if not details.email:
        return None
    known = Client.objects.filter(email__iexact=details.email, name__iexact=details.name)
    if details.phone:
        known = known.filter(phone__in=[details.phone, ""])
    earlier = owing.visits_that_count().filter(client=OuterRef("kept"), starts_at__lt=before)
    found = known.annotate(kept=Coalesce("merged_into", "pk"))
    return found.order_by("pk").values_list("kept", Exists(earlier)).first()
