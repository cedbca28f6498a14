"""Finding clients and knowing them. Reads only."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from functools import reduce
from itertools import groupby
from operator import add, and_, itemgetter, or_
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import (
    Case,
    F,
    FloatField,
    Func,
    Max,
    Min,
    OuterRef,
    Q,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone
from phonenumbers import country_code_for_region

from bookings.models import Appointment, Client
from bookings.models.appointments import UPCOMING
from bookings.models.people import ClientQuerySet

Status = Appointment.Status

# Longer texts are no names: what is pasted by mistake must not keep the database busy.
TEXT_MOST, WORDS_MOST = 100, 6
# The index knows groups of three signs.
SHORTEST = 3
WHOLE_NUMBER = 7
# A name of four letters with a wrong one in its middle shares two of eight groups of three.
SLIP_LIKENESS = 0.25
SET_LIKENESS = "SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)"
SLIPS_LOOKED_AT = 60
SWAPS_MOST = 8
# By difflib's measure, one wrong letter in four leaves three quarters.
SAME_WORD = 0.73
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
NUMBER = re.compile(r"[+()./-]*\d[+\d()./-]*")

LATELY = timedelta(days=14)
CAME_OR_COMES = (Status.REQUESTED, Status.CONFIRMED, Status.ARRIVED, Status.COMPLETED)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a search."""

    text: str

    @property
    def anywhere(self) -> Q:
        """Rows that have it somewhere; one or two letters count at the start of a word only."""
        if len(self.text) < SHORTEST:
            return self.well
        return Q(search_text__contains=_plain(self.text))

    @property
    def well(self) -> Q:
        """Rows that have it at the start of a word."""
        starts = Q(search_text__startswith=_plain(self.text))
        return starts | Q(search_text__contains=_plain(f" {self.text}"))

    @property
    def nearly(self) -> Q:
        """Rows that have something like it."""
        likely = [Word(swapped).well for swapped in _swaps(self.text)]
        return reduce(or_, likely, Q(search_text__trigram_word_similar=_plain(self.text)))


@dataclass(frozen=True, slots=True)
class Digits:
    """A telephone number, or a part of one, in the spellings in which it may be kept."""

    text: str

    @property
    def spellings(self) -> list[str]:
        """As typed, and with the country's code in the place of the zeros before it."""
        significant = self.text.lstrip("0")
        if len(significant) >= WHOLE_NUMBER:
            return [significant]
        if self.text.startswith("00") and significant:
            return [self.text, f"+{significant}"]
        if self.text.startswith("0") and significant:
            home = country_code_for_region(settings.PHONENUMBER_DEFAULT_REGION)
            return [self.text, f"+{home}{significant}"]
        return [self.text]

    @property
    def anywhere(self) -> Q:
        """Rows that have the digits somewhere."""
        return reduce(or_, [Q(search_text__contains=one) for one in self.spellings])

    @property
    def well(self) -> Q:
        """Rows that end with them: so people tell numbers apart."""
        return reduce(or_, [Q(search_text__endswith=one) for one in self.spellings])

    @property
    def nearly(self) -> Q:
        """The same as anywhere: another number is another person's."""
        return self.anywhere


Part = Word | Digits


def find_clients(text: str, *, limit: int = 8) -> list[Client]:
    """Return those whom ``text`` means, the likeliest first, each with ``last_visit_at``.

    ``text`` is a name, an address or a number, or parts of them in any order; accents do not
    matter, and where too few are found otherwise, neither do slips of the hand. A name that
    begins with the text leads, then words that begin with it, then the rest; among equals whoever
    came last. A merged record is found by its old name, mail and number and leads to the one that
    is kept. One query, or four where slips are forgiven.
    """
    parts = _parts(text)
    if not parts:
        return []
    # One person may be found by several records: twice as many rows are enough in practice.
    found = _kept(_exactly(parts).select_related("merged_into")[: 2 * limit])
    if len(found) < limit:
        for pk, client in _kept(_with_slips(parts)).items():
            found.setdefault(pk, client)
    return list(found.values())[:limit]


def plain_words(text: str) -> str:
    """Return ``text`` as it was typed, on one line and no longer than a search may be."""
    return " ".join(UNSEEN.sub(" ", text[:TEXT_MOST]).split())


def clients_with(text: str) -> ClientQuerySet:
    """Return the records that have every part of ``text`` somewhere, and none for no text."""
    parts = _parts(text)
    if not parts:
        return Client.objects.none()
    return Client.objects.filter(reduce(and_, [part.anywhere for part in parts]))


def with_last_visit(rows: ClientQuerySet) -> ClientQuerySet:
    """Add ``last_visit_at``: the start of the next visit that is not over, else of the latest.

    Whoever rings about her visit means the next one. Visits that were called off do not count.
    """
    visits = Appointment.objects.filter(
        client=Coalesce(OuterRef("merged_into"), OuterRef("pk")), status__in=CAME_OR_COMES
    ).order_by()
    coming = visits.filter(status__in=UPCOMING, ends_at__gt=timezone.now())
    soonest = coming.values("client").annotate(at=Min("starts_at")).values("at")
    latest = visits.values("client").annotate(at=Max("starts_at")).values("at")
    return rows.annotate(last_visit_at=Coalesce(Subquery(soonest), Subquery(latest)))


def last_visits(client: Client, limit: int = 3) -> list[Appointment]:
    """Return the latest treatments that ``client`` had or will have, each kind once; one query.

    A kind is a treatment with its length and its therapist.
    """
    rows = Appointment.objects.filter(client=client, status__in=CAME_OR_COMES)
    kind = ("service_id", "option_id", "therapist_id")
    kinds = rows.order_by(*kind, "-starts_at").distinct(*kind)
    latest = Appointment.objects.filter(pk__in=kinds.values("pk"))
    shown = latest.select_related("service", "option", "therapist", "room")
    return list(shown.order_by("-starts_at", "-pk")[:limit])


def coming_visits(client: Client, *, now: datetime, limit: int = 3) -> list[Appointment]:
    """Return the next visits of ``client`` that are not over, the first leading; one query."""
    rows = Appointment.objects.filter(client=client, status__in=UPCOMING, ends_at__gt=now)
    return list(rows.select_related("therapist").order_by("starts_at", "pk")[:limit])


def recent_clients(*, now: datetime, limit: int = 8) -> list[Client]:
    """Return who was here lately, the last one leading, as ``find_clients`` does; two queries."""
    visits = Appointment.objects.filter(
        status__in=CAME_OR_COMES, starts_at__lte=now, starts_at__gt=now - LATELY
    )
    latest = visits.order_by("-starts_at").values_list("client", flat=True)[: 4 * limit]
    keys = list(dict.fromkeys(latest))[:limit]
    found = with_last_visit(Client.objects.known()).in_bulk(keys)
    return [found[pk] for pk in keys if pk in found]


def _parts(text: str) -> list[Part]:
    """The words of ``text``; digits that stand side by side are one number."""
    plain = UNSEEN.sub(" ", unicodedata.normalize("NFKC", text[:TEXT_MOST]))
    words = plain.replace("(0)", " ").replace(",", " ").casefold().split()
    parts: list[Part] = []
    for is_number, group in groupby(words, lambda word: bool(NUMBER.fullmatch(word))):
        if is_number:
            digits = re.sub(r"\D", "", "".join(group))
            parts.append(Digits(digits) if len(digits) >= SHORTEST else Word(digits))
        else:
            parts += [Word(word) for word in group if any(map(str.isalnum, word))]
    return parts[:WORDS_MOST]


def _exactly(parts: list[Part]) -> ClientQuerySet:
    whole = " ".join(part.text for part in parts)
    rank = Case(
        When(search_text__startswith=_plain(whole), then=Value(0)),
        When(reduce(and_, [part.well for part in parts]), then=Value(1)),
        default=Value(2),
    )
    rows = Client.objects.known().filter(reduce(and_, [part.anywhere for part in parts]))
    latest_first = F("last_visit_at").desc(nulls_last=True)
    return with_last_visit(rows).order_by(rank, latest_first, "name", "pk")


def _with_slips(parts: list[Part]) -> list[Client]:
    every = reduce(and_, [one.nearly for one in parts])
    near: Any = with_last_visit(Client.objects.known().filter(every))
    likenesses = [_word_similarity(part.text) for part in parts]
    near = near.annotate(
        likeness=reduce(add, likenesses), typed=_plain(" ".join(part.text for part in parts))
    ).order_by("-likeness", "name", "pk")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(SET_LIKENESS, [str(SLIP_LIKENESS)])
        rows = list(near.select_related("merged_into")[:SLIPS_LOOKED_AT])
    scores = [(_likeness(_words(one.typed), _words(one.search_text)), one) for one in rows]
    meant = [(score, one) for score, one in scores if score >= SAME_WORD]
    return [one for _score, one in sorted(meant, key=itemgetter(0), reverse=True)]


def _words(plain: str) -> list[str]:
    # The parts of an address by themselves: its second half is the same for very many.
    return plain.replace("@", " ").split()


def _likeness(typed: Iterable[str], words: list[str]) -> float:
    """How well the worst of the typed words is matched by one of ``words``, from 0 to 1."""
    return min(max(_alike(one, word) for word in words) for one in typed)


def _alike(typed: str, word: str) -> float:
    if typed in word:
        return 1
    # She may still be typing: the beginning of a word counts, if a little less.
    begun = SequenceMatcher(None, typed, word[: len(typed)], autojunk=False).ratio()
    whole = SequenceMatcher(None, typed, word, autojunk=False).ratio()
    return max(whole, begun - 0.01)


def _swaps(word: str) -> list[str]:
    """``word`` with two neighbours swapped: the slip after which a short word shares least."""
    if len(word) > SWAPS_MOST:
        return []
    return [word[:n] + word[n + 1] + word[n] + word[n + 2 :] for n in range(len(word) - 1)]


def _kept(rows: Iterable[Client]) -> dict[int, Client]:
    """The rows by key, in their order, each merged one replaced by the one that is kept."""
    kept: dict[int, Client] = {}
    for row in rows:
        client = row.merged_into or row
        client.last_visit_at = row.last_visit_at  # type: ignore[attr-defined]
        kept.setdefault(client.pk, client)
    return kept


def _word_similarity(text: str) -> Func:
    return Func(
        _plain(text), F("search_text"), function="word_similarity", output_field=FloatField()
    )


def _plain(text: str) -> Func:
    """``text`` as the searched column has it: in lower case and without accents."""
    return Func(Value(text), function="diary_plain", output_field=TextField())
