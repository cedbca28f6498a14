"""Those who work here: invited, let in, let go, and back again."""

import logging

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from bookings.actions import invitations
from bookings.permissions import is_owner
from bookings.staff import (
    CannotLeave,
    let_go,
    refuse_leaving,
    standing_of,
    take_back,
    take_invitation_back,
    visits_left_behind,
    with_standing,
)
from bookings.stranded import by_day, stranded_of
from bookings.views.common import spa_of
from bookings.views.owners import page
from bookings.views.staff import me
from bookings.words import day_in_words
from services.addresses import absolute

logger = logging.getLogger(__name__)


def send_invitation(request: HttpRequest, user: User) -> None:
    """Invite ``user`` by mail, and say what came of it; an earlier link opens nothing any more."""
    key = invitations.invite(user=user, by=me(request), now=timezone.now())
    words = {"name": _name(user), "email": user.email}
    letter = {
        "user": user,
        "by": _name(me(request)),
        "welcome_url": absolute(reverse("welcome", args=[key])),
    }
    try:
        get_adapter().send_mail("account/email/invitation", user.email, letter)
    except ImmediateHttpResponse:
        # The login stands: only its letter is missing.
        said = _("%(name)s has a login now, but the mail to %(email)s could not be sent.")
        messages.error(request, f"{said % words} {_('Send the invitation again in a while.')}")
        return
    said = _("%(name)s is invited: the mail to %(email)s is on its way. Its link opens for a week.")
    messages.success(request, said % words)


@require_POST
def invite_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send another invitation to somebody who has not come yet."""
    user = _somebody(request, pk)
    if standing_of(user) not in ("invited", "expired"):
        messages.info(request, _("%(name)s has been in already.") % {"name": _name(user)})
        return _back_to(user)
    send_invitation(request, user)
    return _back_to(user)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an invitation open nothing any more."""
    user = _somebody(request, pk)
    if take_invitation_back(user=user, now=timezone.now()):
        said = _("The invitation is withdrawn: its link opens nothing, and the login is off.")
        messages.success(request, said)
    return _back_to(user)


def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what ends when somebody leaves, then end it."""
    user, spa, now = _somebody(request, pk), spa_of(request), timezone.now()
    try:
        refuse_leaving(user, by=me(request))
        if request.method == "POST":
            left = let_go(user=user, by=me(request), spa=spa, now=now)
            return _after_leaving(request, user, len(left))
    except CannotLeave as refused:
        messages.error(request, refused.message)
        return _back_to(user)
    visits = stranded_of(visits_left_behind(user, spa=spa, now=now), now=now)
    days = [(day_in_words(day, timezone.localdate()), some) for day, some in by_day(visits)]
    title = _("%(name)s leaves") % {"name": _name(user)}
    treats = getattr(user, "therapist", None)
    return page(request, "leave", title, who=user, treats=treats, days=days, count=len(visits))


@require_POST
def come_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch the login of somebody who had left on again."""
    user = _somebody(request, pk)
    take_back(user=user)
    said = _("%(name)s is back. She signs in anew; her calendar needs a new address.")
    messages.success(request, said % {"name": _name(user)})
    return _back_to(user)


def _after_leaving(request: HttpRequest, user: User, count: int) -> HttpResponse:
    said = _("%(name)s is signed out everywhere and cannot sign in any more.")
    messages.success(request, said % {"name": _name(user)})
    if not count:
        return redirect("admin:auth_user_changelist")
    words = ngettext(
        "%(count)d booked visit needs another therapist.",
        "%(count)d booked visits need another therapist.",
        count,
    )
    messages.warning(request, words % {"count": count})
    return redirect("bookings:desk_to_move")


def _somebody(request: HttpRequest, pk: int) -> User:
    """The login ``pk``, for owners; a superuser is nobody to others."""
    if not is_owner(request.user):
        raise PermissionDenied
    rows = with_standing(User.objects.all(), now=timezone.now())
    if not request.user.is_superuser:
        rows = rows.filter(is_superuser=False)
    return get_object_or_404(rows, pk=pk)


def _back_to(user: User) -> HttpResponse:
    return redirect("admin:auth_user_change", user.pk)


def _name(user: User) -> str:
    return user.get_full_name() or user.get_username()
