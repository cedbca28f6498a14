"""Second factors: allauth's forms in our words."""

import struct
from typing import Any

from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from bookings.forms.accounts import ENTER_CODE, Plain

# How long a code fits: its own half minute and one before and behind it.
CODE_LASTS = 3 * app_settings.TOTP_PERIOD


WRONG_PASSKEY = _("That passkey does not open this login. Please use another way.")
NO_PASSKEY = _("No passkey was made. Please try again.")
# What reading a forged passkey can end in, apart from a refusal.
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError, struct.error)


class Once:
    """A code fits once: allauth forgets a used one after half a minute, when it may still fit."""

    user: Any

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        digits = "".join(filter(str.isalnum, code))
        if not cache.add(f"second-factor-used:{self.user.pk}:{digits}", 1, CODE_LASTS):
            raise get_adapter().validation_error("incorrect_code")
        return code


class CodeForm(Plain, Once, base.AuthenticateForm):
    """The code of the app, or a recovery code, to sign in."""

    words = {"code": (_("Code from your app, or a recovery code"), "")}
    missing = {"code": ENTER_CODE}


class ConfirmCodeForm(Plain, Once, base.ReauthenticateForm):
    """The same before something that matters."""

    words = CodeForm.words
    missing = {"code": ENTER_CODE}


class FirstCodeForm(Plain, totp.ActivateTOTPForm):
    """The first code of a new app: it shows that the app has understood."""

    words = {"code": (_("The six digits that the app shows now"), "")}
    missing = {"code": ENTER_CODE}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["inputmode"] = "numeric"


class Credential(forms.JSONField):
    """What a browser says of a passkey: an object, whatever else is sent in its place."""

    def __init__(self) -> None:
        super().__init__(widget=forms.HiddenInput)

    def to_python(self, value: Any) -> Any:
        try:
            given = super().to_python(value)
        except ValueError:
            # A number of thousands of digits: json refuses it in its own way.
            given = None
        if given is not None and not isinstance(given, dict):
            given = None
        return given


class ShownPasskey(Plain):
    """A passkey that is shown. What allauth cannot read is refused, not an error of the server."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credential"] = Credential()
        self.fields["credential"].error_messages["required"] = WRONG_PASSKEY

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except UNREADABLE as reason:
            raise ValidationError(WRONG_PASSKEY) from reason
        except ValidationError as reason:
            if "too_many_login_attempts" in (reason.code or ""):
                raise
            raise ValidationError(WRONG_PASSKEY) from reason


class PasskeyLoginForm(ShownPasskey, webauthn.LoginWebAuthnForm):
    """Signing in with nothing but a passkey."""


class PasskeyForm(ShownPasskey, webauthn.AuthenticateWebAuthnForm):
    """A passkey as the second lock."""


class ConfirmPasskeyForm(ShownPasskey, webauthn.ReauthenticateWebAuthnForm):
    """The same before something that matters."""


class NewPasskeyForm(Plain, webauthn.AddWebAuthnForm):
    """A new passkey; each may sign in by itself, so there is nothing to choose."""

    words = {"name": (_("Name of this passkey"), _("So that you know it again in your list."))}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("passwordless", None)
        self.fields["name"] = forms.CharField(
            label=self.fields["name"].label,
            help_text=self.fields["name"].help_text,
            required=False,
            max_length=80,
        )
        self.fields["credential"] = Credential()
        self.fields["credential"].error_messages["required"] = NO_PASSKEY

    def clean(self) -> Any:
        try:
            return super().clean()
        except UNREADABLE as reason:
            raise ValidationError(NO_PASSKEY) from reason


class RenamePasskeyForm(Plain, webauthn.EditWebAuthnForm):
    """Another name for a passkey."""

    words = {"name": (_("Name of this passkey"), "")}
    missing = {"name": _("Please enter a name.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"] = forms.CharField(
            label=self.fields["name"].label,
            initial=self.initial.get("name"),
            error_messages=self.missing and {"required": self.missing["name"]},
            max_length=80,
        )
