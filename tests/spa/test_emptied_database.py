"""A test that commits empties the database at its end; the next one finds what it needs."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType

from tests.emptying import AsMigrated


def rights() -> dict[str, set[str]]:
    """Return what each group of the staff may do."""
    return {
        group.name: set(group.permissions.values_list("codename", flat=True))
        for group in Group.objects.all()
    }


@pytest.mark.django_db(transaction=True)
def test_emptied_database_is_as_the_migrations_left_it() -> None:
    as_migrated, before = AsMigrated.read(), rights()
    assert (before["Front desk"], before["Therapists"]) == (set(), set())
    assert {"change_service", "view_appointment"} <= before["Owners"]
    written = (ContentType.objects.count(), Permission.objects.count())

    somebody = User.objects.create_user("somebody")
    somebody.groups.add(Group.objects.create(name="Gardeners"))
    Group.objects.get(name="Owners").permissions.clear()
    Group.objects.get(name="Front desk").delete()
    as_migrated.restore()

    assert rights() == before
    assert not User.objects.exists()
    assert (ContentType.objects.count(), Permission.objects.count()) == written
