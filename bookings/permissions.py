"""Who on the staff may do what.

Front desk: the desk. Therapists: their own days and the health checks of those who come to them.
Owners: everything, the admin included. A superuser counts as an owner.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from bookings.models import Appointment, Therapist

FRONT_DESK = "Front desk"
THERAPISTS = "Therapists"
OWNERS = "Owners"
STAFF = {FRONT_DESK, THERAPISTS, OWNERS}

View = Callable[..., HttpResponse]
Person = User | AnonymousUser


def works_at_desk(user: Person) -> bool:
    """Whether ``user`` may see and change the whole diary."""
    return user.is_superuser or bool(_groups(user) & {FRONT_DESK, OWNERS})


def is_owner(user: Person) -> bool:
    """Whether ``user`` is one of the spa's owners."""
    return user.is_superuser or OWNERS in _groups(user)


def therapist_of(user: Person) -> Therapist | None:
    """The therapist whose login ``user`` is, read once per request."""
    return getattr(user, "therapist", None)


def works_here(user: Person) -> bool:
    """Whether ``user`` may see anything that the public may not."""
    has_role = user.is_staff or user.is_superuser or bool(_groups(user) & STAFF)
    return has_role or therapist_of(user) is not None


def may_read_health(user: Person, appointment: Appointment) -> bool:
    """Whether ``user`` may read the health answers of ``appointment``.

    Only the therapist who treats, and the owners; the desk sees the verdict alone.
    """
    treats = user.pk is not None and appointment.therapist.user_id == user.pk
    return treats or is_owner(user)


def desk_only(view: View) -> View:
    """Let the front desk and owners in; everybody else logs in or is refused."""
    return _only(works_at_desk, view)


def therapists_only(view: View) -> View:
    """Let people with a therapist's login, and owners, in."""

    def allowed(user: Person) -> bool:
        return THERAPISTS in _groups(user) or is_owner(user) or therapist_of(user) is not None

    return _only(allowed, view)


def owners_only(view: View) -> View:
    """Let owners in; everybody else logs in or is refused."""
    return _only(is_owner, view)


def _only(allowed: Callable[[Person], bool], view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            # A step cannot be repeated by opening its address: the login leads to the start.
            if request.method in ("GET", "HEAD"):
                return redirect_to_login(request.get_full_path())
            return redirect("account_login")
        if not allowed(request.user):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def _groups(user: Person) -> set[str]:
    """The names of the groups of ``user``, read once per request: with her, or when first asked."""
    if not user.is_authenticated:
        return set()
    person: Any = user
    if not hasattr(person, "group_names"):
        person.group_names = list(user.groups.values_list("name", flat=True))
    return set(person.group_names)
