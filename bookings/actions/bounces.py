"""Mail that comes back, and complaints: the news of it, in whatever order it arrives.

Providers tell everything at least once, and not in order. So each of these may be said again, late
or before the mail itself is noted as sent, and comes to the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from bookings.actions.events import SYSTEM, record
from bookings.models import BadAddress, Client, Message, Therapist

State = Message.State
Trouble = BadAddress.Trouble


@dataclass(frozen=True, slots=True)
class Return:
    """What a provider tells of one mail. ``reason`` names no person.

    ``provider_key`` is the provider's own name of the mail, or empty. A mail that was lost ``for
    good`` leads to nobody; another may get there all the same.
    """

    address: str
    at: datetime
    reason: str
    for_good: bool
    provider_key: str = ""


def comes_back(address: str) -> bool:
    """Whether mail to ``address`` is known to come back; one query."""
    return bool(that_come_back([address]))


def that_come_back(addresses: Iterable[str]) -> set[str]:
    """Those of ``addresses``, in lower case, from which mail is known to come back; one query."""
    lower = {address.lower() for address in addresses}
    bad = BadAddress.objects.filter(address__in=lower, trouble=Trouble.BOUNCED)
    return set(bad.values_list("address", flat=True))


@transaction.atomic
def note_return(news: Return, *, now: datetime) -> Message | None:
    """Note that a mail came back; returns which, where it is known and was not noted before."""
    message = _message_of(news, now)
    if news.for_good and not _is_trusted_since(message, news):
        note_bad_address(
            address=news.address, trouble=Trouble.BOUNCED, reason=news.reason, now=news.at
        )
    if message is None or message.state == State.BOUNCED:
        return None
    message.state, message.last_error = State.BOUNCED, news.reason[:300]
    message.claimed_until = None
    message.save(update_fields=["state", "last_error", "claimed_until"])
    if message.appointment is not None:
        _tell(message, "mail_returned", news)
    return message


@transaction.atomic
def note_complaint(news: Return, *, now: datetime) -> None:
    """Note that somebody called our mail unwanted."""
    known = BadAddress.objects.filter(address=news.address.lower()).exists()
    note_bad_address(
        address=news.address, trouble=Trouble.COMPLAINED, reason=news.reason, now=news.at
    )
    message = None if known else _message_of(news, now)
    if message is not None and message.appointment is not None:
        _tell(message, "mail_unwanted", news)


def note_bad_address(*, address: str, trouble: str, reason: str, now: datetime) -> None:
    """Remember ``address``; that its mail comes back outweighs a complaint, whichever was first."""
    address = address.lower()
    row, created = BadAddress.objects.get_or_create(
        address=address, defaults={"trouble": trouble, "since": now, "reason": reason[:300]}
    )
    if not created and trouble == Trouble.BOUNCED != row.trouble:
        row.trouble, row.since, row.reason = trouble, now, reason[:300]
        row.save(update_fields=["trouble", "since", "reason"])


def forget_unused_addresses() -> int:
    """Forget addresses that nobody has any more; returns how many."""
    used = {
        email.lower()
        for model in (Client, Therapist)
        for email in model.objects.exclude(email="").values_list("email", flat=True)
    }
    unused = [row.pk for row in BadAddress.objects.all() if row.address not in used]
    return BadAddress.objects.filter(pk__in=unused).delete()[0]


def is_unwanted(address: str) -> bool:
    """Whether somebody called our mail to ``address`` unwanted; one query."""
    return BadAddress.objects.filter(address=address.lower()).exists()


def _is_trusted_since(message: Message | None, news: Return) -> bool:
    """Whether these are old news, told again after the address was said to work."""
    if message is None or message.appointment is None:
        return False
    trusted = message.appointment.events.filter(kind="address_trusted", at__gte=news.at)
    return trusted.exists()


def _message_of(news: Return, now: datetime) -> Message | None:
    """The mail that the news is of, locked: by the provider's name of it, else the latest."""
    sent = Message.objects.filter(sent_to__iexact=news.address)
    if news.provider_key:
        sent = sent.filter(answer=news.provider_key)
    else:
        sent = sent.filter(sent_at__lte=news.at)
    # A provider may be quicker than the note that it has taken the mail. News that come late, by
    # their own time, must not end a message whose worker has died since: it will be sent.
    on_its_way = Q(state=State.PENDING, claimed_until__gt=now, attempts__gt=0)
    hers = Message.objects.filter(on_its_way).filter(
        Q(therapist__email__iexact=news.address)
        | Q(therapist=None, appointment__client__email__iexact=news.address)
    )
    locked = Message.objects.select_for_update(of=("self",), no_key=True)
    pk = sent.order_by("-sent_at", "-pk").values_list("pk", flat=True).first()
    # Of several it could be any, and it may be a mail about a login that came back.
    candidates = list(hers.values_list("pk", flat=True)[:2])
    if pk is None and len(candidates) == 1:
        pk = candidates[0]
    return locked.select_related("appointment").filter(pk=pk).first() if pk else None


def _tell(message: Message, kind: str, news: Return) -> None:
    record(
        message.visit,
        kind,
        by=SYSTEM,
        now=news.at,
        changes={"mail": (None, message.kind)},
    )
