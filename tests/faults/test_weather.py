"""Whatever fails while people book: they are told kindly, nothing is lost, and all is well again.

The full size, with a database that is away for 20 seconds, is run by
``make bench BENCH=weather``.
"""

from collections.abc import Iterator

import pytest

from tests.faults import weather
from tests.faults.town import Town, open_town
from tests.faults.weather import Crowd, Report, balance, let_it_rain

pytestmark = [pytest.mark.worker, pytest.mark.xdist_group("faults")]

# In seconds, and far shorter than in production: the lock is held for three times as long.
LIMITS = {"DB_STATEMENT_SECONDS": "2", "DB_LOCK_SECONDS": "0.5"}
RAIN = 3
# A backup amid bookings is a test of its own.
SHOWERS = [one for one in weather.ALL if one is not weather.backup_amid]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with open_town(**LIMITS) as running:
        yield running


def test_people_book_through_any_weather(town: Town) -> None:
    with Crowd(town, browsers=1, bookers=3) as crowd:
        reports = {one: let_it_rain(crowd, one, seconds=RAIN) for one in SHOWERS}
    for report in reports.values():
        print(report)
    was_told_kindly(reports[weather.database_away])
    was_told_kindly(reports[weather.diary_locked])
    # Eight lines to the database, and never more, wait for the lock.
    assert reports[weather.diary_locked].figures["sessions"] <= 8
    for calm in (weather.valkey_away, weather.helpers_killed):
        assert set(reports[calm].statuses) <= {200, 302}
        assert (reports[calm].silent, reports[calm].chose_again) == (0, 0)
        assert reports[calm].booked_meanwhile > 0
    assert set(reports[weather.web_workers_killed].statuses) <= {200, 302}
    after = balance(town, crowd.booked)
    assert after.faults == ""
    assert after.told == after.visits == len(crowd.booked)
    assert (after.halves, after.unsent) == (0, 0)


def was_told_kindly(report: Report) -> None:
    """Nobody saw anything but pages, and the one that names the spa's number."""
    assert set(report.statuses) <= {200, 302, 503}
    assert report.statuses[503] > 0
    assert (report.phoneless, report.silent) == (0, 0)
