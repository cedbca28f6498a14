"""Messages in every state, made by what brings them about."""

from datetime import datetime, timedelta

from bookings import delivery
from bookings.actions.bounces import Return, note_return
from bookings.models import Appointment, Message
from tests.bookings.faults import refuse_address
from tests.conftest import MailServer


def news_of(visit: Appointment, kind: str = "confirmation") -> Message:
    """The latest message of its kind about ``visit``."""
    return visit.messages.filter(kind=kind).latest("pk")


def sent(visit: Appointment, now: datetime) -> Message:
    """The confirmation of ``visit``, taken by the mail server."""
    assert delivery.deliver_due(now=now) >= 1
    message = news_of(visit)
    assert message.state == "sent"
    return message


def given_up(visit: Appointment, smtp: MailServer, now: datetime) -> Message:
    """The confirmation of ``visit``, refused for good, but not for its address."""
    assert visit.client is not None
    refuse_address(smtp, visit.client.email, "550 5.7.1 We know no spa")
    delivery.deliver_due(now=now)
    message = news_of(visit)
    assert message.state == "failed"
    del smtp.handle_RCPT  # type: ignore[attr-defined]
    return message


def came_back(visit: Appointment, now: datetime, *, for_good: bool = True) -> Message:
    """The confirmation of ``visit``, sent and come back."""
    message = sent(visit, now)
    later = now + timedelta(minutes=1)
    news = Return(message.sent_to, at=later, reason="Nobody of that name.", for_good=for_good)
    note_return(news, now=later)
    message.refresh_from_db()
    assert message.state == "bounced"
    return message
