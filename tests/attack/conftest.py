"""The diary's small spa, and nothing that slows attackers down: limits have tests of their own."""

import pytest
from pytest_django import Settings

from tests.bookings.conftest import (  # noqa: F401
    book,
    check,
    clock,
    dana,
    fern,
    hour,
    lymph,
    massage,
    mia,
    mias_login,
    noor,
    noors_login,
    now,
    olive,
    spa,
    world,
)


@pytest.fixture(autouse=True)
def _no_pause(settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
