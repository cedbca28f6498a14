"""Django's admin, with the owners' own home in front of it."""

from django.contrib.admin.apps import AdminConfig


class OwnersAdmin(AdminConfig):
    """The admin whose site is :class:`bookings.owners.site.OwnersSite`."""

    default_site = "bookings.owners.site.OwnersSite"
