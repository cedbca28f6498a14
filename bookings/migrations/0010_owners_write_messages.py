"""Owners write the words of the messages; versions are added, never deleted."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

GRANTS = ["view_wording", "change_wording"]


def let_owners_write_messages(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _make_sure_of_permissions(apps, schema_editor.connection.alias)
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="bookings", codename__in=GRANTS
    )
    owners = apps.get_model("auth", "Group").objects.filter(name="Owners").first()
    if owners is not None:
        owners.permissions.add(*permissions)


def _make_sure_of_permissions(apps: Apps, alias: str) -> None:
    # Django writes permissions after the last migration only; these are needed now.
    config = apps.get_app_config("bookings")
    config.models_module = True
    create_permissions(config, verbosity=0, using=alias, apps=apps)
    config.models_module = None


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("bookings", "0009_message_kinds"),
    ]

    operations = [migrations.RunPython(let_owners_write_messages, migrations.RunPython.noop)]
