"""What the desk's pages show of a client."""

from django import template

from bookings.words import dialled_in

register = template.Library()

register.filter(dialled_in)
