"""A therapist's private calendar: its address, and the file as two parsers read it."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
import vobject
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar, Event
from pytest_django import Settings

from bookings import actions
from bookings.calendar import therapist_calendar
from bookings.models import (
    Appointment,
    CalendarFeed,
    Client,
    Room,
    Therapist,
    TimeOff,
    WorkingHours,
)
from services.models import Service, ServiceOption, SpaProfile
from tests.bookings.conftest import NOW, OTTO, at
from tests.bookings.rows import make_appointment
from tests.bookings.staff_pages import browser_of, login_of, words

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
PAGE = "/therapist/calendar/"
ADDRESS = re.compile(r'value="http://localhost:8000(/therapist/calendar/[^"]+\.ics)"')


@pytest.fixture(autouse=True)
def _monday_morning(clock: time_machine.Traveller) -> None:
    """Let every test begin on the cast's Monday at eight."""


@pytest.fixture
def as_mia(mias_login: User) -> Browser:
    return browser_of(mias_login)


def made_by(browser: Browser) -> str:
    """Make an address and return its path, as the page shows it this once."""
    found = ADDRESS.search(browser.post(PAGE, {"wish": "renew"}).content.decode())
    assert found is not None
    return found[1]


@pytest.fixture
def feed(as_mia: Browser) -> str:
    return made_by(as_mia)


def read(path: str, **headers: str) -> Any:
    """What a calendar gets that nobody has signed in to."""
    return Browser().get(path, headers=headers)


def events_in(file: bytes) -> list[Event]:
    return [one for one in Calendar.from_ical(file).walk("VEVENT") if isinstance(one, Event)]


def instant(moment: date) -> datetime:
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC)


def by_icalendar(file: bytes) -> list[tuple[str, datetime, datetime]]:
    """Each entry's identity and times, as the library finds them that wrote the file."""
    return [(str(one["UID"]), instant(one.start), instant(one.end)) for one in events_in(file)]


def by_vobject(file: bytes) -> list[tuple[str, datetime, datetime]]:
    """The same, as a library finds them that knows only the file's own time zone."""
    entries = getattr(vobject.readOne(file.decode()), "vevent_list", [])
    return [
        (one.uid.value, one.dtstart.value.astimezone(UTC), one.dtend.value.astimezone(UTC))
        for one in entries
    ]


def test_two_parsers_find_the_same_visits_and_time_off(
    feed: str, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10), therapist=mia)
    off = TimeOff.objects.create(therapist=mia, starts_at=at(13), ends_at=at(17))
    file = read(feed).content
    expected = [
        (f"{visit.reference}-therapist@localhost", at(10), at(11)),
        (f"off-{off.pk}-20261124T1300-20261124T1700@localhost", at(13), at(17)),
    ]
    assert by_icalendar(file) == expected
    assert by_vobject(file) == expected


def test_an_entry_says_where_and_when_and_nothing_else(
    feed: str, book: Book, mia: Therapist, fern: Room, settings: Settings
) -> None:
    settings.SITE_URL = "https://book.qi-spa.example"
    visit = book(at(10), therapist=mia)
    Appointment.objects.update(client_note="My left knee", staff_note="Pays by card")
    file = read(feed).content
    (event,) = events_in(file)
    assert event["SUMMARY"] == "Spa visit, Fern"
    assert event["LOCATION"] == "Fern, Qi Massage & Natural Healing Spa"
    assert event["URL"] == f"https://book.qi-spa.example/therapist/visits/{visit.reference}/"
    assert event["DTSTART"].params["TZID"] == "Europe/London"
    assert (event["STATUS"], event["CLASS"], event["SEQUENCE"]) == (
        "CONFIRMED",
        "PRIVATE",
        visit.sequence,
    )
    for secret in (b"Cleo", b"cleo@", b"7946", b"ymph", b"rainage", b"knee", b"card", b"lear"):
        assert secret not in file


def test_a_time_off_does_not_say_why(feed: str, mia: Therapist) -> None:
    TimeOff.objects.create(therapist=mia, starts_at=at(9), ends_at=at(12), reason="Dentist")
    TimeOff.objects.create(starts_at=at(9, days=3), ends_at=at(17, days=3), reason="Flood")
    file = read(feed).content
    events = events_in(file)
    assert [str(one["SUMMARY"]) for one in events] == ["Off", "Closed"]
    assert b"Dentist" not in file
    assert b"Flood" not in file


def test_the_file_tells_how_often_to_ask(feed: str) -> None:
    answer = read(feed)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert (answer["Cache-Control"], answer["X-Robots-Tag"]) == (
        "private, no-cache",
        "noindex, nofollow",
    )
    assert answer["Referrer-Policy"] == "same-origin"
    assert not answer.cookies
    lines = answer.content.decode().split("\r\n")
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT15M" in lines
    assert "X-PUBLISHED-TTL:PT15M" in lines
    assert "METHOD:PUBLISH" in lines
    assert "NAME:Qi Massage & Natural Healing Spa" in lines
    assert max(len(line.encode()) for line in lines) <= 75


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_no_name_begins_a_line_of_the_file(
    end: str, feed: str, book: Book, mia: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia)
    name = f"Qi{end}X-EVIL:1{end}ATTENDEE:mailto:otto@example.com"
    SpaProfile.objects.update(name=name)
    Room.objects.update(name=name)
    Service.objects.update(discreet_name=name)
    answer = read(feed)
    assert answer.status_code == 200
    calendar = Calendar.from_ical(answer.content)
    assert calendar["X-WR-CALNAME"] == "Qi X-EVIL:1 ATTENDEE:mailto:otto@example.com"
    lines = re.split(r"[\r\n]+", answer.content.decode())
    assert [one for one in lines if one.startswith(("X-EVIL", "ATTENDEE"))] == []


def test_others_visits_and_what_does_not_take_place_are_not_in_it(
    feed: str, book: Book, mia: Therapist, noor: Therapist, fern: Room, hour: ServiceOption
) -> None:
    book(at(10), therapist=noor, details=OTTO)
    for hours, status in enumerate(["held", "expired", "cancelled", "declined"]):
        known = None if status in ("held", "expired") else book(at(9, days=40)).client
        make_appointment(hour, mia, fern, at(9 + 2 * hours, days=2), status=status, client=known)
        Appointment.objects.filter(starts_at=at(9, days=40)).delete()
    assert by_icalendar(read(feed).content) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("requested", "TENTATIVE"),
        ("confirmed", "CONFIRMED"),
        ("arrived", "CONFIRMED"),
        ("completed", "CONFIRMED"),
        ("no_show", "CONFIRMED"),
    ],
)
def test_what_stands_is_in_it_with_its_state(
    status: str, expected: str, feed: str, book: Book, mia: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia)
    Appointment.objects.update(status=status)
    (event,) = events_in(read(feed).content)
    assert event["STATUS"] == expected


def test_it_reaches_thirty_days_back_and_ninety_ahead(
    feed: str, mia: Therapist, fern: Room, hour: ServiceOption, cleo: Client
) -> None:
    for days in (-31, -30, 90, 91):
        make_appointment(
            hour, mia, fern, at(10, days=days), status="completed", client=cleo, created_at=NOW
        )
    starts = [starts for _uid, starts, _ends in by_vobject(read(feed).content)]
    assert starts == [at(10, days=-30), at(10, days=90)]


def test_a_moved_visit_keeps_its_identity_with_a_higher_sequence(
    feed: str, book: Book, mia: Therapist, fern: Room, spa: SpaProfile, now: datetime
) -> None:
    visit = book(at(10), therapist=mia)
    before = events_in(read(feed).content)[0]
    actions.reschedule_appointment(
        appointment=visit, starts_at=at(14), therapist=mia, by=actions.SYSTEM, spa=spa, now=now
    )
    after = events_in(read(feed).content)[0]
    assert before["UID"] == after["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (visit.sequence, visit.sequence + 1)
    assert after.start == at(14)


def test_a_visit_given_to_another_therapist_leaves_the_feed(
    feed: str, book: Book, mia: Therapist, noor: Therapist, fern: Room, spa: SpaProfile
) -> None:
    visit = book(at(10), therapist=mia)
    assert len(by_icalendar(read(feed).content)) == 1
    actions.reschedule_appointment(
        appointment=visit, starts_at=at(10), therapist=noor, by=actions.SYSTEM, spa=spa, now=NOW
    )
    assert by_icalendar(read(feed).content) == []
    assert len(by_icalendar(read(made_by(browser_of(login_of(noor)))).content)) == 1


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/London", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("Europe/London", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ],
)
def test_two_parsers_find_the_same_instants_around_a_clock_change(
    zone: str,
    change: datetime,
    spa: SpaProfile,
    mia: Therapist,
    fern: Room,
    hour: ServiceOption,
    cleo: Client,
) -> None:
    spa.time_zone = zone
    starts = [change + timedelta(minutes=75 * number) for number in range(-4, 5)]
    for one in starts:
        make_appointment(hour, mia, fern, one, status="confirmed", client=cleo)
    expected = [(one, one + timedelta(hours=1)) for one in starts]
    file = therapist_calendar(mia, spa=spa, known_since=NOW, now=change - timedelta(days=3))
    assert [times for _uid, *times in by_icalendar(file)] == [list(one) for one in expected]
    assert [times for _uid, *times in by_vobject(file)] == [list(one) for one in expected]


@pytest.mark.parametrize("month", range(1, 13))
def test_two_parsers_agree_in_every_month(
    month: int, spa: SpaProfile, mia: Therapist, fern: Room, hour: ServiceOption, cleo: Client
) -> None:
    now = datetime(2027, month, 15, 9, tzinfo=UTC)
    for days in (-29, 0, 40, 89):
        starts = datetime.combine(
            (now + timedelta(days=days)).date(), time(11, 30), tzinfo=spa.zone
        )
        make_appointment(hour, mia, fern, starts, status="confirmed", client=cleo)
    file = therapist_calendar(mia, spa=spa, known_since=NOW, now=now)
    assert by_vobject(file) == by_icalendar(file)
    local = [starts.astimezone(spa.zone).time() for _uid, starts, _ends in by_vobject(file)]
    assert local == [time(11, 30)] * 4


def test_a_long_time_off_is_cut_to_the_years_that_the_file_describes(
    feed: str, mia: Therapist
) -> None:
    TimeOff.objects.create(
        therapist=mia, starts_at=at(9, days=-4000), ends_at=at(9, days=4000), reason="Gone"
    )
    file = read(feed).content
    ((_uid, starts, ends),) = by_vobject(file)
    assert (starts, ends) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    assert by_icalendar(file)[0][1:] == (starts, ends)


def test_the_calendar_that_has_the_file_gets_none(
    feed: str, book: Book, mia: Therapist, fern: Room, clock: time_machine.Traveller
) -> None:
    book(at(10), therapist=mia)
    first = read(feed)
    clock.move_to(at(9, days=0))
    by_tag = read(feed, if_none_match=first["ETag"])
    by_date = read(feed, if_modified_since=first["Last-Modified"])
    for answer in (by_tag, by_date):
        assert (answer.status_code, answer.content) == (304, b"")
        assert (answer["ETag"], answer["Last-Modified"]) == (first["ETag"], first["Last-Modified"])
    assert read(feed).content == first.content


@pytest.mark.parametrize("change", ["book", "cancel", "time off", "rename the room", "next day"])
def test_any_change_gets_the_file_anew_by_either_validator(
    change: str,
    feed: str,
    book: Book,
    mia: Therapist,
    fern: Room,
    spa: SpaProfile,
    clock: time_machine.Traveller,
) -> None:
    visit = book(at(10), therapist=mia)
    off = TimeOff.objects.create(therapist=mia, starts_at=at(9, days=-30), ends_at=at(13, days=-30))
    first = read(feed)
    clock.shift(timedelta(seconds=5))
    if change == "book":
        book(at(14), therapist=mia, details=OTTO)
    elif change == "cancel":
        actions.cancel_appointment(appointment=visit, by=actions.SYSTEM, spa=spa, now=NOW)
    elif change == "time off":
        off.delete()
    elif change == "rename the room":
        Room.objects.update(name="Willow")
    else:
        clock.move_to(at(8))
    by_date = read(feed, if_modified_since=first["Last-Modified"])
    by_tag = read(feed, if_none_match=first["ETag"])
    assert (by_date.status_code, by_tag.status_code) == (200, 200)
    assert by_tag["ETag"] != first["ETag"]


def test_two_changes_within_one_second_have_two_dates(
    feed: str, book: Book, mia: Therapist, fern: Room, clock: time_machine.Traveller
) -> None:
    clock.move_to(NOW, tick=False)
    first = read(feed)
    book(at(10), therapist=mia)
    assert read(feed, if_modified_since=first["Last-Modified"]).status_code == 200


def test_a_calendar_is_served_where_the_cache_is_down(feed: str, settings: Settings) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1",
        }
    }
    first = read(feed)
    assert first.status_code == 200
    assert read(feed, if_modified_since=first["Last-Modified"]).status_code == 304


def test_head_tells_the_same_without_the_file(feed: str) -> None:
    got, asked = read(feed), Browser().head(feed)
    assert (asked.status_code, asked.content) == (200, b"")
    for name in ("ETag", "Last-Modified", "Content-Type"):
        assert asked[name] == got[name]
    assert Browser().head(feed, headers={"if_none_match": got["ETag"]}).status_code == 304


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_sent_to_it(method: str, feed: str) -> None:
    assert getattr(Browser(enforce_csrf_checks=False), method)(feed).status_code == 405


@pytest.mark.parametrize(
    "token",
    ["x", "x" * 10_000, "%00", "%F0%9F%8C%8A", "..%2F..%2Fetc", "' OR 1=1 --", "%E2%80%AE", "None"],
)
def test_a_foolish_token_is_not_found(token: str, feed: str, spa: SpaProfile) -> None:
    assert read(f"/therapist/calendar/{token}.ics").status_code == 404


def test_the_key_is_unguessable_and_kept_as_a_hash(feed: str) -> None:
    token = feed.removeprefix("/therapist/calendar/").removesuffix(".ics")
    assert len(token) == 32
    (kept,) = CalendarFeed.objects.all()
    assert kept.token_hash == CalendarFeed.hash(token)
    assert token not in str(CalendarFeed.objects.values())


def test_a_new_address_closes_the_old_one(feed: str, as_mia: Browser) -> None:
    renewed = made_by(as_mia)
    assert read(feed).status_code == 404
    assert read(renewed).status_code == 200
    assert CalendarFeed.objects.filter(revoked_at=None).count() == 1


def test_a_closed_address_opens_nothing(feed: str, as_mia: Browser) -> None:
    answer = as_mia.post(PAGE, {"wish": "revoke"}, follow=True)
    assert "The address is closed." in words(answer)
    assert "You have no address yet." in words(answer)
    assert read(feed).status_code == 404


@pytest.mark.parametrize("what", ["therapist", "login", "no login"])
def test_who_has_left_has_no_feed(what: str, feed: str, mia: Therapist) -> None:
    if what == "therapist":
        Therapist.objects.update(active=False)
    elif what == "login":
        assert mia.user is not None
        mia.user.is_active = False
        mia.user.save()
    else:
        Therapist.objects.update(user=None)
    assert read(feed).status_code == 404


def test_the_address_is_shown_once(as_mia: Browser, feed: str) -> None:
    page = as_mia.get(PAGE)
    assert feed not in page.content.decode()
    assert "Made Monday 23 November, 08:00 Last read not yet by any calendar" in words(page)
    assert "no-store" in page["Cache-Control"]


def test_the_page_tells_when_a_calendar_last_asked(
    as_mia: Browser, feed: str, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(9, days=0))
    read(feed)
    clock.move_to(at(9, 2, days=0))
    read(feed)
    assert "Last read Monday 23 November, 09:00" in words(as_mia.get(PAGE))
    clock.move_to(at(9, 6, days=0))
    read(feed)
    assert "Last read Monday 23 November, 09:06" in words(as_mia.get(PAGE))


def test_an_address_is_hers_alone(
    as_mia: Browser, feed: str, noor: Therapist, olive: User, dana: User
) -> None:
    as_noor = browser_of(login_of(noor))
    as_noor.post(PAGE, {"wish": "revoke"})
    as_noor.post(PAGE, {"wish": "renew"})
    assert read(feed).status_code == 200
    assert browser_of(olive).post(PAGE, {"wish": "revoke"})["Location"] == "/desk/"
    assert browser_of(dana).post(PAGE, {"wish": "revoke"}).status_code == 403
    assert browser_of(None).post(PAGE, {"wish": "revoke"})["Location"] == "/accounts/login/"
    assert read(feed).status_code == 200


@pytest.mark.parametrize("wish", ["", "revoke\x00", "x" * 10_000, "RENEW"])
def test_a_foolish_wish_changes_nothing(wish: str, as_mia: Browser, feed: str) -> None:
    answer = as_mia.post(PAGE, {"wish": wish}, follow=True)
    assert "Nothing was changed." in words(answer)
    assert read(feed).status_code == 200


@pytest.mark.parametrize("count", [1, 20])
def test_the_file_costs_the_same_for_any_number_of_visits(
    count: int, feed: str, mia: Therapist, fern: Room, hour: ServiceOption, cleo: Client
) -> None:
    for number in range(count):
        make_appointment(
            hour, mia, fern, at(10, days=number), status="confirmed", client=cleo, created_at=NOW
        )
        TimeOff.objects.create(
            therapist=mia, starts_at=at(13, days=number), ends_at=at(14, days=number)
        )
    read(feed)
    with CaptureQueriesContext(connection) as queries:
        file = read(feed).content
    assert file.count(b"BEGIN:VEVENT") == 2 * count
    # The feed, the spa, that it was read, the visits, the time off.
    assert len(queries) == 5


def test_the_key_stands_in_no_log(
    feed: str, as_mia: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    from spa.logs import HideVisitLinks

    token = feed.removeprefix("/therapist/calendar/").removesuffix(".ics")
    caplog.handler.addFilter(HideVisitLinks())
    as_mia.post(PAGE, {"wish": "revoke"})
    read(feed)
    assert "Not Found: /therapist/calendar/…" in caplog.text
    assert token not in caplog.text


def test_hours_and_treatments_do_not_matter_to_it(
    feed: str, book: Book, mia: Therapist, fern: Room, lymph: Service
) -> None:
    book(at(10), therapist=mia)
    WorkingHours.objects.all().delete()
    mia.services.clear()
    assert len(by_icalendar(read(feed).content)) == 1
