"""Make the peer's tables, its staff and as many appointments; run by its own Python.

Takes as JSON: staff, appointments, opens and closes (hours), slots, minutes (of a slot), full,
days_back, days_ahead. Prints what a visitor needs to know.
"""

import json
import os
import sys
from datetime import time, timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peer_settings")
import django

django.setup()
from appointment.models import Config, Service, StaffMember, WorkingHours
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction

REQUESTS = """
    WITH slot AS (
        SELECT staff, current_date + day AS date,
               %(opens)s::time + slot * %(minutes)s * interval '1 minute' AS starts,
               random() AS rank
        FROM unnest(%(staff)s::int[]) AS staff,
             generate_series(-%(days_back)s, %(days_ahead)s - 1) AS day,
             generate_series(0, %(slots)s - 1) AS slot
    ), future AS (
        SELECT * FROM slot WHERE date > current_date AND rank < %(full)s
    ), past AS (
        SELECT * FROM slot WHERE date < current_date
        ORDER BY rank LIMIT %(appointments)s - (SELECT count(*) FROM future)
    )
    INSERT INTO appointment_appointmentrequest (date, start_time, end_time, service_id,
        staff_member_id, payment_type, id_request, reschedule_attempts, created_at, updated_at)
    SELECT date, starts, starts + %(visit)s * interval '1 minute', %(service)s, staff, 'full',
           'r' || row_number() OVER (), 0, now(), now()
    FROM (SELECT * FROM past UNION ALL SELECT * FROM future) AS both_of_them
"""
APPOINTMENTS = """
    INSERT INTO appointment_appointment (client_id, appointment_request_id, phone, address,
        want_reminder, additional_info, paid, amount_to_pay, id_request, created_at, updated_at)
    SELECT %(client)s, id, '', '', false, '', false, 75, id_request, now(), now()
    FROM appointment_appointmentrequest
"""


def main() -> None:
    """Fill the tables anew."""
    size = json.loads(sys.argv[1])
    # The package comes without migrations; its tables refer to the users.
    call_command("migrate", "auth", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    with transaction.atomic():
        service, staff = _people(size)
        client = User.objects.create(username="client", email="client@example.com")
        values = {**size, "staff": staff, "service": service.pk, "client": client.pk}
        values |= {"opens": time(size["opens"]), "visit": size["visit"]}
        with connection.cursor() as cursor:
            cursor.execute("SELECT setseed(0.7)")
            cursor.execute(REQUESTS, values)
            cursor.execute(APPOINTMENTS, values)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("SELECT count(*) FROM appointment_appointment")
        count = cursor.fetchone()[0]
    print(json.dumps({"service": service.pk, "staff": staff, "appointments": count}))


def _people(size: dict[str, int]) -> tuple[Service, list[int]]:
    opens, closes = time(size["opens"]), time(size["closes"])
    Config.objects.create(
        slot_duration=size["visit"], lead_time=opens, finish_time=closes,
        appointment_buffer_time=0, website_name="Peer",
    )  # fmt: skip
    service = Service.objects.create(
        name="Massage", duration=timedelta(minutes=size["visit"]), price=75
    )
    staff = []
    for number in range(size["staff"]):
        user = User.objects.create(username=f"t{number}", first_name=f"Therapist {number}")
        member = StaffMember.objects.create(user=user)
        member.services_offered.add(service)
        for weekday in range(7):
            WorkingHours.objects.create(
                staff_member=member, day_of_week=weekday, start_time=opens, end_time=closes
            )
        staff.append(member.pk)
    return service, staff


if __name__ == "__main__":
    main()
