"""A journal of what has changed, for what processes remember: see ``services.memory``.

``xid`` is the transaction that wrote a line; it tells whether a snapshot saw it.
"""

from django.db import migrations

TABLES = [
    "services_spaprofile",
    "services_category",
    "services_service",
    "services_service_contraindications",
    "services_serviceoption",
    "services_contraindication",
    "services_faq",
    "services_oldaddress",
]

JOURNAL = """
    CREATE TABLE services_change (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        topic text NOT NULL,
        therapist bigint,
        room bigint,
        first_day date,
        last_day date
    );
    CREATE INDEX services_change_xid ON services_change (xid);
    CREATE INDEX services_change_at ON services_change (at);

    CREATE FUNCTION services_menu_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO services_change (topic) VALUES ('menu');
        RETURN NULL;
    END $$;
"""
END = "DROP TABLE services_change; DROP FUNCTION services_menu_changed();"

TRIGGER = """
    CREATE TRIGGER menu_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION services_menu_changed();
"""
NO_TRIGGER = "DROP TRIGGER menu_changed ON {table};"


class Migration(migrations.Migration):
    dependencies = [("services", "0005_words_of_pages")]

    operations = [
        migrations.RunSQL(JOURNAL, END),
        *[
            migrations.RunSQL(TRIGGER.format(table=table), NO_TRIGGER.format(table=table))
            for table in TABLES
        ],
    ]
