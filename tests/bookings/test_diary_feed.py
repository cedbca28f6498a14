"""The feed of the desk's calendar: what it tells, what it keeps to itself, and what it costs."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from bookings import actions
from bookings.diary_feed import Scope, fingerprint
from bookings.models import (
    Appointment,
    Client,
    HealthCheck,
    Room,
    Therapist,
    TimeOff,
    WorkingHours,
)
from services import memory
from services.models import Service, ServiceOption, SpaProfile
from services.screening import Answer, Outcome, Reply
from tests.bookings.conftest import NOW, OTTO, at, make_check
from tests.bookings.crowd import crowd_of, everybody_has_a_visit
from tests.bookings.staff_pages import browser_of, login_of

pytestmark = pytest.mark.django_db

TUESDAY = "2026-11-24"
FEED = f"/desk/feed/?date={TUESDAY}"
LONDON = ZoneInfo("Europe/London")
Book = Callable[..., Appointment]


@pytest.fixture
def desk(spa: SpaProfile, clock: time_machine.Traveller, dana: User) -> Browser:
    """The front desk's browser, on Monday morning."""
    return browser_of(dana)


def shown(desk: Browser, address: str = FEED) -> dict[str, Any]:
    answer = desk.get(address)
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def bands(told: dict[str, Any], kind: str) -> list[tuple[str, str, str, str]]:
    """The column, hours and words of each band of one kind."""
    return [
        (band["column"], band["start"][11:16], band["end"][11:16], band["words"])
        for band in told["bands"]
        if band["kind"] == kind
    ]


def test_a_visit_is_told_with_all_that_the_grid_shows(
    desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10), therapist=mia, outcome=Outcome.ADAPT)
    assert shown(desk)["visits"] == [
        {
            "id": visit.reference,
            "therapist": mia.pk,
            "room": fern.pk,
            "start": "2026-11-24T10:00:00",
            "end": "2026-11-24T11:00:00",
            "at": "2026-11-24T10:00Z",
            "minutes": 60,
            "sequence": visit.sequence,
            "time": "10:00",
            "until": "11:00",
            "name": "Cleo",
            "what": "Lymphatic drainage massage",
            "with": "Mia",
            "where": "Fern",
            "status": "confirmed",
            "state": "Confirmed",
            "badge": {"kind": "adapt", "label": "Adapt"},
            "mail": None,
            "editable": True,
            "opens": True,
            "label": "10:00 – 11:00: Cleo, Lymphatic drainage massage with Mia, Fern. "
            "Confirmed. Adapt.",
        }
    ]


def test_every_state_is_told_apart_and_what_is_gone_takes_no_place(
    desk: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room, spa: SpaProfile
) -> None:
    staff = actions.SYSTEM
    asked = book(at(9), therapist=mia, outcome=Outcome.CLEARANCE)
    gone = book(at(11), therapist=mia, details=OTTO)
    actions.cancel_appointment(appointment=gone, by=staff, spa=spa, now=NOW)
    here = book(at(13), therapist=mia)
    Appointment.objects.filter(pk=here.pk).update(status="arrived", started_at=at(13))
    missed = book(at(15), therapist=mia)
    Appointment.objects.filter(pk=missed.pk).update(status="no_show")
    told = shown(desk)["visits"]
    assert [(one["id"], one["status"], one["state"], one["editable"]) for one in told] == [
        (asked.reference, "requested", "Requested", True),
        (here.reference, "started", "In treatment", True),
        (missed.reference, "no_show", "Did not come", False),
    ]


def test_a_hold_is_told_without_a_name_and_ends_with_its_minutes(
    desk: Browser,
    lymph: Service,
    hour: ServiceOption,
    check: HealthCheck,
    spa: SpaProfile,
    mia: Therapist,
    fern: Room,
    clock: time_machine.Traveller,
) -> None:
    actions.hold_time(
        service=lymph, option=hour, starts_at=at(10), health_check=check, spa=spa, now=NOW
    )
    (hold,) = shown(desk)["visits"]
    assert (hold["name"], hold["status"], hold["editable"], hold["opens"]) == (
        "Somebody, online",
        "held",
        False,
        False,
    )
    clock.move_to(NOW + timedelta(minutes=10))
    assert shown(desk)["visits"] == []


def test_closed_hours_breaks_time_off_and_buffers_are_bands(
    desk: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    mia.working_hours.update(break_starts=time(13), break_ends=time(13, 30))
    TimeOff.objects.create(therapist=noor, starts_at=at(14), ends_at=at(18), reason="Dentist")
    book(at(10), therapist=mia)
    told = shown(desk)
    m, n = f"t{mia.pk}", f"t{noor.pk}"
    assert [column["name"] for column in told["columns"]] == ["Mia", "Noor"]
    assert bands(told, "closed") == [
        (m, "00:00", "09:00", ""),
        (m, "17:00", "00:00", ""),
        (n, "00:00", "09:00", ""),
        (n, "17:00", "00:00", ""),
    ]
    assert bands(told, "break") == [(m, "13:00", "13:30", "Break")]
    assert bands(told, "off") == [(n, "14:00", "18:00", "Dentist")]
    assert bands(told, "buffer") == [(m, "11:00", "11:15", "")]
    assert (told["opens"], told["closes"]) == (8, 18)


def test_who_is_off_all_day_is_named_below_and_has_no_column(
    desk: Browser, mia: Therapist, noor: Therapist
) -> None:
    # Two stretches that meet leave nothing of the day.
    for first, last in ((9, 12), (12, 17)):
        TimeOff.objects.create(
            therapist=noor, starts_at=at(first), ends_at=at(last), reason="Course"
        )
    told = shown(desk)
    assert [column["name"] for column in told["columns"]] == ["Mia"]
    assert told["absent"] == ["Noor (Course)"]


def test_the_columns_can_be_rooms(
    desk: Browser, book: Book, mia: Therapist, fern: Room, moss: Room
) -> None:
    book(at(10), therapist=mia)
    told = shown(desk, f"{FEED}&by=room")
    assert [(one["id"], one["name"]) for one in told["columns"]] == [
        (f"r{fern.pk}", "Fern"),
        (f"r{moss.pk}", "Moss"),
    ]
    assert bands(told, "buffer") == [(f"r{fern.pk}", "11:00", "11:15", "")]
    assert told["links"]["feed"] == f"{FEED}&by=room"


def test_a_week_is_one_therapists_from_monday_to_sunday(
    desk: Browser, book: Book, mia: Therapist, noor: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia)
    hers = book(at(12, days=3), therapist=noor)
    told = shown(desk, f"{FEED}&days=7&therapist={noor.pk}")
    assert (told["first"], told["title"]) == (
        "2026-11-23",
        "23–29 Nov",
    )
    assert [one["id"] for one in told["visits"]] == [hers.reference]
    assert len(bands(told, "closed")) == 14


def test_a_week_without_a_therapist_is_the_first_ones(
    desk: Browser, mia: Therapist, noor: Therapist
) -> None:
    assert shown(desk, f"{FEED}&days=7")["therapist"] == mia.pk


def test_on_the_night_of_a_clock_change_the_grid_keeps_the_wall_clock(
    desk: Browser, book: Book, mia: Therapist, fern: Room, spa: SpaProfile
) -> None:
    SpaProfile.objects.update(booking_horizon_days=200)
    spa.refresh_from_db()
    # Sunday 28 March 2027, the first day of summer time: 10:00 in London is 09:00 UTC.
    visit = book(datetime(2027, 3, 28, 9, tzinfo=UTC), therapist=mia)
    told = shown(desk, "/desk/feed/?date=2027-03-28")
    (one,) = told["visits"]
    assert (one["start"], one["at"]) == ("2027-03-28T10:00:00", "2027-03-28T09:00Z")
    assert bands(told, "closed")[0][1:3] == ("00:00", "09:00")
    assert visit.reference == one["id"]


@pytest.mark.parametrize(
    "query",
    [
        "date=99999-01-01",
        "date=0001-01-01",
        "date=%00",
        "date=9999-12-31&days=7",
        "therapist=99999999999999999999",
        "therapist=-1",
        "therapist=%F0%9F%92%86",
        "therapist=²",
        "by=nonsense&days=400",
    ],
)
def test_nonsense_in_the_address_shows_a_day_all_the_same(
    desk: Browser, mia: Therapist, query: str
) -> None:
    assert shown(desk, f"/desk/feed/?{query}")["columns" if "days=7" not in query else "bands"]
    for page in ("/desk/", "/desk/week/"):
        assert desk.get(f"{page}?{query}").status_code == 200


def test_no_answer_to_a_health_question_reaches_the_desk(
    desk: Browser, lymph: Service, hour: ServiceOption, spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    check = make_check(
        lymph, NOW, Outcome.ADAPT, asthma=Answer(Reply.YES, None, "only in cold air")
    )
    hold = actions.hold_time(
        service=lymph, option=hour, starts_at=at(10), health_check=check, spa=spa, now=NOW
    )
    actions.confirm_appointment(hold=hold, details=OTTO, health_check=check, spa=spa, now=NOW)
    for address in (FEED, f"/desk/?date={TUESDAY}"):
        text = desk.get(address).content.decode().lower()
        assert "otto" in text
        assert [word for word in ("asthma", "cold air", "neck") if word in text] == []


def test_the_feed_is_kept_by_nobody(desk: Browser, mia: Therapist) -> None:
    assert desk.get(FEED)["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("address", "shown_of_fifty"), [(FEED, 50), (f"{FEED}&by=room", 50), (f"{FEED}&days=7", 1)]
)
def test_the_feed_costs_the_same_for_one_therapist_and_for_fifty(
    address: str,
    shown_of_fifty: int,
    desk: Browser,
    book: Book,
    mia: Therapist,
    fern: Room,
    lymph: Service,
    hour: ServiceOption,
) -> None:
    book(at(10), therapist=mia)
    with CaptureQueriesContext(connection) as few:
        shown(desk, address)
    crowd = crowd_of(lymph, 49)
    everybody_has_a_visit(crowd, hour, at(10), name="Otto")
    for therapist, _room in crowd:
        TimeOff.objects.create(therapist=therapist, starts_at=at(16), ends_at=at(17))
    with CaptureQueriesContext(connection) as many:
        assert len(shown(desk, address)["visits"]) == shown_of_fifty
    assert len(many) == len(few), "\n".join(query["sql"] for query in many)


@pytest.mark.django_db(transaction=True)
def test_a_day_takes_at_most_eight_statements_with_its_login(
    desk: Browser, book: Book, mia: Therapist, fern: Room, lymph: Service, hour: ServiceOption
) -> None:
    book(at(10), therapist=mia, outcome=Outcome.CLEARANCE)
    pages = [
        f"/desk/?date={TUESDAY}",
        f"/desk/?date={TUESDAY}&by=room",
        f"/desk/week/?date={TUESDAY}",
        f"/desk/strip/?date={TUESDAY}",
        FEED,
        f"{FEED}&by=room",
    ]
    few = [_warm_cost(desk, page) for page in pages]
    crowd = crowd_of(lymph, 49)
    everybody_has_a_visit(crowd, hour, at(10), name="Otto")
    everybody_has_a_visit(crowd, hour, at(13), name="Otto", outcome=Outcome.CLEARANCE)
    # The journal, the session and the person; the mark, the visits, the requests, the lost mails.
    assert [_warm_cost(desk, page) for page in pages] == few == [7, 7, 7, 5, 5, 5]


def _warm_cost(desk: Browser, address: str) -> int:
    """How many statements a page takes where the process remembers what has not changed."""
    desk.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert desk.get(address).status_code == 200
    return len(queries)


def test_an_idle_desk_costs_four_short_queries_and_no_body(
    desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia)
    etag = desk.get(FEED)["ETag"]
    with CaptureQueriesContext(connection) as asked:
        answer = desk.get(FEED, headers={"if-none-match": etag})
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
    assert answer["Cache-Control"] == "private, no-store"
    reads = ("services_spaprofile", "django_session", "auth_user", "md5")
    assert len(asked) == len(reads)
    assert all(one in query["sql"] for one, query in zip(reads, asked, strict=True))


def test_a_compressed_feed_is_known_again(
    desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia)
    answer = desk.get(FEED, headers={"accept-encoding": "gzip"})
    assert answer["ETag"].startswith('W/"')
    again = desk.get(FEED, headers={"if-none-match": answer["ETag"]})
    assert again.status_code == 304


def _raw(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


CHANGES: dict[str, Callable[[Appointment], Any]] = {
    "note": lambda visit: Appointment.objects.filter(pk=visit.pk).update(staff_note="Rings twice"),
    "raw SQL": lambda visit: _raw(
        "UPDATE bookings_appointment SET price = price WHERE id = %s", visit.pk
    ),
    "client": lambda visit: Client.objects.update(name="Cleo Adeyemi"),
    "verdict": lambda visit: HealthCheck.objects.update(review="declined"),
    "treatment": lambda visit: Service.objects.filter(pk=visit.service_id).update(name="Drainage"),
    "therapist": lambda visit: Therapist.objects.update(ready_since=NOW),
    "another therapist": lambda visit: Therapist.objects.create(name="Noor"),
    "room": lambda visit: Room.objects.update(name="Bracken"),
    "hours": lambda visit: WorkingHours.objects.filter(weekday=1).update(starts=time(8)),
    "hours removed": lambda visit: WorkingHours.objects.filter(weekday=1).delete(),
    "time off": lambda visit: TimeOff.objects.create(starts_at=at(12), ends_at=at(13)),
    "deleted": lambda visit: (visit.messages.all().delete(), visit.delete()),
    "spa": lambda visit: SpaProfile.objects.update(time_zone="Europe/Paris"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_what_is_shown_changes_the_mark(
    change: str, spa: SpaProfile, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10), therapist=mia)
    scope = Scope(date(2026, 11, 24), LONDON)
    before = fingerprint(scope, now=NOW)
    assert fingerprint(scope, now=NOW) == before
    CHANGES[change](visit)
    assert fingerprint(scope, now=NOW) != before


@pytest.mark.django_db(transaction=True)
def test_who_remembers_the_house_shows_it_as_who_was_just_started(
    desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10), therapist=mia)
    seen = [_all_shown(desk)]
    for name, change in CHANGES.items():
        change(visit)
        remembered = _all_shown(desk)
        memory.forget_everything()
        assert _all_shown(desk) == remembered, name
        seen.append(remembered)
    assert "Bracken" in str(seen)
    assert "Drainage" in str(seen)


def _all_shown(desk: Browser) -> list[str]:
    """The calendar and the strip of the day, without the clock and the forms' tokens."""
    pages = [desk.get(path).content.decode() for path in (FEED, f"/desk/strip/?date={TUESDAY}")]
    return [
        re.sub(r'"now": "[^"]*"|name="csrfmiddlewaretoken" value="\w*"', "", one) for one in pages
    ]


def test_a_change_on_another_day_leaves_the_mark(
    spa: SpaProfile, book: Book, mia: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia)
    scope = Scope(date(2026, 11, 24), LONDON)
    before = fingerprint(scope, now=NOW)
    book(at(10, days=2), therapist=mia, details=OTTO)
    TimeOff.objects.create(starts_at=at(0, days=2), ends_at=at(9, days=2))
    assert fingerprint(scope, now=NOW) == before


def test_a_hold_that_lapses_changes_the_mark(
    lymph: Service,
    hour: ServiceOption,
    check: HealthCheck,
    spa: SpaProfile,
    mia: Therapist,
    fern: Room,
) -> None:
    scope = Scope(date(2026, 11, 24), LONDON)
    actions.hold_time(
        service=lymph, option=hour, starts_at=at(10), health_check=check, spa=spa, now=NOW
    )
    before = fingerprint(scope, now=NOW)
    lapsed = NOW + timedelta(minutes=spa.hold_minutes)
    assert fingerprint(scope, now=lapsed - timedelta(seconds=1)) == before
    assert fingerprint(scope, now=lapsed) != before


@pytest.mark.parametrize(
    "address", [FEED, "/desk/", "/desk/week/", f"/desk/?by=room&date={TUESDAY}"]
)
def test_only_the_desk_and_the_owners_see_the_calendar(
    address: str, clock: time_machine.Traveller, dana: User, olive: User, mia: Therapist
) -> None:
    seen = {
        name: browser_of(user).get(address).status_code
        for name, user in {"dana": dana, "olive": olive, "mia": login_of(mia), "": None}.items()
    }
    assert seen == {"dana": 200, "olive": 200, "mia": 403, "": 302}


def test_the_page_holds_what_the_feed_tells(
    desk: Browser, book: Book, mia: Therapist, fern: Room
) -> None:
    book(at(10), therapist=mia)
    page = desk.get(f"/desk/?date={TUESDAY}")
    text = page.content.decode().split('<script id="diary-data" type="application/json">')[1]
    held, told = json.loads(text.split("</script>")[0]), shown(desk)
    # Told a moment later, by the same clock.
    assert held.pop("now")[:16] == told.pop("now")[:16] == "2026-11-23T08:00"
    assert held == told
