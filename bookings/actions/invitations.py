"""Inviting those who will work here, and letting them in once."""

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from bookings.actions.errors import BookingError
from bookings.models import Invitation
from bookings.models.logins import hash_of

KEY_BYTES = 24
GOOD_FOR = timedelta(days=7)


class InvitationOver(BookingError):
    """The link was used, withdrawn, replaced by a later one, or is too old."""


@transaction.atomic
def invite(*, user: User, by: User, now: datetime) -> str:
    """Return the key of a fresh invitation for ``user``; any earlier one opens nothing from now on.

    Only the hash of the key is kept, so it can be sent this once.
    """
    # Two owners at once must not leave two links open.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    withdraw_invitations(user=user, now=now)
    key = secrets.token_urlsafe(KEY_BYTES)
    Invitation.objects.create(
        user=user, by=by, key_hash=hash_of(key), sent_at=now, expires_at=now + GOOD_FOR
    )
    return key


def withdraw_invitations(*, user: User, now: datetime) -> bool:
    """Close the open invitation of ``user``; returns whether there was one."""
    opened = Invitation.objects.filter(user=user, accepted_at=None, revoked_at=None)
    return bool(opened.update(revoked_at=now))


@transaction.atomic
def accept_invitation(*, key: str, password: str, now: datetime) -> User:
    """Use up the invitation of ``key`` and return its login, with ``password`` unless it is empty.

    Raises ``InvitationOver`` where the link does not open any more, or the login is switched off.
    """
    # One conditional update of the row alone: of two taps at once, one is let in.
    if not Invitation.objects.live(now).opened_by(key).update(accepted_at=now):
        raise InvitationOver
    user = Invitation.objects.opened_by(key).select_related("user").get().user
    if not user.is_active:
        raise InvitationOver
    if password:
        user.set_password(password)
        user.save(update_fields=["password"])
    return user
