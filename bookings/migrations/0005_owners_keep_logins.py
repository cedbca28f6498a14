"""Owners add and change the logins of those who work here; they delete none."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

GRANTS = ["view_user", "add_user", "change_user"]


def let_owners_keep_logins(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _make_sure_of_permissions(apps, schema_editor.connection.alias)
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="auth", codename__in=GRANTS
    )
    owners = apps.get_model("auth", "Group").objects.filter(name="Owners").first()
    if owners is not None:
        owners.permissions.add(*permissions)


def _make_sure_of_permissions(apps: Apps, alias: str) -> None:
    # Django writes permissions after the last migration only; these are needed now.
    config = apps.get_app_config("auth")
    config.models_module = True
    create_permissions(config, verbosity=0, using=alias, apps=apps)
    config.models_module = None


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("bookings", "0004_client_changes"),
    ]

    operations = [migrations.RunPython(let_owners_keep_logins, migrations.RunPython.noop)]
