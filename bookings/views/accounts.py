"""A person's own login."""

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.internal.stagekit import clear_login
from allauth.account.views import request_login_code
from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bookings.logins import has_second_factor

# Seconds. allauth does not tell which of its limits was met; none lasts longer, but those of mails.
PAUSE, PAUSE_OF_MAILS = 300, 3600


@require_safe
@login_required
def your_login(request: HttpRequest) -> HttpResponse:
    """Show what somebody signs in with, and where she is signed in."""
    return render(
        request,
        "account/your_login.html",
        {**_factors(request), "sessions": _sessions(request)},
    )


@require_safe
@login_required
def second_factor(request: HttpRequest) -> HttpResponse:
    """Say what a second factor is for, and offer the choice."""
    if has_second_factor(request.user):
        return redirect("your_login")
    return render(request, "account/second_factor.html")


@require_POST
@login_required
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign out one of her own browsers."""
    session = get_object_or_404(UserSession, pk=pk, user_id=request.user.pk)
    if session.is_current():
        get_account_adapter(request).logout(request)
        return redirect("account_login")
    get_adapter().end_sessions([session])
    messages.success(request, _("That browser is signed out."))
    return redirect("your_login")


@require_POST
@login_required
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    key = request.session.session_key
    others = UserSession.objects.filter(user_id=request.user.pk).exclude(session_key=key)
    get_adapter().end_sessions(others)
    messages.success(request, _("You are signed out everywhere but here."))
    return redirect("your_login")


@require_POST
def another_code(request: HttpRequest) -> HttpResponse:
    """Begin to sign in by a code anew; counted and answered like the first time.

    allauth's own way to another code mails nobody who does not work here, and is faster then.
    """
    if not request.user.is_authenticated:
        clear_login(request)
    return request_login_code(request)


def admin_login(request: HttpRequest) -> HttpResponse:
    """Lead to the one login: the admin's own would pass by its limits and second factor."""
    start = reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect_to_login(request.GET.get("next") or start)
    if not request.user.is_staff:
        raise PermissionDenied
    return redirect(start)


def too_many_tries(request: HttpRequest) -> HttpResponse:
    """Say kindly that allauth lets nobody try again for now, how long that is, and whom to ring."""
    match = request.resolver_match
    of_mails = match is not None and match.url_name == "account_reset_password"
    seconds = PAUSE_OF_MAILS if of_mails else PAUSE
    answer = render(request, "429.html", {"minutes": seconds // 60}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def _factors(request: HttpRequest) -> dict[str, Any]:
    """Her passkeys, her app and how many recovery codes are left."""
    rows = list(Authenticator.objects.filter(user_id=request.user.pk).order_by("pk"))
    kinds = Authenticator.Type
    codes = [row.wrap() for row in rows if row.type == kinds.RECOVERY_CODES]
    return {
        "passkeys": [row for row in rows if row.type == kinds.WEBAUTHN],
        "app": next((row for row in rows if row.type == kinds.TOTP), None),
        "codes_left": len(codes[0].get_unused_codes()) if codes else None,
    }


def _sessions(request: HttpRequest) -> list[UserSession]:
    """Where she is signed in: here first, then the latest."""
    assert isinstance(request.user, User)
    rows: list[UserSession] = UserSession.objects.purge_and_list(request.user)
    rows.sort(key=lambda row: row.last_seen_at, reverse=True)
    return sorted(rows, key=lambda row: not row.is_current())
