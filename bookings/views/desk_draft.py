"""A booking at the desk as far as it has come: all of it travels in the form itself.

The session remembers, under the form's own key, only what must not come from a form: the health
check that was passed, for whom and for what, and the visit that came of it.
"""

import hashlib
import re
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, QueryDict

from bookings.actions import check_is_fresh, discard_health_check
from bookings.actions.health import BOOKING_CHECK_LASTS
from bookings.forms.desk_booking import START_FORMAT, FinishForm, NewcomerForm, WishForm
from bookings.models import Appointment, Client, HealthCheck, Room, Therapist
from bookings.queries import rules_for
from services.models import Service, ServiceOption, SpaProfile
from services.screening import questions_version

KEY = "desk_bookings"
KEPT_MOST = 20
NONCE = re.compile(r"[A-Za-z0-9_-]{8,40}", re.ASCII)
WALK_IN = "walk-in"
WISHED = ("client", "option", "minutes", "therapist", "room", "start", "end", "date", "clock")
FINISH = ("note", "because", "reason")
BOOKING_STEPS = ("book", "unchanged")
ALIKE_MOST = 3


@dataclass(frozen=True)
class Draft:
    """What is known of a booking; ``do`` is the button that was pressed.

    ``client`` of ``None`` with a whole ``newcomer`` is somebody new. ``asks`` where the health
    questions are to be asked although earlier answers would do; ``alike`` are the records that the
    newcomer's address or number leads to. ``minutes`` is a length that no option says: of a range
    dragged in the calendar while there is no ``option`` yet, else of the visit itself.
    """

    do: str
    nonce: str
    wish: WishForm
    newcomer: NewcomerForm | None
    finish: FinishForm
    search: str
    asks: bool
    alike: list[Client]
    client: Client | None
    option: ServiceOption | None
    minutes: int | None
    therapist: Therapist | None
    room: Room | None
    start: datetime | None

    @property
    def books(self) -> bool:
        """Whether a button was pressed that books."""
        return self.do in BOOKING_STEPS

    @property
    def service(self) -> Service | None:
        """The treatment, once it is known."""
        return self.option.service if self.option else None

    @property
    def length(self) -> int | None:
        """How many minutes the visit is to last, as far as that is known."""
        return self.minutes or (self.option.minutes if self.option else None)

    @property
    def who(self) -> str:
        """A key of the person, for the session; empty while nobody is named."""
        if self.client is not None:
            return f"client {self.client.pk}"
        if self.newcomer is None or not self.newcomer.is_valid():
            return ""
        return _key_of(str(self.newcomer.cleaned_data["name"]))

    @property
    def entered(self) -> str:
        """A key of all that is entered of somebody new: with another number, another record."""
        if self.newcomer is None or not self.newcomer.is_valid():
            return ""
        return _key_of("\n".join(map(str, self.newcomer.contact.values())))

    @property
    def stage(self) -> str:
        """The first thing that is still to be asked: who, newcomer, what, when or finish."""
        if self.client is None and self.newcomer is None:
            return "who"
        if not self.who or self.alike or self.do == "newcomer":
            return "newcomer"
        if self.option is None:
            return "what"
        if self.start is None or {"therapist", "room"} & set(self.wish.errors):
            return "when"
        return "finish"

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What the form sends along unseen at this stage."""
        named = {
            "client": self.client.pk if self.client else "",
            "option": self.option.pk if self.option else "",
            "minutes": self.minutes,
            "start": self.start.strftime(START_FORMAT) if self.start else "",
            "ask": "1" if self.asks else "",
        }
        if self.stage != "when":
            named["therapist"] = self.therapist.pk if self.therapist else ""
            named["room"] = self.room.pk if self.room else ""
        if self.newcomer is not None and self.client is None:
            named["newcomer"] = "1"
            if self.stage != "newcomer":
                named |= {**self.newcomer.settled, "sure": "1"}
        sent = [(name, str(value)) for name, value in named.items() if value not in ("", None)]
        return sent if self.stage == "finish" else [*sent, *self.said_already]

    @property
    def said_already(self) -> list[tuple[str, str]]:
        """The note and all that belongs to the end, to be sent along where it is not shown."""
        said = [(name, str(self.finish[name].value() or "")) for name in FINISH]
        tell = "on" if self.finish["tell"].value() else "off"
        return [*((name, value) for name, value in said if value), ("told", tell)]


@dataclass(frozen=True)
class Kept:
    """What the session remembers of one form: keys of rows, no name and no answer.

    ``newcomer`` is what was entered before ``client`` had a record. ``refused`` where the health
    answers said "stop": they cannot be said to be unchanged.
    """

    who: str = ""
    newcomer: str = ""
    service: int = 0
    check: int = 0
    client: int = 0
    booked: str = ""
    refused: bool = False


def new_nonce() -> str:
    """A key for one form: however often it is sent, it books once."""
    return secrets.token_urlsafe(12)


def read_draft(request: HttpRequest, *, spa: SpaProfile) -> Draft:
    """Read what the address or the form says; what cannot be is an error of ``wish``."""
    data = request.POST if request.method == "POST" else request.GET
    given, chosen_because = _pressed(data)
    wish = WishForm(given, zone=spa.zone)
    wish.is_valid()
    found = wish.cleaned_data
    do = data.get("do", "")
    if request.method != "POST" and do in BOOKING_STEPS:
        # An address is opened without the form's token: it never books.
        do = ""
    start = wish.typed_start() if do == "take" else found.get("start")
    if do == "when" and start is not None:
        wish.show(start)
    client = None if do == "who" else found.get("client")
    nonce = data.get("nonce", "")
    newcomer = None if client or do == "who" else _newcomer(data, spa)
    return Draft(
        do=do,
        nonce=nonce if NONCE.fullmatch(nonce) else new_nonce(),
        wish=wish,
        newcomer=newcomer,
        finish=_finish(data, chosen_because),
        search=data.get("q", ""),
        asks=bool(data.get("ask")) or do == "ask",
        alike=[] if newcomer is None or data.get("sure") else _alike(newcomer),
        client=client,
        option=None if do == "what" else found.get("option"),
        minutes=wish.wished_minutes(),
        therapist=found.get("therapist"),
        room=found.get("room"),
        start=None if do == "when" else start,
    )


def known_as(draft: Draft, client: Client) -> Draft:
    """The same booking for somebody who has a record by now."""
    return replace(draft, client=client, newcomer=None)


def read_kept(request: HttpRequest, draft: Draft) -> Kept:
    """What the session remembers of this form; nothing of a form that is not its own."""
    found = request.session.get(KEY, {}).get(draft.nonce)
    return Kept(**found) if found else Kept()


def keep(request: HttpRequest, draft: Draft, kept: Kept) -> None:
    """Remember ``kept`` for this form; the oldest of many forms are forgotten."""
    others = {key: one for key, one in request.session.get(KEY, {}).items() if key != draft.nonce}
    latest = list(others.items())[-(KEPT_MOST - 1) :]
    request.session[KEY] = {**dict(latest), draft.nonce: asdict(kept)}


def kept_check(kept: Kept, draft: Draft, *, spa: SpaProfile, now: datetime) -> HealthCheck | None:
    """The check that was passed in this form, for this person and this treatment."""
    service = draft.service
    if service is None or not kept.check or not draft.who:
        return None
    if (kept.who, kept.service) != (draft.who, service.pk):
        return None
    check = HealthCheck.objects.filter(pk=kept.check).first()
    if check is None or check_is_fresh(check, service=service, spa=spa, now=now):
        return check
    affirmed = now - BOOKING_CHECK_LASTS < check.affirmed_at
    same_questions = check.questions_version == questions_version(rules_for(service))
    return check if affirmed and same_questions else None


def keep_check(request: HttpRequest, draft: Draft, check: HealthCheck) -> Kept:
    """Remember that ``check`` was passed; an earlier one that nothing came of is forgotten."""
    kept = read_kept(request, draft)
    if kept.check and kept.check != check.pk:
        forget_check(kept)
    assert draft.service is not None
    kept = replace(kept, who=draft.who, service=draft.service.pk, check=check.pk, refused=False)
    keep(request, draft, kept)
    return kept


def forget_check(kept: Kept) -> None:
    """Forget the check of a form, unless a visit has taken it up."""
    check = HealthCheck.objects.filter(pk=kept.check).first() if kept.check else None
    if check is not None:
        discard_health_check(check)


def from_visit(visit: Appointment) -> dict[str, str]:
    """What another booking for the client of ``visit`` begins with."""
    own_length = visit.minutes if visit.minutes != visit.option.minutes else ""
    return {
        "client": str(visit.client_id or ""),
        "usual": f"{visit.option_id} {visit.therapist_id} {own_length}",
    }


def start_in_utc(at: datetime) -> str:
    """An instant as the form sends it."""
    return at.astimezone(UTC).strftime(START_FORMAT)


def _pressed(data: QueryDict) -> tuple[dict[str, str], str]:
    """What is wished, the button that was pressed included; and the reason that it stands for.

    ``usual`` is an option, perhaps a therapist, and perhaps a length of its own; ``pick`` a start,
    perhaps a therapist, and perhaps a reason.
    """
    given = {name: data.get(name, "") for name in WISHED}
    for button, name in (("choose_client", "client"), ("choose_option", "option")):
        given[name] = data.get(button) or given[name]
    if data.get("choose_option"):
        given |= {"minutes": "", "end": ""}
    option, _space, rest = data.get("usual", "").partition(" ")
    therapist, _space, minutes = rest.partition(" ")
    if option:
        given |= {"option": option, "minutes": minutes, "end": ""}
        # A time that was clicked is with somebody already.
        given["therapist"] = given["therapist"] if given["start"] else therapist
    start, _space, rest = data.get("pick", "").partition(" ")
    therapist, _space, because = rest.partition(" ")
    if start:
        given |= {"start": start, "therapist": therapist, "date": "", "clock": ""}
    return given, because if because == WALK_IN else ""


def _key_of(text: str) -> str:
    return f"new {hashlib.sha256(text.casefold().encode()).hexdigest()[:32]}"


def _newcomer(data: QueryDict, spa: SpaProfile) -> NewcomerForm | None:
    if data.get("do") == "new":
        return NewcomerForm(initial=_named(data.get("q", "")), spa=spa)
    return NewcomerForm(data, spa=spa) if data.get("newcomer") else None


def _alike(newcomer: NewcomerForm) -> list[Client]:
    """Those whom we know by the same address or number: perhaps she is one of them."""
    if not newcomer.is_bound or not newcomer.is_valid():
        return []
    email, phone = newcomer.contact["email"], newcomer.contact["phone"]
    known = Q(pk__in=[])
    if email:
        known |= Q(email__iexact=email)
    if phone:
        known |= Q(phone=phone)
    return list(Client.objects.current().filter(known).order_by("name", "pk")[:ALIKE_MOST])


def _named(text: str) -> dict[str, str]:
    """Put what was searched for where it belongs: an address, a number or a name."""
    text = text.strip()
    if "@" in text:
        return {"email": text}
    digits = sum(sign.isdecimal() for sign in text)
    return {"phone": text} if digits > len(text) / 2 else {"name": text}


def _finish(data: QueryDict, because: str) -> FinishForm:
    shown = data.get("finish")
    sent: dict[str, Any] = {name: data.get(name, "") for name in FINISH}
    sent["because"] = because or sent["because"]
    # A box that was never shown is ticked.
    tell = data.get("tell") if shown else data.get("told", "on") != "off"
    form = FinishForm({**sent, **({"tell": "on"} if tell else {})})
    form.is_valid()
    return form
