"""The trigger finds the journal whatever path its writer looks along: ``pg_restore`` has none."""

from django.db import migrations

PLACE = "ALTER FUNCTION services_menu_changed() SET search_path FROM CURRENT;"
NO_PLACE = "ALTER FUNCTION services_menu_changed() RESET search_path;"


class Migration(migrations.Migration):
    dependencies = [("services", "0006_journal")]

    operations = [migrations.RunSQL(PLACE, NO_PLACE)]
