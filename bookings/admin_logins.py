"""Where owners keep the logins: who signs in, with which address, to do what.

A login is never deleted, since past visits name it: it is switched off. Nobody sets a password for
somebody else; each chooses her own by mail. Superusers are for superusers to change.
"""

from typing import Any

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from bookings.logins import LOCKS, end_all_sessions, take_locks_off
from bookings.permissions import OWNERS, STAFF

# Each has its place in the page about one's own login; here they would show secrets.
for model in (EmailAddress, EmailConfirmation, Authenticator, UserSession):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
admin.site.unregister(User)


class LoginForm(ModelForm):
    """Name, address and roles of one person."""

    email = forms.EmailField(
        label=_("E-mail"),
        # It becomes the user name too, which is no longer.
        max_length=150,
        help_text=_("She signs in with it: codes, new passwords and warnings go there."),
    )

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "groups", "is_active"]
        labels = {"groups": _("Works as"), "is_active": _("May sign in")}
        help_texts = {"groups": "", "is_active": _("Switched off, she is signed out at once.")}
        widgets = {"groups": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "groups" in self.fields:
            roles = Group.objects.filter(name__in=STAFF).order_by("name")
            self.fields["groups"].queryset = roles  # type: ignore[attr-defined]

    def clean_email(self) -> str:
        """One address, one login: else a code would open somebody else's."""
        email = str(self.cleaned_data["email"]).lower()
        others = User.objects.exclude(pk=self.instance.pk)
        taken = others.filter(email__iexact=email) | others.filter(username__iexact=email)
        known = EmailAddress.objects.filter(email=email).exclude(user_id=self.instance.pk)
        if taken.exists() or known.exists():
            raise forms.ValidationError(_("Another login has this address already."))
        return email


@admin.register(User)
class LoginAdmin(UserAdmin):
    """Who signs in."""

    form = add_form = LoginForm
    # Django's speaks of a password.
    add_form_template = None
    list_display = ["name", "email", "works_as", "is_active", "second_lock", "last_login"]
    list_filter = ["is_active", "groups"]
    search_fields = ["first_name", "last_name", "email", "username"]
    ordering = ["first_name", "username"]
    filter_horizontal = []
    readonly_fields = ["last_login"]
    actions = ["take_second_lock_off"]
    add_fieldsets = fieldsets = [
        (None, {"fields": ["first_name", "last_name", "email", "groups", "is_active"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request).prefetch_related("groups")
        if not request.user.is_superuser:
            rows = rows.filter(is_superuser=False)
        locks = Authenticator.objects.filter(user_id=OuterRef("pk"), type__in=LOCKS)
        return rows.annotate(locked=Exists(locks))

    @admin.display(description=_("name"), ordering="first_name")
    def name(self, user: User) -> str:
        """As she is called."""
        return user.get_full_name() or user.get_username()

    @admin.display(description=_("works as"))
    def works_as(self, user: User) -> str:
        """Her roles."""
        return ", ".join(sorted(group.name for group in user.groups.all()))

    @admin.display(description=_("second lock"), boolean=True, ordering="locked")
    def second_lock(self, user: Any) -> bool:
        """Whether she has a passkey or an app."""
        return bool(user.locked)

    @admin.action(description=_("Take the second lock off (a lost phone)"), permissions=["change"])
    def take_second_lock_off(self, request: HttpRequest, logins: QuerySet[User]) -> None:
        """Let people in again who have lost what opens their second lock."""
        count = 0
        for user in logins:
            take_locks_off(user)
            get_adapter().send_notification_mail("mfa/email/locks_taken_off", user)
            count += 1
        said = ngettext(
            "The second lock of %(count)d login is off. Its owner puts a new one on when she "
            "signs in; please make sure that it is she.",
            "The second locks of %(count)d logins are off. Their owners put new ones on when "
            "they sign in; please make sure that it is they.",
            count,
        )
        messages.success(request, said % {"count": count})

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.username = obj.email
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            end_all_sessions(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        user: User = form.instance
        # Owners come into these pages, and nobody else does.
        is_staff = user.is_superuser or user.groups.filter(name=OWNERS).exists()
        if user.is_staff != is_staff:
            user.is_staff = is_staff
            user.save(update_fields=["is_staff"])

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: str | None = None
    ) -> HttpResponse:
        said = gettext("%(name)s can sign in now: with %(email)s and “Send me a code by mail”.")
        messages.info(request, said % {"name": self.name(obj), "email": obj.email})
        # Django's own would go on to set a password.
        return admin.ModelAdmin.response_add(self, request, obj, post_url_continue)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002
        form_url: str = "",
    ) -> HttpResponse:
        """Nobody sets a password for somebody else."""
        raise PermissionDenied

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
