"""The spa's name and telephone for a page that has to do without the database.

Each process remembers them from its last request, and keeps them in a small file beside the data,
or in Valkey: a process that is started while the database is away knows them too.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from services.models import SpaProfile

KEY = "card"


@dataclass(frozen=True, slots=True)
class Card:
    """What somebody needs who cannot be served: whom to ring."""

    name: str = ""
    phone: str = ""
    phone_link: str = ""


_cards: list[Card] = []


def remember(spa: SpaProfile) -> None:
    """Keep the spa's card; costs nothing as long as it stays the same."""
    card = _card_of(spa)
    if _cards != [card]:
        _cards[:] = [card]
        _write(card)


def last_known() -> Card:
    """Return the card of the last request, or what an earlier process kept; asks no server."""
    return _cards[0] if _cards else _read()


def forget() -> None:
    """Let this process know no card, as one that has just been started."""
    _cards.clear()


def _card_of(spa: SpaProfile) -> Card:
    phone = spa.phone
    if not phone or isinstance(phone, str):
        return Card(name=spa.name, phone=str(phone or ""))
    return Card(name=spa.name, phone=phone.as_international, phone_link=phone.as_rfc3966)


def _path() -> Path:
    return settings.VAR_DIR / "card.json"


def _write(card: Card) -> None:
    # Renamed when it is whole: another process may be reading it.
    unfinished = _path().with_name(f"card-{uuid4().hex}.unfinished")
    try:
        unfinished.write_text(json.dumps(asdict(card)))
        unfinished.rename(_path())
    except OSError:
        # The disk is full, or a container's that cannot be written. This process knows it anyway.
        with suppress(RedisError, OSError):
            cache.set(KEY, asdict(card), timeout=None)


def _read() -> Card:
    with suppress(OSError, ValueError, TypeError):
        return Card(**json.loads(_path().read_text()))
    with suppress(RedisError, OSError, TypeError):
        return Card(**(cache.get(KEY) or {}))
    return Card()
