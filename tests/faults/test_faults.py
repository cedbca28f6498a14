"""Every message arrives whatever fails, and at most those in flight at a kill arrive twice.

The full size, with 5,000 messages and twenty kills, is run by
``make bench BENCH=faults``.
"""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.faults.house import House, open_house
from tests.faults.scenarios import FAULTS, Fault, Figures, run, workers_killed

pytestmark = [pytest.mark.worker, pytest.mark.xdist_group("faults")]

MESSAGES, KILLS = 200, 6


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house(MESSAGES) as running:
        yield running


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_every_message_arrives(house: House, fault: Fault) -> None:
    few = partial(workers_killed, kills=KILLS) if fault is workers_killed else fault
    figures = run(house, few, name=fault.__name__.replace("_", " "))
    print(figures)
    assert_all_arrived(house, figures)


def assert_all_arrived(house: House, figures: Figures) -> None:
    assert figures.delivered == figures.messages == MESSAGES
    assert figures.duplicates <= figures.most_twice
    assert house.states() == {"sent": MESSAGES}
