"""What goes wrong with a mail server."""

import asyncio
from collections.abc import Awaitable, Callable

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.conftest import MailServer


def behave(smtp: MailServer, **handlers: Callable[..., Awaitable[str]]) -> None:
    """Let ``smtp`` answer the steps of new connections by ``handlers``."""
    for name, handler in handlers.items():
        setattr(smtp, name, handler)


def hang_up(server: SMTP) -> None:
    """Drop the connection without a word."""
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


def answer_with(smtp: MailServer, *plan: str) -> None:
    """Let ``smtp`` answer the next messages by ``plan``, and keep all after them.

    ``drop`` hangs up before taking the message, ``keep and drop`` after it, ``stall`` says nothing
    for a while; anything else is the answer itself.
    """
    steps, keep = iter(plan), smtp.handle_DATA

    async def handle_data(server: SMTP, session: Session, envelope: Envelope) -> str:
        step = next(steps, "keep")
        if "keep" in step:
            await keep(server, session, envelope)
        if "drop" in step:
            hang_up(server)
        if step == "stall":
            await asyncio.sleep(3)
        return "250 Kept" if step in ("keep", "stall") else step

    behave(smtp, handle_DATA=handle_data)


def refuse_address(smtp: MailServer, address: str, answer: str) -> None:
    """Let ``smtp`` answer like that wherever ``address`` is to receive something."""

    async def handle_rcpt(
        server: SMTP, session: Session, envelope: Envelope, to: str, options: list[str]
    ) -> str:
        if to == address:
            return answer
        envelope.rcpt_tos.append(to)
        return "250 Go on"

    behave(smtp, handle_RCPT=handle_rcpt)
