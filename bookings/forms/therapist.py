"""What a therapist does with her own visits."""

from datetime import datetime

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from bookings.actions import NOTE_MOST
from bookings.forms.visit import SeenForm

STEPS = ("arrived", "started", "completed", "undo")


class OwnStepForm(SeenForm):
    """A step of one of her visits: arrived, started, completed, or the last step back."""

    step = forms.ChoiceField(choices=[(name, name) for name in STEPS], widget=forms.HiddenInput)


class ReadyForm(SeenForm):
    """Ready for the next client, or not yet; with the visit that she ends with it, if any."""

    wish = forms.ChoiceField(
        choices=[(name, name) for name in ("ready", "not_yet")], widget=forms.HiddenInput
    )
    finished = forms.CharField(required=False, max_length=12, widget=forms.HiddenInput)


class NoteForm(forms.Form):
    """The treatment note, and the note that was shown: by the time of its last change."""

    use_required_attribute = False

    # No "maxlength": a browser would cut what is pasted and say nothing.
    text = forms.CharField(
        required=False,
        label=_("Treatment note"),
        strip=False,
        help_text=_("Kept encrypted. Only you and the owners can read it."),
        widget=forms.Textarea(attrs={"rows": 7, "dir": "auto", "autocapitalize": "sentences"}),
    )
    seen = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def clean_text(self) -> str:
        """Return the note with line ends of one kind, and as it was typed otherwise."""
        text: str = self.cleaned_data["text"].replace("\r\n", "\n").rstrip()
        if len(text) > NOTE_MOST:
            words = ngettext_lazy(
                "This is %(over)d character too long: %(most)d fit. Please shorten it.",
                "This is %(over)d characters too long: %(most)d fit. Please shorten it.",
                "over",
            )
            raise forms.ValidationError(
                words, code="max_length", params={"over": len(text) - NOTE_MOST, "most": NOTE_MOST}
            )
        return text

    def clean_seen(self) -> datetime | None:
        """Return when the note that was shown was last changed; ``None`` where there was none."""
        try:
            return parse_datetime(self.cleaned_data["seen"])
        except ValueError:
            return None
