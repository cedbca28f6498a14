"""What the pages and mails about logins need."""

from django import template
from django.contrib.auth.models import User

from bookings.adapters import work_of
from bookings.logins import device_name

register = template.Library()


@register.simple_tag
def work_url(user: User) -> str:
    """Where ``user`` starts to work."""
    return work_of(user)


@register.filter
def device(user_agent: str) -> str:
    """The browser and the machine behind ``user_agent``, as people call them."""
    return device_name(user_agent)
