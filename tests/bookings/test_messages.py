"""What the messages say, and what they must never say."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.utils.html import strip_tags
from icalendar import Calendar, Event
from pytest_django import Settings

from bookings import actions, messages
from bookings.actions import owing
from bookings.letters import one_line, plain_text
from bookings.models import Appointment, Message, Room, Therapist, VisitLink
from bookings.models.messages import TIMED, TO_THERAPISTS
from services.models import Service, SpaProfile
from services.screening import Outcome
from tests.bookings.conftest import CLEO, at

pytestmark = pytest.mark.django_db

Book = Callable[..., Appointment]
VISIT_URL = re.compile(r"http://localhost:8000/visit/([\w-]{32})/")
TO_CLIENTS = [kind.value for kind in Message.Kind if kind not in TO_THERAPISTS]
# What is owed with the news and has a moment of its own.
LATER = [kind for kind in TIMED if kind != "reminder"]


@pytest.fixture
def told(
    book_again: Book, spa: SpaProfile, now: datetime, mia: Therapist, fern: Room, dana: User
) -> Callable[..., EmailMessage]:
    """Bring about one kind of message through the actions, and return it as it is sent.

    The visit is on Friday 27 November from 10:15 with Mia; where it is moved, it was at 14:00.
    """

    def _told(kind: str, *, details: actions.Details = CLEO) -> EmailMessage:
        asks = kind in ("request_received", "granted", "declined") or "clearance" in kind
        outcome = Outcome.CLEARANCE if asks else Outcome.CLEAR
        starts_at = at(14, days=4) if kind == "changed" else at(10, 15, days=4)
        visit = book_again(starts_at, details=details, outcome=outcome)
        by = actions.staff(dana)
        if kind in ("granted", "declined"):
            actions.decide_request(
                appointment=visit, granted=kind == "granted", by=by, spa=spa, now=now
            )
        if kind == "changed":
            actions.reschedule_appointment(
                appointment=visit, starts_at=at(10, 15, days=4), by=by, spa=spa, now=now
            )
        if kind == "cancelled":
            actions.cancel_appointment(appointment=visit, by=by, spa=spa, now=now)
        if kind in LATER:
            owing.owe(visit, kind, due_at=now)
        waiting = Message.objects.pending().filter(kind=kind, appointment=visit)
        return sent(waiting.latest("due_at"), spa, now)

    return _told


def sent(message: Message, spa: SpaProfile, now: datetime) -> EmailMessage:
    """The message as the mail server gets it."""
    raw = messages.compose(message, spa=spa, now=now).message().as_bytes()
    return message_from_bytes(raw, policy=policy.default)


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def words_of(html: str) -> str:
    body = html.split("</head>")[1]
    return " ".join(unescape(strip_tags(body.replace("<", " <"))).split())


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("confirmation", "Booked: Spa visit, Friday 27 November, 10:15"),
        ("request_received", "Request received: Spa visit, Friday 27 November, 10:15"),
        ("granted", "Confirmed: Spa visit, Friday 27 November, 10:15"),
        ("declined", "About your request: Spa visit, Friday 27 November, 10:15"),
        ("changed", "Moved: Spa visit, now Friday 27 November, 10:15"),
        ("cancelled", "Cancelled: Spa visit, Friday 27 November, 10:15"),
        ("reminder", "Reminder: Spa visit, Friday 27 November, 10:15"),
        ("clearance_needed", "Still open: Spa visit, Friday 27 November, 10:15"),
        ("clearance_expiring", "Please get in touch: Spa visit, Friday 27 November, 10:15"),
        ("preparation", "Before your first visit: Friday 27 November, 10:15"),
        ("waiting_for_answer", "A few questions before your visit, Friday 27 November, 10:15"),
        ("aftercare", "Thank you for your visit"),
    ],
)
def test_the_subject_says_what_happened_and_when(
    told: Callable[..., EmailMessage], kind: str, subject: str
) -> None:
    assert told(kind)["Subject"] == subject


@pytest.mark.parametrize("kind", TO_CLIENTS)
def test_html_and_text_say_the_same(told: Callable[..., EmailMessage], kind: str) -> None:
    mail = told(kind)
    text, words = text_of(mail), words_of(html_of(mail))
    assert "When: Friday 27 November, 10:15 – 11:15\nWith: Mia\n" in text
    said = [line.removeprefix("- ") for line in text.split("\n") if line not in ("", "-- ")]
    for line in said:
        fact = line.split(": ", 1)[-1] if re.match(r"[A-Z][a-z ]+: ", line) else line.rstrip(":")
        assert fact in words or fact in html_of(mail)


@pytest.mark.parametrize("kind", TO_CLIENTS)
def test_what_shows_on_a_locked_phone_is_discreet(
    told: Callable[..., EmailMessage], lymph: Service, kind: str
) -> None:
    mail = told(kind)
    # A mailbox shows the subject and about the first hundred letters.
    shown = [str(mail["Subject"]), words_of(html_of(mail))[:300], text_of(mail)[:160]]
    for line in shown:
        assert not re.search("lymph|drainage|health|heart|doctor|clear", line, re.IGNORECASE)
    assert lymph.name in text_of(mail)


@pytest.mark.parametrize("kind", TO_CLIENTS)
def test_no_message_names_an_answer_or_a_verdict(
    told: Callable[..., EmailMessage], kind: str
) -> None:
    mail = told(kind)
    everything = f"{text_of(mail)} {html_of(mail)}"
    # The questions of the cast, and the words for their outcomes.
    for word in ("heart", "asthma", "fever", "clearance", "contraindication", "adapt"):
        assert word not in everything.lower()


def test_a_request_says_that_a_person_decides_and_what_to_bring(
    told: Callable[..., EmailMessage],
) -> None:
    text = text_of(told("request_received"))
    assert "This visit is not confirmed yet: one of us will look at your request" in text
    assert "Please ask your doctor for a short written note" in text
    assert "You can move or cancel your request online at any time before the visit." in text


def test_a_message_says_until_when_the_visit_can_be_changed_online(
    told: Callable[..., EmailMessage],
) -> None:
    assert (
        "On your visit page you can move or cancel until Thursday 26 November, 10:15. After that, "
        "please call us: +44 20 7946 0018."
    ) in text_of(told("confirmation"))


def test_within_the_notice_a_message_gives_the_telephone_number_instead(
    told: Callable[..., EmailMessage], spa: SpaProfile
) -> None:
    told("confirmation")
    reminder = Message.objects.get(kind="reminder", lead_hours=3)
    text = text_of(sent(reminder, spa, reminder.due_at))
    assert "To move or cancel your visit, please call us: +44 20 7946 0018." in text
    assert "until" not in text


def test_each_message_opens_its_own_visit_page_by_a_fresh_key(
    told: Callable[..., EmailMessage], spa: SpaProfile, now: datetime
) -> None:
    mail = told("confirmation")
    (key,) = set(VISIT_URL.findall(text_of(mail) + html_of(mail)))
    link = VisitLink.objects.opened_by(key).get()
    message = Message.objects.get(kind="confirmation")
    assert link.appointment_id == message.appointment_id
    (another,) = set(VISIT_URL.findall(text_of(sent(message, spa, now))))
    assert another != key


@pytest.mark.parametrize(
    ("kind", "told_there"),
    [("confirmation", True), ("granted", True), ("reminder", True), ("changed", False)],
)
def test_how_to_prepare_is_told_where_it_is_needed(
    told: Callable[..., EmailMessage], lymph: Service, kind: str, told_there: bool
) -> None:
    Service.objects.filter(pk=lymph.pk).update(
        preparation="<ul><li>Wear loose clothes.</li><li>Eat &amp; drink little.</li></ul>"
    )
    lymph.refresh_from_db()
    mail = told(kind)
    lines = "How to prepare\n- Wear loose clothes.\n- Eat & drink little.\n"
    assert (lines in text_of(mail)) is told_there
    words = "How to prepare Wear loose clothes. Eat & drink little."
    assert (words in words_of(html_of(mail))) is told_there


@pytest.mark.parametrize(
    ("kind", "method", "state"),
    [
        ("confirmation", "REQUEST", "CONFIRMED"),
        ("granted", "REQUEST", "CONFIRMED"),
        ("changed", "REQUEST", "CONFIRMED"),
        ("cancelled", "CANCEL", "CANCELLED"),
    ],
)
def test_the_calendar_file_comes_along(
    told: Callable[..., EmailMessage], kind: str, method: str, state: str
) -> None:
    (file,) = told(kind).iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("invite.ics", "text/calendar")
    assert file.get_param("method") == method
    calendar = Calendar.from_ical(file.get_content())
    (event,) = calendar.walk("VEVENT")
    assert isinstance(event, Event)
    assert (calendar["METHOD"], event["STATUS"]) == (method, state)
    assert (event.start, event["SUMMARY"]) == (
        at(10, 15, days=4),
        "Spa visit, Qi Massage & Natural Healing Spa",
    )


@pytest.mark.parametrize("kind", ["request_received", "declined", "reminder"])
def test_no_calendar_file_where_nothing_is_fixed_or_new(
    told: Callable[..., EmailMessage], kind: str
) -> None:
    assert list(told(kind).iter_attachments()) == []


def test_the_head_tells_machines_what_it_is(
    told: Callable[..., EmailMessage], settings: Settings
) -> None:
    settings.SITE_URL = "https://book.qi-spa.example:8443"
    settings.DEFAULT_FROM_EMAIL = "Somebody <post@qi-spa.example>"
    mail = told("confirmation")
    assert mail["From"] == "Qi Massage & Natural Healing Spa <post@qi-spa.example>"
    assert (mail["To"], mail["Reply-To"]) == ("cleo@example.com", "hello@qi-spa.example")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<[0-9a-f]{32}@book\.qi-spa\.example>", mail["Message-ID"])
    assert mail.get_content_type() == "multipart/mixed"


def test_a_message_keeps_its_id_and_no_two_share_one(
    told: Callable[..., EmailMessage], spa: SpaProfile, now: datetime
) -> None:
    told("confirmation")
    ids = [sent(one, spa, now)["Message-ID"] for one in Message.objects.all()]
    again = [sent(one, spa, now)["Message-ID"] for one in Message.objects.all()]
    assert len(set(ids)) == 3
    assert ids == again


def test_times_are_told_in_the_zone_of_the_spa(
    told: Callable[..., EmailMessage], spa: SpaProfile, now: datetime
) -> None:
    told("confirmation")
    spa.time_zone = "America/New_York"
    mail = sent(Message.objects.get(kind="confirmation"), spa, now)
    assert mail["Subject"] == "Booked: Spa visit, Friday 27 November, 05:15"
    assert "When: Friday 27 November, 05:15 – 06:15\n" in text_of(mail)


def test_equal_times_of_a_clock_change_night_are_told_apart(
    told: Callable[..., EmailMessage], spa: SpaProfile, now: datetime
) -> None:
    told("confirmation")
    whens = []
    for starts_at in (
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ):
        Appointment.objects.update(
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=1),
            busy_from=starts_at,
            busy_until=starts_at + timedelta(hours=1),
        )
        mail = sent(Message.objects.get(kind="confirmation"), spa, now)
        whens.append(mail["Subject"].split(", ")[-1])
        assert f", {whens[-1]} – " in text_of(mail)
    assert whens == ["01:30 BST", "01:30 GMT"]


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Cleo\r\nBcc: otto@example.com", "Hello Cleo Bcc: otto@example.com,"),
        ("<b>Cleo</b> & {{ spa }} %(when)s", "Hello <b>Cleo</b> & {{ spa }} %(when)s,"),
        ("Cleo\u202e gnp.exe\x00", "Hello Cleo gnp.exe,"),
        ("כליאופטרה", "Hello כליאופטרה,"),
        ("🌊" * 120, f"Hello {'🌊' * 120},"),
        ("x" * 120, f"Hello {'x' * 120},"),
    ],
)
def test_a_name_of_any_kind_stays_a_name(
    told: Callable[..., EmailMessage], spa: SpaProfile, now: datetime, name: str, greeting: str
) -> None:
    told("confirmation")
    message = Message.objects.get(kind="confirmation")
    client = message.visit.client
    assert client is not None
    client.name = name
    mail = sent(message, spa, now)
    assert greeting in text_of(mail).split("\n")
    assert greeting in words_of(html_of(mail))
    assert "<b>Cleo" not in html_of(mail)
    assert (mail["To"], mail["Bcc"]) == ("cleo@example.com", None)


def test_a_name_in_the_spas_own_data_cannot_write_headers(
    told: Callable[..., EmailMessage], spa: SpaProfile, now: datetime
) -> None:
    told("confirmation")
    message = Message.objects.get(kind="confirmation")
    spa.name = "Qi\nBcc: otto@example.com"
    message.visit.service.discreet_name = "Spa\r\nBcc: otto@example.com"
    mail = sent(message, spa, now)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Booked: Spa Bcc: otto@example.com, Friday 27 November, 10:15"


def test_a_mail_loads_nothing_from_anywhere(told: Callable[..., EmailMessage]) -> None:
    html = html_of(told("confirmation"))
    assert not re.search(r"<(img|link|script|iframe)\b|url\(|@import|!important", html)
    assert re.findall(r'style="[^"]*color', html) == []
    assert "prefers-color-scheme: dark" in html
    assert 'class="button" href="http://localhost:8000/visit/' in html


def test_rich_text_becomes_lines() -> None:
    html = "<h2>Before</h2><p>One<br>two &lt;3</p><ul>\n<li><p>three</p></li>\n<li>four</li></ul>"
    assert plain_text(html) == "Before\nOne\ntwo <3\n- three\n- four"


def test_one_line_keeps_joined_signs() -> None:
    family = "👩\u200d👧"
    assert one_line(f" {family}\t{family}\u2066\n") == f"{family} {family}"
