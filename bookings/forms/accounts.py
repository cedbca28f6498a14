"""Signing in: allauth's forms in our words."""

from typing import Any

from allauth.account import forms as account
from crispy_forms.helper import FormHelper
from django import forms
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from bookings.forms.address import plain_address


class Plain:
    """A label above each field and nothing inside it; ``words`` names labels and hints."""

    fields: dict[str, forms.Field]
    words: dict[str, tuple[Any, Any]] = {}
    missing: dict[str, Any] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            # The focus belongs to the error summary where there is one, else to the page's start.
            field.widget.attrs.pop("autofocus", None)
            label, hint = self.words.get(name, (field.label, ""))
            field.label, field.help_text = label, hint
            if isinstance(field, forms.EmailField):
                # It says the same of what is no address at all.
                field.validators = [one for one in field.validators if one != validate_email]
                field.validators.append(plain_address)
            if name in self.missing:
                field.error_messages["required"] = self.missing[name]
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True


CODE_HINT = _("Capital letters and dashes do not matter.")
ENTER_CODE = _("Please enter the code.")
ENTER_PASSWORD = _("Please enter your password.")
ENTER_EMAIL = _("Please enter your e-mail address.")
NEW_PASSWORD = (
    _("New password"),
    _("Eight characters or more. Three or four plain words are easy to keep and hard to guess."),
)
NEW_PASSWORD_AGAIN = (_("The new password again"), "")


class LoginForm(Plain, account.LoginForm):
    """Address or name, and password."""

    words = {"login": (_("E-mail or user name"), ""), "password": (_("Password"), "")}
    missing = {
        "login": _("Please enter your e-mail address or your user name."),
        "password": ENTER_PASSWORD,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs |= {
            "autocomplete": "username",
            "autocapitalize": "none",
            "spellcheck": "false",
        }


class RequestCodeForm(Plain, account.RequestLoginCodeForm):
    """Where to send a code."""

    words = {"email": (_("E-mail"), "")}
    missing = {"email": ENTER_EMAIL}


class MailedCodeForm(Plain, account.ConfirmLoginCodeForm):
    """The code that came by mail."""

    words = {"code": (_("Code from the mail"), CODE_HINT)}
    missing = {"code": ENTER_CODE}


class ResetPasswordForm(Plain, account.ResetPasswordForm):
    """Where to send the link for a new password."""

    words = {"email": (_("E-mail"), "")}
    missing = {"email": ENTER_EMAIL}


class NewPasswordForm(Plain, account.ResetPasswordKeyForm):
    """A new password in place of a forgotten one."""

    words = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD_AGAIN}
    missing = {"password1": ENTER_PASSWORD, "password2": ENTER_PASSWORD}


class ChangePasswordForm(Plain, account.ChangePasswordForm):
    """A new password in place of the present one."""

    words = {
        "oldpassword": (_("Present password"), ""),
        "password1": NEW_PASSWORD,
        "password2": NEW_PASSWORD_AGAIN,
    }
    missing = {
        "oldpassword": ENTER_PASSWORD,
        "password1": ENTER_PASSWORD,
        "password2": ENTER_PASSWORD,
    }


class FirstPasswordForm(Plain, account.SetPasswordForm):
    """A password for a login that has none."""

    words = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD_AGAIN}
    missing = {"password1": ENTER_PASSWORD, "password2": ENTER_PASSWORD}


class ChangeEmailForm(Plain, account.AddEmailForm):
    """Another address to sign in with."""

    words = {"email": (_("New e-mail address"), "")}
    missing = {"email": ENTER_EMAIL}


class ConfirmPasswordForm(Plain, account.ReauthenticateForm):
    """The password once more, before something that matters."""

    words = {"password": (_("Password"), "")}
    missing = {"password": ENTER_PASSWORD}


class WelcomeForm(FirstPasswordForm):
    """The password of somebody who comes for the first time."""

    words = {
        "password1": (_("Password"), NEW_PASSWORD[1]),
        "password2": (_("The password again"), ""),
    }
