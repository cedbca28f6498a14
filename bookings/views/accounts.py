"""Logging in; each person starts where she works."""

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from bookings.forms.accounts import LoginForm
from bookings.permissions import therapist_of, works_at_desk
from bookings.views.common import private


class Login(LoginView):
    """The login page."""

    authentication_form = LoginForm

    def get_default_redirect_url(self) -> str:
        """The desk for the desk and owners, her own day for a therapist."""
        user = self.request.user
        if works_at_desk(user):
            return reverse("bookings:desk")
        if therapist_of(user) is not None:
            return reverse("bookings:therapist")
        return reverse("services:home")


_page = Login.as_view()


@private
def login(request: HttpRequest) -> HttpResponse:
    """Ask for name and password."""
    answer = _page(request)
    assert isinstance(answer, HttpResponse)
    return answer
