"""What a clinician signs: the whole list of contraindications, and what has changed since.

A list is a plain value that can be kept as JSON: the questions by their key, with all that was
read when they were signed off, and the treatments that ask for a note from everyone.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from services.models import Contraindication, Service, SignOff

List = dict[str, Any]

# All that a clinician judges; the place in the list is none of it.
FIELDS = (
    "name",
    "active",
    "group",
    "question",
    "detail",
    "severity",
    "care",
    "areas",
    "follow_up",
    "follow_up_severity",
    "follow_up_care",
    "why",
    "advice",
    "sources",
    "evidence",
)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: ``before`` and ``after`` are words; empty where there was or is nothing."""

    name: str
    what: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the list as it is has been signed off, and what speaks against it."""

    sign_off: SignOff | None
    changes: tuple[Change, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether somebody has signed exactly this list."""
        return self.sign_off is not None and not self.changes


def present_list() -> List:
    """Return the list as it stands; three queries."""
    asked = Service.objects.values_list("contraindications__slug", "name").order_by("name")
    treatments: dict[str, list[str]] = defaultdict(list)
    for slug, name in asked:
        treatments[slug].append(name)
    noted = Service.objects.filter(note_from_everyone=True).values_list("name", flat=True)
    return {
        "questions": {
            row.slug: {
                **{field: getattr(row, field) for field in FIELDS},
                "treatments": treatments[row.slug],
            }
            for row in Contraindication.objects.all()
        },
        "notes": sorted(noted),
    }


def version_of(signed: List) -> str:
    """Return a short name for exactly this list."""
    return hashlib.sha256(json.dumps(signed, sort_keys=True).encode()).hexdigest()[:16]


def standing() -> Standing:
    """Return how the present list stands; four queries, or one where nobody has signed yet."""
    latest = SignOff.objects.select_related("recorded_by").first()
    if latest is None:
        return Standing(None)
    return Standing(latest, tuple(differences(latest.signed, present_list())))


def differences(before: List, after: List) -> Iterator[Change]:
    """Yield what differs, question by question in the order of their names."""
    then, now = before["questions"], after["questions"]
    names = {key: (now.get(key) or then[key])["name"] for key in {*then, *now}}
    for key in sorted(names, key=lambda key: (names[key], key)):
        if key not in then:
            yield Change(names[key], _("New question"), after=now[key]["question"])
        elif key not in now:
            yield Change(names[key], _("Question deleted"), before=then[key]["question"])
        else:
            yield from _changes(names[key], then[key], now[key])
    if before["notes"] != after["notes"]:
        notes = (", ".join(one["notes"]) for one in (before, after))
        yield Change(_("A doctor’s note from everyone"), _("Treatments"), *notes)


def _changes(name: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for field in (*FIELDS, "treatments"):
        before, after = then.get(field), now[field]
        if before != after:
            yield Change(name, label(field), words(field, before), words(field, after))


def label(field: str) -> str:
    """Return what a field is called."""
    if field == "treatments":
        return _("Treatments")
    return capfirst(str(Contraindication._meta.get_field(field).verbose_name))  # type: ignore[union-attr]


def words(field: str, value: Any) -> str:
    """Write the value of a field as people read it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        names = dict(Contraindication.Area.choices) if field == "areas" else {}
        return ", ".join(str(names.get(one, one)) for one in value)
    found = dict(CHOICES.get(field, [])).get(value, value)
    return str(found or "").partition(":")[0] if field.endswith("severity") else str(found or "")


CHOICES: dict[str, list[tuple[str, Any]]] = {
    "group": Contraindication.Group.choices,
    "severity": Contraindication.Severity.choices,
    "follow_up_severity": Contraindication.Severity.choices,
    "care": Contraindication.Care.choices,
    "follow_up_care": Contraindication.Care.choices,
    "evidence": Contraindication.Evidence.choices,
}
