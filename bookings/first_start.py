"""The set-up of a new spa, up to its first owner; then it is closed for good.

It opens with a key that only the server's own console shows, so that no stranger takes a fresh
site over, and only as long as nobody owns the spa.
"""

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils.translation import gettext as _

from bookings.actions.errors import BookingError
from bookings.actions.events import SYSTEM
from bookings.actions.hours import change_hours, hours_as_seen
from bookings.models import FirstStart, Room, Therapist
from bookings.models.logins import hash_of
from bookings.permissions import OWNERS
from bookings.staff import owners
from bookings.weeks import Week
from services.loader import load_content
from services.models import Service, SpaProfile

KEY_BYTES = 24
STEPS = ("spa", "treatments", "therapist", "room", "owner")
# What a spa can be opened without for now.
CAN_WAIT = {"treatments", "therapist", "room"}


class SetUpOver(BookingError):
    """The spa has an owner: there is nothing to set up."""

    @property
    def message(self) -> str:
        return _("This spa has an owner already, so there is nothing to set up. Please sign in.")


def is_open() -> bool:
    """Whether the spa waits for its set-up: nobody owns it, and nobody ever did by this way."""
    closed = FirstStart.objects.exclude(closed_at=None).exists()
    return not closed and not owners().exists()


@transaction.atomic
def renew_key() -> str:
    """Return a fresh key to the set-up; any earlier one opens nothing from now on.

    Raises ``SetUpOver``.
    """
    _locked_row()
    key = secrets.token_urlsafe(KEY_BYTES)
    FirstStart.objects.update(key_hash=hash_of(key))
    return key


def opens(key_hash: str) -> bool:
    """Whether the key behind ``key_hash`` opens the set-up now."""
    known = bool(key_hash) and FirstStart.objects.filter(key_hash=key_hash).exists()
    return known and is_open()


def steps_done() -> set[str]:
    """Return the steps that were finished or put off."""
    row = FirstStart.objects.first()
    return set(row.steps_done) if row else set()


def load_menu() -> None:
    """Load the starting content; what is there already stays as it is."""
    load_content()


@transaction.atomic
def keep_spa(values: Mapping[str, Any]) -> None:
    """Write the spa's own data over those of the starting content. Raises ``SetUpOver``."""
    row = _locked_row()
    spa = SpaProfile.load()
    for name, value in values.items():
        setattr(spa, name, value)
    spa.save()
    _finish(row, "spa")


@transaction.atomic
def keep_treatments(offered: Collection[int]) -> None:
    """Publish the treatments with these keys and make all others drafts. Raises ``SetUpOver``."""
    row = _locked_row()
    for service in Service.objects.all():
        status = Service.Status.PUBLISHED if service.pk in offered else Service.Status.DRAFT
        if service.status != status:
            service.status = status
            service.save(update_fields=["status", "updated_at"])
    _finish(row, "treatments")


@transaction.atomic
def keep_therapist(*, name: str, week: Week, spa: SpaProfile, now: datetime) -> None:
    """Add the first therapist, who gives everything, or change her. Raises ``SetUpOver``."""
    row = _locked_row()
    therapist = Therapist.objects.first() or Therapist()
    therapist.name = name
    therapist.save()
    therapist.services.set(Service.objects.all())
    known = therapist.working_hours.all()
    if known:
        known.delete()
    change_hours(
        weeks={therapist.pk: week},
        first_day=now.astimezone(spa.zone).date(),
        last_day=None,
        seen={therapist.pk: hours_as_seen([])},
        agreed=None,
        by=SYSTEM,
        spa=spa,
        now=now,
    )
    _finish(row, "therapist")


@transaction.atomic
def keep_room(*, name: str) -> None:
    """Add the first room, which suits everything, or rename it. Raises ``SetUpOver``."""
    row = _locked_row()
    room = Room.objects.first() or Room()
    room.name = name
    room.save()
    room.services.set(Service.objects.all())
    _finish(row, "room")


@transaction.atomic
def put_off(step: str) -> None:
    """Leave a step for later; the owners' pages have it too. Raises ``SetUpOver``."""
    _finish(_locked_row(), step)


@transaction.atomic
def make_owner(*, name: str, email: str, password: str, treats: bool, now: datetime) -> User:
    """Make the first owner and close the set-up for good. Raises ``SetUpOver``."""
    row = _locked_row()
    user = User.objects.create_user(
        username=email, email=email, password=password, first_name=name, is_staff=True
    )
    user.groups.add(Group.objects.get(name=OWNERS))
    therapist = Therapist.objects.first()
    if treats and therapist is not None:
        therapist.user, therapist.email = user, email
        therapist.save(update_fields=["user", "email"])
    row.closed_at = now
    row.save(update_fields=["closed_at"])
    return user


def _locked_row() -> FirstStart:
    """Return the one row, locked: of two who set up at once, the second finds it closed."""
    FirstStart.objects.get_or_create(pk=1, defaults={"key_hash": ""})
    row = FirstStart.objects.select_for_update().get(pk=1)
    if not is_open():
        raise SetUpOver
    return row


def _finish(row: FirstStart, step: str) -> None:
    if step not in row.steps_done:
        row.steps_done = [*row.steps_done, step]
        row.save(update_fields=["steps_done"])
