"""Words in braces that owners may write into a message: ``{name}``, ``{when}`` and the like.

A text is filled in one pass from a fixed table: what stands in a value is never filled again, and
nothing of Python or of Django's templates can be reached from a text.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# In the order in which people look for them.
DESCRIPTIONS = {
    "name": gettext_lazy("the name of the person it is for"),
    "when": gettext_lazy("day and time of the visit"),
    "day": gettext_lazy("its day"),
    "time": gettext_lazy("the time at which it starts"),
    "therapist": gettext_lazy("the therapist’s name"),
    "what": gettext_lazy("the visit, as others may read it"),
    "treatment": gettext_lazy("the name of the treatment"),
    "minutes": gettext_lazy("how many minutes it takes"),
    "price": gettext_lazy("what it costs"),
    "until": gettext_lazy("until when it can be changed online"),
    "reference": gettext_lazy("the reference of the visit"),
    "place": gettext_lazy("the spa’s address"),
    "spa": gettext_lazy("the spa’s name"),
    "phone": gettext_lazy("the spa’s telephone number"),
    "email": gettext_lazy("the spa’s e-mail address"),
}
# What people write instead, where the letters alone do not lead there.
MEANT = {
    "address": "place",
    "where": "place",
    "client": "name",
    "first_name": "name",
    "date": "day",
    "hour": "time",
    "start": "time",
    "with": "therapist",
    "service": "treatment",
    "visit": "what",
    "duration": "minutes",
    "length": "minutes",
    "cost": "price",
    "ref": "reference",
    "number": "reference",
    "telephone": "phone",
    "mail": "email",
}

_WORD = re.compile(r"\{([^{}\n]*)\}")
# Whole words first, however many braces they have; then braces that stand alone.
_BRACES = re.compile(r"\{+[^{}\n]*\}+|\{+\s*[%#\w]*|\}+")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put ``values`` in the place of their words; a word that has none stays as it is."""
    return _WORD.sub(lambda found: values.get(found[1], found[0]), text)


def names_in(text: str) -> set[str]:
    """The placeholders that ``text`` uses, known or not."""
    return set(_WORD.findall(text))


def mistakes_in(text: str, known: Collection[str]) -> Iterator[str]:
    """Say what is wrong with each brace of ``text``, and what was probably meant."""
    for found in dict.fromkeys(_BRACES.findall(text)):
        word = found.strip("{}%#! \t")
        if found in {f"{{{name}}}" for name in known}:
            continue
        if "{" not in found:
            yield _("A “}” has no “{” before it.")
        elif "}" not in found:
            yield _("“%(found)s” has no “}” behind it.") % {"found": found} + _hint(word, known)
        elif found.count("{") > 1 or found.count("}") > 1:
            said = _("“%(found)s”: one brace on each side is enough.") % {"found": found}
            yield said + _hint(word, known)
        else:
            yield _("There is no “%(found)s”.") % {"found": found} + _hint(word, known)


def _hint(word: str, known: Collection[str]) -> str:
    nearest = _nearest(word, known)
    if nearest:
        return " " + _("Did you mean {%(name)s}?") % {"name": nearest}
    return " " + _("You can use %(names)s.") % {"names": _listed(known)}


def _nearest(word: str, known: Collection[str]) -> str | None:
    # "client.name" and "visit_name" mean the last of their parts, if anything.
    whole = word.casefold().replace(" ", "_").replace("-", "_")
    for one in (whole, *reversed(re.findall(r"[^\W_]+", whole))):
        if one in known:
            return one
        if MEANT.get(one) in known:
            return MEANT[one]
    near = get_close_matches(whole, list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)
