"""A letter as bytes: the same mail as Django's own, for any words."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formataddr
from smtplib import quoteaddr
from typing import Any

import pytest
from django.core.mail import BadHeaderError
from django.core.mail.message import sanitize_address
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.wire import PLAIN, LetterMail
from spa.smtp import in_brackets

# Without line ends, which no header may have, and what no mail can hold.
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=120)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1, max_size=400
)


def a_mail(**words: Any) -> LetterMail:
    mail = LetterMail(
        subject=words.get("subject", "Booked: a visit, Friday at 10 a.m."),
        body=words.get("text", "Hello Cleo,\n\n.\nFrom here\n"),
        from_email=words.get("sender", "Qi Spa <hello@qi-spa.example>"),
        to=[words.get("to", "cleo@example.com")],
        reply_to=["hello@qi-spa.example"],
        headers={"Message-ID": "<1@qi-spa.example>", "List-Unsubscribe": f"<https://x/{'k' * 90}>"},
    )
    mail.attach_alternative(words.get("html", "<p>Hello Cleo</p>\n"), "text/html")
    if "file" in words:
        mail.attach("invite.ics", words["file"], "text/calendar; method=REQUEST")
    return mail


def parts_of(raw: bytes) -> tuple[dict[str, str], list[Any]]:
    """The headers that a reader sees, and each part as it is understood."""
    read = message_from_bytes(raw, policy=policy.default)
    assert isinstance(read, EmailMessage)
    hidden = {"Content-Type", "Date", "MIME-Version", "Content-Transfer-Encoding"}
    # A header folded before its first word begins with a space.
    headers = {name: str(value).strip() for name, value in read.items() if name not in hidden}
    parts = [
        (
            one.get_content_type(),
            one.get_filename(),
            one.get_param("method"),
            "" if one.is_multipart() else one.get_content().replace("\r\n", "\n").rstrip("\n"),
        )
        for one in read.walk()
    ]
    return headers, parts


@settings(deadline=None)
@given(subject=LINES, text=TEXTS, html=TEXTS, file=TEXTS)
def test_it_is_read_as_django_s_own(subject: str, text: str, html: str, file: str) -> None:
    mail = a_mail(subject=subject, text=text, html=html, file=file)
    ours, theirs = parts_of(mail.as_wire()), parts_of(mail.message().as_bytes())
    assert ours == theirs


@pytest.mark.parametrize(
    "to", ["cleo@example.com", "cleo@xn--bcher-kva.example", "cleo@bücher.example"]
)
def test_any_address_is_written_as_django_writes_it(to: str) -> None:
    mail = a_mail(to=to, sender=formataddr(("Zoë’s Spa, “Qi”", "hello@qi-spa.example")))
    assert parts_of(mail.as_wire()) == parts_of(mail.message().as_bytes())


@settings(deadline=None)
@given(
    st.emails()
    | st.from_regex(PLAIN, fullmatch=True)
    | st.from_regex(r"[a-zA-Z.!\"() -]{1,9}@[a-zA-Z.-]{1,70}", fullmatch=True)
)
def test_an_address_is_told_to_the_line_as_django_tells_it(to: str) -> None:
    try:
        told = sanitize_address(to, "utf-8")
    except ValueError as error:
        with pytest.raises(type(error), match=re.escape(str(error))):
            a_mail(to=to).envelope()
    else:
        assert a_mail(to=to).envelope() == ("hello@qi-spa.example", [told])
        assert in_brackets(told) == quoteaddr(told)


def test_every_line_fits_the_line_and_ends_as_mail_does() -> None:
    sender = formataddr(("Спа-салон «Ци»: массаж и естественное исцеление", "hello@qi-spa.example"))
    raw = a_mail(
        sender=sender, text="x" * 5000 + "é\n", html="<p>" + "y " * 3000, file="z" * 500
    ).as_wire()
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert raw.isascii()


@pytest.mark.parametrize(
    "words",
    [
        {"subject": "Hello\nBcc: otto@example.com"},
        {"to": "cleo@example.com\r\nBcc: otto@example.com"},
        {"sender": "Qi\rBcc: otto@example.com <hello@qi-spa.example>"},
    ],
)
def test_no_words_make_a_header_of_their_own(words: dict[str, str]) -> None:
    with pytest.raises(BadHeaderError):
        a_mail(**words).as_wire()
