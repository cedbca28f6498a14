"""Logging in."""

from typing import Any

from crispy_forms.helper import FormHelper
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _


class LoginForm(AuthenticationForm):
    """Name and password, with kind words where they do not match."""

    error_messages = {
        "invalid_login": _(
            "That name and password do not belong together. Please try again; "
            "capital letters in the password count."
        ),
        "inactive": _("This login is switched off. Please ask one of the owners."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Name")
        # The focus belongs to the error summary where there is one, else to the page's start.
        del self.fields["username"].widget.attrs["autofocus"]
        self.fields["username"].error_messages["required"] = _("Please enter your name.")
        self.fields["password"].error_messages["required"] = _("Please enter your password.")
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True
