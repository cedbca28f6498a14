"""What mail providers tell of the mail that they took: sorted, and handed to the actions.

django-anymail has checked who speaks, and has put the words of every provider into one form, but
for how lasting a bounce is.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.actions import bounces

LOST = {EventType.BOUNCED, EventType.REJECTED, EventType.FAILED}
# Rejections for which the address itself is the reason.
OF_THE_ADDRESS = {RejectReason.BOUNCED, RejectReason.INVALID}
# How providers call a bounce that another mail need not meet, and where they say so. SparkPost's
# are numbers: https://support.sparkpost.com/docs/deliverability/bounce-classification-codes
SAID_IN = {"type", "event", "bouncetype", "severity", "bounce_class"}
SOFT = {"soft", "softbounce", "soft_bounce", "transient", "temporary", "undetermined"}
SOFT |= {"20", "21", "22", "23", "24", "40", "70", "100"}
# RFC 3463: 4.x.x may pass, 5.2.2 is a full mailbox, 5.7.x a rule that is not about the address.
SOFT_CODE = re.compile(r"\b(4\.\d{1,3}\.\d{1,3}|5\.2\.2|5\.7\.\d{1,3})\b")
DEEPEST = 4


def on_news(sender: object, event: AnymailTrackingEvent, esp_name: str, **_more: object) -> None:
    """Note a bounce or a complaint; all other news change nothing here."""
    if not event.recipient:
        return
    now = timezone.now()
    if event.event_type == EventType.COMPLAINED:
        bounces.note_complaint(_return_of(event, _("It was called unwanted."), now), now=now)
    elif event.event_type in LOST:
        bounces.note_return(_return_of(event, _reason(event), now), now=now)


def _return_of(event: AnymailTrackingEvent, reason: str, now: datetime) -> bounces.Return:
    at = event.timestamp if isinstance(event.timestamp, datetime) else now
    return bounces.Return(
        address=str(event.recipient),
        at=min(at, now),
        reason=reason,
        for_good=is_for_good(event),
        provider_key=str(event.message_id or ""),
    )


def is_for_good(event: AnymailTrackingEvent) -> bool:
    """Whether every mail to the address will come back like this one."""
    if event.event_type == EventType.FAILED or event.reject_reason not in OF_THE_ADDRESS:
        return False
    if SOFT_CODE.search(f"{event.mta_response or ''} {event.description or ''}"):
        return False
    return not SOFT & set(_marks(event.esp_event))


def _reason(event: AnymailTrackingEvent) -> str:
    """Why, in words of ours: the provider's own often repeat the address."""
    if is_for_good(event):
        return _("Nobody can be reached there.")
    if event.reject_reason == RejectReason.BLOCKED:
        return _("The other side does not let it in.")
    if event.reject_reason == RejectReason.SPAM:
        return _("It was taken for spam.")
    return _("The mailbox did not take it.")


def _marks(raw: Any, depth: int = 0) -> Iterator[str]:
    """What the provider's own words say of how lasting it is."""
    if not isinstance(raw, Mapping) or depth > DEEPEST:
        return
    for key, value in raw.items():
        if isinstance(value, Mapping):
            yield from _marks(value, depth + 1)
        elif str(key).lower() in SAID_IN:
            yield str(value).lower()
        elif key == "hard_bounce" and value is False:
            yield "soft"
