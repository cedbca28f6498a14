"""What the pages and mails about logins need."""

from django import template
from django.contrib.auth.models import User
from django.http import HttpRequest

from bookings.adapters import work_of
from bookings.logins import device_name
from bookings.middleware import needs_set_up

register = template.Library()


@register.simple_tag
def work_url(user: User) -> str:
    """Where ``user`` starts to work."""
    return work_of(user)


@register.simple_tag
def must_set_up(request: HttpRequest) -> bool:
    """Whether all but the set-up of a second factor is closed to her."""
    return needs_set_up(request)


@register.filter
def device(user_agent: str) -> str:
    """The browser and the machine behind ``user_agent``, as people call them."""
    return device_name(user_agent)
