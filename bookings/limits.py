"""How often somebody may do something within a time: the policy, counted in Valkey by ``limits``.

All numbers leave room for many people behind one address: a hotel's network, or a mobile carrier
that gives hundreds of telephones one address. They stop machines, not people.
"""

import hashlib
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from math import ceil

from django.conf import settings
from limits import RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from bookings.counters import LIMITED

# How long a counter that has not answered is left alone by those who can do without it: each
# question would else wait for it again.
REST = 5.0


class NotCounted(Exception):
    """Valkey does not answer: how often it was is not known."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` of ``what`` within any stretch of time as long as ``within``."""

    what: str
    most: int
    within: timedelta

    @property
    def item(self) -> RateLimitItemPerSecond:
        """The limit as ``limits`` knows it."""
        return RateLimitItemPerSecond(self.most, int(self.within.total_seconds()), self.what)


@dataclass(frozen=True, slots=True)
class Policy:
    """A step of the public: how often for one visitor, and how often for one address."""

    by_visitor: Limit
    by_address: Limit


def _policy(what: str, *, visitor: int, address: int, within: timedelta) -> Policy:
    return Policy(
        Limit(f"{what}-visitor", visitor, within), Limit(f"{what}-address", address, within)
    )


# A booking takes two steps, choosing and answering; somebody undecided takes a few more.
HOLDS = _policy("holds", visitor=30, address=150, within=timedelta(minutes=10))
# Each books a visit or shows what is missing in the form.
CONFIRMATIONS = _policy("confirmations", visitor=20, address=60, within=timedelta(hours=1))
# Moving, cancelling and answering anew, by somebody with a link.
CHANGES = _policy("changes", visitor=30, address=150, within=timedelta(minutes=10))
# A family books in one name; nobody is sent more confirmations that she never asked for.
BOOKINGS_FOR_ADDRESS = Limit("bookings-for-mail", 12, timedelta(hours=1))
MAIL_OF_VISIT = Limit("visit-mail", 3, timedelta(hours=1))
MAIL_TO_ADDRESS = Limit("address-mail", 3, timedelta(hours=1))
TEST_MAILS = Limit("test-mails", 5, timedelta(minutes=10))
# Links to visits, calendars and logins are counted together.
WRONG_KEYS = Limit("wrong-keys", 20, timedelta(minutes=10))

# Times that are kept for somebody who gives her details: so many at once for one address, and so
# many of one therapist's day. Twelve people who book within the same ten minutes behind one address
# are more than a spa ever sees; twelve times are a fraction of any month.
HELD_BY_ADDRESS = 12
HELD_OF_ONE_DAY = 3


class _Counter(MovingWindowRateLimiter):
    """Counts at one Valkey, and knows when that last failed to answer."""

    failed_at = -REST


def seconds_to_wait(limit: Limit, *, of: str) -> int:
    """Count one more of ``of``: 0, or in how many seconds there may be another; none is counted.

    ``of`` may be an address or a name: only its hash is kept. Raises ``NotCounted``.
    """
    counter = _counter(settings.CACHES["default"]["LOCATION"])
    key = hashlib.sha256(of.lower().encode("utf-8", "replace")).hexdigest()
    try:
        if counter.hit(limit.item, key):
            return 0
        LIMITED.labels(limit.what).inc()
        free_again = counter.get_window_stats(limit.item, key).reset_time
    except StorageError as reason:
        counter.failed_at = time.monotonic()
        raise NotCounted from reason
    return max(1, ceil(free_again - time.time()))


def seconds_to_wait_if_known(limit: Limit, *, of: str) -> int:
    """Like ``seconds_to_wait``, but 0 where nobody counts: booking goes on without Valkey."""
    counter = _counter(settings.CACHES["default"]["LOCATION"])
    if abs(time.monotonic() - counter.failed_at) < REST:
        return 0
    try:
        return seconds_to_wait(limit, of=of)
    except NotCounted:
        return 0


@cache
def _counter(url: str) -> _Counter:
    storage = RedisStorage(
        url,
        key_prefix="limit",
        wrap_exceptions=True,
        socket_connect_timeout=2,
        socket_timeout=2,
    )
    return _Counter(storage)
