"""What the tests of the menu share."""

from collections.abc import Mapping

import pytest
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from services.loader import load_content
from services.models import Service, SpaProfile
from services.screening import Rule

LEAD = "lymphatic-drainage-massage"


@pytest.fixture
def content(db: None) -> SpaProfile:
    """Load the starting content and return the profile."""
    load_content()
    return SpaProfile.load()


@pytest.fixture(scope="session")
def lead_rules(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Mapping[str, Rule]:
    """Return the rules of the lead treatment as they are after loading, by key."""
    with django_db_blocker.unblock(), transaction.atomic():
        load_content()
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
