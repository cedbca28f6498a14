"""The set-up of a new spa, attacked by whoever has its key."""

import pytest
from hypothesis import strategies as st

from bookings.first_start import STEPS
from tests.attack import hostile
from tests.attack.attacker import Attack, pairs, spoilings
from tests.attack.surface import Target
from tests.bookings.test_first_start import OWNER, SPA, WEEK, holder

pytestmark = pytest.mark.django_db
GIVEN = {"spa": SPA, "treatments": {}, "therapist": WEEK, "room": {"name": "Fern"}, "owner": OWNER}
__all__ = ["holder"]


def test_no_step_of_a_new_spa_fails_at_what_is_sent_to_it(request: pytest.FixtureRequest) -> None:
    browser = request.getfixturevalue("holder")
    cookies = {name: one.value for name, one in browser.cookies.items()}
    attack = Attack()
    for step in STEPS:
        target = Target("start/<slug:step>/", f"/start/{step}/", cookies)
        for _target, (asked, sent, spoiling) in hostile.rounds(
            [target], st.tuples(pairs, pairs, spoilings)
        ):
            attack.open(target, asked)
            attack.post(target, sent, None)
            for form_target, form in list(attack.forms.values()):
                if form_target.address == target.address:
                    attack.fill_in(form_target, form, spoiling)
        assert browser.post(target.address, GIVEN[step]).status_code == 302
    assert list(attack.faults.values()) == []
    assert attack.entered == {"start/<slug:step>/"}
    assert len(attack.forms) >= len(STEPS)
