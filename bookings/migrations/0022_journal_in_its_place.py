"""The diary's triggers find the journal whatever path their writer looks along."""

from django.db import migrations

FUNCTIONS = ["bookings_diary_changed", "bookings_diary_emptied"]
PLACE = "ALTER FUNCTION {name}() SET search_path FROM CURRENT;"
NO_PLACE = "ALTER FUNCTION {name}() RESET search_path;"


class Migration(migrations.Migration):
    dependencies = [("bookings", "0021_requests_index")]

    operations = [
        migrations.RunSQL(PLACE.format(name=name), NO_PLACE.format(name=name)) for name in FUNCTIONS
    ]
