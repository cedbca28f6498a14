"""What goes over the line to a mail server that answers as the test says."""

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from spa.smtp import Line

MAIL = b"Subject: Hello\r\n\r\n.\r\n..From here\r\n"
WELCOME = [b"220 mail\r\n", b"250-mail\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n"]
TAKEN = [b"250 Yes\r\n250 Yes\r\n354 Go on\r\n", b"250 Kept as 1\r\n"]
ENVELOPE = b"MAIL FROM:<hello@qi-spa.example> size=34\r\nRCPT TO:<cleo@example.com>\r\nDATA\r\n"
# What stands in the mail is not its end.
STUFFED = b"Subject: Hello\r\n\r\n..\r\n...From here\r\n.\r\n"
# In the place of a reply, or behind one: the server hangs up.
HANGS_UP = b"(hangs up)"


@contextmanager
def server(*replies: bytes) -> Iterator[tuple[Line, list[bytes]]]:
    """A line to a server that greets and then sends one reply for each piece that it reads.

    Gives the line and the pieces; after the last reply the server hangs up.
    """
    read: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:
        talk = threading.Thread(target=_talk, args=(door, list(replies), read))
        talk.start()
        line = Line("127.0.0.1", door.getsockname()[1], timeout=20)
        try:
            yield line, read
        finally:
            line.close()
            talk.join(20)


def _talk(door: socket.socket, replies: list[bytes], read: list[bytes]) -> None:
    caller, _address = door.accept()
    with caller, suppress(OSError):
        for reply in replies:
            caller.sendall(reply.removesuffix(HANGS_UP))
            if reply.endswith(HANGS_UP):
                return
            read.append(caller.recv(10_000))


def hand_over(line: Line) -> None:
    line.hand_over("hello@qi-spa.example", "cleo@example.com", MAIL)


def test_what_comes_before_the_mail_goes_in_one_piece() -> None:
    with server(*WELCOME, *TAKEN) as (line, read):
        hand_over(line)
        assert (line.reply, line.has_begun_data) == ("250 Kept as 1", True)
    assert read[1:] == [ENVELOPE, STUFFED, b""]


def test_a_server_that_does_not_offer_it_is_asked_step_by_step() -> None:
    steps = [b"250 Yes\r\n", b"251 Elsewhere\r\n", b"354 Go on\r\n", b"250 Kept\r\n"]
    with server(b"220 mail\r\n", b"250 mail\r\n", *steps) as (line, read):
        hand_over(line)
    assert read[1:] == [*ENVELOPE.replace(b" size=34", b"").splitlines(keepends=True), STUFFED, b""]


def test_step_by_step_nothing_is_asked_after_a_refusal() -> None:
    refusals = [b"250 Yes\r\n", b"550 5.1.1 Nobody\r\n", b"250 Forgotten\r\n"]
    with (
        server(b"220 mail\r\n", b"250 mail\r\n", *refusals) as (line, read),
        pytest.raises(smtplib.SMTPRecipientsRefused),
    ):
        hand_over(line)
    assert read[2:] == [b"RCPT TO:<cleo@example.com>\r\n", b"rset\r\n", b""]


@pytest.mark.parametrize(
    ("replies", "error", "code"),
    [
        (b"550 No\r\n503 No\r\n503 No\r\n", smtplib.SMTPSenderRefused, 550),
        (b"250 Yes\r\n550 Nobody\r\n554 No\r\n", smtplib.SMTPRecipientsRefused, 550),
        (b"250 Yes\r\n452 Full\r\n503 No\r\n", smtplib.SMTPRecipientsRefused, 452),
        (b"250 Yes\r\n250 Yes\r\n451 Later\r\n", smtplib.SMTPDataError, 451),
    ],
)
def test_after_a_refusal_the_line_takes_the_next_mail(
    replies: bytes, error: type[smtplib.SMTPException], code: int
) -> None:
    with server(*WELCOME, replies, b"250 Forgotten\r\n", *TAKEN) as (line, read):
        with pytest.raises(error) as caught:
            hand_over(line)
        assert str(code) in str(caught.value)
        assert not line.has_begun_data
        hand_over(line)
    assert read[1:] == [ENVELOPE, b"rset\r\n", ENVELOPE, STUFFED, b""]


def test_a_server_that_waits_for_a_mail_to_nobody_gets_an_empty_one() -> None:
    replies = [
        b"250 Yes\r\n550 Nobody\r\n354 Go on\r\n",
        b"554 To nobody\r\n",
        b"250 Forgotten\r\n",
    ]
    with server(*WELCOME, *replies, *TAKEN) as (line, read):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            hand_over(line)
        hand_over(line)
    assert read[1:] == [ENVELOPE, b".\r\n", b"rset\r\n", ENVELOPE, STUFFED, b""]


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        ([b"421 Closing\r\n"], smtplib.SMTPSenderRefused),
        ([b"250 Yes\r\n421 Closing\r\n"], smtplib.SMTPRecipientsRefused),
        ([b"250 Yes\r\n250 Yes\r\n421 Closing\r\n"], smtplib.SMTPDataError),
        ([TAKEN[0], b"421 Closing\r\n"], smtplib.SMTPDataError),
        ([HANGS_UP], smtplib.SMTPServerDisconnected),
        ([b"250 Yes\r\n" + HANGS_UP], smtplib.SMTPServerDisconnected),
    ],
)
def test_a_server_that_leaves_is_left(
    replies: list[bytes], error: type[smtplib.SMTPException]
) -> None:
    with server(*WELCOME, *replies) as (line, _read):
        with pytest.raises(error):
            hand_over(line)
        assert line.sock is None


def test_what_a_server_said_before_it_hung_up_is_the_reason() -> None:
    said = b"554 5.7.1 We know no spa\r\n" + HANGS_UP
    with (
        server(*WELCOME, said) as (line, _read),
        pytest.raises(smtplib.SMTPSenderRefused, match="We know no spa"),
    ):
        hand_over(line)


def test_no_address_can_give_commands_of_its_own() -> None:
    with server(*WELCOME, *TAKEN) as (line, read), pytest.raises(ValueError, match="line end"):
        line.hand_over("hello@qi-spa.example", "cleo@example.com\r\nRCPT TO:<otto@x>", MAIL)
    assert not any(read[1:])
