"""The record of a client, as the desk enters and changes it."""

from copy import copy
from dataclasses import asdict, fields
from typing import Any

from django import forms
from django.core import signing
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from phonenumber_field.phonenumber import to_python

from bookings.actions import ClientEntry, entry_of
from bookings.duplicates import Pair, duplicates_of
from bookings.forms.contact import ContactForm
from bookings.forms.details import NoteField
from bookings.models import Client, Therapist
from bookings.models.people import TherapistQuerySet
from services.models import SpaProfile

NOTE_MOST = 2000
SEEN = "bookings.client-seen"


class ClientForm(ContactForm):
    """Contact, preferred therapist and note; it carries what the record said when it was shown.

    ``client`` is the record to change, or none for a new one. Who may be in the records already
    is named in ``known`` and asked about once: ``anyway`` settles it.
    """

    preferred_therapist = forms.ModelChoiceField(
        queryset=Therapist.objects.none(),
        required=False,
        label=_("Preferred therapist"),
        empty_label=_("no preference"),
        error_messages={"invalid_choice": _("Please choose a therapist from the list.")},
    )
    note = NoteField(
        required=False,
        label=_("Note of the desk"),
        max_length=NOTE_MOST,
        help_text=_("Nothing about health, please: the health check is for that."),
        error_messages={"max_length": _("Please keep the note under %(limit_value)d characters.")},
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": NOTE_MOST}),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, spa: SpaProfile, client: Client | None = None, **kwargs: Any
    ) -> None:
        if client is not None:
            kwargs["initial"] = {**_shown(entry_of(client)), **kwargs.get("initial", {})}
        super().__init__(*args, spa=spa, **kwargs)
        self.client = client
        self.known: list[Pair] = []
        # The address alone is sent, and never as a part of an address in the log.
        self.fields["email"].widget.attrs |= {
            "hx-post": reverse("bookings:desk_client_address"),
            "hx-params": "email,csrfmiddlewaretoken",
            "hx-trigger": "change",
            "hx-target": "#meant",
            "hx-swap": "innerHTML",
        }
        self.fields["preferred_therapist"].queryset = _choices(client)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.client is None and not self.errors and not self._sent("anyway"):
            self.known = duplicates_of(Client(name=self.entry.name, **self._contact()))
        if self.known:
            self.add_error(None, _("Somebody with this contact is in the records already."))
        return cleaned

    @property
    def entry(self) -> ClientEntry:
        """What was typed, parsed; meant for a valid form."""
        therapist = self.cleaned_data["preferred_therapist"]
        return ClientEntry(
            name=self.cleaned_data["name"],
            preferred_therapist_id=therapist.pk if therapist else None,
            note=self.cleaned_data["note"],
            **self._contact(),
        )

    @property
    def seen_entry(self) -> ClientEntry | None:
        """What the record said when the form was shown; none where that cannot be told."""
        try:
            return ClientEntry(**signing.loads(self.cleaned_data["seen"], salt=SEEN))
        except (signing.BadSignature, TypeError):
            return None

    def look_again(self, latest: Client) -> None:
        """Show what the record says by now, except where something else was typed here."""
        seen, now, typed = self.seen_entry, entry_of(latest), self.entry
        data: Any = copy(self.data)
        data["seen"] = signing.dumps(asdict(now), salt=SEEN)
        shown = asdict(now)
        for one in fields(ClientEntry):
            name = one.name.removesuffix("_id")
            if seen is not None and getattr(typed, one.name) == getattr(seen, one.name):
                data[name] = shown[one.name] or ""
        self.data = data

    def _contact(self) -> dict[str, str]:
        phone = self.cleaned_data["phone"]
        return {"email": self.cleaned_data["email"], "phone": phone.as_e164 if phone else ""}


def _shown(entry: ClientEntry) -> dict[str, Any]:
    """The values of the form's fields, and what was seen, signed."""
    values = asdict(entry)
    therapist = values.pop("preferred_therapist_id")
    seen = signing.dumps(asdict(entry), salt=SEEN)
    # A number is shown as people of its region write it; one that is none, as it stands.
    phone = to_python(entry.phone) or entry.phone
    return {**values, "phone": phone, "preferred_therapist": therapist, "seen": seen}


def _choices(client: Client | None) -> TherapistQuerySet:
    """Those who take appointments, and whoever was chosen before."""
    chosen = client.preferred_therapist_id if client else None
    return Therapist.objects.filter(Q(active=True) | Q(pk=chosen))


class EraseForm(forms.Form):
    """Erasing asks for the client's ``name``: nobody types that by a slip."""

    use_required_attribute = False

    typed = forms.CharField(
        label=_("To erase, type the name of the client"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": _("Please type the name."),
            "max_length": _("That is not the name on the record. Nothing was erased."),
        },
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def clean_typed(self) -> str:
        """What was typed; spaces and capitals do not matter."""
        typed: str = self.cleaned_data["typed"]
        if _plain(typed) != _plain(self.name):
            raise forms.ValidationError(
                _("That is not the name on the record. Nothing was erased.")
            )
        return typed


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
