"""What the tests of the menu share."""

from collections.abc import Mapping

import pytest
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from services.models import Service, SpaProfile
from services.screening import Rule
from tests.kept_rows import KeptRows

LEAD = "lymphatic-drainage-massage"


@pytest.fixture
def content(db: None, starting_list: KeptRows) -> SpaProfile:
    """Write the starting content and return the profile."""
    starting_list.put_back()
    return SpaProfile.load()


@pytest.fixture(scope="session")
def lead_rules(starting_list: KeptRows, django_db_blocker: DjangoDbBlocker) -> Mapping[str, Rule]:
    """Return the rules of the lead treatment as they are after loading, by key."""
    with django_db_blocker.unblock(), transaction.atomic():
        starting_list.put_back()
        listed = Service.objects.get(slug=LEAD).contraindications.filter(active=True)
        rules = {one.slug: one.rule() for one in listed}
        transaction.set_rollback(True)
    return rules


@pytest.fixture
def olive(db: None) -> User:
    """Return the owner's login."""
    return User.objects.create_superuser("olive", "olive@example.com", "linden-blossom")


@pytest.fixture
def dana(db: None) -> User:
    """Return the front desk's login: staff, without any right to edit the menu."""
    return User.objects.create_user("dana", "dana@example.com", "linden-blossom", is_staff=True)


@pytest.fixture
def owner(client: Client, content: SpaProfile) -> Client:
    """Return a browser in which Olive is logged in: staff, in the owners' group."""
    olive = User.objects.create_user("olive", is_staff=True)
    olive.groups.add(Group.objects.get(name="Owners"))
    client.force_login(olive)
    return client
