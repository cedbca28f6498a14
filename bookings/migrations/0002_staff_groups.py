"""The three kinds of staff, and what owners may do in the admin."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

CHANGE = ("view", "add", "change", "delete")
LOOK = ("view",)
GROUPS = {
    "Front desk": {},
    "Therapists": {},
    "Owners": {
        "services.spaprofile": ("view", "change"),
        "services.category": CHANGE,
        "services.service": CHANGE,
        "services.serviceoption": CHANGE,
        "services.contraindication": CHANGE,
        "services.faq": CHANGE,
        "bookings.therapist": CHANGE,
        "bookings.workinghours": CHANGE,
        "bookings.timeoff": CHANGE,
        "bookings.room": CHANGE,
        "bookings.client": ("view", "change"),
        "bookings.appointment": LOOK,
        "bookings.event": LOOK,
        "bookings.message": LOOK,
    },
}


def add_groups(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _make_sure_of_permissions(apps, schema_editor.connection.alias)
    group_model = apps.get_model("auth", "Group")
    permission = apps.get_model("auth", "Permission")
    for name, grants in GROUPS.items():
        group, _created = group_model.objects.get_or_create(name=name)
        for label, verbs in grants.items():
            app_label, model = label.split(".")
            group.permissions.add(
                *permission.objects.filter(
                    content_type__app_label=app_label,
                    codename__in=[f"{verb}_{model}" for verb in verbs],
                )
            )


def _make_sure_of_permissions(apps: Apps, alias: str) -> None:
    # Django writes permissions after the last migration only; these groups need them now.
    for label in ("services", "bookings"):
        config = apps.get_app_config(label)
        config.models_module = True
        create_permissions(config, verbosity=0, using=alias, apps=apps)
        config.models_module = None


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("services", "0001_initial"),
        ("bookings", "0001_initial"),
    ]

    operations = [migrations.RunPython(add_groups, migrations.RunPython.noop)]
