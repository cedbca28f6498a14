"""What happens, counted for Prometheus: in each process by itself, added up when it is asked.

No label may say who: each takes a few fixed words only.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prometheus_client import Counter

BOOKINGS = Counter(
    "spa_bookings",
    "Attempts to hold, book, move or cancel, by what came of them: a status or a refusal.",
    ["step", "outcome"],
)
LIMITED = Counter("spa_limit_refusals", "How often somebody was refused by a limit.", ["limit"])
Given = ParamSpec("Given")
Result = TypeVar("Result")


def counted(step: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Count each call of an action under the status of what it returns or the refusal it raises."""

    def decorate(action: Callable[Given, Result]) -> Callable[Given, Result]:
        @functools.wraps(action)
        def count(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            try:
                result = action(*args, **kwargs)
            except Exception as refusal:
                BOOKINGS.labels(step, type(refusal).__name__).inc()
                raise
            BOOKINGS.labels(step, getattr(result, "status", "done")).inc()
            return result

        return count

    return decorate
