"""New migrations are safe on a running site."""

import pytest

from tests.lint_migrations import ACCEPTED, unsafe

pytestmark = pytest.mark.django_db(transaction=True)


def test_new_migrations_are_safe_on_a_running_site() -> None:
    assert unsafe(accepted=ACCEPTED) == 0


def test_the_linter_sees_what_would_hurt_a_running_site() -> None:
    # 0016 builds an index while bookings wait; 0017 builds its own beside them.
    assert unsafe(accepted={"bookings": 15, "services": 5}, quiet=True) == 1
