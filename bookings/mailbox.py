"""All messages as the desk looks through them. Reads only."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, IntegerField, Q, Value, When
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.clients import clients_with, plain_words
from bookings.mails import Mail
from bookings.models import Message
from bookings.models.appointments import REFERENCE_ALPHABET, UPCOMING
from bookings.models.messages import MessageQuerySet

State = Message.State
PER_PAGE = 25
# No state of a message: what did not arrive and may still matter to somebody.
CALL = "call"
REFERENCE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Wish:
    """Which messages are asked for; what makes no sense is left out."""

    text: str = ""
    state: str = ""
    kind: str = ""

    @classmethod
    def of(cls, asked: QueryDict) -> "Wish":
        """Read the wish from an address."""
        state, kind = asked.get("state", ""), asked.get("kind", "")
        return cls(
            text=plain_words(asked.get("q", "")),
            state=state if state in (*State.values, CALL) else "",
            kind=kind if kind in Message.Kind.values else "",
        )

    @property
    def query(self) -> str:
        """The wish as it stands in an address, without the page."""
        asked = {"q": self.text, "state": self.state, "kind": self.kind}
        return urlencode({name: value for name, value in asked.items() if value})


@dataclass(frozen=True, slots=True)
class Tab:
    """One state to look at, with how many messages are in it."""

    label: str
    count: int
    query: str
    is_chosen: bool
    is_grave: bool


@dataclass(frozen=True)
class Mailbox:
    """One page of what was asked for."""

    wish: Wish
    page: Page[Message]
    mails: list[Mail]
    tabs: list[Tab]


def look_through(wish: Wish, *, page: str, now: datetime) -> Mailbox:
    """Return one page of messages; four queries, however many there are."""
    found = _matching(wish)
    tabs = _tabs(wish, found, now)
    rows = _in_order(_in_state(found, wish.state, now), wish, now)
    paginator = Paginator(rows.select_related(*SHOWN), PER_PAGE)
    shown = paginator.get_page(page)
    return Mailbox(wish, shown, [Mail(one, now) for one in shown.object_list], tabs)


def lost_ahead(now: datetime) -> int:
    """How many messages did not arrive about visits that are not over; one query."""
    return unheard(Message.objects.all(), now).count()


def unheard(rows: MessageQuerySet, now: datetime) -> MessageQuerySet:
    """Those of ``rows`` that did not arrive, where the visit is ahead and somebody should ring.

    So should somebody ring a therapist whose day is not over.
    """
    off = Q(appointment__status="cancelled", kind="cancelled")
    declined = Q(appointment__status="declined", kind="declined")
    visit = Q(appointment__status__in=UPCOMING) | off | declined
    her_day = Q(appointment=None, day__gte=timezone.localdate(now))
    return rows.lost().filter(Q(appointment__ends_at__gt=now) & visit | her_day)


SHOWN = (
    "appointment__client",
    "appointment__therapist",
    "appointment__service",
    "therapist",
)


def _matching(wish: Wish) -> MessageQuerySet:
    rows = Message.objects.all()
    if wish.kind:
        rows = rows.filter(kind=wish.kind)
    if not wish.text:
        return rows
    meant = Q(sent_to__icontains=wish.text) | Q(therapist__name__icontains=wish.text)
    if set(wish.text.upper()) <= set(REFERENCE_ALPHABET) and len(wish.text) <= REFERENCE_LENGTH:
        meant |= Q(appointment__reference__startswith=wish.text.upper())
    hers = clients_with(wish.text).values(key=Coalesce("merged_into_id", "pk"))
    return rows.filter(meant | Q(appointment__client__in=hers))


def _in_state(rows: MessageQuerySet, state: str, now: datetime) -> MessageQuerySet:
    if state == CALL:
        return unheard(rows, now)
    return rows.filter(state=state) if state else rows


def _in_order(rows: MessageQuerySet, wish: Wish, now: datetime) -> MessageQuerySet:
    """What waits in the order in which it goes out; else the latest first, then what is to come."""
    if wish.state == State.PENDING:
        return rows.order_by("due_at", "pk")
    to_come = Case(
        When(sent_at=None, due_at__gt=now, then=Value(1)),
        default=Value(0),
        output_field=IntegerField(),
    )
    return rows.order_by(to_come, Coalesce(F("sent_at"), F("due_at")).desc(), "-pk")


def _tabs(wish: Wish, found: MessageQuerySet, now: datetime) -> list[Tab]:
    counted = dict(
        found.order_by().values("state").annotate(n=Count("pk")).values_list("state", "n")
    )
    everything = sum(counted.values())
    counted |= {"": everything, CALL: unheard(found, now).count()}
    labels: list[tuple[str, Callable[[], str]]] = [
        ("", lambda: _("All")),
        (CALL, lambda: _("Please ring")),
        (State.PENDING, lambda: _("Waiting")),
        (State.SENT, lambda: _("Sent")),
        (State.FAILED, lambda: _("Given up")),
        (State.BOUNCED, lambda: _("Came back")),
        (State.VOID, lambda: _("No longer needed")),
    ]
    return [
        Tab(
            label=label(),
            count=counted.get(state, 0),
            query=replace(wish, state=state).query,
            is_chosen=wish.state == state,
            is_grave=state == CALL and bool(counted.get(state)),
        )
        for state, label in labels
    ]
