"""Whom a session belongs to, read with all that decides what she may do."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.models import Authenticator
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Group, User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef
from django.http import HttpRequest

from bookings.logins import LOCKS


class Backend(AuthenticationBackend):
    """allauth's, with one statement where four were needed; nothing of it outlives the request."""

    def authenticate(
        self, request: HttpRequest | None, **credentials: Any
    ) -> AbstractBaseUser | None:
        """Return who signs in, after one look at the slow hash of a password, whoever that is.

        allauth takes what was typed for an address, for a name, and once more for an address. So a
        wrong password took twice as long where the address is somebody's.
        """
        if credentials.get("email") == credentials.get("username"):
            credentials.pop("email", None)
        return super().authenticate(request, **credentials)

    def get_user(self, user_id: Any) -> User | None:
        """Return the person of a session with her groups, her locks and her therapist."""
        groups = Group.objects.filter(user=OuterRef("pk")).order_by("name")
        locks = Authenticator.objects.filter(user=OuterRef("pk"), type__in=LOCKS)
        found = User.objects.select_related("therapist").annotate(
            group_names=ArraySubquery(groups.values("name")), is_locked=Exists(locks)
        )
        user = found.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
