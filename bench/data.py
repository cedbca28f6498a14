"""A spa of a given size: three years of visits behind it, and 60 days ahead of it 60 % full.

Written by the database itself, in seconds; every row keeps the rules that the tables know. The
draw is seeded: the same size on the same day is the same spa.
"""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction

from bookings.models import Room, Therapist, WorkingHours
from bookings.models.fields import ring
from services.loader import load_content
from services.models import Service, SpaProfile

DAYS_BACK, DAYS_AHEAD = 1095, 60
FUTURE_FULL = 0.6
OPENS = time(8)


@dataclass(frozen=True, slots=True)
class Size:
    """How many therapists (with a room each) and appointments; a day has ``slots`` of ``minutes``.

    The last ``tidying`` minutes of a slot are the buffer after the visit.
    """

    therapists: int
    appointments: int
    slots: int
    minutes: int
    tidying: int


SIZES = {
    "S": Size(6, 10_000, 8, 75, 15),
    "M": Size(20, 100_000, 8, 75, 15),
    "L": Size(50, 1_000_000, 24, 30, 5),
}

CLIENTS = """
INSERT INTO bookings_client (name, email, phone, note, created_at)
SELECT 'Client ' || n, 'client' || n || '@example.com', '', %(nothing)s,
       %(now)s - interval '1200 days'
FROM generate_series(1, %(clients)s) AS n
RETURNING id
"""

# Each slot is drawn a rank; of the past as many are taken as are wanted, of the future 60 %.
APPOINTMENTS = """
WITH slot AS (
    SELECT places.therapist, places.room,
           ((%(today)s::date + day) + %(opens)s::time + slot * %(minutes)s * interval '1 minute')
               AT TIME ZONE %(zone)s AS starts_at,
           random() AS rank, random() AS fate, random() AS ahead, random() AS who,
           1 + floor(random() * array_length(%(options)s::int[], 1))::int AS pick,
           random() AS way
    FROM unnest(%(therapists)s::int[], %(rooms)s::int[]) AS places (therapist, room),
         generate_series(-%(days_back)s, %(days_ahead)s - 1) AS day,
         generate_series(0, %(slots)s - 1) AS slot
), future AS (
    SELECT * FROM slot WHERE starts_at > %(now)s AND rank < %(full)s
), past AS (
    SELECT * FROM slot WHERE starts_at <= %(now)s - interval '1 hour'
    ORDER BY rank LIMIT %(appointments)s - (SELECT count(*) FROM future)
), visit AS (
    SELECT *, CASE WHEN fate < 0.86 THEN 'completed' WHEN fate < 0.94 THEN 'cancelled'
                   WHEN fate < 0.98 THEN 'no_show' ELSE 'declined' END AS status FROM past
    UNION ALL
    SELECT *, CASE WHEN fate < 0.9 THEN 'confirmed' ELSE 'requested' END FROM future
), booked AS (
    SELECT *, least(starts_at - ahead * ahead * interval '40 days' - interval '2 hours', %(now)s)
              AS created_at
    FROM visit
)
INSERT INTO bookings_appointment (
    reference, client_id, service_id, option_id, therapist_id, room_id, starts_at, ends_at,
    busy_from, busy_until, status, price, source, client_note, staff_note, sequence, created_at
)
SELECT translate(lpad((row_number() OVER (ORDER BY created_at))::text, 8, '0'), '01', 'XZ'),
       (%(clients)s::int[])[1 + floor(who * who * array_length(%(clients)s::int[], 1))::int],
       (%(services)s::int[])[pick], (%(options)s::int[])[pick], therapist, room,
       starts_at, starts_at + (%(minutes)s - %(tidying)s) * interval '1 minute',
       starts_at, starts_at + %(minutes)s * interval '1 minute',
       status, (%(prices)s::numeric[])[pick], CASE WHEN way < 0.7 THEN 'web' ELSE 'desk' END,
       %(nothing)s, %(nothing)s, 1, created_at
FROM booked ORDER BY created_at
"""

EVENTS = """
INSERT INTO bookings_event (appointment_id, at, actor_kind, kind, changes, reason)
SELECT id, created_at, CASE source WHEN 'web' THEN 'client' ELSE 'staff' END, 'booked',
       '{"status": ["held", "confirmed"]}'::jsonb, %(nothing)s
FROM bookings_appointment
UNION ALL
SELECT id, greatest(created_at, starts_at - (id %% 90) * interval '1 hour'),
       CASE id %% 3 WHEN 0 THEN 'staff' ELSE 'client' END, status,
       jsonb_build_object('status', jsonb_build_array('confirmed', status)), %(nothing)s
FROM bookings_appointment WHERE status IN ('cancelled', 'declined')
"""


def fill(size: Size, *, now: datetime) -> SpaProfile:
    """Make a spa of ``size`` around ``now``, and nothing else; returns its profile."""
    call_command("flush", interactive=False, verbosity=0)
    with transaction.atomic():
        load_content()
        spa = SpaProfile.load()
        places = _people_and_rooms(size)
        with connection.cursor() as cursor:
            cursor.execute("SELECT setseed(0.7)")
            _write_visits(cursor, size, spa, places, now)
    with connection.cursor() as cursor:
        # As the database does by itself after a night; else it goes on writing for minutes.
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")
    return spa


def _people_and_rooms(size: Size) -> list[tuple[int, int]]:
    """Make the therapists, their rooms and their hours; returns the keys of both, by pairs."""
    services = list(Service.objects.all())
    closes = time(OPENS.hour + size.slots * size.minutes // 60)
    pairs = []
    for n in range(size.therapists):
        therapist = Therapist.objects.create(name=f"Therapist {n + 1}", position=n)
        room = Room.objects.create(name=f"Room {n + 1}", position=n)
        therapist.services.set(services)
        room.services.set(services)
        pairs.append((therapist.pk, room.pk))
    WorkingHours.objects.bulk_create(
        WorkingHours(therapist_id=pk, weekday=weekday, starts=OPENS, ends=closes)
        for pk, _room in pairs
        for weekday in range(7)
    )
    return pairs


def _write_visits(
    cursor: Any, size: Size, spa: SpaProfile, places: list[tuple[int, int]], now: datetime
) -> None:
    options = [
        (option.service_id, option.pk, option.price)
        for service in Service.objects.published().prefetch_related("options")
        for option in service.options.all()
    ]
    values = {
        "now": now,
        # Said in confidence, and therefore encrypted: nothing.
        "nothing": ring().encrypt(b"").decode(),
        "today": now.astimezone(spa.zone).date(),
        "zone": spa.time_zone,
        "opens": OPENS,
        "therapists": [therapist for therapist, _room in places],
        "rooms": [room for _therapist, room in places],
        "services": [one[0] for one in options],
        "options": [one[1] for one in options],
        "prices": [one[2] for one in options],
        "days_back": DAYS_BACK,
        "days_ahead": DAYS_AHEAD,
        "full": FUTURE_FULL,
        "slots": size.slots,
        "minutes": size.minutes,
        "tidying": size.tidying,
        "appointments": size.appointments,
    }
    cursor.execute(CLIENTS, values | {"clients": max(size.appointments // 8, 50)})
    clients = [row[0] for row in cursor.fetchall()]
    cursor.execute(APPOINTMENTS, values | {"clients": clients})
    cursor.execute(EVENTS, values)
