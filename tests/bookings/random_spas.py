"""Random spas in the database, and what the oracle is told of them."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from bookings.models import Appointment, Client, Room, Therapist, TimeOff, WorkingHours
from bookings.models.appointments import new_reference
from services.models import Category, Service, ServiceOption, SpaProfile
from tests.bookings.oracle import Busy, Off, World
from tests.bookings.strategies import BUFFERS, DAYS, LENGTHS, STEPS, hours, moments

STATES = ["held", "requested", "confirmed", "arrived", "completed", "cancelled", "expired"]


@st.composite
def spas(draw: st.DrawFn) -> dict[str, Any]:
    """Plain values for a random spa of up to four therapists and three rooms."""
    zone, first_day = draw(st.sampled_from(DAYS))
    days = [first_day, first_day + timedelta(days=1)]
    trait = st.sampled_from([True, True, True, False])
    appointment = st.fixed_dictionaries(
        {
            "therapist": st.integers(0, 3),
            "room": st.integers(0, 2),
            "start": moments(first_day),
            "minutes": st.integers(5, 120),
            "status": st.sampled_from(STATES),
            "lapses": st.integers(-20, 20),
        }
    )
    leave = st.fixed_dictionaries(
        {
            "who": st.none() | st.integers(0, 3),
            "start": moments(first_day),
            "minutes": st.integers(1, 600),
        }
    )
    return {
        "zone": zone,
        "first_day": first_day,
        "last_day": first_day + timedelta(days=draw(st.integers(0, 1))),
        "step": draw(STEPS),
        "before": draw(BUFFERS),
        "visit": draw(LENGTHS),
        "after": draw(BUFFERS),
        "now": draw(moments(first_day)) - timedelta(days=1),
        "notice": draw(st.integers(0, 30)),
        "horizon": draw(st.integers(1, 4)),
        "therapists": draw(
            st.lists(
                st.fixed_dictionaries(
                    {
                        "active": trait,
                        "trained": trait,
                        "hours": st.lists(hours(days), max_size=3),
                    }
                ),
                min_size=1,
                max_size=4,
            )
        ),
        "rooms": draw(
            st.lists(
                st.fixed_dictionaries({"active": trait, "suits": trait}), min_size=1, max_size=3
            )
        ),
        "off": draw(st.lists(leave, max_size=3)),
        "appointments": draw(st.lists(appointment, max_size=8)),
    }


@dataclass(frozen=True)
class Built:
    """The rows of a plan, and the same as the oracle knows it, bound to no time yet."""

    option: ServiceOption
    therapists: list[Therapist]
    rooms: list[Room]
    world: World


def build(plan: dict[str, Any], spa: SpaProfile) -> Built:
    """Write the rows of ``plan``; the profile itself is changed in memory only."""
    now = plan["now"]
    spa.time_zone, spa.slot_step_minutes = plan["zone"], plan["step"]
    spa.minimum_notice_hours, spa.booking_horizon_days = plan["notice"], plan["horizon"]
    option = _treatment(plan)
    therapists = [_therapist(one, option.service) for one in plan["therapists"]]
    rooms = [_room(n, one, option.service) for n, one in enumerate(plan["rooms"])]
    off = [_leave(one, therapists) for one in plan["off"]]
    busy = [_visit(one, therapists, rooms, option, now) for one in plan["appointments"]]
    world = World(
        zone=ZoneInfo(plan["zone"]),
        first_day=plan["first_day"],
        last_day=plan["last_day"],
        step=plan["step"],
        before=plan["before"],
        visit=plan["visit"],
        after=plan["after"],
        earliest=now,
        latest=now,
        hours={
            therapist.pk: one["hours"]
            for therapist, one in zip(therapists, plan["therapists"], strict=True)
            if one["active"] and one["trained"]
        },
        rooms=[
            room.pk
            for room, one in zip(rooms, plan["rooms"], strict=True)
            if one["active"] and one["suits"]
        ],
        off=off,
        busy=[one for one in busy if one is not None],
    )
    return Built(option, therapists, rooms, world)


def horizon(plan: dict[str, Any]) -> date:
    """The last bookable day of ``plan``."""
    today: date = plan["now"].astimezone(ZoneInfo(plan["zone"])).date()
    return today + timedelta(days=plan["horizon"])


def midnight_after(day: date, zone: str) -> datetime:
    """The end of a local day."""
    return datetime.combine(day + timedelta(days=1), time(0), tzinfo=ZoneInfo(zone))


def _treatment(plan: dict[str, Any]) -> ServiceOption:
    category = Category.objects.create(slug="random", name="Random")
    service = Service.objects.create(
        category=category,
        slug="random",
        name="Random",
        summary="Random.",
        buffer_before_minutes=plan["before"],
        buffer_after_minutes=plan["after"],
    )
    return ServiceOption.objects.create(
        service=service, minutes=plan["visit"], price=Decimal("1.00")
    )


def _therapist(one: dict[str, Any], service: Service) -> Therapist:
    therapist = Therapist.objects.create(name="Somebody", active=one["active"])
    if one["trained"]:
        therapist.services.add(service)
    for rule in one["hours"]:
        WorkingHours.objects.create(
            therapist=therapist,
            weekday=rule.weekday,
            starts=rule.starts,
            ends=rule.ends,
            break_starts=rule.break_starts,
            break_ends=rule.break_ends,
            valid_from=rule.valid_from,
            valid_until=rule.valid_until,
        )
    return therapist


def _room(number: int, one: dict[str, Any], service: Service) -> Room:
    room = Room.objects.create(name=f"Random {number}", active=one["active"])
    if one["suits"]:
        room.services.add(service)
    return room


def _leave(one: dict[str, Any], therapists: list[Therapist]) -> Off:
    who = None if one["who"] is None else therapists[one["who"] % len(therapists)]
    end = one["start"] + timedelta(minutes=one["minutes"])
    TimeOff.objects.create(therapist=who, starts_at=one["start"], ends_at=end)
    return Off(who.pk if who else None, one["start"], end)


def _visit(
    one: dict[str, Any],
    therapists: list[Therapist],
    rooms: list[Room],
    option: ServiceOption,
    now: datetime,
) -> Busy | None:
    """Put one appointment into the diary; none where the database would refuse it as it must."""
    therapist = therapists[one["therapist"] % len(therapists)]
    room = rooms[one["room"] % len(rooms)]
    end = one["start"] + timedelta(minutes=one["minutes"])
    lapses = now + timedelta(minutes=one["lapses"])
    blocking = one["status"] in {"held", "requested", "confirmed", "arrived"}
    if blocking and _is_in_the_way(therapist, room, one["start"], end):
        return None
    Appointment.objects.create(
        reference=new_reference(),
        client=Client.objects.create(name="Cleo"),
        service=option.service,
        option=option,
        therapist=therapist,
        room=room,
        starts_at=one["start"],
        ends_at=end,
        busy_from=one["start"],
        busy_until=end,
        status=one["status"],
        hold_expires_at=lapses if one["status"] == "held" else None,
        price=option.price,
        created_at=now,
    )
    live = one["status"] != "held" or now < lapses
    return Busy(therapist.pk, room.pk, one["start"], end) if blocking and live else None


def _is_in_the_way(therapist: Therapist, room: Room, start: datetime, end: datetime) -> bool:
    return any(
        other.busy_from < end and start < other.busy_until
        for other in Appointment.objects.filter(
            status__in=["held", "requested", "confirmed", "arrived"]
        )
        if other.therapist_id == therapist.pk or other.room_id == room.pk
    )
