"""What a client changes on her visit."""

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.forms.details import NameField

REASON_MOST = 300


class SeenForm(forms.Form):
    """Any change: it carries the sequence of the visit that was shown."""

    use_required_attribute = False

    # An absent or foolish number is never the latest one.
    sequence = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True

    @property
    def seen(self) -> int:
        """The sequence that was shown, or -1."""
        sequence = self.cleaned_data.get("sequence")
        return -1 if sequence is None else sequence


class CancelForm(SeenForm):
    """Cancel, with a reason if she likes."""

    reason = NameField(
        required=False,
        label=_("Would you like to tell us why? (optional)"),
        max_length=REASON_MOST,
        help_text=_("Nothing about your health, please."),
        error_messages={"max_length": _("Please keep it under %(limit_value)d characters.")},
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": REASON_MOST}),
    )
