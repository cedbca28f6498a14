"""The diary, people, rooms, hours and time off write into the journal: see ``services.memory``."""

from django.db import migrations

TABLES = [
    "bookings_therapist",
    "bookings_therapist_services",
    "bookings_room",
    "bookings_room_services",
    "bookings_workinghours",
    "bookings_timeoff",
]

TRIGGER = """
    CREATE TRIGGER menu_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION services_menu_changed();
"""
NO_TRIGGER = "DROP TRIGGER menu_changed ON {table};"

# What keeps nobody from a time changes nothing. Days are counted in UTC.
DIARY = """
    CREATE FUNCTION bookings_diary_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        blocking CONSTANT text[] := ARRAY['held', 'requested', 'confirmed', 'arrived'];
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            IF OLD.status = ANY (blocking) THEN
                INSERT INTO services_change (topic, therapist, room, first_day, last_day)
                VALUES ('diary', OLD.therapist_id, OLD.room_id,
                        (OLD.busy_from AT TIME ZONE 'UTC')::date,
                        (OLD.busy_until AT TIME ZONE 'UTC')::date);
            END IF;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            IF NEW.status = ANY (blocking) THEN
                INSERT INTO services_change (topic, therapist, room, first_day, last_day)
                VALUES ('diary', NEW.therapist_id, NEW.room_id,
                        (NEW.busy_from AT TIME ZONE 'UTC')::date,
                        (NEW.busy_until AT TIME ZONE 'UTC')::date);
            END IF;
        END IF;
        RETURN NULL;
    END $$;

    CREATE FUNCTION bookings_diary_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO services_change (topic) VALUES ('diary');
        RETURN NULL;
    END $$;

    CREATE TRIGGER diary_grew AFTER INSERT OR DELETE ON bookings_appointment
    FOR EACH ROW EXECUTE FUNCTION bookings_diary_changed();

    CREATE TRIGGER diary_changed AFTER UPDATE ON bookings_appointment
    FOR EACH ROW
    WHEN ((OLD.id, OLD.therapist_id, OLD.room_id, OLD.busy_from, OLD.busy_until, OLD.status,
           OLD.hold_expires_at)
          IS DISTINCT FROM
          (NEW.id, NEW.therapist_id, NEW.room_id, NEW.busy_from, NEW.busy_until, NEW.status,
           NEW.hold_expires_at))
    EXECUTE FUNCTION bookings_diary_changed();

    CREATE TRIGGER diary_emptied AFTER TRUNCATE ON bookings_appointment
    FOR EACH STATEMENT EXECUTE FUNCTION bookings_diary_emptied();
"""
NO_DIARY = """
    DROP TRIGGER diary_grew ON bookings_appointment;
    DROP TRIGGER diary_changed ON bookings_appointment;
    DROP TRIGGER diary_emptied ON bookings_appointment;
    DROP FUNCTION bookings_diary_changed();
    DROP FUNCTION bookings_diary_emptied();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0019_holders"),
        ("services", "0006_journal"),
    ]

    operations = [
        *[
            migrations.RunSQL(TRIGGER.format(table=table), NO_TRIGGER.format(table=table))
            for table in TABLES
        ],
        migrations.RunSQL(DIARY, NO_DIARY),
    ]
