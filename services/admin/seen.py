"""Two people in one form: whoever saves second is told what changed, before anything is lost."""

import hashlib
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils.text import capfirst
from django.utils.translation import gettext as _

SEEN = "seen"


class SeenForm(forms.ModelForm):
    """A form that remembers what it was opened with.

    Where the row has changed since, nothing is saved and everything typed stays. The form then
    remembers the row as it is now: what is sent next was sent with open eyes. To hold until it is
    written, it is checked under the lock of the row.
    """

    # Off where nothing is written.
    refuses_outdated = True

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        if field_name != SEEN:
            return super().get_initial_for_field(field, field_name)
        return " ".join(f"{name}:{mark}" for name, mark in self._marks().items())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        checked = self.refuses_outdated and self.instance.pk
        if checked and (changed := self._changed_since(cleaned.get(SEEN) or "")):
            data: Any = self.data
            self.data = data = data.copy()
            data[self.add_prefix(SEEN)] = self.get_initial_for_field(self.fields[SEEN], SEEN)
            self.add_error(None, forms.ValidationError(self._told(changed), code="clash"))
        return cleaned

    def _marks(self) -> dict[str, str]:
        """A short mark for the stored value of each field."""
        names = [name for name in self.fields if name != SEEN] if self.instance.pk else []
        return {name: _mark(self.initial.get(name)) for name in names}

    def _changed_since(self, seen: str) -> list[str]:
        before = dict(part.split(":", 1) for part in seen.split() if ":" in part)
        return [name for name, mark in self._marks().items() if before.get(name) != mark]

    def _told(self, changed: Iterable[str]) -> str:
        words = _(
            "Nothing was saved yet. Meanwhile something else was saved here%(who)s: %(what)s. Open"
            " this page once more beside this one and compare. If you save again, what stands here"
            " takes its place."
        )
        what = ", ".join(capfirst(str(self.fields[name].label or name)) for name in changed)
        return words % {"who": self._by(), "what": what}

    def _by(self) -> str:
        kind = ContentType.objects.get_for_model(self.instance)
        entries = LogEntry.objects.filter(content_type=kind, object_id=str(self.instance.pk))
        last = entries.select_related("user").order_by("-pk").first()
        name = last and (last.user.get_full_name() or last.user.get_username())
        return _(", last by %s") % name if name else ""


def _mark(value: Any) -> str:
    plain = [str(getattr(one, "pk", one)) for one in value] if isinstance(value, list) else value
    return hashlib.sha256(str(plain).encode()).hexdigest()[:12]
