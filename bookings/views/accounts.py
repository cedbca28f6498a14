"""A person's own login."""

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from bookings.views.common import private


@private
@login_required
def your_login(request: HttpRequest) -> HttpResponse:
    """Show what somebody signs in with."""
    return render(request, "account/your_login.html")


def admin_login(request: HttpRequest) -> HttpResponse:
    """Lead to the one login: the admin's own would pass by its limits and second factor."""
    start = reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect_to_login(request.GET.get("next") or start)
    if not request.user.is_staff:
        raise PermissionDenied
    return redirect(start)
