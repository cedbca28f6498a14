"""How often somebody may do something within a time: counted in the cache, for all processes."""

import hashlib
import sys
from datetime import timedelta

from django.core.cache import cache
from redis.exceptions import RedisError

# More than any limit: how often it was is not known.
UNKNOWN = sys.maxsize


def count(what: str, *, of: str, within: timedelta) -> int:
    """Count one more ``what`` of ``of`` and return how many there were, this one included.

    The count begins anew ``within`` after its first. ``of`` may be an address or a name: only
    its hash is kept. Where the cache does not answer, it is ``UNKNOWN``.
    """
    key = f"limit:{what}:{hashlib.sha256(of.lower().encode()).hexdigest()}"
    try:
        if cache.add(key, 1, int(within.total_seconds())):
            return 1
        return cache.incr(key)
    except ValueError:
        # It ran out between the two.
        return 1
    except RedisError:
        return UNKNOWN
