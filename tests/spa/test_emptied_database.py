"""A test that commits empties the database at its end; the next one finds what it needs."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command


def rights() -> dict[str, set[str]]:
    """Return what each group of the staff may do."""
    return {
        group.name: set(group.permissions.values_list("codename", flat=True))
        for group in Group.objects.all()
    }


@pytest.mark.django_db(transaction=True)
def test_emptied_database_has_the_staff_groups_with_their_rights_again() -> None:
    before = rights()
    assert (before["Front desk"], before["Therapists"]) == (set(), set())
    assert {"change_service", "view_appointment"} <= before["Owners"]
    call_command("flush", interactive=False, verbosity=0)
    assert rights() == before
