"""The project: settings, addresses, servers and background work."""

from spa.celery import app as celery_app

__all__ = ["celery_app"]
