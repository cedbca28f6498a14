"""Earlier states of the spa's settings and texts: who changed what, and when.

``record`` is called by whoever has saved the profile; nothing is kept behind its back.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import reversion
from django.contrib.auth.models import AnonymousUser, User
from django.core import serializers
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from reversion.models import Version

from services.models import RichTextField, SpaProfile
from services.word_diff import plain_text

# It follows the words of the consent by itself.
LEFT_OUT = {"health_consent_version"}
SHOWN_MOST = 60

reversion.register(SpaProfile)


@dataclass(frozen=True, slots=True)
class Line:
    """One line that went ("removed") or came ("added")."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What happened to one setting or text."""

    label: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the history, with what it changed."""

    version: Version
    changes: list[FieldChange]

    @property
    def by(self) -> str:
        """Who saved it."""
        user = self.version.revision.user
        return (user.get_full_name() or user.get_username()) if user else ""


def record(profile: SpaProfile, *, by: User | AnonymousUser | None = None) -> None:
    """Keep the settings as they are now."""
    with reversion.create_revision(manage_manually=True):
        reversion.set_user(by if by and by.is_authenticated else None)
        reversion.add_to_revision(profile)


def record_change(profile: SpaProfile, *, by: User | AnonymousUser) -> None:
    """Keep the settings as they are now where they differ from the latest that were kept."""
    latest = Version.objects.get_for_object(profile).order_by("-pk").first()
    now: dict[str, Any] = json.loads(serializers.serialize("json", [profile]))[0]["fields"]
    if latest is None or any(differences(_state(latest), now)):
        record(profile, by=by)


def record_as_found() -> None:
    """Keep the settings as the database has them, where their history has not begun yet."""
    profile = SpaProfile.objects.first()
    if profile is not None and not Version.objects.get_for_object(profile).exists():
        record(profile)


def history(profile: SpaProfile) -> list[Step]:
    """Return what each save changed, the latest first; one query."""
    versions = list(
        Version.objects.get_for_object(profile)
        .select_related("revision__user")
        .order_by("-pk")[: SHOWN_MOST + 1]
    )
    states = [_state(version) for version in versions]
    return [
        Step(version, list(differences(before, after)))
        for version, after, before in zip(versions, states, states[1:], strict=False)
    ]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    """Yield what differs between two states, in the order of the fields."""
    for field in SpaProfile._meta.concrete_fields:
        name = field.name
        # A setting that is newer than the state has no value in it.
        if name in LEFT_OUT or name not in before or name not in after:
            continue
        if before[name] == after[name]:
            continue
        lines = list(_lines(_said(field, before[name]), _said(field, after[name])))
        # Of plain text no more than the ends of lines has changed then: browsers send their own.
        if not lines and isinstance(field, RichTextField):
            lines = [Line("added", _("Only the form of the text or a link"))]
        if lines:
            yield FieldChange(capfirst(str(field.verbose_name)), lines)


def _state(version: Version) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(version.serialized_data)[0]["fields"]
    return fields


def _said(field: models.Field, value: Any) -> str:
    if isinstance(field, RichTextField):
        return plain_text(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field.name == "reminder_lead_hours":
        return ", ".join(str(hour) for hour in json.loads(value))
    return str(dict(field.flatchoices).get(value, value))


def _lines(before: str, after: str) -> Iterator[Line]:
    old, new = (
        [line.strip() for line in text.splitlines() if line.strip()] for text in (before, after)
    )
    for what, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what != "equal":
            yield from (Line("removed", text) for text in old[i:j])
            yield from (Line("added", text) for text in new[k:m])
