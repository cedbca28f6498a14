"""The mail of a trial: kept in files, read on a page."""

from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mail_is_kept(settings: Settings, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "spa.demo_mail.Backend"
    settings.DEMO_MAIL_DIR = tmp_path / "mail"


def send(subject: str) -> str:
    """Send one full message and return the name that it is kept under."""
    message = EmailMultiAlternatives(subject, "Come in ✓", to=["cleo@example.com"])
    message.attach_alternative("<html><head></head><body>Come <b>in</b></body></html>", "text/html")
    message.attach("visit.ics", "BEGIN:VCALENDAR", "text/calendar")
    assert message.send() == 1
    return newest_name()


def newest_name() -> str:
    from spa.demo_mail import _newest_letters

    return _newest_letters()[0].name


def test_kept_mail_is_listed_and_read_with_its_text_and_file(client: Client) -> None:
    name = send("Your visit")
    page = client.get("/demo/mail/").content.decode()
    assert "Your visit" in page
    assert f'href="/demo/mail/{name}/"' in page
    letter = client.get(f"/demo/mail/{name}/").content.decode()
    assert "Come in ✓" in letter
    assert "cleo@example.com" in letter
    assert f'<a href="/demo/mail/{name}/files/0/">visit.ics</a>' in letter
    file = client.get(f"/demo/mail/{name}/files/0/")
    assert (file.content, file["Content-Type"]) == (b"BEGIN:VCALENDAR", "text/calendar")
    assert client.get(f"/demo/mail/{name}/files/1/").status_code == 404


def test_the_list_shows_the_line_that_a_mailbox_shows(client: Client) -> None:
    message = EmailMultiAlternatives("Your visit", "Hello\n\nCome in", to=["cleo@example.com"])
    hint = '<div class="hint" style="display:none">Where &amp; how' + "\u00a0\u200c" * 9 + "</div>"
    message.attach_alternative(f"<html><body>{hint}<p>Hello</p></body></html>", "text/html")
    message.send()
    EmailMultiAlternatives("A code", "\nYour code is 1", to=["cleo@example.com"]).send()
    page = client.get("/demo/mail/").content.decode()
    assert '<span class="mailbox__preview">Where &amp; how</span>' in page
    assert '<span class="mailbox__preview">Your code is 1</span>' in page


def test_html_of_a_mail_is_framed_without_scripts_and_its_links_leave_the_frame(
    client: Client,
) -> None:
    response = client.get(f"/demo/mail/{send('Your visit')}/html/")
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    policy = set(response["Content-Security-Policy"].split("; "))
    assert {"default-src 'none'", "frame-ancestors 'self'"} <= policy
    assert "allow-scripts" not in response["Content-Security-Policy"]
    assert b'<base target="_top"' in response.content


@pytest.mark.parametrize("name", ["..%2Fsecrets", "secrets", "0" * 47])
def test_only_kept_mail_can_be_opened(client: Client, name: str) -> None:
    assert client.get(f"/demo/mail/{name}/").status_code == 404


def test_empty_mailbox_says_how_to_fill_it(client: Client) -> None:
    assert "No mail yet" in client.get("/demo/mail/").content.decode()
