"""What a client was sent about her visit, as her own page says it. Reads only."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.actions.mail import may_send, news_about
from bookings.models import Appointment, BadAddress, Message
from bookings.models.messages import LOST
from bookings.words import clock_time, moment_in_words

State = Message.State
Kind = Message.Kind
HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class Told:
    """The latest news that hold of a visit: what became of them, in a sentence."""

    words: str
    is_lost: bool = False
    may_repeat: bool = False


def told_of(appointment: Appointment, *, now: datetime) -> Told | None:
    """Return what the client was told, nothing where there is nothing to tell; one query."""
    if appointment.client is None or now >= appointment.ends_at:
        return None
    if not appointment.client.email:
        words = _("You gave us no e-mail address, so please keep the address of this page.")
        return Told(words)
    bad = BadAddress.objects.filter(
        address=Lower(OuterRef("appointment__client__email")), trouble=BadAddress.Trouble.BOUNCED
    )
    news = news_about(appointment).annotate(comes_back=Exists(bad)).first()
    if news is None:
        return None
    told = _told(news, comes_back=news.comes_back, now=now)
    return replace(told, may_repeat=told.may_repeat and may_send(news, now=now))


def masked(address: str) -> str:
    """c…@example.com: who knows it recognises it, and nobody else learns it."""
    name, _at, domain = address.rpartition("@")
    return f"{name[:1]}{HIDDEN}@{domain}"


def _told(news: Message, *, comes_back: bool, now: datetime) -> Told:
    facts = {"what": _what(news), "address": masked(news.sent_to or news.address)}
    if news.state in LOST or comes_back:
        words = _("%(what)s: we could not deliver it to %(address)s.") % facts
        return Told(words, is_lost=True, may_repeat=not comes_back)
    if news.state == State.SENT and news.sent_at is not None:
        words = _("%(what)s sent %(when)s to %(address)s.")
        return Told(words % {**facts, "when": _when(news.sent_at, now)}, may_repeat=True)
    if news.last_error:
        words = _("%(what)s: not delivered to %(address)s yet. We keep trying.") % facts
        return Told(words, may_repeat=True)
    return Told(_("%(what)s: on its way to %(address)s.") % facts)


def _what(news: Message) -> str:
    words = {
        Kind.CONFIRMATION: _("Confirmation"),
        Kind.REQUEST_RECEIVED: _("Answer to your request"),
        Kind.GRANTED: _("Confirmation"),
        Kind.DECLINED: _("Our answer"),
        Kind.CHANGED: _("New time"),
        Kind.CANCELLED: _("Cancellation"),
    }
    return words.get(Kind(news.kind), news.get_kind_display())


def _when(at: datetime, now: datetime) -> str:
    """Today at 10:15, or on Tuesday 24 November, 10:15: within a sentence."""
    local, today = timezone.localtime(at), timezone.localdate(now)
    if local.date() == today:
        return _("today at %(time)s") % {"time": clock_time(local)}
    return _("on %(when)s") % {"when": moment_in_words(local, today)}
