"""Visits as calendar files, read back by parsers that know nothing of each other."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import vobject
from dateutil.tz import tzical
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import (
    CLASS,
    CUTYPE,
    PARTSTAT,
    ROLE,
    STATUS,
    Alarm,
    Calendar,
    Event,
    TimezoneDaylight,
    TimezoneStandard,
    vCalAddress,
    vText,
)
from pytest_django import Settings

from bookings import actions, messages
from bookings.calendar import PRODUCT, visit_calendar
from bookings.calendar_lines import text_line, written
from bookings.models import Appointment, Client, Message, Room, Therapist
from services.models import Service, SpaProfile
from tests.bookings.conftest import NOW, at

STARTS = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
LOCAL = re.compile(r"^DT(?:START|END);TZID=[^:]+:(\d{8}T\d{6})\r$", re.MULTILINE)
IN_UTC = re.compile(r"^DT(?:START|END):(\d{8}T\d{6})Z\r$", re.MULTILINE)

STAMP = re.compile(rb"DTSTAMP:\d{8}T\d{6}Z\r\n")
# With all that has to be escaped, quoted or folded, and more than one line of it.
WORDS = st.text(
    st.sampled_from("\\;,:^\"'’N nß€🌊כ\t\r\n\v\x00\x1c\x85\u2028")
    | st.characters(exclude_categories=["Cs"]),
    max_size=160,
)

# Zone, an instant at which its clocks change.
CLOCK_CHANGES = [
    ("Europe/London", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/London", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC)),
]


def a_spa(zone: str = "Europe/London") -> SpaProfile:
    return SpaProfile(
        name='Qi "Massage" & Spa; quiet, warm',
        address="1 Test Row\r\nLondon",
        phone="+442079460018",
        email="hello@qi-spa.example",
        time_zone=zone,
    )


def a_visit(starts_at: datetime = STARTS, **fields: object) -> Appointment:
    values = {
        "reference": "K7QF2M9D",
        "client": Client(name="Cleo", email="cleo@example.com"),
        "service": Service(name="Lymphatic drainage massage", discreet_name="Spa visit"),
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=1),
        "status": "confirmed",
        "sequence": 3,
        "client_note": "My left knee",
    }
    return Appointment(**{**values, **fields})


def event_in(file: bytes) -> Event:
    (event,) = Calendar.from_ical(file).walk("VEVENT")
    assert isinstance(event, Event)
    return event


def instants_by_icalendar(file: bytes) -> list[datetime]:
    """The start and the end as the library that wrote the file reads them."""
    event = event_in(file)
    assert isinstance(event.start, datetime)
    assert isinstance(event.end, datetime)
    return [event.start.astimezone(UTC), event.end.astimezone(UTC)]


def instants_by_dateutil(file: bytes) -> list[datetime]:
    """The start and the end as a parser finds them that knows only the file's own time zone."""
    text = file.decode().replace("\r\n ", "")
    in_utc = [
        datetime.strptime(one, "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for one in IN_UTC.findall(text)
    ]
    zones = tzical(StringIO(text))
    (tzid,) = zones.keys()
    local = [
        datetime.strptime(one, "%Y%m%dT%H%M%S").replace(tzinfo=zones.get(tzid))
        for one in LOCAL.findall(text)
    ]
    return [one.astimezone(UTC) for one in [*in_utc, *local]]


def test_a_file_to_download_says_when_where_and_nothing_of_the_treatment() -> None:
    file = visit_calendar(a_visit(), spa=a_spa())
    calendar, event = Calendar.from_ical(file), event_in(file)
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "PUBLISH")
    assert event["SUMMARY"] == 'Spa visit, Qi "Massage" & Spa; quiet, warm'
    assert event["LOCATION"] == 'Qi "Massage" & Spa; quiet, warm, 1 Test Row, London'
    assert (event.start, event.end) == (STARTS, STARTS + timedelta(hours=1))
    assert event["DTSTART"].params["TZID"] == "Europe/London"
    assert (event["STATUS"], event["CLASS"], event["SEQUENCE"]) == ("CONFIRMED", "PRIVATE", 3)
    assert "ATTENDEE" not in event
    for secret in (b"ymph", b"rainage", b"knee", b"Cleo", b"/visit/"):
        assert secret not in file


def test_a_moved_visit_keeps_its_entry_and_a_higher_sequence(settings: Settings) -> None:
    settings.SITE_URL = "https://book.qi-spa.example:8443"
    first = event_in(visit_calendar(a_visit(), spa=a_spa(), method="REQUEST"))
    moved = a_visit(STARTS + timedelta(days=1), sequence=4)
    second = event_in(visit_calendar(moved, spa=a_spa(), method="REQUEST"))
    assert first["UID"] == second["UID"] == "K7QF2M9D@book.qi-spa.example"
    assert (first["SEQUENCE"], second["SEQUENCE"]) == (3, 4)


def test_an_invitation_asks_for_no_answer() -> None:
    event = event_in(visit_calendar(a_visit(), spa=a_spa(), method="REQUEST"))
    assert event["ORGANIZER"] == "mailto:hello@qi-spa.example"
    assert event["ATTENDEE"] == "mailto:cleo@example.com"
    assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    assert event["ATTENDEE"].params["RSVP"] == "FALSE"


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        ("requested", "PUBLISH", "TENTATIVE"),
        ("requested", "REQUEST", "TENTATIVE"),
        ("confirmed", "REQUEST", "CONFIRMED"),
        ("arrived", "PUBLISH", "CONFIRMED"),
        ("cancelled", "CANCEL", "CANCELLED"),
        ("cancelled", "PUBLISH", "CANCELLED"),
        ("declined", "PUBLISH", "CANCELLED"),
    ],
)
def test_the_entry_shows_the_state_of_the_visit(status: str, method: str, expected: str) -> None:
    event = event_in(visit_calendar(a_visit(status=status), spa=a_spa(), method=method))
    assert event["STATUS"] == expected


@pytest.mark.parametrize(
    "name", ['Cleo "the" ^n;:,', "Cleo\r\nATTENDEE:mailto:otto@example.com", "כליאו", "🌊" * 120]
)
def test_no_name_can_write_lines_of_its_own(name: str) -> None:
    visit = a_visit(client=Client(name=name, email="cleo@example.com"))
    file = visit_calendar(visit, spa=a_spa(), method="REQUEST")
    assert event_in(file)["ATTENDEE"] == "mailto:cleo@example.com"
    assert file.replace(b"\r\n ", b"").count(b"\r\nATTENDEE") == 1
    assert max(len(line) for line in file.split(b"\r\n")) <= 75


@pytest.mark.parametrize(("zone", "change"), CLOCK_CHANGES)
def test_two_parsers_find_the_same_instants_around_a_clock_change(
    zone: str, change: datetime
) -> None:
    for quarters in range(-20, 21):
        starts_at = change + timedelta(minutes=15 * quarters)
        file = visit_calendar(a_visit(starts_at), spa=a_spa(zone))
        expected = [starts_at, starts_at + timedelta(hours=1)]
        assert instants_by_icalendar(file) == expected
        assert instants_by_dateutil(file) == expected


@pytest.mark.parametrize(("zone", "change"), CLOCK_CHANGES)
def test_the_time_zone_changes_at_the_instant_of_the_change(zone: str, change: datetime) -> None:
    file = visit_calendar(a_visit(change), spa=a_spa(zone))
    (described,) = Calendar.from_ical(file).walk("VTIMEZONE")
    # RFC 5545, 3.6.5: the onset is DTSTART by the offset that held before it.
    onsets = [
        one.DTSTART - one.TZOFFSETFROM
        for one in described.subcomponents
        if isinstance(one, TimezoneDaylight | TimezoneStandard)
    ]
    assert change.replace(tzinfo=None) in onsets


@pytest.mark.parametrize("zone", ["Europe/London", "Asia/Kolkata", "UTC", "America/New_York"])
@pytest.mark.parametrize("month", range(1, 13))
def test_two_parsers_find_the_same_instants_all_year(zone: str, month: int) -> None:
    starts_at = datetime(2027, month, 15, 11, 30, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    file = visit_calendar(a_visit(starts_at), spa=a_spa(zone))
    expected = [starts_at, starts_at + timedelta(hours=1)]
    assert instants_by_icalendar(file) == expected
    assert instants_by_dateutil(file) == expected


# --- Invitations and cancellations, by every reader -------------------------------------------

FOLDED = re.compile(r"\r\n[ \t]")
PROPERTY = re.compile(
    r"(?P<name>[A-Z][A-Z0-9-]*)"
    r"(?P<parameters>(?:;[A-Z0-9-]+=(?:\"[^\"\x00-\x1f]*\"|[^\";:,\x00-\x1f]*))*)"
    r":(?P<value>[^\x00-\x08\x0a-\x1f\x7f]*)"
)
ONCE = {"UID", "DTSTAMP", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "STATUS", "ORGANIZER"}


def strictly_read(file: bytes) -> list[tuple[str, str, str, str]]:
    """The lines as RFC 5545 lets a reader take them: component path, name, parameters, value."""
    assert file.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", file)
    assert max(len(line) for line in file.split(b"\r\n")) <= 75
    lines: list[tuple[str, str, str, str]] = []
    path: list[str] = []
    for line in FOLDED.sub("", file.decode()).removesuffix("\r\n").split("\r\n"):
        found = PROPERTY.fullmatch(line)
        assert found, line
        if found["name"] == "END":
            assert path.pop() == found["value"]
        elif found["name"] == "BEGIN":
            path.append(found["value"])
        else:
            lines.append(("/".join(path), found["name"], found["parameters"], found["value"]))
    assert path == []
    return lines


@pytest.mark.parametrize(("zone", "change"), CLOCK_CHANGES)
@pytest.mark.parametrize(
    ("method", "status", "state"),
    [
        ("REQUEST", "confirmed", "CONFIRMED"),
        ("REQUEST", "requested", "TENTATIVE"),
        ("CANCEL", "cancelled", "CANCELLED"),
    ],
)
def test_a_strict_reader_and_vobject_take_it_around_a_clock_change(
    zone: str, change: datetime, method: str, status: str, state: str
) -> None:
    for quarters in range(-5, 6):
        starts_at = change + timedelta(minutes=15 * quarters)
        visit = a_visit(starts_at, status=status)
        file = visit_calendar(visit, spa=a_spa(zone), method=method)
        lines = strictly_read(file)
        assert ("VCALENDAR", "METHOD", "", method) in lines
        event = [(name, value) for path, name, _, value in lines if path == "VCALENDAR/VEVENT"]
        assert ("STATUS", state) in event
        assert {name for name, _ in event if [one for one, _ in event].count(name) == 1} >= ONCE
        zones = {value for path, name, _, value in lines if name == "TZID"}
        named = {
            found for _, _, parameters, _ in lines for found in re.findall("TZID=(.*)", parameters)
        }
        assert zones == {zone}
        assert named <= zones
        (entry,) = vobject.readOne(file.decode()).vevent_list
        assert [entry.dtstart.value.astimezone(UTC), entry.dtend.value.astimezone(UTC)] == [
            starts_at,
            starts_at + timedelta(hours=1),
        ]
        assert (entry.uid.value, entry.sequence.value) == ("K7QF2M9D@localhost", "3")
        entry.validate(raiseException=True)


def test_an_alarm_leaves_time_to_come_and_none_recalls_what_was_cancelled() -> None:
    file = visit_calendar(a_visit(), spa=a_spa(), method="REQUEST")
    alarm = [line[1:] for line in strictly_read(file) if line[0].endswith("/VALARM")]
    assert ("TRIGGER", "", "-PT2H") in alarm
    assert ("ACTION", "", "DISPLAY") in alarm
    (entry,) = vobject.readOne(file.decode()).vevent_list
    assert entry.valarm.trigger.value == timedelta(hours=-2)
    gone = visit_calendar(a_visit(status="cancelled"), spa=a_spa(), method="CANCEL")
    assert b"VALARM" not in gone


def test_owners_may_have_the_treatment_named() -> None:
    spa = a_spa()
    spa.name_treatment_in_subjects = True
    file = visit_calendar(a_visit(), spa=spa, method="REQUEST")
    assert str(event_in(file)["SUMMARY"]).startswith("Lymphatic drainage massage, Qi")


@pytest.mark.django_db
def test_one_visit_is_one_entry_whose_number_rises_from_mail_to_mail(
    book: Callable[..., Appointment], spa: SpaProfile, mia: Therapist, fern: Room
) -> None:
    visit = book(at(10, days=4))
    files = [_invitation(visit, "confirmation", spa)]
    moved = actions.reschedule_appointment(
        appointment=visit, starts_at=at(14, days=5), by=actions.CLIENT, spa=spa, now=NOW
    )
    files.append(_invitation(moved, "changed", spa))
    cancelled = actions.cancel_appointment(appointment=moved, by=actions.CLIENT, spa=spa, now=NOW)
    files.append(_invitation(cancelled, "cancelled", spa))
    events = [event_in(file) for file in files]
    assert {str(one["UID"]) for one in events} == {f"{visit.reference}@localhost"}
    numbers = [int(str(one["SEQUENCE"])) for one in events]
    assert numbers == sorted(set(numbers))
    methods = [str(Calendar.from_ical(file)["METHOD"]) for file in files]
    assert methods == ["REQUEST", "REQUEST", "CANCEL"]


def _invitation(visit: Appointment, kind: str, spa: SpaProfile) -> bytes:
    """The attached file, whose type says what mail programs look for."""
    message = Message.objects.get(appointment=visit.pk, kind=kind)
    raw = messages.compose(message, spa=spa, now=NOW).message().as_bytes()
    (part,) = message_from_bytes(raw, policy=policy.default).iter_attachments()
    assert part.get_content_type() == "text/calendar"
    assert part.get_filename() == "invite.ics"
    assert part.get_param("charset") == "utf-8"
    file = part.get_payload(decode=True)
    assert isinstance(file, bytes)
    method = str(Calendar.from_ical(file)["METHOD"])
    assert part.get_param("method") == method
    return file


def as_icalendar_writes(visit: Appointment, spa: SpaProfile, method: str) -> bytes:
    """The event of the file as the library writes it, but for the moment of writing."""
    zone, title = spa.zone, f"{visit.service.discreet_name}, {spa.name}"
    event = Event.new(
        uid=f"{visit.reference}@localhost",
        sequence=visit.sequence,
        start=visit.starts_at.astimezone(zone),
        end=visit.ends_at.astimezone(zone),
        summary=title,
        location=", ".join([spa.name, *spa.address.splitlines()]),
        description="Reference K7QF2M9D. To move or cancel, use the link in our e-mail or call "
        "+44 20 7946 0018. Deleting this entry, or answering it, does not change your visit.",
        status=STATUS.CONFIRMED,
        classification=CLASS.PRIVATE,
        organizer=vCalAddress.new(spa.email, cn=in_one_piece(spa.name)),
        attendees=[an_attendee(visit)] if method == "REQUEST" else None,
    )
    alarm = Alarm()
    alarm.add("ACTION", "DISPLAY")
    alarm.add("DESCRIPTION", title)
    alarm.add("TRIGGER", -timedelta(hours=2))
    event.add_component(alarm)
    return STAMP.sub(b"", event.to_ical())


def in_one_piece(text: str) -> str:
    return " ".join(text.replace('"', "”").replace("^", "").split())


def an_attendee(visit: Appointment) -> vCalAddress:
    assert visit.client is not None
    return vCalAddress.new(
        visit.client.email,
        cn=in_one_piece(visit.client.name),
        cutype=CUTYPE.INDIVIDUAL,
        role=ROLE.REQ_PARTICIPANT,
        partstat=PARTSTAT.ACCEPTED,
        rsvp=False,
    )


@settings(deadline=None, max_examples=60)
@given(
    what=WORDS,
    name=WORDS,
    spa_name=WORDS,
    address=WORDS,
    zone=st.sampled_from(["Europe/London", "Australia/Lord_Howe", "UTC"]),
    method=st.sampled_from(["REQUEST", "PUBLISH"]),
)
def test_it_is_written_byte_for_byte_as_icalendar_writes_it(
    what: str, name: str, spa_name: str, address: str, zone: str, method: str
) -> None:
    spa = a_spa(zone)
    spa.name, spa.address = spa_name, address
    service = Service(name="Lymphatic drainage massage", discreet_name=what)
    visit = a_visit(service=service, client=Client(name=name, email="cleo@example.com"))
    file = visit_calendar(visit, spa=spa, method=method)
    head, zone_lines = Calendar.new(prodid=PRODUCT, method=method), file.split(b"BEGIN:VEVENT")[0]
    del head["UID"]
    head.add("CALSCALE", "GREGORIAN")
    begin = head.to_ical().removesuffix(b"END:VCALENDAR\r\n")
    assert zone_lines.startswith(begin + b"BEGIN:VTIMEZONE\r\n")
    ours = STAMP.sub(b"", file.removeprefix(zone_lines))
    assert ours == as_icalendar_writes(visit, spa, method) + b"END:VCALENDAR\r\n"


@pytest.mark.parametrize("signs", [",", "\\", "^", "é", "🌊", "n\n;"])
def test_a_line_is_cut_where_icalendar_cuts_it(signs: str) -> None:
    event = Event()
    for length in range(80):
        words = "x" * length + signs * 60
        event["SUMMARY"] = vText(words)
        ours = written(["BEGIN:VEVENT", text_line("SUMMARY", words), "END:VEVENT"])
        assert ours == event.to_ical()


def test_no_address_can_write_lines_of_its_own() -> None:
    visit = a_visit(client=Client(name="Cleo", email="cleo@example.com\r\nATTENDEE:x"))
    with pytest.raises(ValueError, match="end inside"):
        visit_calendar(visit, spa=a_spa(), method="REQUEST")
