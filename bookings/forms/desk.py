"""What the front desk changes on a visit."""

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.forms.visit import REASON_MOST, SeenForm

NOTE_MOST = 1000


class StepForm(SeenForm):
    """A step of the visit's day: arrived, completed, did not come, or the last step back."""

    step = forms.ChoiceField(
        choices=[(name, name) for name in ("arrived", "completed", "no_show", "undo")],
        widget=forms.HiddenInput,
    )


class DeskCancelForm(SeenForm):
    """Cancel for a client, with the reason for the history."""

    reason = forms.CharField(
        required=False,
        label=_("Why? (optional)"),
        max_length=REASON_MOST,
        help_text=_("Stays in the history. Nothing about health, please."),
        error_messages={"max_length": _("Please keep it under %(limit_value)d characters.")},
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": REASON_MOST}),
    )


class DecideForm(SeenForm):
    """Grant or decline a request."""

    decision = forms.ChoiceField(
        choices=[("grant", "grant"), ("decline", "decline")], widget=forms.HiddenInput
    )
    note = forms.CharField(
        required=False,
        label=_("Note for the therapist (optional)"),
        max_length=NOTE_MOST,
        help_text=_("Kept encrypted with the health check. You will not see it here again."),
        error_messages={"max_length": _("Please keep it under %(limit_value)d characters.")},
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": NOTE_MOST}),
    )


class MoveForm(SeenForm):
    """Move a visit to a time that was chosen from the free ones."""

    start = forms.CharField(max_length=17, widget=forms.HiddenInput)
    # Not stripped: only an empty key means anyone.
    therapist = forms.CharField(
        required=False, max_length=12, strip=False, widget=forms.HiddenInput
    )
