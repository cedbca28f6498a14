"""Records that may be of one person. Reads only."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from django.db.models import Count, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext as _

from bookings.models import Client, NotTheSame

# A number that more than these share is the one of a house, a school or the spa itself.
SHARED_BY_MOST = 6
LOOKED_AT = 60
SAME_WORD = 0.73


@dataclass(slots=True)
class Pair:
    """Two records with the same e-mail or phone; ``alike`` where their names are alike too."""

    one: Client
    other: Client
    alike: bool
    shared: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Same e-mail and phone; or Same phone, another name."""
        both = len(self.shared) > 1
        same = _("Same e-mail and phone") if both else self.shared[0]
        return same if self.alike else _("%(same)s, another name") % {"same": same}

    @property
    def _keys(self) -> tuple[int, int]:
        return (min(self.one.pk, self.other.pk), max(self.one.pk, self.other.pk))

    @property
    def _order(self) -> tuple[bool, int, str, int]:
        return (not self.alike, -len(self.shared), self.one.name, self.one.pk)


def possible_duplicates() -> list[Pair]:
    """Return records that may be of one person, the likeliest first; four queries.

    Looked at are the first sixty shared addresses and sixty shared numbers.
    """
    rows = Client.objects.current().order_by()
    mails = rows.exclude(email="").values(key=Upper("email"))
    phones = rows.exclude(phone="").values("phone")
    shared = {"count__gt": 1, "count__lte": SHARED_BY_MOST}
    same_mail = mails.annotate(count=Count("pk")).filter(**shared).values_list("key", flat=True)
    same_phone = phones.annotate(count=Count("pk")).filter(**shared).values_list("phone", flat=True)
    found = rows.annotate(key=Upper("email")).filter(
        Q(key__in=list(same_mail[:LOOKED_AT])) | Q(phone__in=list(same_phone[:LOOKED_AT]))
    )
    apart = set(NotTheSame.objects.values_list("one", "other"))
    pairs = [one for one in _pairs(found.order_by("pk")) if one._keys not in apart]
    return sorted(pairs, key=lambda pair: pair._order)


def duplicates_of(client: Client) -> list[Pair]:
    """Return the records that share the e-mail or the phone of ``client``; one query."""
    same = Q()
    if client.email:
        same |= Q(email__iexact=client.email)
    if client.phone:
        # The second condition is there for the index.
        same |= Q(phone=client.phone, search_text__endswith=str(client.phone))
    if not same:
        return []
    others = Client.objects.current().exclude(pk=client.pk).filter(same)
    for mine, hers in (("one", "other"), ("other", "one")):
        others = others.exclude(pk__in=NotTheSame.objects.filter(**{mine: client.pk}).values(hers))
    others = others[:SHARED_BY_MOST]
    pairs = [_pair(client, other) for other in others]
    return sorted(pairs, key=lambda pair: pair._order)


def names_are_alike(one: str, other: str) -> bool:
    """Whether two names may be of one person: "Cléo H." and "Cleo Hart", but not her sister.

    Each word of the shorter name is one of the longer one's, or its initial, but for a slip.
    """
    shorter, longer = sorted((_words(one), _words(other)), key=len)
    return all(any(_is_word(mine, hers) for hers in longer) for mine in shorter)


def _pairs(rows: Iterable[Client]) -> list[Pair]:
    sharing: defaultdict[str, list[Client]] = defaultdict(list)
    for row in rows:
        for contact in filter(None, (row.email.casefold(), str(row.phone or ""))):
            sharing[contact].append(row)
    pairs: dict[tuple[int, int], Pair] = {}
    for group in sharing.values():
        if len(group) <= SHARED_BY_MOST:
            pairs |= {(pair.one.pk, pair.other.pk): pair for pair in _chain(group)}
    return list(pairs.values())


def _chain(group: list[Client]) -> list[Pair]:
    """Each record with an earlier one that has a like name, or else with the first."""
    chain = []
    for place, other in enumerate(group[1:], start=1):
        like = (one for one in group[:place] if names_are_alike(one.name, other.name))
        chain.append(_pair(next(like, group[0]), other))
    return chain


def _pair(one: Client, other: Client) -> Pair:
    pair = Pair(one, other, names_are_alike(one.name, other.name))
    if one.email and one.email.casefold() == other.email.casefold():
        pair.shared.append(_("Same e-mail"))
    if one.phone and one.phone == other.phone:
        pair.shared.append(_("Same phone"))
    return pair


def _words(name: str) -> list[str]:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(one if one.isalnum() else " " for one in letters if _is_letter(one)).split()


def _is_letter(sign: str) -> bool:
    return not unicodedata.combining(sign)


def _is_word(mine: str, hers: str) -> bool:
    if len(mine) == 1 or len(hers) == 1:
        return mine[0] == hers[0]
    return SequenceMatcher(None, mine, hers, autojunk=False).ratio() >= SAME_WORD
