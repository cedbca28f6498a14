"""Those who work here: how somebody stands, who leaves, and who comes back.

A login is never deleted, since past visits name it. Whoever leaves is signed out everywhere at
once; her calendar address and her invitation open nothing any more, and she takes no appointments.
"""

from datetime import datetime
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from bookings import actions
from bookings.actions.errors import BookingError
from bookings.actions.invitations import withdraw_invitations
from bookings.actions.placing import lock_diary
from bookings.actions.stranding import Reasons, accept_stranding, stranded_by
from bookings.logins import end_all_sessions
from bookings.models import Invitation, Therapist
from bookings.permissions import OWNERS
from services.models import SpaProfile


class Standing(StrEnum):
    """How somebody stands who was given a login."""

    INVITED = "invited"
    EXPIRED = "expired"
    ACTIVE = "active"
    LEFT = "left"


class CannotLeave(BookingError):
    """Switching this login off would lock somebody out who must not be."""


class LeavesHerself(CannotLeave):
    """Somebody would switch her own login off."""

    @property
    def message(self) -> str:
        return _("This is your own login. Another owner can switch it off.")


class LastOwner(CannotLeave):
    """Nobody would be left who may change anything here."""

    @property
    def message(self) -> str:
        return _("This is the last owner. Make somebody else an owner first.")


def owners() -> QuerySet[User]:
    """Return the logins that may change everything."""
    may = Q(is_superuser=True) | Q(groups__name=OWNERS)
    return User.objects.filter(pk__in=User.objects.filter(may, is_active=True).values("pk"))


def with_standing(users: QuerySet[User], *, now: datetime) -> QuerySet[User]:
    """Annotate ``users`` with what :func:`standing_of` asks for; no further query."""
    mine = Invitation.objects.filter(user=OuterRef("pk"))
    return users.annotate(
        has_invitation=Exists(mine),
        is_invited=Exists(mine.live(now)),
        has_come=Exists(mine.exclude(accepted_at=None)),
    )


def standing_of(user: User) -> Standing:
    """Return how somebody of :func:`with_standing` stands.

    A login that was never invited, such as one made on the server, is an active one.
    """
    if not user.is_active:
        return Standing.LEFT
    if user.last_login or user.has_come or not user.has_invitation:  # type: ignore[attr-defined]
        return Standing.ACTIVE
    invited: bool = user.is_invited  # type: ignore[attr-defined]
    return Standing.INVITED if invited else Standing.EXPIRED


def visits_left_behind(user: User, *, spa: SpaProfile, now: datetime) -> Reasons:
    """Return the visits to come that would need another therapist if ``user`` left."""
    therapist = Therapist.objects.active().filter(user=user).first()
    if therapist is None:
        return {}
    return stranded_by(lambda house: house.with_therapist(therapist.pk, None), spa=spa, now=now)


def refuse_leaving(user: User, *, by: User) -> None:
    """Raise ``CannotLeave`` where ``user`` must not be switched off by ``by``."""
    if user.pk == by.pk:
        raise LeavesHerself
    if not owners().exclude(pk=user.pk).exists():
        raise LastOwner


@transaction.atomic
def let_go(*, user: User, by: User, spa: SpaProfile, now: datetime) -> Reasons:
    """Switch the login of ``user`` off, with all that opens by it; returns the visits left behind.

    Raises ``CannotLeave``.
    """
    # All owners, in one order: two who switch each other off at once must not both succeed.
    list(owners().order_by("pk").select_for_update(no_key=True))
    refuse_leaving(user, by=by)
    reasons = _take_from_diary(user, by=by, spa=spa, now=now)
    User.objects.filter(pk=user.pk).update(is_active=False)
    withdraw_invitations(user=user, now=now)
    end_all_sessions(user)
    return reasons


def _take_from_diary(user: User, *, by: User, spa: SpaProfile, now: datetime) -> Reasons:
    therapist = Therapist.objects.filter(user=user).first()
    if therapist is None:
        return {}
    lock_diary(therapists=[therapist.pk], rooms=[])
    reasons = accept_stranding(
        lambda house: house.with_therapist(therapist.pk, None),
        agreed=None,
        by=actions.staff(by),
        spa=spa,
        now=now,
    )
    Therapist.objects.filter(pk=therapist.pk).update(active=False)
    actions.revoke_feed(therapist=therapist, now=now)
    return reasons


@transaction.atomic
def take_back(*, user: User) -> None:
    """Switch the login of ``user`` on again: she signs in anew, and takes appointments again."""
    User.objects.filter(pk=user.pk).update(is_active=True)
    Therapist.objects.filter(user=user).update(active=True)


@transaction.atomic
def take_invitation_back(*, user: User, now: datetime) -> bool:
    """Let the open invitation of ``user`` open nothing; returns whether there was one.

    Her login is switched off with it: a code by mail would open it too.
    """
    if not withdraw_invitations(user=user, now=now):
        return False
    User.objects.filter(pk=user.pk).update(is_active=False)
    return True


@transaction.atomic
def link_login(*, therapist: Therapist, user: User | None, now: datetime) -> None:
    """Let ``user``, or nobody, see the days of ``therapist``.

    Her calendar address was handed to the one before, so it shows nothing any more.
    """
    lock_diary(therapists=[therapist.pk], rooms=[])
    latest = Therapist.objects.get(pk=therapist.pk)
    if latest.user_id == (user.pk if user else None):
        return
    actions.revoke_feed(therapist=therapist, now=now)
    Therapist.objects.filter(pk=therapist.pk).update(user=user)
