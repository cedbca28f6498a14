"""Composes and delivers the outbox."""

from datetime import datetime


def deliver_due(*, now: datetime) -> int:
    """Send every message due by ``now``; returns how many were sent."""
    raise NotImplementedError
