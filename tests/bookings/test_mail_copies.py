"""The copy of a sent message: all that it said, and no key to a visit."""

import json
import re
import zlib
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connection
from pytest_django import Settings

from bookings import delivery
from bookings.copies import without_keys
from bookings.models import Appointment, MailCopy, Message, Room, Therapist, VisitLink
from bookings.models.fields import EncryptedJSONField, EncryptedTextField
from tests.bookings.conftest import at
from tests.conftest import MailServer

pytestmark = pytest.mark.django_db

KEY = "aB3_x" * 6 + "Zz"


@pytest.fixture
def sent(
    book_again: Callable[..., Appointment],
    mia: Therapist,
    fern: Room,
    smtp: MailServer,
    now: datetime,
) -> Message:
    """Cleo's confirmation, taken by the mail server."""
    message = book_again(at(10, days=4)).messages.get(kind="confirmation")
    assert delivery.deliver_due(now=now) == 1
    message.refresh_from_db()
    return message


def test_the_copy_says_what_the_mail_said(sent: Message, smtp: MailServer) -> None:
    (mail,) = smtp.messages
    content = sent.copy.content
    headers = dict(content["headers"])
    for name in ("From", "To", "Subject", "Reply-To", "Date", "Message-ID", "Auto-Submitted"):
        assert headers[name] == mail[name]
    for kind, part in (("plain", "text"), ("html", "html")):
        body = mail.get_body((kind,))
        assert body is not None
        kept, went = content[part], str(body.get_content()).replace("\r\n", "\n")
        key = re.search(r"/visit/([\w-]{32})/", went)
        assert key is not None
        assert kept.strip() == went.replace(key[1], "…").strip()
    (invite,) = mail.iter_attachments()
    went = str(invite.get_content()).replace("\r\n", "\n")
    ((name, kind, kept),) = content["files"]
    assert (name, kind) == ("invite.ics", "text/calendar; method=REQUEST")
    assert kept.replace("\r\n", "\n").strip() == went.strip()
    assert sent.sent_to == "cleo@example.com"


def test_the_copy_opens_no_visit_and_lies_encrypted(sent: Message, smtp: MailServer) -> None:
    (mail,) = smtp.messages
    body = mail.get_body(("plain",))
    assert body is not None
    key = re.findall(r"/visit/([\w-]{32})/", body.get_content())[0]
    assert VisitLink.objects.opened_by(key).exists()
    assert not re.search(r"/visit/[\w-]", str(sent.copy.content))
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM bookings_mailcopy")
        (stored,) = cursor.fetchone()
    assert stored.startswith("gAAAA")
    assert "Cleo" not in stored


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"http://localhost:8000/visit/{KEY}/move/?a=1", "http://localhost:8000/visit/…/move/?a=1"),
        (f"/visit/{'a' * 20}-b/", "/visit/…/"),
        (
            f"<a href='http://localhost:8000/mail/stop/{KEY}/'>",
            "<a href='http://localhost:8000/mail/stop/…/'>",
        ),
        (f"http://localhost:8000/x/?key={KEY}&b=2", "http://localhost:8000/x/?key=…&b=2"),
        (
            "http://localhost:8000/book/lymphatic-drainage-massage/",
            "http://localhost:8000/book/lymphatic-drainage-massage/",
        ),
        (f"https://elsewhere.example/{KEY}", f"https://elsewhere.example/{KEY}"),
        ("https://a.long.name.elsewhere.example/", "https://a.long.name.elsewhere.example/"),
        ("<https://a.long.name.elsewhere.example>", "<https://a.long.name.elsewhere.example>"),
        ("<b></b>//localhost/", "<b></b>//localhost/"),
        ("10:15 – 11:15 and/or later", "10:15 – 11:15 and/or later"),
    ],
)
def test_keys_are_cut_out_of_our_links_alone(text: str, kept: str, settings: Settings) -> None:
    settings.SITE_URL = "http://localhost:8000"
    assert without_keys(text) == kept


def test_a_message_sent_once_more_keeps_its_latest_copy(
    sent: Message, smtp: MailServer, now: datetime
) -> None:
    Message.objects.filter(pk=sent.pk).update(state="pending", due_at=now)
    delivery.deliver_due(now=now)
    assert MailCopy.objects.filter(message=sent).count() == 1


CONTENT = {"headers": [["Subject", "Zoë"]], "text": "Hello", "html": "", "files": []}
PACKED_AS_TEXT = b64encode(zlib.compress(json.dumps(CONTENT).encode(), level=1)).decode()


@pytest.mark.parametrize(
    "old",
    [
        EncryptedJSONField().get_prep_value(CONTENT),
        EncryptedTextField().get_prep_value(PACKED_AS_TEXT),
    ],
    ids=["not packed", "packed as text"],
)
def test_a_copy_written_in_an_earlier_way_is_still_read(sent: Message, old: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bookings_mailcopy SET content = %s", [old])
    assert MailCopy.objects.get().content == CONTENT
