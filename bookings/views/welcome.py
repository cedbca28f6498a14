"""The page that an invitation opens."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from bookings.actions.invitations import InvitationOver, accept_invitation
from bookings.adapters import work_of
from bookings.forms.accounts import WelcomeForm
from bookings.models import Invitation
from bookings.views.common import private
from bookings.views.guard import too_many_keys

PASSKEY = "passkey"


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@private
def welcome(request: HttpRequest, key: str) -> HttpResponse:
    """Let somebody who was invited choose how she signs in, and let her in."""
    found = Invitation.objects.live(timezone.now()).opened_by(key).select_related("user", "by")
    invitation = found.filter(user__is_active=True).first()
    if invitation is None:
        return too_many_keys(request) or _over(request)
    by_passkey = request.POST.get("way") == PASSKEY
    sent = request.POST if request.method == "POST" and not by_passkey else None
    form = WelcomeForm(data=sent, user=invitation.user)
    if request.method != "POST" or not (by_passkey or form.is_valid()):
        return render(
            request, "account/welcome.html", {"form": form, "who": invitation.user, "key": key}
        )
    password = "" if by_passkey else form.cleaned_data["password1"]
    return _come_in(request, key, password, to="mfa_add_webauthn" if by_passkey else "")


def _come_in(request: HttpRequest, key: str, password: str, *, to: str) -> HttpResponse:
    try:
        user = accept_invitation(key=key, password=password, now=timezone.now())
    except InvitationOver:
        return _over(request)
    # The link came to her address: as good as a code by mail.
    record_authentication(request, user, method="invitation")
    return perform_login(request, user, redirect_url=reverse(to) if to else work_of(user))


def _over(request: HttpRequest) -> HttpResponse:
    own = request.user if isinstance(request.user, User) else None
    work = work_of(own) if own else ""
    return render(request, "account/invitation_over.html", {"work": work}, status=410)
