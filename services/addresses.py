"""Addresses that work from anywhere: search engines, shared links, structured data."""

from django.conf import settings


def absolute(path: str) -> str:
    """Return the public address of ``path`` (which starts with ``/``)."""
    return f"{settings.SITE_URL}{path}"
