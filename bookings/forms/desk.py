"""What the front desk changes on a visit."""

from hashlib import sha256
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from bookings.forms.details import NameField, NoteField
from bookings.forms.visit import REASON_MOST, SeenForm
from bookings.models import Appointment

NOTE_MOST = 1000
STEPS = ("arrived", "started", "completed", "no_show", "back", "undo")


TOO_LONG = {"max_length": _("Please keep it under %(limit_value)d characters.")}


def reason_field(label: Any, help_text: Any) -> forms.CharField:
    """A reason for the history, on one line."""
    return NameField(
        required=False,
        label=label,
        max_length=REASON_MOST,
        help_text=help_text,
        error_messages=TOO_LONG,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": REASON_MOST}),
    )


class StepForm(SeenForm):
    """A step of the visit's day: arrived, started, completed or did not come.

    ``back`` takes the last step back, ``undo`` all of them: the client is expected again.
    """

    step = forms.ChoiceField(choices=[(name, name) for name in STEPS], widget=forms.HiddenInput)


class TellForm(SeenForm):
    """A change that the client may be told of by mail; without an address nobody asks."""

    tell = forms.BooleanField(
        required=False,
        initial=True,
        label=_("Tell the client by mail"),
    )

    def __init__(self, *args: Any, address: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not address:
            del self.fields["tell"]
            return
        # A hint is shown as markup, and an address may have angle brackets in quotation marks.
        self.fields["tell"].help_text = format_html(
            str(_("To {address}, a minute from now: an undo before then sends nothing.")),
            address=address,
        )

    @property
    def tells(self) -> bool:
        """Whether a mail is wanted."""
        return bool(self.cleaned_data.get("tell"))


class DeskCancelForm(TellForm):
    """Cancel for a client, with the reason for the history."""

    reason = reason_field(
        _("Why? (optional)"), _("Stays in the history. Nothing about health, please.")
    )
    field_order = ["reason", "tell"]


class DecideForm(SeenForm):
    """Grant or decline a request."""

    decision = forms.ChoiceField(
        choices=[("grant", "grant"), ("decline", "decline")], widget=forms.HiddenInput
    )
    note = NoteField(
        required=False,
        label=_("Note for the therapist (optional)"),
        max_length=NOTE_MOST,
        help_text=_("Kept encrypted with the health check. You will not see it here again."),
        error_messages=TOO_LONG,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": NOTE_MOST}),
    )


class MoveForm(TellForm):
    """Move a visit to a time that was chosen from the free ones."""

    start = forms.CharField(max_length=17, widget=forms.HiddenInput)
    # Not stripped: only an empty key means anyone.
    therapist = forms.CharField(
        required=False, max_length=12, strip=False, widget=forms.HiddenInput
    )


class NoteForm(forms.Form):
    """What the desk wants to remember about a visit; it carries the mark of the note shown."""

    use_required_attribute = False

    was = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    note = NoteField(
        required=False,
        label=_("Note of the desk"),
        max_length=NOTE_MOST,
        help_text=_("For everybody who works here. Nothing about health, please."),
        error_messages=TOO_LONG,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": NOTE_MOST}),
    )

    def __init__(self, data: Any = None, *, of: Appointment) -> None:
        super().__init__(data, initial={"was": _mark(of.staff_note), "note": of.staff_note})
        self.of = of

    def clean(self) -> dict[str, Any]:
        """Refuse to overwrite a note that was not the one shown; sent again, it may."""
        cleaned = super().clean() or {}
        present = _mark(self.of.staff_note)
        if cleaned.get("was") != present:
            self.data = {**dict(self.data.items()), "was": present}
            self.add_error("note", _("Somebody has changed the note above. Keep yours instead?"))
        return cleaned


def _mark(note: str) -> str:
    return sha256(note.encode()).hexdigest()
