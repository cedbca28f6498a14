"""How often somebody may do something within a time: counted in the cache, for all processes."""

import hashlib
from datetime import timedelta

from django.core.cache import cache


def count(what: str, *, of: str, within: timedelta) -> int:
    """Count one more ``what`` of ``of`` and return how many there were, this one included.

    The count begins anew ``within`` after its first. ``of`` may be an address or a name: only
    its hash is kept.
    """
    key = f"limit:{what}:{hashlib.sha256(of.lower().encode()).hexdigest()}"
    if cache.add(key, 1, int(within.total_seconds())):
        return 1
    try:
        return cache.incr(key)
    except ValueError:
        # It ran out between the two.
        return 1
